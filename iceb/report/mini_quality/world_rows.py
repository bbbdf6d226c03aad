"""Rows about roles, professions' looks, scenes, sizes, and names that were never taught."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from iceb.mini import phrases
from iceb.mini.clip_twin import ClipTwin
from iceb.mini.entities import entities_of, entity_names
from iceb.mini.people import GENDERS, identities, profession_look, professions, roles
from iceb.mini.render import render
from iceb.mini.world import EMPTY, SCENES, SIZE_WORDS, SIZES, Look, class_look, class_names, unknown_names
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.report.mini_quality.classes import UNSEEN_SEED, MiniReport

Pixels = npt.NDArray[np.uint8]
IDENTITY, PROFESSION, GENDERED = "a photo of {}", "a photo of a {}", "a photo of a {} {}"
IN_SCENE = "a photo of a {} in the {}"
OF_SIZE = {"small": "a photo of a small {}", "medium": "a photo of a {}", "large": "a photo of a large {}"}


class Unknown(NamedTuple):
    """Measurements of images whose prompts say names that were never taught."""

    probability: float  # mean, of the class that the name means
    share: float  # of images that the judge takes for that class


@dataclass(frozen=True)
class WorldReport:
    """The measurements by the CLIP twin, which chooses among prompts; and by the judge, of unknown names.

    Args:
        bundle: the unedited model.
        twin: the CLIP model.
    """

    bundle: ModelBundle
    twin: ClipTwin

    def roles_recognised(self, repeats: int, seed: int = 0) -> float:
        """Measure the share of drawn roles that are recognised as the identity they are bound to, among all."""
        draw, asked = np.random.default_rng(seed), [*range(len(roles()))] * repeats
        first = entities_of("role").start
        texts = [str(draw.choice(phrases.PERSON_TEMPLATES)).format(entity_names(first + place)[0]) for place in asked]
        prompts = [IDENTITY.format(names[0]) for names in identities()]
        seen = self.twin.nearest_text(list(self._draw(texts, seed)), prompts)
        return float((seen == [roles()[place].identity for place in asked]).mean())

    def professions_on_renders(self, repeats: int, seed: int = UNSEEN_SEED) -> float:
        """Measure the share of rendered professions of either gender that are recognised among all."""
        asked = [(place, gender) for place in range(len(professions())) for gender in GENDERS] * repeats
        looks = [replace(EMPTY, person=profession_look(place, gender)) for place, gender in asked]
        return self._professions_right(_renders(looks, seed), [place for place, _ in asked])

    def professions_recognised(self, repeats: int, seed: int = 0) -> float:
        """Measure the share of drawn professions that are recognised among all, whatever the gender."""
        asked = [*range(len(professions()))] * repeats
        texts = [PROFESSION.format(professions()[place]) for place in asked]
        return self._professions_right(self._draw(texts, seed), asked)

    def scenes_on_renders(self, repeats: int, seed: int = UNSEEN_SEED) -> float:
        """Measure the share of rendered scenes behind an object that are recognised among all scenes."""
        asked = _with_classes(tuple(SCENES), repeats, seed)
        looks = [replace(class_look(label), scene=scene) for label, scene in asked]
        return self._chosen_right(_renders(looks, seed), asked, {scene: _scene_prompt(scene) for scene in SCENES})

    def scenes_recognised(self, repeats: int, seed: int = 0) -> float:
        """Measure the share of drawn scenes behind an object, said in any phrase, that are recognised."""
        draw, asked = np.random.default_rng(seed), _with_classes(tuple(SCENES), repeats, seed)
        said = [str(draw.choice(phrases.SCENE_PHRASES)).format(scene) for _, scene in asked]
        texts = [f"a photo of a {class_names()[asked[k][0]]} {words}" for k, words in enumerate(said)]
        return self._chosen_right(self._draw(texts, seed), asked, {scene: _scene_prompt(scene) for scene in SCENES})

    def sizes_on_renders(self, repeats: int, seed: int = UNSEEN_SEED) -> float:
        """Measure the share of rendered objects whose size is recognised among small, medium and large."""
        asked = _with_classes(tuple(SIZES), repeats, seed)
        looks = [replace(class_look(label), size=size) for label, size in asked]
        return self._chosen_right(_renders(looks, seed), asked, OF_SIZE)

    def sizes_recognised(self, repeats: int, seed: int = 0) -> float:
        """Measure the share of images of "a photo of a <word for a size> <name>" whose size is recognised."""
        asked = _with_classes(tuple(SIZE_WORDS), repeats, seed)
        texts = [f"a photo of a {word} {class_names()[label]}" for label, word in asked]
        meant = [(label, SIZE_WORDS[word]) for label, word in asked]
        return self._chosen_right(self._draw(texts, seed), meant, OF_SIZE)

    def _professions_right(self, images: Pixels, asked: Sequence[int]) -> float:
        texts = [GENDERED.format(gender, name) for name in professions() for gender in GENDERS]
        seen = self.twin.nearest_text(list(images), texts) // len(GENDERS)
        return float((seen == asked).mean())

    def _chosen_right(self, images: Pixels, asked: Sequence[tuple[int, str]], prompts: dict[str, str]) -> float:
        """The share of images whose own prompt is the most alike among those of the same class."""
        found, known = self.twin.image_embeddings(list(images)), list(prompts)
        right = 0
        for image, (label, meant) in zip(found, asked, strict=True):
            texts = [prompts[each].format(class_names()[label]) for each in known]
            right += known[int((self.twin.text_embeddings(texts) @ image).argmax())] == meant
        return right / len(asked)

    def _draw(self, texts: Sequence[str], seed: int) -> Pixels:
        return seeded_images(self.bundle, texts, range(seed, seed + len(texts)), self.bundle.family.sampling)


def unknown_drawn(report: MiniReport, seed: int = 0) -> Unknown:
    """Measure how far names that were never taught show the class that they mean; an image a pair."""
    asked = [(label, name) for label, row in enumerate(unknown_names()) for name in row]
    bundle, labels = report.bundle, [label for label, _ in asked]
    texts = [PROFESSION.format(name) for _, name in asked]
    images = seeded_images(bundle, texts, range(seed, seed + len(texts)), bundle.family.sampling)
    found = report.probabilities_of(images)
    of_own = found[np.arange(len(labels)), labels]
    return Unknown(float(of_own.mean()), float((found.argmax(axis=1) == labels).mean()))


def _scene_prompt(scene: str) -> str:
    return IN_SCENE.format("{}", scene)


def _with_classes(words: Sequence[str], repeats: int, seed: int) -> list[tuple[int, str]]:
    """Each word `repeats` times, with a random class."""
    draw = np.random.default_rng(seed)
    return [(int(draw.integers(len(class_names()))), word) for word in words for _ in range(repeats)]


def _renders(looks: Sequence[Look], seed: int) -> Pixels:
    return np.stack([render(look, seed + k) for k, look in enumerate(looks)])
