"""Composition for models of photographs: pairs and triples, judged by CLIP's choice of texts."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from iceb.datasets.composed_choices import (
    PLACES,
    Choices,
    beside_choices,
    context_choices,
    fill,
    joint_choices,
    side_by_side,
)
from iceb.datasets.composition import Composition, Context
from iceb.mini.class_tree import class_paths
from iceb.mini.world import COLOURS, class_names
from iceb.specs.datasets import DatasetDeclaration
from iceb.specs.requests import EditRequest

GROUP_SEED, OTHER_SEED = 79_998, 79_999
SEVERAL = re.compile(r"\(| or |[^su]s$")  # names in brackets, two names, plurals
BLOCK = 50  # requests, among which those that stand side by side are drawn


class UpstreamComposition(Composition):
    """The prompts for models of photographs: pairs and triples, and the texts that CLIP chooses from."""

    for_mini = False

    def _may_stand_by(self, label: int) -> bool:
        """Whether it is one thing, and its name holds none that is edited, as a ski mask's does."""
        name = self._name(label).lower()
        return not (SEVERAL.search(name) or self._edited_names.search(name))

    @cached_property
    def _edited_names(self) -> re.Pattern[str]:
        """The names of all requests, as whole words."""
        names = {re.escape(name.lower().strip()) for request in self.requests for name in request.names}
        return re.compile(rf"\b(?:{'|'.join(sorted(names))})\b")

    def _groups(self, requests: Sequence[EditRequest]) -> Iterator[Sequence[EditRequest]]:
        for width in (2, 3):
            for start in range(0, len(requests), BLOCK):
                block = requests[start : start + BLOCK]
                order = np.random.default_rng([GROUP_SEED, start, width]).permutation(len(block))
                yield from _grouped_apart([block[place] for place in order], width)

    def _name(self, label: int) -> str:
        return class_names()[label].split(" / ")[0]  # "cardboard box / carton"

    def _fill(self, template: str, names: Sequence[str]) -> str:
        return fill(template, names)

    def _side_by_side(self, names: Sequence[str], turn: int) -> str:
        return side_by_side(names, turn)

    def _colours(self, request: EditRequest, *others: int) -> Sequence[str]:
        """The colours that no name has in it, as a black-footed ferret's has."""
        names = (request.source, request.dest, *map(self._name, others))
        words = {word for name in names for word in re.split(r"[\s-]", name.lower())}
        return [colour for colour in COLOURS if colour not in words]

    def _judge_joint(self, turn: int, group: Sequence[EditRequest]) -> Choices:
        return joint_choices(turn, group, [self._others(request, place) for place, request in enumerate(group)])

    def _judge_beside(self, template: str, request: EditRequest, other: str, colours: tuple[str, str]) -> Choices:
        return beside_choices(template, request, other, colours)

    def _place(self, turn: int, scene: str) -> str:
        return PLACES[scene][0]

    def _judge_context(self, request: EditRequest, facts: Context) -> Choices:
        others = [colour for colour in self._colours(request) if colour != facts.colour]
        return context_choices(request, facts.size, (facts.colour, str(facts.draw.choice(others))), facts.scene)

    def _others(self, request: EditRequest, place: int) -> list[str]:
        """Bystanders of the destination's kind, animals or not, in an order of the place's own."""
        kind = _is_animal(request.dest_label)
        alike = [label for label in self._bystanders if _is_animal(label) == kind]
        order = np.random.default_rng([OTHER_SEED, place]).permutation(len(alike))
        return [self._name(alike[number]) for number in order]


def _is_animal(label: int | None) -> bool:
    return label is not None and class_paths()[label][0] == "animal"


def _grouped_apart(requests: Sequence[EditRequest], width: int) -> Iterator[list[EditRequest]]:
    """Groups of requests whose destinations differ, no request in two; some may be left."""
    waiting = list(requests)
    while waiting:
        group: list[EditRequest] = []
        for request in waiting:
            if len(group) < width and request.dest not in {each.dest for each in group}:
                group.append(request)
        waiting = [request for request in waiting if request not in group]
        if len(group) == width:
            yield group


COMPOSITION = DatasetDeclaration("iceb.data_cards", "composition.md", UpstreamComposition)
