"""Images that other programs drew: find them by prompt id, check them, and keep them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from iceb.base.digest import digest, digest_array
from iceb.base.errors import DataError
from iceb.base.messages import quote, shorten
from iceb.base.readers import check_fields, is_file, is_folder, parse_json, read_text
from iceb.running.measuring import read_image
from iceb.running.prompt_files import PromptFiles
from iceb.runs.ledger import ImageRow
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.runs import Sampling, slug
from iceb.stores.images import ImageStore

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MANIFEST = ".jsonl"
FIELDS = ("id", "path", "side", "checkpoint")
NAMES = "images are named by their prompt's id, as `iceb show prompts` lists them"
Files: TypeAlias = dict[str, Path]  # name below a side, without the ending → file


@dataclass
class HandedImages:
    """The images of both sides that were handed in, and how they answer a task's prompts.

    Attributes:
        rows: of the prompts that have every image which a metric reads.
        missing: files that are not there.
        unknown: files that are of no prompt of the task.
    """

    rows: list[ImageRow] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: list[Path] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """Digest of the images, which stands for a method's code in the result's id."""
        return digest([[row.before, row.after] for row in self.rows])


def find_files(images: Path, before: Path | None = None) -> dict[str, Files]:
    """Find the files of each side.

    Args:
        images: a folder with the folders (or manifests) `before` and `after`, or one manifest of both sides.
        before: a folder or a manifest of the unedited model's images, where they lie elsewhere.

    Raises:
        DataError: there is no such place, a manifest is malformed, or an image stands there twice.
    """
    found: dict[str, Files] = {BEFORE: {}, AFTER: {}}
    if images.suffix == MANIFEST:
        for side, files in _read_manifest(images, AFTER).items():
            found[side] = files
    elif is_folder(images):
        for side in (BEFORE, AFTER):
            found[side] = _side(images, side)
    else:
        raise DataError(f"`images` {shorten(str(images))}: neither a folder nor a {MANIFEST} manifest")
    if before is not None:
        if found[BEFORE]:
            raise DataError(f"`before` {before}: `images` {images} holds images of that side too: name one of the two")
        found[BEFORE] = _named_side(before)
    if not found[AFTER]:
        raise DataError(
            f"`images` {images}: no image of the edited model is there: put them into a folder after/, or list them in "
            f"after{MANIFEST}; {NAMES}"
        )
    return found


def _side(folder: Path, side: str) -> Files:
    """Return the files of one side in a folder; none where nothing there has the side's name."""
    inner, manifest = folder / side, folder / f"{side}{MANIFEST}"
    if is_folder(inner) and is_file(manifest):
        raise DataError(f"{folder} has both {side}/ and {manifest.name}: remove one of the two")
    if is_file(manifest):
        return _read_manifest(manifest, side)[side]
    return _read_folder(inner) if is_folder(inner) else {}


def _named_side(place: Path) -> Files:
    """Return the unedited model's files in a folder or a manifest of their own."""
    if place.suffix == MANIFEST:
        return _read_manifest(place, BEFORE)[BEFORE]
    if not is_folder(place):
        raise DataError(f"`before` {shorten(str(place))}: neither a folder nor a {MANIFEST} manifest")
    return _side(place, BEFORE) or _read_folder(place)


def _read_folder(folder: Path) -> Files:
    found: Files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in ENDINGS and path.is_file():
            _enter(found, path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def _enter(found: Files, name: str, path: Path) -> None:
    if name in found:
        raise DataError(f"{path}: a duplicate: {found[name]} is an image of {name} too; keep one of them")
    found[name] = path


def _read_manifest(path: Path, side: str) -> dict[str, Files]:
    """Read the rows of a manifest; those without `side` are of the side named."""
    found: dict[str, Files] = {BEFORE: {}, AFTER: {}}
    lines = read_text(path, DataError, "name a manifest of one JSON object a line").split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = f"{path} line {number}"
            row = _manifest_row(line, where)
            named = row.get("side", side)
            if named not in found:
                raise DataError(f"{where}: side {quote(named)}: must be {BEFORE} or {AFTER}")
            folder = f"{slug(row['checkpoint'])}/" if "checkpoint" in row and named == AFTER else ""
            _enter(found[named], f"{folder}{row['id']}", path.parent / row["path"])
    return found


def _manifest_row(line: str, where: str) -> dict[str, str]:
    row = parse_json(line, where, DataError, f"a line has {', '.join(FIELDS)}")
    try:
        check_fields(row, FIELDS)
    except ValueError as error:
        raise DataError(f"{where}: {error}; a line has {', '.join(FIELDS)}") from error
    for name in FIELDS:
        if name in row and not isinstance(row[name], str):
            raise DataError(f"{where}: {name} {quote(row[name], 80)}: must be text")
    if lacking := [name for name in ("id", "path") if not row.get(name)]:
        raise DataError(f"{where}: has no {lacking[0]}")
    return dict(row)


def take_images(
    wanted: Iterable[PromptFiles],
    found: Mapping[str, Files],
    sampling: Sampling,
    store: ImageStore,
    drawn: Mapping[Prompt, ImageKey] | None = None,
) -> HandedImages:
    """Check the images of a task's prompts, and keep them under keys of their content.

    Args:
        drawn: the unedited model's images where they were drawn here; None where they are handed in.

    Raises:
        DataError: an image cannot be read or has another size than the model's, or none of the prompts has its images.
        StoreError: the cache cannot be written.
    """
    taken, keys, used = HandedImages(), dict[Path, ImageKey](), set[Path]()
    for files in wanted:
        sides = {BEFORE: files.before if drawn is None else None, AFTER: files.after}
        places = {side: found[side].get(_short(side, name, files, found)) for side, name in sides.items() if name}
        used.update(path for path in places.values() if path is not None)
        absent = [f"{side}/{sides[side]}.png" for side, path in places.items() if path is None]
        taken.missing += absent
        step, here = files.step, (drawn or {}).get(files.prompt)
        if not absent and (places or here is not None):
            row = {side: _keep(path, sampling, store, keys) for side, path in places.items() if path is not None}
            before, after = row.get(BEFORE, here), row.get(AFTER)
            taken.rows.append(ImageRow(step.id, step.group, files.prompt, before, after, step.draw))
    taken.missing = list(dict.fromkeys(taken.missing))
    taken.unknown = sorted({path for side in found.values() for path in side.values()} - used)
    if not taken.rows:
        raise DataError(
            f"no prompt has its images: {taken.missing[0]} and others are missing; {NAMES}; `draw_before` draws those "
            "of before/ here"
        )
    return taken


def _short(side: str, name: str, files: PromptFiles, found: Mapping[str, Files]) -> str:
    """Return the name to look for: of one checkpoint alone, a manifest may name it or not."""
    longer = f"{slug(files.step.id)}/{name}"
    return longer if side == AFTER and name not in found[side] and longer in found[side] else name


def _keep(path: Path, sampling: Sampling, store: ImageStore, keys: dict[Path, ImageKey]) -> ImageKey:
    """Keep one image; return its key, which is of the pixels alone."""
    if path not in keys:
        image = read_image(path)
        if image.shape[:2] != (sampling.height, sampling.width):
            raise DataError(
                f"image {path} is {image.shape[1]}x{image.shape[0]} pixels, the model draws {sampling.width}x"
                f"{sampling.height}: draw it so, or name the model with `model`; a scaled image scores otherwise"
            )
        keys[path] = digest({"handed": digest_array(image)})
        store.save(keys[path], image)
    return keys[path]
