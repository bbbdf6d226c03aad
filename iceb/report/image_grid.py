"""Draw a finished run as a grid: images before and after the edit and of destinations, from the cache.

Rows are chosen by their position in the run alone (`evenly`), never by what the images show, so a grid cannot be
cherry-picked and the same run always gives the same one.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import ResultError, SpecError, StoreError
from iceb.base.messages import shorten
from iceb.base.wording import edits_text
from iceb.report.answers import Answer, Answers
from iceb.report.blurring import blur
from iceb.report.contact_sheet import Strip, sheet
from iceb.report.destinations import find_destinations
from iceb.running.prompt_selection import evenly
from iceb.runs.folder import RESULT, read_requests, read_result, run_folder
from iceb.runs.ledger import read_ledger
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.stores.images import ImageStore

COLUMNS = ("before", "after", "destination")
ERASED = "(erased)"
NOT_EDITED = "not edited"
SOURCE = "source"  # the role of prompts of what is edited, in most tasks


@dataclass(frozen=True)
class Grid:
    """A drawn grid: PNG bytes, how many rows it has, and how many prompts of its role the run drew.

    Its images are blurred where its task is declared as sensitive.

    Attributes:
        role: of the prompts.
        destinations: rows that show their destination; with none the grid has no such column.
        hidden: rows whose destination could be shown if it were drawn.
    """

    png: bytes
    rows: int
    drawn: int
    role: str
    blurred: bool = False
    destinations: int = 0
    hidden: int = 0


def grid(named: Path, cache: Path | None = None, rows: int = 6, role: str = "", *, draw: bool = False) -> Grid:
    """Draw the grid of a run: one row for each of at most `rows` prompts of one role.

    Args:
        named: a run's folder, or the result.json in it.
        cache: the cache's root; None for the default one.
        role: which prompts; "" for those of what is edited.
        draw: draw destinations that the cache lacks, and have the judge look at images that it has not seen.

    Raises:
        ResultError: there is no such run, it failed, or its files are damaged.
        SpecError: fewer than one row, or the run drew no images of this role.
        StoreError: an image is not in the cache any more.
        ModelError: with `draw`, the run's model is not here.
    """
    if rows < 1:
        raise SpecError(f"{rows} rows: must be at least 1")
    folder = run_folder(named)
    result = _read_finished_run(folder)
    found = _of_role(folder, result, role)
    shown_role = found[0].prompt.role
    chosen = [found[place] for place in evenly([pair.prompt.cluster for pair in found], rows)]
    root, requests = cache_root(cache), read_requests(folder)
    store = ImageStore(root)
    _all_there(store, [key for pair in chosen for key in (pair.before, pair.after)], result)
    wanted = find_destinations(result, [pair.prompt for pair in chosen], requests, root, draw=draw)
    missing = set(store.missing(wanted.keys.values()))
    dests = {prompt: key for prompt, key in wanted.keys.items() if key not in missing}
    shown = [(pair, (pair.before, pair.after, *((dests.get(pair.prompt),) if dests else ()))) for pair in chosen]
    said = Answers(result, root, compute=draw).of([(pair.prompt, key) for pair, keys in shown for key in keys if key])
    blurred = _is_sensitive(result.task.name)
    strips = [_strip(pair.prompt, keys, label(pair.prompt, requests), store, said, blurred) for pair, keys in shown]
    image = sheet(_heading(result, shown_role), strips, COLUMNS[: 3 if dests else 2])
    hidden = len(wanted.prompts) - len(dests)
    return Grid(_png(image, result.id), len(chosen), len(found), shown_role, blurred, len(dests), hidden)


def _strip(
    prompt: Prompt,
    keys: Sequence[ImageKey | None],
    names: tuple[str, ...],
    store: ImageStore,
    said: Mapping[tuple[Prompt, ImageKey], Answer],
    blurred: bool,
) -> Strip:
    images = [None if key is None else store.load(key) for key in keys]
    shown = tuple(blur(image) if blurred and image is not None else image for image in images)
    answers = [None if key is None else said.get((prompt, key)) for key in keys]
    captions = tuple("" if answer is None else answer.text for answer in answers)
    return Strip(prompt.text, names, shown, captions if any(captions) else ())


def _is_sensitive(task: str) -> bool:
    """Whether a task is declared as sensitive; one that is not installed any more is not known to be."""
    known = any(task in (entry.name, entry.full_name, entry.public_name) for entry in registry.entries_of("tasks"))
    return known and bool(registry.load("tasks", task).sensitive)


@dataclass(frozen=True)
class ImagePair:
    """A prompt's images before and after the edit, by key."""

    prompt: Prompt
    before: ImageKey
    after: ImageKey


def label(prompt: Prompt, requests: Mapping[str, EditRequest]) -> tuple[str, ...]:
    """Return the (source, dest) of the prompt's edit; class numbers if the run stored no names."""
    if prompt.request is None:
        return (NOT_EDITED,)
    request = requests.get(prompt.request)
    if request is not None:
        return request.source, " / ".join(request.dests) or ERASED
    classes = (prompt.label, prompt.target)
    return tuple(f"class {number}" for number in classes if number is not None)


def _read_finished_run(folder: Path) -> Result:
    result = read_result(folder / RESULT)
    if result.status == "failed":
        raise ResultError(f"{folder} failed ({result.error}): only a finished run has images to show")
    return result


def _of_role(folder: Path, result: Result, role: str) -> list[ImagePair]:
    """Return the prompts of one role that were drawn both before and after."""
    rows = read_ledger(folder, result.images)
    pairs = [
        ImagePair(row.prompt, row.before, row.after) for row in rows if row.before is not None and row.after is not None
    ]
    chosen = role or edited_role([pair.prompt for pair in pairs])
    found = [pair for pair in pairs if pair.prompt.role == chosen]
    if not found:
        drawn = ", ".join(sorted({row.prompt.role for row in rows})) or "none"
        raise SpecError(f"`role` {shorten(role)}: this run drew no such images on both sides; choose one of {drawn}")
    return found


def edited_role(prompts: Sequence[Prompt]) -> str:
    """The role of what is edited: the sources', else an edit's first, else the first of all."""
    edited = [prompt.role for prompt in prompts if prompt.request is not None]
    roles = edited or [prompt.role for prompt in prompts]
    return SOURCE if SOURCE in roles else next(iter(roles), "")


def _all_there(store: ImageStore, keys: Sequence[str], result: Result) -> None:
    missing = store.missing(keys)
    if missing:
        raise StoreError(
            f"{len(missing)} of {len(set(keys))} images are not in the cache at {store.folder.parent}: name the "
            f"run's cache with `cache`, or draw them again with `{result.provenance.command}`"
        )


def _heading(result: Result, role: str) -> str:
    edits = edits_text(result.num_edits, result.draws, result.replicates)
    return f"{result.method.label} on {result.task.name}, {edits}, {Path(result.model.family).name}, {role} prompts"


def _png(image: Image.Image, run: str) -> bytes:
    """Encode as PNG with the run's id in a text chunk; equal pixels give equal bytes."""
    info = PngInfo()
    info.add_itxt("iceb run", run)
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=info, compress_level=9)
    return stream.getvalue()
