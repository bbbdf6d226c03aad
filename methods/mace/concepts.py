"""A concept to erase, its destination, and the sentences for both.

Deviation: the authors' thirty built-in sentences are theirs; ours are others of the same kind (short, the concept in
varying places, no second object that matters).
"""

from dataclasses import dataclass
from typing import Literal

ConceptType = Literal["object", "style"]
ConceptSetting = Literal["object", "style", "by_anchor"]  # the last: of each request, a style if it becomes PAINTING
PAINTING = "painting"

OBJECT_TEMPLATES = (
    "a photo of {}",
    "{}",
    "a picture of {}",
    "an image of {}",
    "a close photo of {}",
    "a bright photo of {}",
    "a photo that shows {}",
    "{} in the morning light",
    "a dark photo of {}",
    "a painting of {}",
    "this is {}",
    "a drawing of {}",
    "{} seen from the side",
    "a sharp picture of {}",
    "a snapshot of {}",
    "a view of {} outdoors",
    "{} on a plain ground",
    "one photo of {}",
    "a black and white photo of {}",
    "there is {} in this picture",
    "a portrait of {}",
    "{} in the middle of the picture",
    "an old photo of {}",
    "a photo of {} taken from far away",
    "a poster with {} on it",
    "look at {}",
    "a film scene with {}",
    "{} in an illustration",
    "a photo of {} at night",
    "a blurred photo of {}",
)
STYLE_TEMPLATES = (
    "a painting in the style of {}",
    "art by {}",
    "a landscape by {}",
    "a picture in the manner of {}",
    "a portrait by {}",
    "a work of {}",
    "{}",
    "a still life in the style of {}",
    "a drawing by {}",
    "the art of {}",
    "a street at night in the style of {}",
    "a sketch by {}",
    "{} painted this",
    "a canvas by {} in a museum",
    "flowers in the style of {}",
    "a large painting by {}",
    "a print after {}",
    "an image in the style of {}",
    "a famous work by {}",
    "a small study by {}",
    "a seascape in the style of {}",
    "an interior by {}",
    "a tree as {} would paint it",
    "a catalogue of works by {}",
    "a city in the style of {}",
    "a village by {}",
    "colours as in a work by {}",
    "{} style",
    "a woman in the style of {}",
    "an early picture by {}",
)
TEMPLATES: dict[ConceptType, tuple[str, ...]] = {"object": OBJECT_TEMPLATES, "style": STYLE_TEMPLATES}
IMAGE_TEMPLATES: dict[ConceptType, str] = {"object": "a photo of the {}", "style": "a photo in the style of {}"}


def concept_type(setting: ConceptSetting, dest: str) -> ConceptType:
    """The type of a concept, by the setting and its destination.

    >>> concept_type("by_anchor", "painting"), concept_type("by_anchor", "cat"), concept_type("style", "art")
    ('style', 'object', 'style')
    """
    if setting == "by_anchor":
        return "style" if dest == PAINTING else "object"
    return setting


@dataclass(frozen=True)
class Concept:
    """A concept to erase and its destination."""

    source: str
    dest: str  # the authors' mapping concept; "" leaves the place empty
    seed: int
    kind: ConceptType = "object"
    count: int = 30  # sentences

    @property
    def sources(self) -> tuple[str, ...]:
        """The sentences that contain the concept."""
        return self._fill_templates(self.source)

    @property
    def dests(self) -> tuple[str, ...]:
        """The sentences with the destination in the concept's place."""
        return self._fill_templates(self.dest)

    @property
    def image_prompt(self) -> str:
        """The prompt that the training images are drawn from."""
        return IMAGE_TEMPLATES[self.kind].replace("{}", self.source)

    def _fill_templates(self, name: str) -> tuple[str, ...]:
        return tuple(template.replace("{}", name) for template in TEMPLATES[self.kind][: self.count])
