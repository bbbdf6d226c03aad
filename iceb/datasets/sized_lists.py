"""Datasets that erase names, with a list for each published number of edits.

The lists of two numbers need not have a name in common. A number without a list takes the first names of the next
larger list, and the images of that list.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

from iceb.base.errors import DataError
from iceb.datasets.counts import FURTHER, check_asked, check_declared
from iceb.specs.datasets import DataCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, single_batch

ERASED = "erased"  # role of images of what is erased
ERASED_MORE = "erased_more"  # of names that are erased, and that the benchmark's file does not draw
SEEN, UNSEEN = "seen", "unseen"  # tags of images of what stays by whether preserved captions say its name


@dataclass(frozen=True, slots=True)
class DrawnName:
    """One image: the name that its text says, the text, and the seed."""

    name: str
    text: str
    seed: int


@dataclass(frozen=True)
class SizedList:
    """The names of one number of edits, and the images that judge them.

    Attributes:
        names: what is erased, in the order in which methods get it.
        drawn: role → images; those of `ERASED` and `ERASED_MORE` show what is erased, others what stays.
    """

    names: tuple[str, ...]
    drawn: Mapping[str, tuple[DrawnName, ...]]


@dataclass(frozen=True)
class Rule:
    """The destination, templates and seeds by which names become requests.

    Attributes:
        dest: what every name becomes.
        templates: for training.
        seeds: the training seed of each place in a list.
        dests: number of edits → another destination.
        named: whether the name itself is a prompt's only choice, for measures that look for it.
        further: what to do beyond the largest list.
    """

    dest: str
    templates: tuple[str, ...]
    seeds: Sequence[int]
    dests: Mapping[int, str] = field(default_factory=dict)
    named: bool = False
    further: str = FURTHER


class SizedLists:
    """Requests to erase the names of a list, and the prompts that show what went and what stayed.

    What is edited is no longer among what stays: its images there are left out.

    Args:
        card: the declaration; its counts are checked against the lists.
        lists: by number of edits.
        rule: how names become requests.
        seen: the names of those who stay that preserved captions say, by which their prompts are tagged; None: nobody
            says which, and no prompt is tagged.

    Raises:
        DataError: a list does not have as many names as its number of edits, or the card counts others.
    """

    def __init__(
        self, card: DataCard, lists: Mapping[int, SizedList], rule: Rule, seen: frozenset[str] | None = None
    ) -> None:
        self.card, self.lists, self.rule, self.seen = card, dict(sorted(lists.items())), rule, seen
        for size, found in self.lists.items():
            if len(found.names) != size or len(set(found.names)) != size:
                raise DataError(f"dataset {card.name}: the list of {size} edits has {len(set(found.names))} names")
        self.requests = {size: tuple(self._requests(size, found)) for size, found in self.lists.items()}
        self._own = {request.id: prompts for size in self.lists for request, prompts in self._drawn_of(size)}
        self._check_counts()

    def _requests(self, size: int, found: SizedList) -> Iterator[EditRequest]:
        dest = self.rule.dests.get(size, self.rule.dest)
        for place, (name, seed) in enumerate(zip(found.names, self.rule.seeds, strict=False)):
            yield EditRequest(f"{self.card.name}/{size:04d}-{place:04d}", name, (dest,), self.rule.templates, seed)

    def _drawn_of(self, size: int) -> Iterator[tuple[EditRequest, tuple[Prompt, ...]]]:
        """Each request of a list with its own prompts."""
        by_name: dict[str, list[tuple[str, DrawnName]]] = {}
        for role in (ERASED, ERASED_MORE):
            for image in self.lists[size].drawn.get(role, ()):
                by_name.setdefault(image.name, []).append((role, image))
        if unknown := set(by_name) - set(self.lists[size].names):
            raise DataError(
                f"dataset {self.card.name}: {min(unknown)!r} is drawn as erased at {size} edits, and is not"
            )
        for request in self.requests[size]:
            prompts = (
                Prompt(image.text, image.seed, role, request.id, choices=self._choices(image))
                for role, image in by_name.get(request.source, ())
            )
            yield request, tuple(prompts)

    def _choices(self, image: DrawnName) -> tuple[str, ...]:
        return (image.name,) if self.rule.named else ()

    def _check_counts(self) -> None:
        kept = {role for found in self.lists.values() for role in found.drawn} - {ERASED, ERASED_MORE}
        names = {role: {image.name for each in self.lists.values() for image in each.drawn[role]} for role in kept}
        largest = self.lists[max(self.lists)]
        found = {
            "requests": max(self.lists),
            "names": len({name for each in self.lists.values() for name in each.names}),
            "erased_drawn": len({image.name for image in largest.drawn[ERASED]}),
            **{role: len(known) for role, known in names.items()},
        }
        for count, number in found.items():
            check_declared(self.card, count, number)

    def size_of(self, num_edits: int) -> int:
        """The number of edits whose list is used: the smallest that suffices.

        Raises:
            DataError: fewer than one edit, or more than the largest list has.
        """
        says = f"dataset {self.card.name} erases the first names of its lists of {', '.join(map(str, self.lists))}"
        check_asked(says, num_edits, max(map(len, self.requests.values())), self.rule.further)
        return next(size for size, requests in self.requests.items() if len(requests) >= num_edits)

    def schedule(self, num_edits: int) -> Schedule:
        """One batch: the names of the list, in its order.

        Raises:
            DataError: fewer than one edit, or more than the largest list has.
        """
        requests = self.requests[self.size_of(num_edits)][:num_edits]
        return single_batch(EditBatch(f"{self.card.name}/{num_edits:04d}", requests))

    def only(self, requests: Sequence[EditRequest]) -> "SizedLists":
        """The dataset with some of one list's requests alone; prompts stay as they are."""
        found = copy(self)
        found.requests = {size: tuple(requests) for size, known in self.requests.items() if set(requests) <= set(known)}
        return found

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of what is erased."""
        return [prompt for request in batch.requests for prompt in self._own[request.id]]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """The prompts of what stays: those of the list's other roles whose name is not edited."""
        size = self.size_of(num_edits)
        edited = {request.source for request in self.requests[size][:num_edits]}
        kept = ((role, images) for role, images in self.lists[size].drawn.items() if role not in (ERASED, ERASED_MORE))
        return [self._kept_prompt(role, image) for role, images in kept for image in images if image.name not in edited]

    def _kept_prompt(self, role: str, image: DrawnName) -> Prompt:
        choices, name = self._choices(image), image.name
        tags = () if self.seen is None else (SEEN if name in self.seen else UNSEEN,)
        answer = 0 if choices else None
        return Prompt(image.text, image.seed, role, None, concept=name, choices=choices, answer=answer, tags=tags)

    def scored_names(self) -> frozenset[str]:
        """Every name and destination of every list, and every name that a method is not told to preserve."""
        asked = (name for requests in self.requests.values() for each in requests for name in (each.source, each.dest))
        return frozenset(asked) | {
            image.name
            for each in self.lists.values()
            for role, images in each.drawn.items()
            if role != "preserved"
            for image in images
        }


def sizes_of(paths: Mapping[str, Path], prefix: str) -> dict[int, str]:
    """The numbers of edits that a card's keys name, "list_100" for example, ascending, with their keys.

    >>> sizes_of({"list_5": Path("a"), "list_1": Path("b"), "prompts_1": Path("c")}, "list_")
    {1: 'list_1', 5: 'list_5'}
    """
    return {int(key.removeprefix(prefix)): key for key in sorted(paths, key=_number) if key.startswith(prefix)}


def _number(key: str) -> int:
    return int(key.rpartition("_")[2])
