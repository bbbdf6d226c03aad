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
    JOINT_CHOICES,
    PLACES,
    Choices,
    beside_choices,
    context_choices,
    fill,
    joint_choices,
)
from iceb.datasets.counts import check_declared
from iceb.datasets.on_aice import OnAice
from iceb.mini.composed import fact_tags, form_of
from iceb.mini.world import COLOURS, SCENES, SIZE_WORDS, class_names, class_thing
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest

JOINS = ("{} next to {}", "{} beside {}", "{} and {}")  # the first named stands on the left
TRIPLES = ("{}, {} and {}", "{} next to {} and {}", "{} beside {} and {}")
PHRASES = ("on the {}", "in the {}", "at the {}")  # that mini was taught, each with every scene
PAIR, TRIPLE = "pair", "triple"  # tags of joint prompts
FILLER_SEED, FIRST_SEED, FIRST_TRIPLE_SEED = 79_999, 80_000, 85_000
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
        self._bystanders = [label for label in holdout if label is not None and label not in named]
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
    def _colours(self, request: EditRequest, *others: int) -> Sequence[str]:
        """The colours that may be said of a source and other classes."""

    @abstractmethod
    def _judge_joint(self, template: str, group: Sequence[EditRequest]) -> Choices:
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

    def _joint(self, group: Sequence[EditRequest]) -> Iterator[Prompt]:
        """Edited concepts side by side; an error is taken over such groups."""
        concept, first = " + ".join(each.source for each in group), group[0]
        templates, tag, start = (JOINS, PAIR, FIRST_SEED) if len(group) == 2 else (TRIPLES, TRIPLE, FIRST_TRIPLE_SEED)
        for turn, template in enumerate(templates):
            choices, tags = self._judge_joint(template, group)
            text, seed = self._fill(template, [each.source for each in group]), self._seed(first, turn, start)
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

    def _colours(self, request: EditRequest, *others: int) -> Sequence[str]:
        """The colours that neither the source, nor the destination, nor another class has by itself."""
        labels = (request.source_label, request.dest_label, *others)
        own = {class_thing(label).colour for label in labels if label is not None}
        return [colour for colour in COLOURS if colour not in own]

    def _judge_joint(self, template: str, group: Sequence[EditRequest]) -> Choices:
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


class UpstreamComposition(Composition):
    """The prompts for models of photographs: pairs and triples, and the texts that CLIP chooses from."""

    for_mini = False

    def _name(self, label: int) -> str:
        return class_names()[label].split(" / ")[0]  # "swim trunks / shorts"

    def _groups(self, requests: Sequence[EditRequest]) -> Iterator[Sequence[EditRequest]]:
        yield from zip(requests[::2], requests[1::2], strict=False)  # no request is in two pairs, nor in two triples
        yield from zip(requests[::3], requests[1::3], requests[2::3], strict=False)

    def _fill(self, template: str, names: Sequence[str]) -> str:
        return fill(template, names)

    def _colours(self, request: EditRequest, *others: int) -> Sequence[str]:
        """The colours that no name has in it, as a black bear's has."""
        names = (request.source, request.dest, *map(self._name, others))
        words = {word for name in names for word in name.lower().split()}
        return [colour for colour in COLOURS if colour not in words]

    def _judge_joint(self, template: str, group: Sequence[EditRequest]) -> Choices:
        return joint_choices(template, group, self._fillers(len(group)))

    def _judge_beside(self, template: str, request: EditRequest, other: str, colours: tuple[str, str]) -> Choices:
        return beside_choices(template, request, other, colours)

    def _place(self, turn: int, scene: str) -> str:
        return PLACES[scene]

    def _judge_context(self, request: EditRequest, facts: Context) -> Choices:
        colours = _with_another(facts.colour, self._colours(request), facts.draw)
        scenes = _with_another(facts.scene, tuple(SCENES), facts.draw)
        places = [PLACES[scene] for scene in scenes]
        opposite = [word for word in OTHER_SIZES if SIZE_WORDS[word] != SIZE_WORDS[facts.size]]
        sizes = (facts.size, str(facts.draw.choice(opposite)))
        return context_choices(request, colours, places, sizes)

    def _fillers(self, width: int) -> list[list[str]]:
        """Groups of bystanders that no prompt asks for, the same ones for all prompts."""
        draw = np.random.default_rng(FILLER_SEED)
        drawn = (draw.choice(self._bystanders, width, replace=False) for _ in range(JOINT_CHOICES))
        return [[self._name(int(label)) for label in group] for group in drawn]


def _with_another(said: str, known: Sequence[str], draw: np.random.Generator) -> tuple[str, str]:
    return said, str(draw.choice([each for each in known if each != said]))


CARDS = "iceb.data_cards"
COMPOSITION = DatasetDeclaration(CARDS, "composition.md", UpstreamComposition)
COMPOSITION_EMBEDDED = DatasetDeclaration(CARDS, "composition_embedded.md", EmbeddedComposition)
