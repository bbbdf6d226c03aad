"""A dataset of a user's own requests: their prompts, their neighbours', and unrelated ones.

Where a concept is an ImageNet class, its prompts carry the label, and a classifier judges them (tag "class"). Others
carry the texts that an image is compared with (tag "text"): the source's, then the destination's, or what is left of
the text without the concept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iceb.base.digest import digest
from iceb.base.errors import DataError, SpecError
from iceb.datasets.known_classes import label_of, nearest_labels, spread_labels
from iceb.datasets.user_requests import OwnConcept, read_concepts, typed_requests
from iceb.mini.world import class_names
from iceb.specs.datasets import DataCard, DataSource
from iceb.specs.outside import OWN
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, single_batch

TESTS = (  # free-form prompts of things; a row's own take their place
    "a {} on the beach",
    "a {} in the garden",
    "there is a small {} in the forest",
    "a close view of a {}",
    "a bright {} in the snow",
    "a photo of the {} at sunset",
)
NEIGHBOURS = 2  # of each source, where the row names none
UNRELATED = 24  # concepts
BY_CLASS, BY_TEXT, ERASED = "class", "text", "erased"  # tags of prompts
NOTHING = "a photo"  # what an image of an erased concept may show
SEED_DIGITS = 7  # hex digits of a derived seed


@dataclass(frozen=True)
class Amounts:
    """The number of images that judge an edit of own requests."""

    tests: int = len(TESTS)  # free-form prompts of each source, and of each destination
    near: int = 3  # images of each neighbour
    unrelated: int = UNRELATED  # concepts
    each: int = 2  # images of each of these


@dataclass(frozen=True)
class OwnRequests:
    """A user's own requests: rows of a file, or pairs that were typed.

    Attributes:
        concepts: what is edited, and how each is to be judged.
        file: the file's name, for results.
        amounts: how many images judge them.
    """

    concepts: tuple[OwnConcept, ...]
    file: str
    amounts: Amounts = Amounts()

    @classmethod
    def read(cls, path: Path, amounts: Amounts | None = None) -> "OwnRequests":
        """Read a file.

        Raises:
            DataError, SpecError: as `read_concepts`.
        """
        return cls(read_concepts(path), path.name, amounts or Amounts())

    @property
    def requests(self) -> tuple[EditRequest, ...]:
        """The requests alone, as a method gets them."""
        return tuple(concept.request for concept in self.concepts)

    def without_neighbours(self) -> list[str]:
        """The sources of which no neighbour is known: nobody looks there for damage."""
        return [each.request.source for each in self.concepts if not _neighbours(each, set())]


def named_concepts(requests: Path | None, source: Sequence[str], dest: Sequence[str]) -> OwnRequests:
    """The own requests of a file, or of pairs that were typed.

    Raises:
        SpecError: nothing was named, or a file and pairs.
        DataError: the file cannot be read, or is not such a file.
    """
    if requests is None and not (source or dest):
        raise SpecError("nothing to edit: give `requests=FILE`, or `source` and `dest`")
    if requests is not None and (source or dest):
        raise SpecError("`requests` and `source` or `dest` both say what is edited: leave one of them out")
    if requests is not None:
        return OwnRequests.read(requests)
    return OwnRequests(tuple(map(OwnConcept, typed_requests(source, dest))), "typed")


class OwnDataset:
    """The dataset of own requests; see the module."""

    def __init__(self, own: OwnRequests) -> None:
        self.own = own
        rows = digest([[each.request, each.tests, each.neighbours] for each in own.concepts])
        self.card = DataCard(
            name=OWN,
            version=1,
            title=f"own requests of {own.file}",
            paper="",
            licence="its author's",
            source=DataSource(repository=OWN, commit=rows),
            files={},
            counts={"requests": len(own.concepts)},
        )
        self._concepts = {each.request.id: each for each in own.concepts}

    def schedule(self, num_edits: int) -> Schedule:
        """One batch: the first `num_edits` requests of the file.

        Raises:
            DataError: fewer than one, or more than the file holds.
        """
        most = len(self.own.concepts)
        if not 1 <= num_edits <= most:
            raise DataError(
                f"{self.own.file} holds {most} requests, `num_edits` asked for {num_edits}: choose 1 to {most}"
            )
        return single_batch(EditBatch(f"{OWN}/{num_edits:04d}", self.own.requests[:num_edits]))

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of a batch's requests: train, source, dest, alias, neighbour."""
        edited = _edited_labels(batch.requests)
        found = (prompt for request in batch.requests for prompt in self._prompts_of(request, edited))
        return list(dict.fromkeys(found))  # requests may share a neighbour

    def _prompts_of(self, request: EditRequest, edited: set[int]) -> Iterator[Prompt]:
        concept = self._concepts[request.id]
        tests = (concept.tests or TESTS)[: self.own.amounts.tests]
        yield from _named_prompts(request, "train", request.source, request.templates)
        yield from _named_prompts(request, "source", request.source, tests)
        if len(request.dests) == 1:
            yield from _named_prompts(request, "dest", request.dest, tests)
        for alias in request.aliases:
            yield from _named_prompts(request, "alias", alias, tests)
        for name in _neighbours(concept, edited):
            yield from _left_alone(name, "neighbour", tests[: self.own.amounts.near], concept)

    def scored_names(self) -> frozenset[str]:
        """None: whoever edits concepts of their own may retain what they like."""
        return frozenset()

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """The prompts of unrelated concepts, spread over ImageNet's classes."""
        requests = self.own.requests[:num_edits]
        edited = _edited_labels(requests)
        near = {
            label
            for each in self.own.concepts
            for name in _neighbours(each, edited)
            if (label := label_of(name)) is not None
        }
        labels = spread_labels(edited | near, self.own.amounts.unrelated)
        tests = TESTS[: self.own.amounts.each]
        return [prompt for label in labels for prompt in _left_alone(class_names()[label], "unrelated", tests)]


def _edited_labels(requests: Sequence[EditRequest]) -> set[int]:
    """The labels of all sources, aliases and destinations."""
    names = [name for each in requests for name in (each.source, *each.aliases, *each.dests)]
    return {label for name in names if (label := label_of(name)) is not None}


def _neighbours(concept: OwnConcept, edited: set[int]) -> tuple[str, ...]:
    """The row's own neighbours, else the classes next to the source's."""
    if concept.neighbours:
        return concept.neighbours
    label = label_of(concept.request.source)
    if label is None:
        return ()
    return tuple(class_names()[each] for each in nearest_labels(label, edited | {label}, NEIGHBOURS))


def _named_prompts(request: EditRequest, role: str, name: str, templates: Sequence[str]) -> Iterator[Prompt]:
    """`name` in each template; the seed follows from the source, so that all names share the noise."""
    dest = request.dest if len(request.dests) == 1 else None
    label, target = label_of(name), None if dest is None else label_of(dest)
    known = label is not None and (dest is None or target is not None)
    tags = (BY_CLASS if known else BY_TEXT, *(() if dest is not None else (ERASED,)))
    for place, template in enumerate(templates):
        text = template.replace("{}", name)
        prompt = Prompt(text, _seed(request.source, place), role, request=request.id, tags=tags)
        if known:
            yield replace(prompt, label=label, target=target)
        else:
            other = NOTHING if dest is None else template.replace("{}", dest)
            yield replace(prompt, choices=(template.replace("{}", request.source), other), answer=1)


def _left_alone(name: str, role: str, templates: Sequence[str], near: OwnConcept | None = None) -> Iterator[Prompt]:
    """Prompts of a concept that shall stay: judged by class, else by text against the edited one."""
    label = label_of(name)
    for place, template in enumerate(templates):
        prompt = Prompt(template.replace("{}", name), _seed(name, place), role, concept=name)
        if label is not None:
            yield replace(prompt, label=label, tags=(BY_CLASS,))
        elif near is not None:
            names = (name, near.request.source)
            yield replace(
                prompt, choices=tuple(template.replace("{}", each) for each in names), answer=0, tags=(BY_TEXT,)
            )


def _seed(name: str, place: int) -> int:
    return int(digest({"own": name, "place": place})[:SEED_DIGITS], 16)
