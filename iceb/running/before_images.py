"""Draw the unedited model's images for handed-in ones, or compare handed-in ones with ICEB's.

They decide every score that is a change, and all rows of a table share them. So a result whose images before nobody
but its maker can know is marked, and has no rank.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from iceb.base.digest import digest_array
from iceb.models.generator import Generator
from iceb.models.opening import open_model
from iceb.models.sources import Source
from iceb.running.prompt_files import PromptFiles, prompt_id
from iceb.runs.ledger import ImageRow
from iceb.specs.outside import Before
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore


@dataclass(frozen=True)
class BeforeImages:
    """The rows of a handed-in result, and how their images before came about.

    Attributes:
        rows: with the keys of ICEB's own images before, where these are known to be the same.
        unknown: images handed in that the cache does not hold byte for byte.
    """

    rows: tuple[ImageRow, ...]
    how: Before
    unknown: int = 0


class UneditedModel:
    """The model that was edited, as it was: which images of it are in the cache, or to be drawn.

    Args:
        source: names the model; its weights are loaded only to draw.
        device: draws; images of another kind of device are others.
    """

    def __init__(self, source: Source, device: str, sampling: Sampling, images: ImageStore) -> None:
        self.bundle = open_model(source, device)
        self.generator = Generator(images)
        self.sampling = sampling

    def draw(self, wanted: Iterable[PromptFiles]) -> dict[Prompt, ImageKey]:
        """Draw what metrics read of it, or find it in the cache; return the keys by prompt.

        Raises:
            ModelError: the model cannot be loaded, or memory does not suffice.
            StoreError: the cache cannot be written.
        """
        prompts = list(dict.fromkeys(files.prompt for files in wanted if files.before is not None))
        keys = self.generator.draw(self.bundle, prompts, self.sampling, "drawing before") if prompts else []
        return dict(zip(prompts, keys, strict=True))

    def compare(self, rows: Iterable[ImageRow]) -> BeforeImages:
        """Compare images that were handed in with those in the cache; nothing is drawn."""
        found = tuple(rows)
        handed = [row for row in found if row.before is not None]
        if not handed:
            return BeforeImages(found, "not read")
        prompts = list(dict.fromkeys(row.prompt for row in handed))
        own = dict(zip(prompts, self.generator.keys(self.bundle, prompts, self.sampling), strict=True))
        unknown = {row.before for row in handed if not self._is_same(row, own)}
        if unknown:
            return BeforeImages(found, "handed in", len(unknown))
        return BeforeImages(tuple(_with_own(row, own) for row in found), "same")

    def _is_same(self, row: ImageRow, own: Mapping[Prompt, ImageKey]) -> bool:
        """Whether the cache holds the model's image of a prompt, and it is the one handed in."""
        key, images = own[row.prompt], self.generator.images
        if row.before is None or images.missing([key]):
            return False
        drawn, handed = images.read(key), images.read(row.before)
        return drawn is not None and handed is not None and np.array_equal(drawn, handed)


def count_of_other_prompts(rows: Sequence[ImageRow], images: ImageStore) -> int:
    """Count the images after the edit that are another prompt's before, byte for byte, and not their own.

    Of files that were exchanged; or of an edit that does no more than write another name into a prompt.
    """
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.before is not None:
            found.setdefault(_pixels(row.before, images), set()).add(prompt_id(row.prompt))
    after = [(prompt_id(row.prompt), found.get(_pixels(row.after, images), set())) for row in rows if row.after]
    return sum(bool(prompts) and own not in prompts for own, prompts in after)


def _pixels(key: ImageKey, images: ImageStore) -> str:
    """Return the digest of an image; its key where it is lost, which ends the measuring later."""
    image = images.read(key)
    return key if image is None else digest_array(image)


def _with_own(row: ImageRow, own: Mapping[Prompt, ImageKey]) -> ImageRow:
    return row if row.before is None else replace(row, before=own[row.prompt])
