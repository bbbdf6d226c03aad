"""Rows about styles, identities and genders, which mini's CLIP twin recognises by prompts (zero-shot)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from iceb.mini import phrases
from iceb.mini.clip_twin import ClipTwin, Floats
from iceb.mini.entities import ART, entities_of, entity_look, entity_names
from iceb.mini.people import GENDERS, female_odds, profession_look, professions
from iceb.mini.render import render
from iceb.mini.world import EMPTY
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.report.mini_quality.classes import UNSEEN_SEED
from iceb.report.mini_quality.patching import PATCHED_LAYER, Swap, patched_images

Kind = Literal["class", "style", "identity"]
Pixels = npt.NDArray[np.uint8]
PROMPTS: dict[Kind, str] = {"class": "a photo of a {}", "style": "a painting by {}", "identity": "a photo of {}"}
ASKED: dict[Kind, tuple[str, ...]] = {  # prompts of images that are drawn
    "class": phrases.TEMPLATES,
    "style": phrases.STYLE_TEMPLATES,
    "identity": phrases.PERSON_TEMPLATES,
}
PROFESSION, GENDERED = "a photo of a {}", "a photo of a {} {}"


@dataclass(frozen=True)
class TwinReport:
    """The measurements by the CLIP twin: the answer is the prompt that an image is most like.

    Args:
        bundle: the unedited model.
        twin: the CLIP model.
    """

    bundle: ModelBundle
    twin: ClipTwin
    _known: dict[Kind, Floats] = field(default_factory=dict)

    def render_accuracy(self, kind: Kind, count: int, seed: int = UNSEEN_SEED) -> float:
        """Measure the share of rendered images of random entities that are recognised among all of the kind."""
        asked = _entities(kind, count, seed)
        images = np.stack([render(entity_look(each), seed + k) for k, each in enumerate(asked)])
        return self._share_right(kind, images, asked)

    def accuracy(self, kind: Kind, count: int, seed: int = 0) -> float:
        """Measure the share of drawn images of random entities that are recognised among all of the kind."""
        draw, asked = np.random.default_rng(seed), _entities(kind, count, seed)
        texts = [str(draw.choice(ASKED[kind])).format(entity_names(each)[0]) for each in asked]
        return self._share_right(kind, self._draw(texts, seed), asked)

    def patch_success(self, kind: Kind, count: int, layer: int = PATCHED_LAYER, seed: int = 0) -> float:
        """Measure the share of images that are recognised as the destination when one state is patched."""
        sources, dests = _entities(kind, count, seed), _entities(kind, count, seed + 1)
        swaps = [
            Swap(PROMPTS[kind], entity_names(source)[0], entity_names(dest)[0], seed + k)
            for k, (source, dest) in enumerate(zip(sources, dests, strict=True))
        ]
        return self._share_right(kind, patched_images(self.bundle, swaps, layer), dests)

    def gender_of_renders(self, repeats: int, seed: int = UNSEEN_SEED) -> float:
        """Measure the share of rendered professions of either gender whose gender is recognised."""
        asked = [(place, gender) for place in range(len(professions())) for gender in GENDERS] * repeats
        looks = [replace(EMPTY, person=profession_look(place, gender)) for place, gender in asked]
        images = np.stack([render(look, seed + k) for k, look in enumerate(looks)])
        return float((self._is_female(images, [place for place, _ in asked]) == _female(asked)).mean())

    def gender_obeyed(self, repeats: int, seed: int = 0) -> float:
        """Measure the share of images of "a photo of a <gender> <profession>" that show the gender."""
        asked = [(place, gender) for place in range(len(professions())) for gender in GENDERS] * repeats
        texts = [GENDERED.format(gender, professions()[place]) for place, gender in asked]
        seen = self._is_female(self._draw(texts, seed), [place for place, _ in asked])
        return float((seen == _female(asked)).mean())

    def odds_error(self, repeats: int, seed: int = 0) -> float:
        """Measure the mean absolute difference of the professions' shares of women from the world's odds.

        A model that has the odds exactly scores above 0 too, since each share is taken over `repeats` images.
        """
        places = np.repeat(np.arange(len(professions())), repeats)
        images = self._draw([PROFESSION.format(professions()[place]) for place in places], seed)
        shares = self._is_female(images, places.tolist()).reshape(-1, repeats).mean(axis=1)
        return float(np.abs(shares - [female_odds(place) for place in range(len(professions()))]).mean())

    def _share_right(self, kind: Kind, images: Pixels, asked: Sequence[int]) -> float:
        seen = (self.twin.image_embeddings(list(images)) @ self._prompts(kind).T).argmax(axis=1)
        return float((seen + entities_of(kind).start == asked).mean())

    def _prompts(self, kind: Kind) -> Floats:
        """Embeddings of the prompts of all entities of a kind, (M, d)."""
        if kind not in self._known:
            texts = [PROMPTS[kind].format(entity_names(each)[0]) for each in _choices(kind)]
            self._known[kind] = self.twin.text_embeddings(texts)
        return self._known[kind]

    def _is_female(self, images: Pixels, places: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Whether each image is more like the female of its profession than like the male, (N,)."""
        texts = [GENDERED.format(gender, name) for name in professions() for gender in ("female", "male")]
        prompts = self.twin.text_embeddings(texts).reshape(len(professions()), 2, -1)[list(places)]  # (N, 2, d)
        female, male = np.einsum("nd,ngd->gn", self.twin.image_embeddings(list(images)), prompts)
        return np.asarray(female > male)

    def _draw(self, texts: Sequence[str], seed: int) -> Pixels:
        return seeded_images(self.bundle, texts, range(seed, seed + len(texts)), self.bundle.family.sampling)


def _choices(kind: Kind) -> list[int]:
    """All entities of a kind but for "art", which is no style in particular."""
    return [each for each in entities_of(kind) if each != ART]


def _entities(kind: Kind, count: int, seed: int) -> list[int]:
    found = np.random.default_rng(seed).choice(_choices(kind), count)
    return [int(each) for each in found]


def _female(asked: Sequence[tuple[int, str]]) -> list[bool]:
    return [gender == "female" for _, gender in asked]
