"""Concept Ablation's memorised images: captions for which a model repeats one training image."""

import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from iceb.base.errors import DataError
from iceb.base.readers import read_text
from iceb.datasets.counts import check_declared, first_requests
from iceb.specs.datasets import DataCard, DatasetDeclaration, ReferenceImages
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, one_by_one

REMEDY = "name the folder of another copy of the repository with `data` or ICEB_DATA"
ROLE = "memorized"
REFERENCE = "memorized"  # the side of the images that were learnt by heart
TRAIN_SEED = 0  # nothing published depends on it
CAPTION, IMAGE = "caption_target", "mem_impath"  # options of the authors' training commands


class Memorized:
    """Captions to be forgotten, each with the image that the unedited model repeats (arXiv:2303.13516).

    The class of a prompt (`label`) is the place of its image among the references.

    Args:
        card: the declaration; its counts are checked against the files.
        paths: `commands`, the authors' training commands, which name caption and image, and an image for each.

    Raises:
        DataError: a command lacks its caption or its image, or there is another number than declared.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        images = {path.name: path for key, path in paths.items() if key != "commands"}
        pairs = [*_pairs(paths["commands"])]
        check_declared(card, "requests", len(pairs))
        if lacking := [image for _, image in pairs if image not in images]:
            raise DataError(f"{paths['commands']} names the image {lacking[0]}, which the data card does not; {REMEDY}")
        self._images = tuple(images[image] for _, image in pairs)
        self.requests = tuple(
            EditRequest(f"{card.name}/{place:04d}", caption, (), ("{}",), TRAIN_SEED)
            for place, (caption, _) in enumerate(pairs)
        )

    def schedule(self, num_edits: int) -> Schedule:
        """The first `num_edits` captions, each edited and judged alone.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        return one_by_one(EditBatch(request.id, (request,)) for request in chosen)

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """Images of each caption, seeds from 0."""
        places = {request.id: place for place, request in enumerate(self.requests)}
        return [
            Prompt(request.source, seed, ROLE, request=request.id, label=places[request.id])
            for request in batch.requests
            for seed in range(self.card.counts["images"])
        ]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: each caption has its own."""
        return []

    def references(self) -> list[ReferenceImages]:
        """The images that were learnt by heart, in the order of the requests."""
        return [ReferenceImages(REFERENCE, self._images)]

    def scored_names(self) -> frozenset[str]:
        """Every caption."""
        return frozenset(request.source for request in self.requests)


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The caption and the file name of the image of each training command."""
    for place, line in enumerate(read_text(path, DataError, REMEDY).splitlines()):
        words = shlex.split(line)
        given = {word.removeprefix("--"): following for word, following in pairwise(words) if word.startswith("--")}
        if CAPTION in given and IMAGE not in given:
            raise DataError(f"{path}, line {place + 1}: a command with {CAPTION} needs {IMAGE} too; {REMEDY}")
        if CAPTION in given:
            yield given[CAPTION], Path(given[IMAGE]).name


MEMORIZED = DatasetDeclaration("iceb.data_cards", "ablation_memorized.md", Memorized)
