"""Metrics of task composition: edits in prompts with several objects, colours or scenes.

On mini a class is a shape, a colour and a pattern. `joint_source2dest` looks at form (shape and pattern) alone and
`binding_kept` at colour alone, so that an edit that wipes all colours lowers binding and nothing else. Prompts for
other models offer texts, and a fact among their tags names those that count: a metric takes the probability of these,
by softmax of CLIP's cosines.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.choices import choice_probabilities
from iceb.metrics.cosines import check_cosines
from iceb.metrics.rows import Floats, choice_numbers, concept_means, shared_rows
from iceb.mini.composed import PER_SHAPE, SCENE_NAMES, SIZE_NAMES, by_colour, by_form, facts_of, form_of
from iceb.mini.world import COLOURS
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue, Part, Reduction

OBJECTS, COLOUR, SCENE = "edited_objects", "object_colour", "scene"  # kinds of measures
Statistic: TypeAlias = Callable[[Floats, Sequence[Prompt]], Floats]  # rows (N, width) of N prompts → (N,)


@dataclass(frozen=True)
class Reading:
    """One part of a metric: the prompts of a role through a kind of measure, and a number for each.

    Attributes:
        statistic: of rows of a measure of mini's world; not used of prompts that offer texts.
        counted: the fact that names the texts that count, of prompts that offer texts.
    """

    role: str
    kind: str
    statistic: Statistic
    counted: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Composition:
    """Mean rise of one number for each image, over the parts of a metric alike."""

    name: str
    readings: tuple[Reading, ...]
    asks_dest: bool = False
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "probability"
    paper: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return tuple(Need(reading.kind, reading.role, tags=reading.tags) for reading in self.readings)

    @property
    def reduction(self) -> Reduction:
        """The mean change of each part, weighed alike."""
        return Reduction({reading.role: Part(1 / len(self.readings)) for reading in self.readings})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's mean before and after.

        Raises:
            SpecError: a prompt lacks the fact that is asked for.
        """
        return tuple(value for reading in self.readings for value in _values(reading, measured[reading.role]))


def _values(reading: Reading, sides: Mapping[str, Measured]) -> tuple[ConceptValue, ...]:
    numbers = {name: reading_numbers(reading, sides[name]) for name in (BEFORE, AFTER)}
    return concept_means(reading.role, shared_rows(sides[BEFORE], sides[AFTER]), numbers)


def reading_numbers(reading: Reading, side: Measured) -> Floats:
    """The probability of each image, (N,).

    Raises:
        SpecError: a prompt lacks the fact that is asked for, or names texts that it does not offer.
        MeasureError: the rows are of another width than classes or texts, or hold no cosines.
    """
    if not side.prompts:
        return np.zeros(0)
    if side.prompts[0].choices:
        return probability_of_counted(side, reading.counted)
    found: Floats = np.clip(reading.statistic(side.values.astype(np.float64), side.prompts), 0.0, 1.0)
    return found


def probability_of_counted(side: Measured, fact: str) -> Floats:
    """The probability of the texts that count, (N,): softmax of 100 · cosine over all texts."""
    choice_numbers(side)  # refuses rows of another width than the texts
    found = choice_probabilities(check_cosines(side))
    counted = np.zeros(found.shape, bool)
    for row, prompt in enumerate(side.prompts):
        counted[row, _places(prompt, fact)] = True
    total: Floats = np.clip((found * counted).sum(axis=1), 0.0, 1.0)
    return total


def _places(prompt: Prompt, fact: str) -> list[int]:
    """The places of the texts that count."""
    written = _fact(prompt, fact)
    places = [int(each) for each in written.split(",") if each.isdecimal()]
    if len(places) < written.count(",") + 1 or max(places) >= len(prompt.choices):
        raise SpecError(
            f"prompt {prompt.text!r:.80}: tag {fact}={written} must name some of its {len(prompt.choices)} texts by "
            "their places from 0, as in 0,2"
        )
    return places


def _fact(prompt: Prompt, name: str) -> str:
    found = facts_of(prompt.tags).get(name)
    if found is None:
        raise SpecError(f"prompt {prompt.text!r:.80} has no tag {name}=…, which metrics of composition read")
    return found


def _at(rows: Floats, columns: Sequence[int]) -> Floats:
    found: Floats = rows[np.arange(len(columns)), columns]
    return found


def _halves_of(rows: Floats) -> tuple[Floats, Floats]:
    """The classes of the left and of the right half, (N, classes) each."""
    _check_width(rows, PER_SHAPE, 2)
    left, right = np.split(rows, 2, axis=1)
    return left, right


def _check_width(rows: Floats, each: int, times: int) -> None:
    """Refuse rows of another width than classes of whole shapes, once or twice.

    Raises:
        MeasureError: as it says.
    """
    if not rows.shape[1] or rows.shape[1] % (each * times):
        raise MeasureError(f"rows of {rows.shape[1]} numbers: must be {times} times the classes, {each} of each shape")


def both_forms(rows: Floats, prompts: Sequence[Prompt]) -> Floats:
    """The probability that both objects have their destinations' forms."""
    left, right = _halves_of(rows)
    targets = [form_of(int(_fact(prompt, "left"))) for prompt in prompts]
    others = [form_of(int(_fact(prompt, "right"))) for prompt in prompts]
    return _at(by_form(left), targets) * _at(by_form(right), others)


def both_colours(rows: Floats, prompts: Sequence[Prompt]) -> Floats:
    """The probability that each of two objects has the colour said of it."""
    left, right = _halves_of(rows)
    said = [
        [tuple(COLOURS).index(_fact(prompt, name)) for prompt in prompts] for name in ("left_colour", "right_colour")
    ]
    return _at(by_colour(left), said[0]) * _at(by_colour(right), said[1])


def one_colour(rows: Floats, prompts: Sequence[Prompt]) -> Floats:
    """The probability that the one object has the colour said of it."""
    _check_width(rows, PER_SHAPE, 1)
    return _at(by_colour(rows), [tuple(COLOURS).index(_fact(prompt, "colour")) for prompt in prompts])


def scene_and_size(rows: Floats, prompts: Sequence[Prompt]) -> Floats:
    """The probability of the scene that was said, where the object has the size that was said."""
    if rows.shape[1] < len(SCENE_NAMES) + len(SIZE_NAMES):
        raise MeasureError(f"rows of {rows.shape[1]} numbers: must be the scenes and the sizes")
    scenes = [SCENE_NAMES.index(_fact(prompt, "scene")) for prompt in prompts]
    sizes = [len(SCENE_NAMES) + SIZE_NAMES.index(_fact(prompt, "size")) for prompt in prompts]
    return _at(rows, scenes) * _at(rows, sizes)


_PAIR = Reading("joint", OBJECTS, both_forms, "dests", ("pair",))
_BESIDE = Reading("beside", OBJECTS, both_colours, "colours")
_COLOUR = Reading("context", COLOUR, one_colour, "colours")
_SCENE = Reading("context", SCENE, scene_and_size, "scene")
JOINT_SOURCE2DEST = Composition("joint_source2dest", (_PAIR,), asks_dest=True)
TRIPLE_SOURCE2DEST = Composition("triple_source2dest", (replace(_PAIR, tags=("triple",)),), asks_dest=True)
BINDING_KEPT = Composition("binding_kept", (_BESIDE, _COLOUR))
CONTEXT_KEPT = Composition("context_kept", (_SCENE,))
