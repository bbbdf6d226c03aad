"""The sheet and the tables of a trial: unedited, each method, destination; and numbers to decide by."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from iceb.base.files import write_atomic
from iceb.report.contact_sheet import Strip, sheet
from iceb.running.prompt_selection import evenly
from iceb.running.trial import Trial, TriedMethod
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.results import Result
from iceb.stores.images import ImageStore, Pixels

COLUMNS = {  # metric → column of the table
    "own_reached": "reached",
    "own_forgotten": "forgotten",
    "own_neighbours_kept": "neighbours",
    "own_unrelated_kept": "unrelated",
    "own_drift": "drift",
}
DEGENERATE = "degenerate"  # column of the table
LEFT_ALONE = 6  # rows of neighbours, and of unrelated prompts
MOST_SOURCES = 40  # rows of source prompts
MISSING = "–"


def write_trial(trial: Trial, out: Path, cache: Path) -> tuple[Path, Path]:
    """Write the sheet and the table of a trial into a folder; return their paths.

    Raises:
        StoreError: the folder cannot be written, or an image is not in the cache any more.
    """
    sheet_path, page = out / "sheet.png", out / "table.md"
    write_atomic(sheet_path, trial_png(trial, ImageStore(cache)))
    write_atomic(page, markdown(trial).encode())
    return sheet_path, page


def trial_png(trial: Trial, store: ImageStore) -> bytes:
    """Draw the sheet: source prompts first, then neighbours, then unrelated prompts."""
    names = ["unedited", *(each.result.method.name for each in trial.methods), "destination"]
    first = trial.methods[0].result
    heading = f"{trial.own.file}, {len(trial.own.concepts)} requests, {first.model.repo}: same prompt and seed in a row"
    image = sheet(heading, [_strip(prompt, trial, store) for prompt in _shown_prompts(trial)], names)
    info, stream = PngInfo(), io.BytesIO()
    info.add_itxt("iceb trial", " ".join(each.result.id for each in trial.methods))
    image.save(stream, "PNG", pnginfo=info, compress_level=9)
    return stream.getvalue()


def _shown_prompts(trial: Trial) -> list[Prompt]:
    """Choose the prompts of the sheet by their place alone, never by what the images show."""
    prompts = list(trial.methods[0].before)
    found: list[Prompt] = []
    for role, most in (("source", MOST_SOURCES), ("neighbour", LEFT_ALONE), ("unrelated", LEFT_ALONE)):
        own = [prompt for prompt in prompts if prompt.role == role]
        found += [own[place] for place in evenly([prompt.cluster for prompt in own], most)]
    return found


def _strip(prompt: Prompt, trial: Trial, store: ImageStore) -> Strip:
    first = trial.methods[0]
    dest = _load(store, trial.dests, prompt)
    images = [_load(store, first.before, prompt), *(_load(store, each.after, prompt) for each in trial.methods), dest]
    said = [trial.unedited_answers, *(each.answers for each in trial.methods), trial.dest_answers]
    return Strip(prompt.text, _label(prompt, trial), tuple(images), tuple(each.get(prompt, "") for each in said))


def _load(store: ImageStore, keys: Mapping[Prompt, ImageKey], prompt: Prompt) -> Pixels | None:
    return store.load(keys[prompt]) if prompt in keys else None


def _label(prompt: Prompt, trial: Trial) -> tuple[str, ...]:
    """Return (source, dest) of a source prompt, else why the prompt is there."""
    if prompt.request is None:
        return ("a neighbour: shall stay" if prompt.role == "neighbour" else "unrelated: shall stay",)
    request = next(each for each in trial.own.requests if each.id == prompt.request)
    return request.source, " / ".join(request.dests) or "(erased)"


def decision_table(trial: Trial) -> Iterator[list[str]]:
    """Yield the rows of the table by method, its head first; the unedited model's are what was so before."""
    yield ["method", *COLUMNS.values(), DEGENERATE, "edit (s)"]
    first = trial.methods[0].result
    before = [None if (score := first.score(metric)) is None else score.before for metric in COLUMNS]
    yield ["unedited", *map(_number, before), _degenerate(first, edited=False), ""]
    for each in trial.methods:
        values = [None if (score := each.result.score(metric)) is None else score.value for metric in COLUMNS]
        seconds = each.result.cost.edit_seconds
        edit = "" if seconds is None else f"{seconds:.1f}"
        yield [each.result.method.label, *map(_number, values), _degenerate(each.result, edited=True), edit]


def _degenerate(result: Result, edited: bool) -> str:
    """The share of images that show nothing, on one side of the edit."""
    counts = [] if result.degenerate is None else list(result.degenerate.roles.values())
    images = sum(each.images if edited else each.images_before for each in counts)
    found = sum(each.after if edited else each.before for each in counts)
    return f"{found / images:.2f}" if images else MISSING


def request_table(trial: Trial) -> Iterator[list[str]]:
    """Yield the rows of the table by request: how many images reached it, or lost an erased one."""
    yield ["request", *(each.result.method.name for each in trial.methods)]
    for request in trial.own.requests:
        metric = "own_reached" if len(request.dests) == 1 else "own_forgotten"
        name = f"{request.source} → {' / '.join(request.dests) or '(erased)'}"
        yield [name, *(_of_request(each, metric, request.id) for each in trial.methods)]


def _of_request(each: TriedMethod, metric: str, request: str) -> str:
    rows = [row.value for row in each.table if row.metric == metric and row.value.concept == request]
    found = [row for row in rows if row.after is not None]
    hits = sum(round((row.after or 0.0) * row.n) for row in found)
    return f"{hits}/{sum(row.n for row in found)}" if found else MISSING


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def markdown(trial: Trial) -> str:
    """Write both tables as a page."""
    tables = [_markdown_table(list(decision_table(trial))), _markdown_table(list(request_table(trial)))]
    about = (
        "Shares of images after the edit, by the judge of each concept: a class that ImageNet has by the classifier "
        "(probability above one half), others by CLIP (the nearer of two texts). Neighbours and unrelated: those that "
        "still show what their prompt names. Drift: perceptual distance of unrelated prompts' images to those of the "
        "unedited model. Degenerate: the share of all images that show nothing (blank, noise, blobs of colour). "
        "Low numbers in the row 'unedited' of what shall stay say that the model, or the judge, does "
        "not know these concepts."
    )
    return "\n\n".join([f"# Trial of {trial.own.file}", about, *tables]) + "\n"


def _markdown_table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])
