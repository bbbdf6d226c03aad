"""Feature targets of ReFACT's search: CLIP features of texts, or of images by the unedited model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from iceb.methods.common.corpora import read_captions
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.refact.files import expand
from iceb.methods.refact.images import ImageTower, read_zip
from iceb.methods.refact.prompts import Prompts, read_whole
from iceb.methods.refact.search import FeatureTarget
from iceb.methods.refact.settings import clip_files
from iceb.models.drawing import seeded_images
from iceb.specs.methods import Bundle, Scratch

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT
    from iceb.methods.refact.features import Features


@dataclass
class Objectives:
    """Makes the feature targets of one encoder's requests; shared parts are computed once."""

    method: "ReFACT"
    bundle: Bundle
    tower: TextTower
    layer: int
    project: "Features"
    scratch: Scratch

    def of(self, source: str, dest: str) -> FeatureTarget:
        """The feature target of one request."""
        method = self.method
        if method.objective == "contrastive_text":
            return self._target(self._texts([dest, source, *self.texts]), 1, self.others)
        if method.objective == "direct_text":
            return self._target(self._texts([dest]), 1, self.others)
        new = self._image_features(dest, method.new_images)
        old = [self._image_features(source, 1)] if method.objective == "contrastive" else []
        shown = torch.cat([new, *old, self.others])
        return self._target(shown, len(new), shown)

    def _target(self, wanted: Tensor, new: int, images: Tensor) -> FeatureTarget:
        return FeatureTarget(wanted, new, self.project, self.kept_texts, None if self.kept_texts is None else images)

    @cached_property
    def texts(self) -> list[str]:
        """Texts whose ranking of images should stay; contrastive_text uses them as alternatives too."""
        path = self.method.kl_texts
        return [] if path is None else read_captions(expand(path))[: self.method.kl_count]

    @cached_property
    def kept_texts(self) -> Prompts | None:
        """The prompts of `texts`, encoded up to the layer; None if the divergence has no weight."""
        return read_whole(self.tower, self.layer, self.texts) if self.method.kl > 0 else None

    @cached_property
    def image_tower(self) -> ImageTower:
        """CLIP's image tower."""
        return ImageTower(*clip_files(self.method), self.tower.token_table.detach())

    @cached_property
    def others(self) -> Tensor:
        """Features of the file's images, (i, p); none if no loss uses images."""
        if not self.method.uses_images:
            return self.tower.token_table.new_zeros(0, 0)
        path = self.method.images
        return self.image_tower([] if path is None else read_zip(path, self.method.image_count))

    @torch.no_grad()
    def _texts(self, texts: Sequence[str]) -> Tensor:
        return self.project(self.tower.read(self.tower.tokens(texts)).pooled)

    def _image_features(self, text: str, count: int) -> Tensor:
        """Features, (count, p), of images that the unedited model draws of a text, seeds 0, 1, …."""
        from PIL import Image

        sampling = replace(self.bundle.family.sampling, noise="per_image")
        key = {
            "what": "refact images",
            "model": self.bundle.digest,
            "text": text,
            "count": count,
            "sampling": asdict(sampling),
        }
        made = self.scratch.depends_on().array(
            key, lambda: seeded_images(self.bundle, [text] * count, range(count), sampling)
        )
        return self.image_tower([Image.fromarray(pixels) for pixels in np.array(made)])
