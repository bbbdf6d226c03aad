"""Read the files that ReFACT's settings name, without torch."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceb.base.errors import DataError
from iceb.base.readers import explain_reading, read_json, user_path

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT

PROJECTION = "text_projection.weight"
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def check_files(method: "ReFACT") -> None:
    """Refuse files that cannot work; headers and lists are read, no weight and no image.

    Raises:
        DataError: a file cannot be read, or lacks what it is named for.
    """
    if method.projection is not None:
        projection_shape(method.projection)
    if method.clip_config is not None:
        vision_part(method.clip_config)
    if method.images is not None:
        image_names(method.images, method.image_count)
    if method.kl_texts is not None and not expand(method.kl_texts).is_file():
        raise DataError(f"kl_texts {method.kl_texts}: is no file: name one with a text a line")


def expand(path: str) -> Path:
    """Expand the path of a file that a setting names."""
    return user_path(path)


def projection_shape(path: str) -> list[int]:
    """The shape of a CLIP's text projection; only the file's header is read.

    Raises:
        DataError: the file cannot be read, is no safetensors file, or lacks a matrix of that name.
    """
    from safetensors import SafetensorError, safe_open

    with (
        explain_reading(f"projection {path}", DataError, "name a safetensors file", SafetensorError),
        safe_open(expand(path), framework="pt") as file,
    ):
        if PROJECTION not in file.keys():  # noqa: SIM118 (the file is no mapping)
            raise DataError(f"projection {path}: has no {PROJECTION!r}; name CLIP's own model.safetensors")
        return list(file.get_slice(PROJECTION).get_shape())


def vision_part(path: str) -> dict[str, Any]:
    """The image tower's settings in a CLIP's config.json, the common projection's width among them.

    Raises:
        DataError: the file cannot be read, or has no such part.
    """
    config = read_json(expand(path), DataError, "name the config.json of a CLIPModel")
    try:
        return {**config["vision_config"], "projection_dim": config["projection_dim"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"clip_config {path}: is no config.json of a CLIPModel ({error!r})") from error


@contextmanager
def open_images(path: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive of images.

    Raises:
        DataError: it cannot be read, when it is opened or inside the block.
    """
    named = f"images {path}"
    with (
        explain_reading(named, DataError, "name a zip archive of images", zipfile.BadZipFile),
        zipfile.ZipFile(expand(path)) as archive,
    ):
        yield archive


def image_names(path: str, count: int) -> list[str]:
    """The names of the first `count` images of a zip archive, in order; nothing is decoded.

    Raises:
        DataError: it cannot be read, or holds fewer.
    """
    with open_images(path) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(ENDINGS))
    if len(names) < count:
        raise DataError(f"images {path}: {len(names)} images, and image_count asks for {count}")
    return names[:count]
