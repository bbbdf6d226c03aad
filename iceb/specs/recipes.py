"""A recipe: the frozen settings of a method on a task, and how they were chosen."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from iceb.specs.runs import Scalar


class RecipePart(BaseModel):
    """Settings that replace the recipe's own on one model family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str = Field(min_length=1)
    params: Mapping[str, Scalar] = Field(default_factory=dict)


class Recipe(BaseModel):
    """The content of baselines/recipes/<method>/<task>.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str = Field(min_length=1)  # how these settings were chosen
    params: Mapping[str, Scalar] = Field(default_factory=dict)
    mini: RecipePart | None = None  # overrides for the embedded model; None: the same settings hold there
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

    def how_on(self, family: str) -> str:
        """Return how the settings for a model family were chosen.

        >>> Recipe(how="published", mini=RecipePart(how="tuned")).how_on("mini")
        'tuned'
        """
        part = {"mini": self.mini, "sdxl": self.sdxl}.get(family)
        return self.how if part is None else part.how

    def part(self, family: str) -> str:
        """The part that a model family uses, in words: "part mini", "published settings", or "".

        >>> Recipe(how="published: the paper", mini=RecipePart(how="tuned")).part("mini")
        'part mini'
        """
        if {"mini": self.mini, "sdxl": self.sdxl}.get(family) is not None:
            return f"part {family}"
        return "published settings" if self.how.startswith("published") else ""

    def settings(self, family: str) -> dict[str, Scalar]:
        """The settings for a model family."""
        part = {"mini": self.mini, "sdxl": self.sdxl}.get(family)
        return {**self.params, **(part.params if part is not None else {})}


def recipe_text(recipe: str, sha256: str, how: str) -> str:
    """A recipe's name with the digest and the reason that a result keeps of it; "" without a recipe.

    >>> recipe_text("r3.toml", "ab" * 32, "tuned on 10 concepts"), recipe_text("uce/aice", "", "")
    ('recipe r3.toml (sha256 abababab: tuned on 10 concepts)', 'recipe uce/aice')
    """
    if not recipe:
        return ""
    return f"recipe {recipe} (sha256 {sha256[:8]}: {how})" if sha256 else f"recipe {recipe}"
