"""Edit requests, one per concept, and batches of requests that are edited together."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.specs.checks import check_int, check_name, check_text

LAST_SEED = 2**63 - 1
ARTICLES = ("a", "an", "the")
TOGETHER = " + "  # between the sources in the name of a concept of several requests
SEED = re.compile(r"-seed[0-9]+$")  # of a request that is edited once for each of several seeds


def check_template(text: str, what: str) -> None:
    """Refuse a text that does not have exactly one place for a name.

    Raises:
        SpecError: as it says.
    """
    if text.count("{}") != 1:
        raise SpecError(f"{what} {quote(text)} must hold exactly one {{}}")


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Make the model answer `source` with `dests`: () erases, (d,) replaces, (d, e, …) balances."""

    id: str  # unique inside its dataset, e.g. "aice/0007"
    source: str
    dests: tuple[str, ...]
    templates: tuple[str, ...]  # training templates, each with exactly one "{}"
    seed: int  # for whatever randomness the method's training has
    source_label: int | None = None  # ImageNet-1k index; None where the task has no classes
    dest_label: int | None = None  # likewise
    aliases: tuple[str, ...] = ()  # other names of the source that the dataset tests; never trained on

    def __post_init__(self) -> None:
        check_name(self.id, "edit request id")
        where = f"edit request {self.id}"
        for name, text in self._texts():
            check_text(text, f"{where}: {name}")
        if not self.source.strip():
            raise SpecError(f"{where}: source {quote(self.source)}: must be non-empty text")
        if not self.templates:
            raise SpecError(f"{where}: needs at least one training template")
        for template in self.templates:
            check_template(template, f"{where}: template")
        check_int(self.seed, f"{where}: seed", 0, LAST_SEED)
        for name, label in (("source_label", self.source_label), ("dest_label", self.dest_label)):
            if label is not None:
                check_int(label, f"{where}: {name}", 0, LAST_SEED)

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Every text of the request and what it is."""
        yield "source", self.source
        for name, texts in (("dest", self.dests), ("template", self.templates), ("alias", self.aliases)):
            yield from ((name, text) for text in texts)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the request says: source, destinations, aliases."""
        return (self.source, *self.dests, *self.aliases)

    @property
    def in_words(self) -> str:
        """Source and destinations.

        >>> EditRequest("own/1", "doctor", ("woman", "man"), ("a photo of a {}",), seed=0).in_words
        'doctor → woman → man'
        """
        return " → ".join((self.source, *self.dests))

    @property
    def dest(self) -> str:
        """The single destination of a replacing request.

        Raises:
            SpecError: the request erases or balances, so there is no single one.
        """
        if len(self.dests) != 1:
            raise SpecError(f"edit request {self.id} has {len(self.dests)} destinations: expected exactly one")
        return self.dests[0]


@dataclass(frozen=True, slots=True)
class OracleRequest(EditRequest):
    """A request that also says what an oracle draws in place of the texts that test it.

    Attributes:
        oracle: pairs of a tested text and the whole text that the control `oracle` gives the unedited model in its
            place. No other method may read it.
    """

    oracle: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        EditRequest.__post_init__(self)  # a class with slots is made anew, so that super() would not find it
        for pair in self.oracle:
            for text in pair:
                check_text(text, f"edit request {self.id}: oracle")


@dataclass(frozen=True, slots=True)
class EditBatch:
    """Requests that are edited together.

    Attributes:
        id: unique in a schedule, for example "aice/0300" or "timed/0007".
        requests: in the order in which the method gets them.
        replicate: which repetition this is, where a benchmark edits the same requests again with other seeds.
        concept: the cluster of the batch's prompts, where they name none of their own.
    """

    id: str
    requests: tuple[EditRequest, ...]
    replicate: int = 0
    concept: str | None = None

    def __post_init__(self) -> None:
        check_name(self.id, "edit batch id")
        check_int(self.replicate, f"edit batch {self.id}: replicate", 0, LAST_SEED)
        if self.concept is not None:
            check_text(self.concept, f"edit batch {self.id}: concept")
        ids = [request.id for request in self.requests]
        if len(set(ids)) != len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise SpecError(f"edit batch {self.id}: request {twice} stands twice; name each request once")


def destination_clusters(requests: Iterable[EditRequest]) -> dict[str, str]:
    """The cluster of each request that is drawn with its destination, by the request's id.

    It is named as prompts of the destination's class are (`Prompt.cluster`), so that these belong to it. A request's
    source, followed by `TOGETHER`, has the same cluster: by it concepts of several requests are found.
    """
    found = {}
    for request in requests:
        if request.dest_label is not None:
            found[request.id] = f"class {request.dest_label}"
        elif len(request.dests) == 1:
            found[request.id] = f"to {request.dests[0]}"
        if request.id in found:
            found[request.source + TOGETHER] = found[request.id]
    return found


def names_of_clusters(concepts: Sequence[str], clusters: Mapping[str, str]) -> list[str]:
    """The cluster of each concept; one that is not named is a cluster of its own.

    A concept of several requests ("hen + harp") joins the clusters of all of them into one.

    >>> clusters = {"hen + ": "class 1", "harp + ": "class 2", "ape + ": "class 2", "aice/7": "class 1"}
    >>> names_of_clusters(["hen + harp", "ape + owl", "aice/7", "class 3"], clusters)
    ['class 1', 'class 1', 'class 1', 'class 3']
    """
    several = {
        concept: [clusters[each + TOGETHER] for each in concept.split(TOGETHER) if each + TOGETHER in clusters]
        for concept in dict.fromkeys(concepts)
        if TOGETHER in concept
    }
    joined: dict[str, set[str]] = {}
    for group in several.values():
        whole = set(group).union(*(joined.get(name, ()) for name in group))
        joined |= dict.fromkeys(whole, whole)
    names = [several[each][0] if several.get(each) else clusters.get(each, each) for each in concepts]
    return [min(joined.get(name, {name})) for name in names]


def attribute_clusters(requests: Iterable[EditRequest]) -> dict[str, str]:
    """The cluster of each request that gives its source an attribute: the words that its destination adds.

    Seeds of one request are one concept, which is named without them.

    >>> request = EditRequest("timed/0007-seed2", "a rose", ("an orange rose",), ("{}",), seed=2)
    >>> attribute_clusters([request])
    {'timed/0007': 'orange'}
    """
    found = {}
    for request in requests:
        kept = {*ARTICLES, *request.source.lower().split()}
        if words := [word for word in request.dest.lower().split() if word not in kept]:
            found[SEED.sub("", request.id)] = " ".join(words)
    return found


def shared_clusters(declared: str, requests: Iterable[EditRequest]) -> dict[str, str]:
    """The cluster of each concept that shares one, as a task declares it; else none."""
    if declared == "attribute":
        return attribute_clusters(requests)
    return destination_clusters(requests) if declared == "destination" else {}
