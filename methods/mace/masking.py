"""Masks of training images, made once for each concept by the chosen segmenter and stored."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from iceb.base.progress import stage
from iceb.methods.common.denoiser import without_gradients
from iceb.methods.common.stored_parts import stored_part
from iceb.methods.common.training import denoiser_of
from iceb.methods.mace.concepts import Concept
from iceb.methods.mace.grounded_sam import GroundedSam
from iceb.methods.mace.lora import watch_attention
from iceb.methods.mace.prompt_states import PromptReader
from iceb.methods.mace.segmenting import Array, AttentionSegmenter, Segment, mask_by_ground
from iceb.methods.mace.training_images import TrainingImages
from iceb.specs.methods import Bundle, Scratch

if TYPE_CHECKING:
    from iceb.methods.mace import MACE

SEGMENTING = ("segmenter", "detector", "masker")  # settings that decide a mask of given images


class TrainingMasks:
    """Makes and stores the masks of concepts' training images."""

    def __init__(
        self, method: "MACE", bundle: Bundle, scratch: Scratch, images: TrainingImages, prompts: PromptReader
    ) -> None:
        self.method, self.bundle = method, bundle
        self.scratch = scratch.depends_on(*SEGMENTING)
        self.images, self.prompts = images, prompts

    def ready(self, concepts: Sequence[Concept]) -> None:
        """Refuse a segmenter that cannot be loaded before images are drawn for it.

        Raises:
            ModelError: as `GroundedSam.ready`.
        """
        if self.method.segmenter == "grounded-sam" and self._missing(concepts):
            self._grounded_sam().ready()

    def fetch(self, concepts: Sequence[Concept]) -> None:
        """Make and store the masks of these concepts."""
        missing = self._missing(concepts)
        if not missing:
            return
        with self._segmenter() as segment, stage("masks", len(missing)) as advance:
            for concept in missing:
                self.scratch.put(self._key(concept), segment(self.images(concept), concept))
                advance(1)

    def __call__(self, concept: Concept) -> Array | None:
        """Masks of a concept's images, (n, H, W) bool; None for whole images."""
        return stored_part(self.scratch, self._key(concept)) if self._is_masked(concept) else None

    def _missing(self, concepts: Sequence[Concept]) -> list[Concept]:
        masked = [concept for concept in concepts if self._is_masked(concept)]
        return [concept for concept in masked if self.scratch.get(self._key(concept)) is None]

    def _is_masked(self, concept: Concept) -> bool:
        return self.method.masks and concept.kind != "style"

    def _grounded_sam(self) -> GroundedSam:
        return GroundedSam(self.method.detector, self.method.masker, self.bundle.device)

    def _key(self, concept: Concept) -> dict[str, Any]:
        return {
            "what": "mace masks",
            "source": concept.source,
            "images": self.images.key(concept),
        }

    @contextmanager
    def _segmenter(self) -> Iterator[Segment]:
        """Load the chosen segmenter; its own models are released afterwards."""
        name = self.method.segmenter
        if name == "ground":
            yield mask_by_ground
        elif name == "grounded-sam":
            yield self._grounded_sam()
        else:
            denoiser = denoiser_of(self.bundle.pipeline)
            with without_gradients(denoiser.unet, denoiser.vae), watch_attention(denoiser.unet) as watched:
                yield AttentionSegmenter(denoiser, watched, self.prompts)
