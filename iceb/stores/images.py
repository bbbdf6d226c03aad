"""Pictures by content key: one PNG each, with its key inside, so that a file proves what it is.

Pictures are not flushed to the disk one by one (that would cost more than drawing small ones). A process that is killed
loses nothing, for the system still holds the bytes; after a power cut a picture may be damaged, which its checksum and
its key show when it is read: it is then removed, and the same command draws it again.
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from iceb.base.errors import StoreError
from iceb.base.files import content_path, explained, publish

ImageKey: TypeAlias = str  # 64 hex digits: the digest of everything that decides the picture's bytes
Pixels: TypeAlias = npt.NDArray[np.uint8]
KEY = "iceb"  # the text chunk that holds the key
END = b"IEND\xaeB`\x82"  # how every whole PNG ends
LEAST = 64  # bytes; no PNG is smaller, an unfinished file may be


class ImageStore:
    """The folder `images` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "images"
        self._known: set[ImageKey] = set()

    def path(self, key: ImageKey) -> Path:
        """Where the picture of this key lies, or would."""
        return content_path(self.folder, key, ".png")

    def missing(self, keys: Iterable[ImageKey]) -> list[ImageKey]:
        """The keys without a picture, each once, in order."""
        return [key for key in dict.fromkeys(keys) if not self._has(key)]

    def _has(self, key: ImageKey) -> bool:
        if key in self._known:
            return True
        try:
            found = self.path(key).stat().st_size >= LEAST
            if not found:  # cut short by a power cut: it must make room, because the first writer's file stays
                self.path(key).unlink(missing_ok=True)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"cannot read the cache at {self.folder} ({error.strerror or error})") from error
        if found:
            self._known.add(key)
        return found

    def save(self, key: ImageKey, picture: Pixels, about: Mapping[str, str] | None = None) -> None:
        """Keep a picture (height, width, 3) uint8 under its key; a picture already there stays.

        Args:
            about: what else to write into the file, for people who look at it.

        Raises:
            StoreError: the cache cannot be written.
        """
        publish(self.path(key), encoded(picture, {KEY: key, **(about or {})}), durable=False)
        self._known.add(key)

    def load(self, key: ImageKey) -> Pixels:
        """The picture of this key, (height, width, 3) uint8.

        Raises:
            StoreError: it is not there, or it is damaged (and has been removed).
        """
        path = self.path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"picture {path} is not in the cache: run the same command again to draw it") from error
        except OSError as error:
            raise StoreError(f"cannot read {path} ({error.strerror or error})") from error
        if not data.endswith(END):
            raise self._damaged(path, "it is cut short")
        try:
            with Image.open(io.BytesIO(data)) as image:
                pixels = np.asarray(image.convert("RGB"))
                written = getattr(image, "text", {}).get(KEY)
        except (OSError, SyntaxError, ValueError) as error:
            raise self._damaged(path, str(error)) from error
        if written != key:
            raise self._damaged(path, f"its key is {written}")
        return pixels

    def read(self, key: ImageKey) -> Pixels | None:
        """The image of this key; None if it is missing, or damaged and now removed."""
        try:
            return self.load(key)
        except StoreError:
            return None

    def _damaged(self, path: Path, reason: str) -> StoreError:
        self._known.discard(path.stem)
        with explained(path):
            path.unlink(missing_ok=True)
        return StoreError(f"picture {path} was damaged ({reason}) and is removed: run the same command again")


def encoded(picture: Pixels, texts: Mapping[str, str]) -> bytes:
    """A PNG with text chunks; equal pictures and texts give equal bytes."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text) if not text.isascii() else info.add_text(name, text)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", pnginfo=info, compress_level=1)
    return stream.getvalue()
