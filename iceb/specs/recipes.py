"""A recipe: the frozen settings of a method on a task, and how they were chosen."""

import hashlib
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from iceb.base.messages import quote
from iceb.specs.runs import Scalar

Which = Literal["published", "tuned"]  # settings of a recipe: the authors' own, or those chosen for a model family
PUBLISHED = "published"  # the word that a `how` of published settings begins with, and that their row carries
UNTUNED = "not tuned"  # the words that a `how` begins with where settings were adapted and not tuned

# Settings that count what Stable Diffusion's size decides; only these may differ where published settings run on mini.
COUNTS = frozenset(("caption_count", "captions", "draw_steps", "fisher_pairs", "images", "pixels", "sampling_steps"))
# What mini has none of or is too small for (images to be shrunk), and what stands for it there.
STAND_INS = frozenset(("augment", "domain", "draw_scheduler", "judge", "retain_file", "segmenter"))


class RecipePart(BaseModel):
    """Settings that replace the recipe's own on one model family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str = Field(min_length=1)
    params: Mapping[str, Scalar] = Field(default_factory=dict)


class ScaledPart(RecipePart):
    """Counts and stand-ins that replace published ones, where those are tied to a larger model's size."""

    @field_validator("params")
    @classmethod
    def _only_counts(cls, value: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        for name, number in value.items():
            if name not in COUNTS | STAND_INS or (name in COUNTS and type(number) is not int):
                allowed = f"counts {', '.join(sorted(COUNTS))}, or {', '.join(sorted(STAND_INS))}"
                raise ValueError(f"{name}={quote(number)} is no count tied to a model's size: allowed are {allowed}")
        return value


class MiniPart(RecipePart):
    """Settings tuned for the embedded model, and what of the published ones is scaled for it."""

    published: ScaledPart | None = None  # None: the published settings run there as they are
    like: str = ""  # the task whose settings for the embedded model these lie over, in place of the recipe's own
    # settings that make another algorithm, as rows' names say it; "" where a setting does nothing on the task
    ours: Mapping[str, str] = Field(default_factory=dict)
    score: Literal["", "erase_score"] = ""  # of that task's trials the best by it; "" for the score they were tuned for
    erase: RecipePart | None = None  # the best trial by erase_score, over the recipe's own; None: the same trial


class Recipe(BaseModel):
    """The content of baselines/recipes/<method>/<task>.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str = Field(min_length=1)  # how these settings were chosen
    like: str = ""  # the task whose recipe of the method holds where this one says nothing
    params: Mapping[str, Scalar] = Field(default_factory=dict)
    by_num_edits: Mapping[int, Mapping[str, Scalar]] = Field(default_factory=dict)  # over params at so many edits
    mini: MiniPart | None = None  # overrides for the embedded model; None: the same settings hold there
    sdxl: RecipePart | None = None  # overrides for Stable Diffusion XL, whose encoders have other layers
    _sha256: str = PrivateAttr("")

    @property
    def sha256(self) -> str:
        """The sha256 of the file's text; "" of a recipe that was read from none."""
        return self._sha256

    def with_sha256(self, sha256: str) -> "Recipe":
        """Return a copy that knows the sha256 of the text it was read from."""
        copy = self.model_copy()
        copy._sha256 = sha256
        return copy

    def over(self, other: "Recipe") -> "Recipe":
        """Return a copy that takes what it leaves out from the recipe that its `like` names.

        >>> tuned = Recipe(how="published", params={"rate": 1}, mini=MiniPart(how="tuned", params={"rate": 9}))
        >>> found = Recipe(how="none published", like="aice", params={"steps": 5}).over(tuned)
        >>> found.settings("sd14"), found.settings("mini"), found.label("mini")
        ({'rate': 1, 'steps': 5}, {'rate': 9, 'steps': 5}, 'tuned for mini on aice')
        """
        mini = self.mini
        if mini is None and other.mini is not None:
            part = MiniPart(how=f"tuned for mini on {other.mini.like or self.like}", like=self.like, params=self.params)
            mini = _mini_like(other, part)
        counted = self.by_num_edits or _without(other.by_num_edits, self.params)
        params = {**other.params, **self.params}
        return self._with_fields(other, params=params, by_num_edits=counted, mini=mini, sdxl=self.sdxl or other.sdxl)

    def mini_over(self, other: "Recipe") -> "Recipe":
        """Return a copy whose settings for mini lie over those of the recipe that their `like` names."""
        if self.mini is None:
            return self
        own = {**(self.params if self.like else {}), **self.mini.params}
        return self._with_fields(other, mini=_mini_like(other, self.mini.model_copy(update={"params": own})))

    def _with_fields(self, other: "Recipe", **fields: object) -> "Recipe":
        """Return a copy with these fields; its sha256 is that of both texts."""
        both = hashlib.sha256(f"{self.sha256} {other.sha256}".encode()).hexdigest()
        return self.model_copy(update=fields).with_sha256(both if self.sha256 else "")

    @property
    def has_published(self) -> bool:
        """Whether somebody published settings for this task."""
        return self.how.startswith(PUBLISHED)

    def how_on(self, family: str, which: Which = "tuned") -> str:
        """Return how the settings for a model family were chosen.

        >>> recipe = Recipe(how="published: the paper", mini=MiniPart(how="tuned", published=ScaledPart(how="8 texts")))
        >>> recipe.how_on("mini"), recipe.how_on("mini", "published")
        ('tuned', 'published: the paper; on mini: 8 texts')
        """
        part = self._part(family, which)
        if isinstance(part, ScaledPart):
            return f"{self.how}; on {family}: {part.how}"
        return self.how if part is None else part.how

    def label(self, family: str, which: Which = "tuned") -> str:
        """Words that a row of these settings carries: "published", "tuned for mini", or "".

        "published" alone are the authors' settings for the task; those for another, or defaults, say so.

        >>> recipe = Recipe(how="published: the paper", mini=MiniPart(how="tuned"))
        >>> recipe.label("mini"), recipe.label("mini", "published"), recipe.label("sd14")
        ('tuned for mini', 'published', 'published')
        >>> Recipe(how="none published", mini=MiniPart(how="tuned", like="aice")).label("mini")
        'tuned for mini on aice'
        >>> Recipe(how="published for styles: the paper").label("sd14")
        'published for styles'
        >>> Recipe(how="none published", mini=MiniPart(how="on AICE: published: best", like="aice")).label("mini")
        'published for aice'
        """
        how = self.how_on(family, which)
        if how.startswith(PUBLISHED):
            words, colon, _ = how.partition(":")
            return words if colon else PUBLISHED
        part = self._part(family, which)
        if part is None:
            return ""
        like = part.like if isinstance(part, MiniPart) else ""
        if like and how.partition(": ")[2].startswith(PUBLISHED):  # its best trial there is the authors' own settings
            return f"{PUBLISHED} for {like}"
        on = f" on {like}" if like else ""
        if how.startswith(UNTUNED):
            return f"adapted to {family}"
        ours = self.ours(family, which)
        return f"tuned for {family}{on}" + (f" with {ours}" if ours else "")

    def ours(self, family: str, which: Which = "tuned") -> str:
        """The settings that make another algorithm than the authors' own, in words; "" of none.

        >>> part = MiniPart(how="tuned", params={"captions": 9}, ours={"captions": "captions", "rows": "all rows"})
        >>> Recipe(how="published", mini=part).ours("mini"), Recipe(how="published", mini=part).label("mini")
        ('captions', 'tuned for mini with captions')
        """
        part = self._part(family, which)
        words = part.ours if isinstance(part, MiniPart) else {}
        found = self.settings(family, which)
        differs = (word for name, word in words.items() if name in found and found[name] != self.params.get(name))
        return ", ".join(word for word in differs if word)

    def settings(self, family: str, which: Which = "tuned", num_edits: int | None = None) -> dict[str, Scalar]:
        """The settings for a model family; where no family's part lies over them, both kinds are the same.

        Args:
            num_edits: of the run; None leaves out what holds for single numbers of edits.

        >>> counted = {1: {"weight": 8.0}, 10: {"weight": 80.0}}
        >>> recipe = Recipe(how="published: the paper", params={"weight": 200.0}, by_num_edits=counted)
        >>> [recipe.settings("sd14", num_edits=count)["weight"] for count in (1, 2, 10, 100)]
        [8.0, 80.0, 80.0, 200.0]
        """
        part = self._part(family, which)
        own = {} if isinstance(part, MiniPart) and part.like else self.params
        over = part.params if part is not None else {}
        return {**own, **self.settings_of_count(family, which, num_edits), **over}

    def settings_of_count(self, family: str, which: Which = "tuned", num_edits: int | None = None) -> dict[str, Scalar]:
        """The settings for a number of edits alone: those of the smallest declared one that suffices."""
        part = self._part(family, which)
        wide = [count for count in self.by_num_edits if num_edits is not None and count >= num_edits]
        if not wide or (isinstance(part, MiniPart) and part.like):
            return {}
        over = part.params if part is not None else {}
        return {name: value for name, value in self.by_num_edits[min(wide)].items() if name not in over}

    def counted_names(self, family: str, which: Which = "tuned") -> tuple[str, ...]:
        """The names of settings that differ by the number of edits, in order.

        >>> tuned = MiniPart(how="tuned", like="aice")
        >>> recipe = Recipe(how="published: the paper", by_num_edits={1: {"weight": 8.0}}, mini=tuned)
        >>> recipe.counted_names("sd14"), recipe.counted_names("mini")
        (('weight',), ())
        """
        part = self._part(family, which)
        found = {name for settings in self.by_num_edits.values() for name in settings}
        return (
            () if isinstance(part, MiniPart) and part.like else tuple(sorted(found - set(part.params if part else ())))
        )

    def _part(self, family: str, which: Which) -> RecipePart | None:
        if family == "mini" and self.mini is not None:
            return self.mini.published if which == "published" else self.mini
        return self.sdxl if family == "sdxl" else None


def _mini_like(other: Recipe, part: MiniPart) -> MiniPart:
    """A part for mini with what its `like` names laid under it, and how that was chosen."""
    like, reason, under = part.like, other.how_on("mini"), other.settings("mini")
    if other.mini is not None and other.mini.like:  # like a third one, which it tells about after a colon
        like, reason = other.mini.like, reason.partition(": ")[2]
    if part.score and other.mini is not None and other.mini.erase is not None:
        reason, under = other.mini.erase.how, {**other.params, **other.mini.erase.params}
    ours = {**(other.mini.ours if other.mini else {}), **part.ours}
    fields = {"how": f"{part.how}: {reason}", "like": like, "params": {**under, **part.params}, "ours": ours}
    return part.model_copy(update=fields)


def _without(
    counted: Mapping[int, Mapping[str, Scalar]], params: Mapping[str, Scalar]
) -> Mapping[int, Mapping[str, Scalar]]:
    """Settings by number of edits without those that are said for all numbers."""
    return {count: {k: v for k, v in each.items() if k not in params} for count, each in counted.items()}


def recipe_text(recipe: str, sha256: str, how: str) -> str:
    """A recipe's name with the digest and the reason that a result keeps of it; "" without a recipe.

    >>> recipe_text("r3.toml", "ab" * 32, "tuned on 10 concepts"), recipe_text("uce/aice", "", "")
    ('recipe r3.toml (sha256 abababab: tuned on 10 concepts)', 'recipe uce/aice')
    """
    if not recipe:
        return ""
    return f"recipe {recipe} (sha256 {sha256[:8]}: {how})" if sha256 else f"recipe {recipe}"
