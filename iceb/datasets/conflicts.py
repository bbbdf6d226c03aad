"""Find requests of one edit that are in conflict: one source twice, chains, near-duplicates.

Nothing is corrected: benchmarks have such requests, and an edit of all of them is what they ask for.
"""

import graphlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from iceb.base.wording import count_text
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import Add, Remove, Schedule

Kind: TypeAlias = Literal["duplicate", "contradiction", "cycle", "chain", "near-duplicate"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ARTICLE = re.compile(r"^(?:a|an|the) (?=\S)")
JOINTS = re.compile(r"[\s_\-‐-―/.,;:!?\"“”()]+")  # what may stand between two words of a name
APOSTROPHES = re.compile(r"['’`]")
IRREGULAR = {
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "oxen": "ox",
    "wolves": "wolf",
    "knives": "knife",
    "leaves": "leaf",
    "loaves": "loaf",
    "calves": "calf",
    "halves": "half",
    "scarves": "scarf",
    "shelves": "shelf",
    "thieves": "thief",
    "wives": "wife",
    "lives": "life",
    "elves": "elf",
    "buses": "bus",
    "gases": "gas",
}
NO_PLURAL = ("ss", "us", "is", "as", "os")  # endings of singular nouns
EXAMPLES = 3  # of a kind, in a line


@dataclass(frozen=True)
class Conflict:
    """Requests that cannot all have what they ask for, or ask for nearly the same.

    Attributes:
        kind: "duplicate": one source with the same destinations; "contradiction": with others; "chain": the second's
            source is a destination of the first; "cycle": a chain that closes; "near-duplicate": sources that differ
            in case, plural, article or hyphens alone.
        requests: those concerned; of chain and cycle in their order.
    """

    kind: Kind
    requests: tuple[EditRequest, ...]

    def __str__(self) -> str:
        """Name the requests in a few words."""
        sources = [request.source for request in self.requests]
        if self.kind == "chain":
            return " → ".join([*sources, _aim(self.requests[-1])])
        if self.kind == "cycle":
            return " → ".join([*sources, sources[0]])
        if self.kind == "contradiction":
            return f"{sources[0]} → {' and → '.join(map(_aim, self.requests))}"
        return " and ".join(sources)


def _aim(request: EditRequest) -> str:
    return " or ".join(request.dests) or "nothing"


def request_conflicts(requests: Sequence[EditRequest]) -> tuple[Conflict, ...]:
    """Find the conflicts among requests of one model, by kind, then in the requests' order.

    >>> hen, hens = (EditRequest(name, name, ("wok",), ("{}",), 0) for name in ("hen", "Hens"))
    >>> wok = EditRequest("wok", "a wok", ("jay",), ("{}",), 0)
    >>> [f"{found.kind}: {found}" for found in request_conflicts([hen, hens, wok])]
    ['chain: hen → a wok → jay', 'chain: Hens → a wok → jay', 'near-duplicate: hen and Hens']
    """
    each = list({request.id: request for request in requests}.values())
    found = [*_same_sources(each), *_links(each), *_near_duplicates(each)]
    return tuple(sorted(found, key=lambda conflict: KINDS.index(conflict.kind)))


def schedule_conflicts(schedule: Schedule) -> tuple[Conflict, ...]:
    """Find the conflicts among requests that are in the model at one time of a schedule, each once."""
    found = (conflict for requests in _fullest_states(schedule) for conflict in request_conflicts(requests))
    return tuple(dict.fromkeys(found))


def _fullest_states(schedule: Schedule) -> Iterator[list[EditRequest]]:
    """Yield the requests that are in the model before each removal, and at the end."""
    active: dict[str, Sequence[EditRequest]] = {}
    grown = False
    for step in schedule:
        if isinstance(step, Add):
            active[step.batch.id], grown = step.batch.requests, True
        elif isinstance(step, Remove):
            if grown:
                yield [request for requests in active.values() for request in requests]
            active.pop(step.batch, None)
            grown = False
    if grown:
        yield [request for requests in active.values() for request in requests]


def conflict_lines(conflicts: Sequence[Conflict]) -> list[str]:
    """Describe conflicts, a line for each kind: how many, and the first of them by name.

    >>> hen = EditRequest("1", "hen", ("wok",), ("{}",), 0)
    >>> conflict_lines([Conflict("duplicate", (hen, hen))])
    ['1 duplicate among the requests: hen and hen']
    """
    lines = []
    for kind in KINDS:
        found = [conflict for conflict in conflicts if conflict.kind == kind]
        if found:
            more = "; …" if len(found) > EXAMPLES else ""
            lines.append(
                f"{count_text(len(found), kind)} among the requests: {'; '.join(map(str, found[:EXAMPLES]))}{more}"
            )
    return lines


def plain_name(text: str) -> str:
    """Reduce a name to what two spellings of it share: no case, article, hyphen or plural.

    >>> plain_name("The Sea-Lions"), plain_name("sea lion"), plain_name("bus"), plain_name("glass")
    ('sea lion', 'sea lion', 'bus', 'glass')
    """
    folded = APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    words = ARTICLE.sub("", " ".join(JOINTS.sub(" ", folded).split())).split()
    return " ".join([*words[:-1], _singular(words[-1])]) if words else ""


def _singular(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(NO_PLURAL):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "xes", "zes", "ches", "shes")) else word[:-1]


def _groups(requests: Sequence[EditRequest], name: Callable[[EditRequest], str]) -> Iterator[tuple[EditRequest, ...]]:
    """Yield the requests that share a name, in the order of their first."""
    found: dict[str, list[EditRequest]] = {}
    for request in requests:
        found.setdefault(name(request), []).append(request)
    yield from (tuple(group) for group in found.values() if len(group) > 1)


def _same_sources(requests: Sequence[EditRequest]) -> Iterator[Conflict]:
    """Yield the sources that stand twice, as duplicate or contradiction."""
    for group in _groups(requests, lambda request: request.source):
        aims = {tuple(sorted(map(plain_name, request.dests))) for request in group}
        yield Conflict("duplicate" if len(aims) == 1 else "contradiction", group)


def _near_duplicates(requests: Sequence[EditRequest]) -> Iterator[Conflict]:
    """Yield the sources that are spelled otherwise and mean the same, one request for each spelling."""
    spelled = {request.source: request for request in reversed(requests)}  # the first of each spelling
    first = [request for request in requests if spelled[request.source] is request]
    yield from (Conflict("near-duplicate", group) for group in _groups(first, lambda each: plain_name(each.source)))


def _links(requests: Sequence[EditRequest]) -> Iterator[Conflict]:
    """Yield cycles, each once, and then every link of two requests that is in none of them."""
    sources: dict[str, list[EditRequest]] = {}
    for request in requests:
        sources.setdefault(plain_name(request.source), []).append(request)
    links = {
        request.id: {after.id: after for dest in request.dests for after in sources.get(plain_name(dest), ())}
        for request in requests
    }
    known = {request.id: request for request in requests}
    closed: set[tuple[str, str]] = set()
    while cycle := _cycle(links, closed):
        closed |= set(pairwise(cycle))
        yield Conflict("cycle", tuple(known[name] for name in cycle[:-1]))
    for name, after in links.items():
        yield from (Conflict("chain", (known[name], each)) for each in after.values() if (name, each.id) not in closed)


def _cycle(links: Mapping[str, Iterable[str]], closed: Collection[tuple[str, str]]) -> list[str]:
    """Find a cycle along links that are not closed, its first name again at the end; empty if none."""
    left = {name: [each for each in after if (name, each) not in closed] for name, after in links.items()}
    try:
        graphlib.TopologicalSorter(left).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]  # the sorter reads links as what comes before
    return []
