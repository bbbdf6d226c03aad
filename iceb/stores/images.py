"""Images by content key: one PNG each, with its key and the digest of its pixels inside.

Images are not flushed to the disk one by one (that would cost more than drawing small ones). A process that is killed
loses nothing, for the system still holds the bytes; after a power cut an image may be damaged. The pixels' digest shows
that, and any other damage, when an image is read: PNG's own checksums do not, for Pillow skips those of the pixel data.
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from stat import S_ISREG
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from iceb.base.digest import digest_array
from iceb.base.errors import StoreError
from iceb.base.files import content_path
from iceb.base.messages import shorten
from iceb.specs.prompts import ImageKey
from iceb.stores.damage import DamagedError, publish_checked, read_checked
from iceb.stores.remote import stored_remotely

Pixels: TypeAlias = npt.NDArray[np.uint8]
SUFFIX = ".png"
KEY, DIGEST = "iceb", "iceb_sha256"  # the text chunks that hold the key and the digest of the pixels
END = b"IEND\xaeB`\x82"  # how every whole PNG ends
LEAST = 64  # bytes; no PNG is smaller, an unfinished file may be


class ImageStore:
    """The folder `images` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "images"
        self._known: set[ImageKey] = set()

    def path(self, key: ImageKey) -> Path:
        """The path of the image of this key, there or not.

        Raises:
            StoreError: the key is not 64 hexadecimal digits.
        """
        return content_path(self.folder, key, SUFFIX)

    def missing(self, keys: Iterable[ImageKey]) -> list[ImageKey]:
        """The keys without an image, each once, in order; files are not opened, and nothing is removed.

        Raises:
            StoreError: the cache cannot be read.
        """
        lacking = {key: self.path(key) for key in dict.fromkeys(keys) if not self._has(key)}
        elsewhere = stored_remotely(lacking.values())
        return [key for key, path in lacking.items() if path not in elsewhere]

    def _has(self, key: ImageKey) -> bool:
        if key in self._known:
            return True
        path = self.path(key)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            if path.is_symlink():  # one that leads back to itself
                return False
            raise StoreError(f"cannot read the cache at {shorten(str(path))} ({error.strerror or error})") from error
        if S_ISREG(stat.st_mode) and stat.st_size >= LEAST:
            self._known.add(key)
            return True
        return False  # cut short by a power cut, or no file: `save` replaces it

    def save(self, key: ImageKey, image: Pixels, about: Mapping[str, str] | None = None) -> None:
        """Keep an image (height, width, 3) uint8 under its key; a sound one already there stays.

        Args:
            about: what else to write into the file, for people who look at it.

        Raises:
            StoreError: the cache cannot be written.
        """
        data = encode_png(image, {KEY: key, DIGEST: digest_array(image), **(about or {})})
        publish_checked(self.path(key), data, lambda: self.read(key), durable=False)
        self._known.add(key)

    def read(self, key: ImageKey) -> Pixels | None:
        """The image of this key, (height, width, 3) uint8; None if missing, or damaged and now removed.

        Raises:
            StoreError: the file cannot be read.
        """
        found = read_checked(self.path(key), lambda path: _decode(path, key))
        if found is None:
            self._known.discard(key)
        return found

    def load(self, key: ImageKey) -> Pixels:
        """The image of this key, for callers that cannot draw it again.

        Raises:
            StoreError: it is not there, or it was damaged (and has been removed).
        """
        found = self.read(key)
        if found is None:
            path = shorten(str(self.path(key)))
            raise StoreError(f"image {path} is not in the cache: run the same command again to draw it")
        return found


def _decode(path: Path, key: ImageKey) -> Pixels:
    data = path.read_bytes()
    if not data.endswith(END):
        raise DamagedError("it is cut short")
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"))
        texts: Mapping[str, str] = getattr(image, "text", {})
    if texts.get(KEY) != key:
        raise DamagedError("it is the file of another key")
    if texts.get(DIGEST) != digest_array(pixels):
        raise DamagedError("its pixels are not those that were written")
    return pixels


def encode_png(image: Pixels, texts: Mapping[str, str]) -> bytes:
    """A PNG with text chunks; equal images and texts give equal bytes."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text) if not text.isascii() else info.add_text(name, text)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", pnginfo=info, compress_level=1)
    return stream.getvalue()
