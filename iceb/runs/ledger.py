"""The ledger of a run's images: one line per prompt and checkpoint, with the images' keys."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb.base.digest import digest_bytes
from iceb.base.errors import IcebError, ResultError
from iceb.base.fields import defaults_of, differing
from iceb.base.messages import quote, shorten
from iceb.base.readers import check_fields, list_as_tuple, parse_json, read_text
from iceb.runs.folder import AGAIN
from iceb.specs.checks import check_name, checked_key
from iceb.specs.prompts import ImageKey, NoiseDraw, Prompt
from iceb.specs.records import TableRecord

LEDGER = "images.jsonl"
OWN = ("checkpoint", "group", "draw", "before", "after")  # fields of a row beside its prompt's
TUPLES = ("choices", "tags")  # fields of a prompt that JSON turns into lists


@dataclass(frozen=True)
class ImageRow:
    """One prompt at one checkpoint, and its images.

    Attributes:
        checkpoint: the checkpoint's id.
        group: name shared by the checkpoints whose images are scored together; "" if unnamed.
        draw: the draw of concepts that the checkpoint's edit is of; "" where edits are not repeated.
        before: key of the unedited model's image; None where no metric reads it.
        after: key of the edited model's image, likewise.
    """

    checkpoint: str
    group: str
    prompt: Prompt
    before: ImageKey | None
    after: ImageKey | None
    draw: str = ""

    def __post_init__(self) -> None:
        check_name(self.checkpoint, "checkpoint")
        for name in ("group", "draw"):
            if getattr(self, name) != "":
                check_name(getattr(self, name), name)
        for key in (self.before, self.after):
            if key is not None:
                checked_key(key, f"prompt {quote(self.prompt.text, 40)}")

    def key(self, side: str) -> ImageKey | None:
        """Return the key of one side's image."""
        return self.before if side == "before" else self.after


def encode_ledger(rows: Sequence[ImageRow]) -> bytes:
    """Encode images.jsonl, one line per row; with the image store it is enough to recompute every score."""
    lines = [json.dumps(_document(row), ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def ledger_record(data: bytes, rows: Sequence[ImageRow]) -> TableRecord:
    """Make the record of the ledger that a result holds."""
    return TableRecord(sha256=digest_bytes(data), rows=len(rows))


def _document(row: ImageRow) -> dict[str, Any]:
    """Encode a row; fields of its prompt at their default are left out."""
    fields = dataclasses.asdict(row.prompt)
    prompt = {name: fields[name] for name in differing(fields, defaults_of(Prompt))}
    return {**{name: getattr(row, name) for name in OWN}, **prompt}


def read_ledger(folder: Path, record: TableRecord | None) -> list[ImageRow]:
    """Read the rows of a run's images.

    Args:
        folder: the run's.
        record: what its result says of them.

    Raises:
        ResultError: the file is missing, is not the one that the result names, or has a line that is no image row.
    """
    path = folder / LEDGER
    text = read_text(path, ResultError, "name the folder that a run wrote")
    found = digest_bytes(text.encode())
    if record is None or found != record.sha256:
        named = f"its result names {record.sha256[:12]}…" if record else "its result names no images"
        raise ResultError(f"{path}: its sha256 is {found[:12]}…, {named}: one of the two was changed; {AGAIN}")
    lines = text.split("\n")
    return [_row(line, f"{path} line {number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _row(line: str, where: str) -> ImageRow:
    document = parse_json(line, where, ResultError, AGAIN)
    try:
        check_fields(document, [*OWN, *(field.name for field in dataclasses.fields(Prompt))])
        row = {name: document.pop(name) for name in OWN}
        document.update({name: list_as_tuple(document[name]) for name in TUPLES if name in document})
        if document.get("noise") is not None:
            noise = document["noise"]
            document["noise"] = NoiseDraw(noise["seed"], list_as_tuple(noise["calls"]), noise["slot"])
        return ImageRow(prompt=Prompt(**document), **row)
    except (IcebError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{where}: not an image row ({shorten(str(error))}); {AGAIN}") from error
