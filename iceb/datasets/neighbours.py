"""Neighbours: AICE's holdout, each class tagged by its distance to the nearest concept that is edited.

Three distances: hops along WordNet's hypernyms, how far apart the names are for mini's CLIP twin, and how many factors
of the look differ on mini; the last two on the embedded source alone. Beside them stand prompts of a superclass of each
source, and of the source with a word before it, which narrows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from iceb.base.errors import DataError, NotInDataError
from iceb.datasets.on_aice import OnAice
from iceb.mini.class_tree import look_distance, superclass
from iceb.mini.composed import fact_tags, has_fact
from iceb.mini.wordnet import hops
from iceb.mini.world import class_names
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest

NARROWER = ("a young {}", "an old {}", "a broken {}")
WIDER = ("a photo of a {}", "an image of one {}")
FIRST_SEED = 90_000
TEXT_STEPS = 10  # of a cosine distance of 1


class Neighbours(OnAice):
    """AICE's requests, its holdout by distance, and wider and narrower names.

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: AICE's files by its card's keys.

    Raises:
        DataError: a file is malformed, or holds another number of rows than the card declares.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        self._embedded = card.source.repository == "iceb"
        self._places = {request.id: place for place, request in enumerate(self.requests)}

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The source prompts of a batch, and those of wider and narrower names."""
        found = super().prompts(batch)
        for request in batch.requests:
            found += [*self._wider(request), *self._narrower(request)]
        return found

    def _wider(self, request: EditRequest) -> Iterator[Prompt]:
        group = superclass(_label(request))
        for turn, template in enumerate(WIDER):
            yield Prompt(template.format(group), self._seed(request, turn), "superclass", request.id, concept=group)

    def _narrower(self, request: EditRequest) -> Iterator[Prompt]:
        for turn, template in enumerate(NARROWER):
            text, seed = template.format(request.source), self._seed(request, len(WIDER) + turn)
            yield Prompt(text, seed, "subclass", request.id, request.source_label, request.dest_label)

    def _seed(self, request: EditRequest, turn: int) -> int:
        return FIRST_SEED + 10 * self._places[request.id] + turn

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """The holdout's prompts, as bystanders, with distances to the nearest of so many edited concepts."""
        return self.prompts_around(self.requests[:num_edits])

    def prompts_around(self, requests: Sequence[EditRequest]) -> list[Prompt]:
        """The holdout's prompts, without these sources' own, as bystanders with the distance to the nearest.

        Raises:
            DataError: a source has no class.
        """
        edited = [_label(request) for request in requests]
        found, known = [], dict[int, tuple[str, ...]]()  # several prompts show one class
        for prompt in self.aice.shared_prompts(len(self.requests)):
            if prompt.label is None:
                raise DataError(f"holdout prompt {prompt.text!r:.80} has no class: its distances cannot be told")
            if prompt.label in edited:
                continue
            if prompt.label not in known:
                known[prompt.label] = self._distances(prompt.label, edited)
            found.append(replace(prompt, role="bystander", tags=known[prompt.label]))
        return found

    def _distances(self, label: int, edited: list[int]) -> tuple[str, ...]:
        """The distances of a class to the nearest of the edited ones, as tags."""
        facts: dict[str, object] = {"hops": min(hops(label, each) for each in edited)}
        if self._embedded:
            facts["look"] = min(look_distance(label, each) for each in edited)
            facts["text"] = _text_steps(label, edited)
        return (*map(has_fact, facts), *fact_tags(facts))


def _label(request: EditRequest) -> int:
    if request.source_label is None:
        raise NotInDataError(
            f"request {request.id} edits {request.source!r:.80}, which is no ImageNet class, so how far bystanders are "
            "from it cannot be told: leave task neighbours out of `with_tasks`, or edit classes"
        )
    return request.source_label


def _text_steps(label: int, edited: list[int]) -> int:
    """The cosine distance of a name's embedding to the nearest of others, in tenths, rounded down."""
    similar = float((_embeddings()[edited] @ _embeddings()[label]).max())
    return int(max(0.0, 1 - similar) * TEXT_STEPS)


@cache
def _embeddings() -> Any:
    """The embedding of each class's name under mini's CLIP twin, (1000, d) of norm 1."""
    from iceb.mini.clip_twin import ClipTwin  # torch is imported with it, so that listing datasets stays fast

    return ClipTwin.load_shipped().text_embeddings([f"a photo of a {name}" for name in class_names()])


CARDS = "iceb.data_cards"
NEIGHBOURS = DatasetDeclaration(CARDS, "neighbours.md", Neighbours)
NEIGHBOURS_EMBEDDED = DatasetDeclaration(CARDS, "neighbours_embedded.md", Neighbours)
