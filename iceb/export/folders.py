"""Folders of an export: what an earlier one wrote is replaced, and nothing else is touched."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.base.files import write_atomic
from iceb.base.readers import parse_json, read_text
from iceb.export.asking import LeftOutScore

MANIFEST = "export.json"
REMEDY = "name another folder with `out`"


def write_folder(out: Path, form: str, texts: Mapping[str, str], left_out: Sequence[LeftOutScore]) -> tuple[Path, ...]:
    """Write the files of an export and, last, its manifest with the scores that were left out.

    Raises:
        ResultError: the folder holds something that is no export of this form.
        StoreError: it cannot be written.
    """
    for name in _earlier_files(out, form):
        (out / name).unlink(missing_ok=True)
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    write_manifest(out, form, list(texts), left_out)
    return (*(out / name for name in texts), out / MANIFEST)


def write_manifest(out: Path, form: str, names: Sequence[str], left_out: Sequence[LeftOutScore]) -> None:
    """Write the list of an export's files and of the scores that it leaves out."""
    from iceb import __version__

    document = {
        "form": form,
        "iceb": __version__,
        "files": list(names),
        "left_out": [{"run": each.run, "metric": each.metric, "reason": each.reason} for each in left_out],
    }
    write_atomic(out / MANIFEST, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def refuse_full_folder(out: Path) -> None:
    """Refuse a folder that holds anything: a tracker adds to what is there, and would count a run twice.

    Raises:
        ResultError: as it says.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ResultError(f"{out} is not an empty folder, and each run is to stand in it once: {REMEDY}")


def _earlier_files(out: Path, form: str) -> list[str]:
    """The files that an earlier export of the form wrote here.

    Raises:
        ResultError: the folder holds something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return []
    if not (out / MANIFEST).is_file():
        raise ResultError(f"{out} holds files that are no export: {REMEDY}")
    document = parse_json(read_text(out / MANIFEST, ResultError, REMEDY), str(out / MANIFEST), ResultError, REMEDY)
    if not isinstance(document, dict) or document.get("form") != form:
        raise ResultError(f"{out} holds an export of another form: {REMEDY}")
    named = document.get("files")
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    root = out.resolve()
    return [name for name in names if (out / name).resolve().is_relative_to(root)]
