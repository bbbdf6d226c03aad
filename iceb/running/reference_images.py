"""Reference images that ship with a dataset, by the name under which metrics read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.base.frames import attribute_errors
from iceb.base.readers import explain_reading
from iceb.running.measuring import WHOLE_IMAGES
from iceb.specs.datasets import ConceptDataset
from iceb.specs.prompts import ImageKey


@dataclass(frozen=True)
class References:
    """Images from elsewhere.

    Attributes:
        keys: digests of the files by side, in the dataset's order, of equal files too.
        paths: one file of each digest.
    """

    keys: Mapping[str, tuple[ImageKey, ...]]
    paths: Mapping[ImageKey, Path]


def reference_images(dataset: ConceptDataset) -> References:
    """Return the dataset's reference images.

    Raises:
        DataError: a file cannot be read.
    """
    with attribute_errors(DataError, f"dataset {dataset.card.name}"):
        found = tuple(getattr(dataset, "references", lambda: ())())
    named = {each.name: [(_digest(path), path) for path in each.paths] for each in found}
    paths = {key: path for pairs in named.values() for key, path in pairs}
    return References({name: tuple(key for key, _ in pairs) for name, pairs in named.items()}, paths)


def _digest(path: Path) -> ImageKey:
    with explain_reading(f"reference image {path}", DataError, WHOLE_IMAGES):
        return digest_file(path)
