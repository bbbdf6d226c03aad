"""Measure images in chunks; reuse stored rows and save each new chunk at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image

from iceb.base.digest import digest
from iceb.base.errors import DataError, MeasureError, StoreError
from iceb.base.progress import stage
from iceb.base.readers import explain_reading
from iceb.models.environment import libraries
from iceb.models.memory import PassSize
from iceb.models.threads import prepare_and_run, single_threaded
from iceb.running.code_digest import code_digest
from iceb.running.measure_attempts import FailedRow, MeasuredRow, measure_images
from iceb.running.second_look import SecondLook
from iceb.specs.metrics import Measure, Measured, MeasureInput, text_and_choices
from iceb.specs.prompts import ImageKey, Prompt
from iceb.stores.arrays import Array
from iceb.stores.images import ImageStore, Pixels
from iceb.stores.measured import MeasuredStore, RowKey

Rows: TypeAlias = dict[RowKey, MeasuredRow]
Chunk: TypeAlias = tuple[Sequence[RowKey], Sequence[ImageKey], Sequence[MeasureInput]]
CHUNK = 128  # images that are measured and saved together
WHOLE_IMAGES = "a reference must hold whole images"


@dataclass(frozen=True)
class MeasuredImage:
    """An image to measure, with the prompt and image before that a measure may read.

    Attributes:
        image: its key; of an image from elsewhere the digest of its file.
        prompt: what it was drawn for; None for images from elsewhere.
        before: key of the unedited model's image of the same prompt; None where there is none.
    """

    image: ImageKey
    prompt: Prompt | None = None
    before: ImageKey | None = None

    def key(self, measure: Measure) -> RowKey:
        """Return the key of its row: everything that the measure reads."""
        if measure.inputs == "image":
            return self.image
        if measure.inputs == "pair":
            return digest({"image": self.image, "before": self.before})
        prompt = self.prompt
        texts = [prompt.text, list(prompt.choices)] if prompt is not None else None
        return digest({"image": self.image, "texts": texts})


def stored_revision(measure: Measure, device: str) -> str:
    """The part of a row's key beside the image: the measure's weights, code, device and number format.

    Args:
        device: the kind of device that measures, "cpu" or "cuda".
    """
    known = {"weights": measure.revision, "code": code_digest(type(measure)), "libraries": libraries()}
    return digest({**known, "device": device, "default_dtype": str(torch.get_default_dtype())})


class ImagesLost(StoreError):
    """Images of a run are missing from the store, or were damaged and removed."""

    def __init__(self, keys: Sequence[ImageKey]) -> None:
        super().__init__(f"{len(keys)} images are not in the cache ({keys[0]} …): run the same command again")
        self.keys = tuple(keys)


@dataclass(frozen=True)
class Measuring:
    """Measure images of the store.

    Args:
        images: where they are.
        measured: where numbers are kept.
        device: the kind of device that measures; on a CPU several chunks are measured at once, a thread each.
        elsewhere: images that no model drew, by the digest of their file.
        together: images that a measure is shown at once; fewer where memory does not suffice.
        beside: a measure that looks at images which another one has had decoded.
    """

    images: ImageStore
    measured: MeasuredStore
    device: str = "cpu"
    elsewhere: Mapping[ImageKey, Path] = field(default_factory=dict)
    together: PassSize = field(default_factory=lambda: PassSize("images_per_pass", CHUNK))
    beside: SecondLook | None = None

    def with_second_look(self, measure: Measure, images: Sequence[ImageKey]) -> "Measuring":
        """Return one that shows a measure of images those that others decode, and keeps its rows, once each."""
        stored = self.measured.read(measure.id, stored_revision(measure, self.device), images)
        return replace(self, beside=SecondLook(measure, (key for key in images if key not in stored)))

    def rows(self, measure: Measure, wanted: Sequence[MeasuredImage], what: str = "") -> Rows:
        """Return every image's row by its key, from the store or computed now and saved, or its failure.

        Args:
            measure: the network.
            wanted: the images; equal ones are measured once.
            what: which images they are, for the progress.

        Raises:
            MeasureError: the measure gave something else than one row for each image.
            ImagesLost: images are missing or damaged; they can be drawn again.
            StoreError: the cache cannot be written.
        """
        by_key = {image.key(measure): image for image in wanted}
        stored = self.measured.read(measure.id, stored_revision(measure, self.device), list(by_key))
        rows: Rows = dict(stored)
        missing = [key for key in by_key if key not in rows]
        for chunk, found in self._compute(measure, missing, by_key, what):
            rows.update(zip(chunk, found, strict=True))
        return rows

    def _compute(
        self, measure: Measure, missing: Sequence[RowKey], by_key: Mapping[RowKey, MeasuredImage], what: str
    ) -> Iterator[tuple[Sequence[RowKey], Sequence[MeasuredRow]]]:
        """Compute the missing rows chunk by chunk and save each at once."""
        chunks = _chunks_of(measure, missing, by_key)
        if not chunks:
            return
        name = f"measuring {measure.id}{f', {what}' if what else ''}"
        with stage(name, len(missing)) as advance:
            for chunk, found in zip(chunks, self._chunks(measure, chunks, by_key), strict=True):
                yield chunk, found
                advance(len(chunk))

    def _chunks(
        self, measure: Measure, chunks: Sequence[Sequence[RowKey]], by_key: Mapping[RowKey, MeasuredImage]
    ) -> Iterator[Sequence[MeasuredRow]]:
        """Yield each chunk's rows in order; on a CPU the first runs alone, so as to load the network once."""
        read, look = partial(self._read, measure, by_key), partial(self._look, measure)
        if self.device == "cpu":
            with single_threaded():
                yield look(read(chunks[0]))
            chunks = chunks[1:]
        yield from prepare_and_run(torch.device(self.device), read, look, chunks)

    def _read(self, measure: Measure, by_key: Mapping[RowKey, MeasuredImage], keys: Sequence[RowKey]) -> Chunk:
        images = [by_key[key] for key in keys]
        return keys, [each.image for each in images], self._inputs(measure, images)

    def _look(self, measure: Measure, chunk: Chunk) -> Sequence[MeasuredRow]:
        """Measure a chunk and keep its rows; failures are not kept."""
        keys, images, inputs = chunk
        if self.beside is not None:
            seen = self.beside.take(images, inputs)
            self._measure_and_keep(self.beside.measure, list(seen), list(seen.values()))
        return self._measure_and_keep(measure, keys, inputs)

    def _measure_and_keep(
        self, measure: Measure, keys: Sequence[RowKey], inputs: Sequence[MeasureInput]
    ) -> Sequence[MeasuredRow]:
        parts = self.together.run(lambda part, _: measure_images(measure, part), inputs)
        found = [row for part in parts for row in part]
        good = {key: row for key, row in zip(keys, found, strict=True) if not isinstance(row, FailedRow)}
        if good:
            values = np.stack(_same_width(measure, list(good.values())))
            self.measured.publish(measure.id, stored_revision(measure, self.device), list(good), values)
        return found

    def _inputs(self, measure: Measure, wanted: Sequence[MeasuredImage]) -> list[MeasureInput]:
        """Return what the measure reads of each image, and nothing else.

        Raises:
            ImagesLost: images are missing or damaged.
        """
        lost: list[ImageKey] = []
        inputs: list[MeasureInput] = []
        for each in wanted:
            image = self._image(each.image, lost)
            before = self._image(each.before, lost) if measure.inputs == "pair" else None
            if image is not None:
                prompt = each.prompt if measure.inputs == "image+text" else None
                inputs.append(MeasureInput(image, before, None if prompt is None else text_and_choices(prompt)))
        if lost:
            raise ImagesLost(lost)
        return inputs

    def _image(self, key: ImageKey | None, lost: list[ImageKey]) -> Pixels | None:
        if key is None:
            raise MeasureError("a measure of pairs was asked for an image without a before: nothing was scored")
        if key in self.elsewhere:
            return read_image(self.elsewhere[key])
        found = self.images.read(key)
        if found is None:
            lost.append(key)
        return found


def _chunks_of(
    measure: Measure, missing: Sequence[RowKey], by_key: Mapping[RowKey, MeasuredImage]
) -> list[list[RowKey]]:
    """Divide rows into chunks; where texts are read, each of prompts with equally many choices.

    Rows of one call have one width, and a measure of texts gives a number for each choice.
    """
    alike: dict[int, list[RowKey]] = {}
    for key in missing:
        prompt = by_key[key].prompt if measure.inputs == "image+text" else None
        alike.setdefault(len(prompt.choices) if prompt is not None else 0, []).append(key)
    return [keys[start : start + CHUNK] for keys in alike.values() for start in range(0, len(keys), CHUNK)]


def assemble(measure: Measure, wanted: Sequence[MeasuredImage], rows: Rows) -> Measured:
    """Stack the rows of some images, in order; images that failed are left out by the caller.

    Raises:
        MeasureError: their rows differ in width, or one of them failed.
    """
    found: list[Array] = []
    for image in wanted:
        row = rows[image.key(measure)]
        if isinstance(row, FailedRow):
            raise MeasureError(row.reason)
        found.append(row)
    prompts = tuple(image.prompt for image in wanted if image.prompt is not None)
    stacked = np.stack(_same_width(measure, found)) if found else np.zeros((0, 0), np.float32)
    return Measured(measure.id, stacked, prompts)


def _same_width(measure: Measure, rows: list[Array]) -> list[Array]:
    """Return the rows.

    Raises:
        MeasureError: they differ in width.
    """
    widths = {row.shape for row in rows}
    if len(widths) > 1:
        raise MeasureError(f"measure {measure.id} gave rows of {len(widths)} widths: images of one role must agree")
    return rows


def read_image(path: Path) -> Pixels:
    """Read an image file that ICEB did not draw, as (H, W, 3) uint8.

    Raises:
        DataError: the file is missing or is no image.
    """
    with explain_reading(f"image {path}", DataError, WHOLE_IMAGES, SyntaxError, ValueError), Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
