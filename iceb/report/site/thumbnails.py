"""Thumbnails of a report: small files named by their content, in a folder beside the page."""

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from iceb.report.blurring import blur
from iceb.specs.prompts import ImageKey
from iceb.stores.images import ImageStore, Pixels

FOLDER = "images"
LARGE = 256  # pixels of the longer side; larger images are reduced to it
NAMED = 20  # hexadecimal digits of a file's name


@dataclass
class Thumbnails:
    """The thumbnails in a report's folder; each image is written once.

    Attributes:
        store: where the images are.
        site: the report's folder.
        sensitive: write them blurred, under the name of the sharp one with ".blurred" in it.
        sharp: write the sharp ones of a sensitive task, too, which the page shows where the reader clicks.
        missing: keys that the store has no image of.
    """

    store: ImageStore
    site: Path
    sensitive: bool = False
    sharp: bool = False
    missing: set[ImageKey] = field(default_factory=set)
    size: tuple[int, int] = (0, 0)  # of the first one, pixels
    _names: dict[ImageKey, str] = field(default_factory=dict)

    def name(self, key: ImageKey | None) -> str | None:
        """Return a thumbnail's name below the folder of images, written if need be; None if there is no image."""
        if key is None or key in self.missing:
            return None
        if key not in self._names:
            pixels = self.store.read(key)
            if pixels is None:
                self.missing.add(key)
                return None
            self._names[key] = self._write(pixels)
        return self._names[key]

    @property
    def names(self) -> set[str]:
        """The names of all thumbnails."""
        return set(self._names.values())

    def _write(self, pixels: Pixels) -> str:
        data, suffix = encode_thumbnail(pixels)
        stem = hashlib.sha256(data).hexdigest()[:NAMED]
        if self.sharp or not self.sensitive:
            self._keep(f"{stem[:2]}/{stem}{suffix}", data)
        if self.sensitive:
            self._keep(f"{stem[:2]}/{stem}.blurred{suffix}", encode_thumbnail(blur(pixels))[0])
        if self.size == (0, 0):
            with Image.open(io.BytesIO(data)) as image:
                self.size = image.size
        return f"{stem[:2]}/{stem}{suffix}"

    def _keep(self, name: str, data: bytes) -> None:
        path = self.site / FOLDER / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def encode_thumbnail(pixels: Pixels) -> tuple[bytes, str]:
    """Encode an image as a PNG, or one that is larger than a thumbnail as a reduced JPEG."""
    image, stream = Image.fromarray(pixels), io.BytesIO()
    side = max(image.size)
    if side <= LARGE:
        image.save(stream, "PNG", compress_level=6)
        return stream.getvalue(), ".png"
    size = (max(1, round(image.width * LARGE / side)), max(1, round(image.height * LARGE / side)))
    image.resize(size, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=88)
    return stream.getvalue(), ".jpg"
