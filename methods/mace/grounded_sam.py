"""Segmentation by Grounding DINO, which finds the concept by name, and SAM, which cuts it out."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.errors import ModelError
from iceb.base.hub import local_first
from iceb.methods.mace.concepts import Concept
from iceb.methods.mace.segmenting import fill_empty_masks

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
BOX_THRESHOLD, TEXT_THRESHOLD = 0.3, 0.25  # the authors'


@dataclass(frozen=True)
class GroundedSam:
    """Masks of everything that a detector finds under the concept's name.

    Deviations: the authors' detector gets images that are not normalised, and their segmenter pixels from 127.5 on;
    ours get what they were trained on. Theirs is SAM-HQ, ours SAM.

    Args:
        detector: REPOSITORY@COMMIT or folder of a Grounding DINO, weights in safetensors.
        masker: the same of a SAM.
        device: where both run.
    """

    detector: str
    masker: str
    device: torch.device

    @cached_property
    def detection(self) -> tuple[Any, Any]:
        """The detector as (processor, model)."""
        import transformers

        return self._load(self.detector, transformers.GroundingDinoForObjectDetection)

    @cached_property
    def masking(self) -> tuple[Any, Any]:
        """The segmenter as (processor, model)."""
        import transformers

        return self._load(self.masker, transformers.SamModel)

    def ready(self) -> None:
        """Load both models, so that a missing one is refused before anything is drawn.

        Raises:
            ModelError: one of them cannot be loaded.
        """
        _ = self.detection, self.masking

    def __call__(self, images: Array, concept: Concept) -> Array:
        """Masks of the concept in the images, (n, H, W) bool."""
        return fill_empty_masks(np.stack([self._mask(image, concept.source) for image in images]))

    @torch.no_grad()
    def _mask(self, image: Array, name: str) -> Array:
        boxes = self._boxes(image, name)
        if not len(boxes):
            return np.zeros(image.shape[:2], dtype=bool)
        processor, model = self.masking
        given = processor(image, input_boxes=[boxes.tolist()], return_tensors="pt").to(self.device)
        found = model(**given, multimask_output=False)
        masks: Tensor = processor.post_process_masks(
            found.pred_masks.cpu(), given["original_sizes"].cpu(), given["reshaped_input_sizes"].cpu()
        )[0]  # (boxes, 1, H, W) bool
        union: Array = masks.bool().flatten(0, 1).any(dim=0).numpy()
        return union

    def _boxes(self, image: Array, name: str) -> Tensor:
        """Corners of the detected boxes in pixels, (n, 4)."""
        processor, model = self.detection
        given = processor(images=image, text=f"{name.lower().strip()}.", return_tensors="pt").to(self.device)
        found = processor.post_process_grounded_object_detection(
            model(**given),
            given["input_ids"],
            threshold=BOX_THRESHOLD,
            text_threshold=TEXT_THRESHOLD,
            target_sizes=[image.shape[:2]],
        )[0]
        boxes: Tensor = found["boxes"]
        return boxes

    def _load(self, source: str, kind: Any) -> tuple[Any, Any]:
        from transformers import AutoProcessor

        processor = self._load_part(source, AutoProcessor.from_pretrained)
        model = self._load_part(source, partial(kind.from_pretrained, use_safetensors=True))
        return processor, model.eval().requires_grad_(False).to(self.device)

    def _load_part(self, source: str, load: Any) -> Any:
        try:
            return local_first(source, load)
        except (OSError, ValueError) as error:
            why = f": {error}" if isinstance(error, ConnectionError) else ""
            raise ModelError(
                f"mace cannot load {source} to find concepts in images ({type(error).__name__}{why}): name a folder "
                "that holds it, fetch it once, or `segmenter=attention`, which needs no further model"
            ) from error
