"""Composition: AICE's edits tested in prompts with several objects, colours or scenes.

Three kinds of prompts: edited concepts side by side (role joint), an edited one beside a bystander, each with a colour
(role beside), and an edited one with a colour, a size and a scene (role context). The embedded world shows two objects
at most, so only prompts for models of photographs join three. Its images are judged by facts that prompts carry as
tags, those of other models by the texts that CLIP chooses from.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iceb.datasets.composed_choices import (
    JOINS,
    Choices,
)
from iceb.datasets.counts import check_declared
from iceb.datasets.on_aice import OnAice
from iceb.mini.composed import fact_tags, form_of
from iceb.mini.world import COLOURS, SCENES, SIZE_WORDS, class_names, class_thing
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import TOGETHER, EditBatch, EditRequest

PHRASES = ("on the {}", "in the {}", "at the {}")  # that mini was taught, each with every scene
PAIR, TRIPLE = "pair", "triple"  # tags of joint prompts
FIRST_SEED, FIRST_TRIPLE_SEED = 80_000, 85_000
OTHER_SIZES = tuple(word for word, size in SIZE_WORDS.items() if size != "medium")


class Composition(OnAice, ABC):
    """AICE's requests, composed with each other, with bystanders, colours, sizes and scenes.

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: the files of AICE by its card's keys.

    Raises:
        DataError: a file is malformed, or holds another number of rows than the card declares.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        named = {label for each in self.requests for label in (each.source_label, each.dest_label)}
        holdout = dict.fromkeys(prompt.label for prompt in self.aice.shared_prompts(0))
        self._bystanders = [
            label for label in holdout if label is not None and label not in named and self._may_stand_by(label)
        ]
        self._places = {request.id: place for place, request in enumerate(self.requests)}
        check_declared(self.card, "bystanders", len(self._bystanders))

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The source prompts of a batch, and those that compose its sources."""
        found = super().prompts(batch)
        for request in batch.requests:
            found += [*self._beside(request), *self._context(request)]
        for group in self._groups(batch.requests):
            found += self._joint(group)
        return found

    @abstractmethod
    def _groups(self, requests: Sequence[EditRequest]) -> Iterator[Sequence[EditRequest]]:
        """The requests that stand side by side in prompts."""

    @abstractmethod
    def _fill(self, template: str, names: Sequence[str]) -> str:
        """The template with each name and its article."""

    @abstractmethod
    def _side_by_side(self, names: Sequence[str], turn: int) -> str:
        """The names with their articles, joined in the turn's way."""

    @abstractmethod
    def _colours(self, request: EditRequest, *others: int) -> Sequence[str]:
        """The colours that may be said of a source and other classes."""

    @abstractmethod
    def _judge_joint(self, turn: int, group: Sequence[EditRequest]) -> Choices:
        """The texts that an image of edited concepts side by side is compared with, and the facts about it."""

    @abstractmethod
    def _judge_beside(self, template: str, request: EditRequest, other: str, colours: tuple[str, str]) -> Choices:
        """Texts and facts of an image of an edited concept beside a bystander."""

    @abstractmethod
    def _place(self, turn: int, scene: str) -> str:
        """The scene as the prompt says it."""

    @abstractmethod
    def _judge_context(self, request: EditRequest, facts: "Context") -> Choices:
        """Texts and facts of an image of an edited concept with colour, size and scene."""

    def _name(self, label: int) -> str:
        """The name of a bystander."""
        return class_names()[label]

    def _may_stand_by(self, label: int) -> bool:
        """Whether a class may be a bystander by its name."""
        return True

    def _joint(self, group: Sequence[EditRequest]) -> Iterator[Prompt]:
        """Edited concepts side by side; an error is taken over such groups."""
        sources, first = [each.source for each in group], group[0]
        concept = TOGETHER.join(sources)
        tag, start = (PAIR, FIRST_SEED) if len(group) == 2 else (TRIPLE, FIRST_TRIPLE_SEED)
        for turn in range(len(JOINS)):
            choices, tags = self._judge_joint(turn, group)
            text, seed = self._side_by_side(sources, turn), self._seed(first, turn, start)
            yield Prompt(text, seed, "joint", first.id, concept=concept, choices=choices, tags=(tag, *tags))

    def _beside(self, request: EditRequest) -> Iterator[Prompt]:
        """An edited concept and a bystander, each in a colour."""
        for turn, template in enumerate(JOINS):
            seed = self._seed(request, len(JOINS) + turn)
            draw = np.random.default_rng(seed)
            other = self._bystanders[int(draw.integers(len(self._bystanders)))]
            first, second = map(str, draw.choice(self._colours(request, other), 2, replace=False))
            name = self._name(other)
            text = self._fill(template, (f"{first} {request.source}", f"{second} {name}"))
            choices, tags = self._judge_beside(template, request, name, (first, second))
            yield Prompt(text, seed, "beside", request.id, choices=choices, tags=tags)

    def _context(self, request: EditRequest) -> Iterator[Prompt]:
        """An edited concept with a colour, a size and a scene."""
        for turn in range(len(PHRASES)):
            seed = self._seed(request, 2 * len(JOINS) + turn)
            draw = np.random.default_rng(seed)
            word, colour = str(draw.choice(OTHER_SIZES)), str(draw.choice(self._colours(request)))
            facts = Context(word, colour, str(draw.choice(tuple(SCENES))), draw)
            text = self._fill("{} " + self._place(turn, facts.scene), [f"{word} {colour} {request.source}"])
            choices, tags = self._judge_context(request, facts)
            yield Prompt(text, seed, "context", request.id, choices=choices, tags=tags)

    def _seed(self, request: EditRequest, turn: int, start: int = FIRST_SEED) -> int:
        """The seed of a request's prompt: its own, whatever else is edited."""
        return start + 10 * self._places[request.id] + turn


@dataclass(frozen=True)
class Context:
    """Words that a prompt says of a concept, and the generator that they were drawn from."""

    size: str
    colour: str
    scene: str
    draw: np.random.Generator


class EmbeddedComposition(Composition):
    """The prompts for mini: pairs whose forms change, and facts by which images of its world are judged."""

    for_mini = True

    def _groups(self, requests: Sequence[EditRequest]) -> Iterator[Sequence[EditRequest]]:
        changing = [each for each in requests if _changes_form(each)]
        return zip(changing[::2], changing[1::2], strict=False)  # no request is in two pairs

    def _fill(self, template: str, names: Sequence[str]) -> str:
        return template.format(*(f"a {name}" for name in names))  # as in AICE's embedded prompts

    def _side_by_side(self, names: Sequence[str], turn: int) -> str:
        return self._fill(JOINS[turn], names)

    def _colours(self, request: EditRequest, *others: int) -> Sequence[str]:
        """The colours that neither the source, nor the destination, nor another class has by itself."""
        labels = (request.source_label, request.dest_label, *others)
        own = {class_thing(label).colour for label in labels if label is not None}
        return [colour for colour in COLOURS if colour not in own]

    def _judge_joint(self, turn: int, group: Sequence[EditRequest]) -> Choices:
        first, second = group
        return (), fact_tags({"left": first.dest_label, "right": second.dest_label})

    def _judge_beside(self, template: str, request: EditRequest, other: str, colours: tuple[str, str]) -> Choices:
        return (), fact_tags(dict(zip(("left_colour", "right_colour"), colours, strict=True)))

    def _place(self, turn: int, scene: str) -> str:
        return PHRASES[turn].format(scene)

    def _judge_context(self, request: EditRequest, facts: Context) -> Choices:
        return (), fact_tags({"colour": facts.colour, "size": SIZE_WORDS[facts.size], "scene": facts.scene})


def _changes_form(request: EditRequest) -> bool:
    """Whether source and destination differ in shape or pattern, by which joint prompts are judged."""
    source, dest = request.source_label, request.dest_label
    return source is not None and dest is not None and form_of(source) != form_of(dest)


COMPOSITION_EMBEDDED = DatasetDeclaration("iceb.data_cards", "composition_embedded.md", EmbeddedComposition)
