"""A finished run as pictures: a few of its prompts before and after the edit, from the cache, without a model.

The rows are chosen by their places in the run alone (`spread`), never by what the pictures show, so a grid cannot be
cherry-picked and the same run always gives the same one.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from iceb.base.errors import ResultError, SpecError, StoreError
from iceb.running.folder import RESULT, read_requests, read_result, run_folder
from iceb.running.ledger import FILE, Ledger, read_ledgers
from iceb.running.sheet import Row, sheet
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.stores import cache_root
from iceb.stores.images import ImageStore

ERASED = "(erased)"
NOT_EDITED = "not edited"


@dataclass(frozen=True)
class Grid:
    """A drawn grid: PNG bytes, how many rows it has, and how many prompts of its role the run drew."""

    png: bytes
    rows: int
    drawn: int


def grid(named: Path, cache: Path | None = None, rows: int = 6, role: str = "source") -> Grid:
    """The grid of a run: one row for each of at most `rows` prompts of one role.

    Args:
        named: a run's folder, or the result.json in it.
        cache: the cache's root; None for ICEB_CACHE or ~/.cache/iceb.

    Raises:
        ResultError: there is no such run, it failed, or its files are damaged.
        SpecError: fewer than one row, or the run drew no pictures of this role.
        StoreError: a picture is not in the cache any more.
    """
    if rows < 1:
        raise SpecError(f"{rows} rows: must be at least 1")
    folder = run_folder(named)
    result = _finished(folder)
    before, after = _of_role(folder, role)
    chosen = spread([_concept(prompt) for prompt in before.prompts], rows)
    store = ImageStore(cache_root(cache))
    _all_there(store, [side.keys[place] for side in (before, after) for place in chosen], result)
    requests = read_requests(folder)
    drawn = [
        Row(prompt.text, label(prompt, requests), store.load(before.keys[place]), store.load(after.keys[place]))
        for place in chosen
        for prompt in (before.prompts[place],)
    ]
    return Grid(_png(sheet(_heading(result, role), drawn), result.id), len(chosen), len(before.prompts))


def spread(concepts: Sequence[str], rows: int) -> list[int]:
    """Which prompts are shown, by their places, given the concept of each.

    With more concepts than rows, those shown are evenly spaced over the run's list and give one prompt each: the first
    its first prompt, the second its second, and so on around. With fewer, every concept gives its first prompt, then
    its second, until the rows are full.

    >>> spread(["ant", "ant", "bee", "bee", "cat", "cat", "dog", "dog"], 2)
    [0, 5]
    >>> spread(["ant", "ant", "bee", "bee"], 3)
    [0, 1, 2]
    """
    places: dict[str, list[int]] = {}
    for place, concept in enumerate(concepts):
        places.setdefault(concept, []).append(place)
    own = list(places.values())
    if len(own) >= rows:
        picked = [own[index * len(own) // rows] for index in range(rows)]
        return [prompts[index % len(prompts)] for index, prompts in enumerate(picked)]
    turns = max((len(prompts) for prompts in own), default=0)
    return sorted([prompts[turn] for turn in range(turns) for prompts in own if turn < len(prompts)][:rows])


def label(prompt: Prompt, requests: Mapping[str, EditRequest]) -> tuple[str, ...]:
    """What an edit makes of the prompt's concept: (source, dest); class numbers where the run wrote no names."""
    if prompt.request is None:
        return (NOT_EDITED,)
    request = requests.get(prompt.request)
    if request is not None:
        return request.source, " / ".join(request.dests) or ERASED
    classes = (prompt.label, prompt.target)
    return tuple(f"class {number}" for number in classes if number is not None)


def _concept(prompt: Prompt) -> str:
    """What a prompt is about: its request, else its class, else itself."""
    return prompt.request or (f"class {prompt.label}" if prompt.label is not None else prompt.text)


def _finished(folder: Path) -> Result:
    result = read_result(folder / RESULT)
    if result.status == "failed":
        raise ResultError(f"{folder} failed ({result.error}): only a finished run has pictures to show")
    return result


def _of_role(folder: Path, role: str) -> tuple[Ledger, Ledger]:
    """Both sides of a run, the prompts of one role only."""
    before, after = read_ledgers(folder)
    if before.prompts != after.prompts:
        raise ResultError(f"{folder / FILE} names other prompts before than after: run the same command again")
    drawn = sorted({prompt.role for prompt in before.prompts})
    found = [known for known in drawn if known == role]
    if not found:
        raise SpecError(f"--role {role}: this run drew no such pictures; choose one of {', '.join(drawn) or 'none'}")
    return before.of(found), after.of(found)


def _all_there(store: ImageStore, keys: Sequence[str], result: Result) -> None:
    missing = store.missing(keys)
    if missing:
        raise StoreError(
            f"{len(missing)} of {len(set(keys))} pictures are not in the cache at {store.folder.parent}: name the "
            f"run's cache with --cache, or draw them again with `{result.provenance.command}`"
        )


def _heading(result: Result, role: str) -> str:
    edits = "1 edit" if result.num_edits == 1 else f"{result.num_edits} edits"
    return f"{result.method.label} on {result.task.name}, {edits}, {Path(result.model.family).name}, {role} prompts"


def _png(image: Image.Image, run: str) -> bytes:
    """PNG with the run's id in a text chunk; equal pixels give equal bytes."""
    info = PngInfo()
    info.add_itxt("iceb run", run)
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=info, compress_level=9)
    return stream.getvalue()
