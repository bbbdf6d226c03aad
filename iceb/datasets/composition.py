"""Composition: AICE's edits tested in prompts with two objects, colours or scenes, on mini.

Three kinds of prompts: two edited concepts side by side (role joint), an edited one beside a bystander, each with a
colour (role beside), and an edited one with a colour, a size and a scene (role context). The world shows two objects at
most, so there is no prompt with three.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from iceb.datasets.counts import check_declared
from iceb.datasets.on_aice import OnAice
from iceb.mini.composed import fact_tags, form_of
from iceb.mini.world import COLOURS, SCENES, SIZE_WORDS, class_names, class_thing
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest

JOINS = ("next to", "beside", "and")  # the first named stands on the left
PHRASES = ("on the {}", "in the {}", "at the {}")
FIRST_SEED = 80_000
OTHER_SIZES = tuple(word for word, size in SIZE_WORDS.items() if size != "medium")


class Composition(OnAice):
    """AICE's requests, composed with each other, with bystanders, colours, sizes and scenes.

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: the files of embedded AICE by its card's keys.

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
        changing = [each for each in batch.requests if _changes_form(each)]
        for first, second in zip(changing[::2], changing[1::2], strict=False):  # no request is in two pairs
            found += self._joint(first, second)
        return found

    def _joint(self, first: EditRequest, second: EditRequest) -> Iterator[Prompt]:
        """Two edited concepts side by side; an error is taken over pairs."""
        tags = fact_tags({"left": first.dest_label, "right": second.dest_label})
        for turn, join in enumerate(JOINS):
            text = f"a {first.source} {join} a {second.source}"
            concept = f"{first.source} + {second.source}"
            yield Prompt(text, self._seed(first, turn), "joint", first.id, concept=concept, tags=tags)

    def _beside(self, request: EditRequest) -> Iterator[Prompt]:
        """An edited concept and a bystander, each in a colour that none of them has by itself."""
        for turn, join in enumerate(JOINS):
            seed = self._seed(request, len(JOINS) + turn)
            draw = np.random.default_rng(seed)
            other = self._bystanders[int(draw.integers(len(self._bystanders)))]
            first, second = draw.choice(_free_colours(request, other), 2, replace=False)
            text = f"a {first} {request.source} {join} a {second} {class_names()[other]}"
            tags = fact_tags({"left_colour": first, "right_colour": second})
            yield Prompt(text, seed, "beside", request.id, tags=tags)

    def _context(self, request: EditRequest) -> Iterator[Prompt]:
        """An edited concept with a colour, a size and a scene."""
        for turn, phrase in enumerate(PHRASES):
            seed = self._seed(request, 2 * len(JOINS) + turn)
            draw = np.random.default_rng(seed)
            word, colour = draw.choice(OTHER_SIZES), draw.choice(_free_colours(request))
            scene = draw.choice(tuple(SCENES))
            text = f"a {word} {colour} {request.source} {phrase.format(scene)}"
            tags = fact_tags({"colour": colour, "size": SIZE_WORDS[word], "scene": scene})
            yield Prompt(text, seed, "context", request.id, tags=tags)

    def _seed(self, request: EditRequest, turn: int) -> int:
        """The seed of a request's prompt: its own, whatever else is edited."""
        return FIRST_SEED + 10 * self._places[request.id] + turn


def _changes_form(request: EditRequest) -> bool:
    """Whether source and destination differ in shape or pattern, by which joint prompts are judged."""
    source, dest = request.source_label, request.dest_label
    return source is not None and dest is not None and form_of(source) != form_of(dest)


def _free_colours(request: EditRequest, *others: int) -> list[str]:
    """The colours that neither the source, nor the destination, nor another class has by itself."""
    labels = (request.source_label, request.dest_label, *others)
    own = {class_thing(label).colour for label in labels if label is not None}
    return [colour for colour in COLOURS if colour not in own]


COMPOSITION = DatasetDeclaration("iceb.data_cards", "composition.md", Composition)
