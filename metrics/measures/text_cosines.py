"""Cosines under a CLIP model of an image with its own text, or with each of its prompt's choices.

What papers call a CLIP score differs by constant factors: 100 times the cosine, 2.5 times its positive part, or the
cosine. The cosine is stored, and metrics do the rest. All are computed in float32; published numbers by half precision
(RoAD, TIMED, Concept Ablation, MACE's objects) differ in the third digit of the cosine.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.digest import digest
from iceb.base.errors import MeasureError
from iceb.base.out_of_memory import out_of_memory
from iceb.metrics.measures.checks import check_images, check_rows
from iceb.mini.shipped import CLIP, folder_digest, shipped_folder
from iceb.specs.metrics import Inputs, MeasureInput

if TYPE_CHECKING:
    from iceb.networks.open_clip_model import OpenClip

BATCH = 64  # images in one forward pass
Floats = npt.NDArray[np.float32]
Texts = tuple[str, ...]


class TextCosines:
    """The cosines of an image with texts; a prompt without choices offers its own text.

    Args:
        model: embeds images and texts, as `iceb.networks.open_clip_model.OpenClip` does; None for the measure's own,
            loaded when the first image is measured.
        device: where it runs.
    """

    id: ClassVar[str]
    inputs: ClassVar[Inputs] = "image+text"

    def __init__(self, model: Any = None, device: str = "cpu") -> None:
        self.device = device
        self._given = model
        self._known: dict[str, Floats] = {}  # text → its embedding (d,)
        self._lock = Lock()  # chunks are measured in several threads

    @cached_property
    def model(self) -> Any:
        """The model."""
        return self._given or self._own()

    @property
    def revision(self) -> str:
        """The commit or digest that pins the weights; "given" for a model that was passed in."""
        return "given" if self._given else self._pin()

    def _own(self) -> Any:
        raise NotImplementedError

    def _pin(self) -> str:
        raise NotImplementedError

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Cosines (N, choices) float32 of N images whose prompts offer equally many texts.

        Raises:
            MeasureError: an image is not RGB bytes or has no prompt, prompts offer differently many texts, the network
                failed, or a number is not finite.
            ModelError: the network cannot be loaded.
        """
        texts = [self._texts(each) for each in inputs]
        counts = sorted({len(offered) for offered in texts})
        if len(counts) > 1:
            raise MeasureError(
                f"measure {self.id} got prompts of {' and '.join(map(str, counts))} choices in one call: "
                "must be equally many"
            )
        starts = range(0, len(inputs), BATCH)
        found = [self._cosines(inputs[start : start + BATCH], texts[start : start + BATCH]) for start in starts]
        return np.concatenate(found) if found else np.zeros((0, 1), np.float32)

    def _texts(self, given: MeasureInput) -> Texts:
        if given.prompt is None:
            raise MeasureError(f"measure {self.id} got an image without a prompt: needs the texts to compare it with")
        return given.prompt.choices or (given.prompt.text,)

    def _cosines(self, inputs: Sequence[MeasureInput], texts: Sequence[Texts]) -> Floats:
        images = list(check_images(self.id, [each.image for each in inputs]))
        try:
            offered = self._embeddings(texts)  # (n, choices, d)
            found = np.einsum("nd,ncd->nc", self.model.image_embeddings(images), offered)
        except RuntimeError as error:
            if out_of_memory(error):
                raise  # the caller may retry with fewer
            raise MeasureError(f"measure {self.id} failed on {len(inputs)} images: {error}") from error
        return check_rows(self.id, found, (len(inputs), len(texts[0])))

    def _embeddings(self, texts: Sequence[Texts]) -> Floats:
        """Embeddings of the texts of n images, (n, choices, d); each distinct text is embedded once."""
        distinct = dict.fromkeys(text for offered in texts for text in offered)
        with self._lock:
            new = [text for text in distinct if text not in self._known]
            self._known.update(zip(new, self.model.text_embeddings(new), strict=True))
        return np.stack([np.stack([self._known[text] for text in offered]) for offered in texts])


class OpenClipCosines(TextCosines):
    """Cosines by an open_clip model of the hub, pinned to a commit."""

    repository: ClassVar[str]
    commit: ClassVar[str]

    def _own(self) -> "OpenClip":
        from iceb.networks.open_clip_model import OpenClip  # torch is imported with it

        return OpenClip.load(self.repository, self.device, self.commit)

    def _pin(self) -> str:
        return f"{self.repository}@{self.commit}"


class ClipL14Cosines(OpenClipCosines):
    """Cosines by OpenAI's CLIP ViT-L/14 (arXiv:2103.00020).

    EMCID's judge of artists, COCO captions and debiasing; TIME's and SPEED's of everything.
    """

    id = "clip_l14_text@1"
    repository = "timm/vit_large_patch14_clip_224.openai"  # OpenAI's weights in open_clip's layout
    commit = "18d0535469bb561bf468d76c1d73aa35156c922b"


class ClipB32Cosines(OpenClipCosines):
    """Cosines by OpenAI's CLIP ViT-B/32 (arXiv:2103.00020), the judge of UCE, MACE and Concept Ablation."""

    id = "clip_b32_text@1"
    repository = "timm/vit_base_patch32_clip_224.openai"  # OpenAI's weights in open_clip's layout
    commit = "a6f597a30f7b82c51704746581f9a4e41421e878"


class ClipBigGCosines(OpenClipCosines):
    """Cosines by OpenCLIP's ViT-bigG/14 (arXiv:2212.07143), ReFACT's and EMCID's judge of RoAD and TIMED."""

    id = "clip_bigg_text@1"
    repository = "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"
    commit = "743c27bd53dfe508a0ade0f50698f99b39d03bec"


class MiniCosines(TextCosines):
    """Cosines by mini's CLIP twin, a small model that has seen mini's images and sentences only."""

    id = "clip_mini_texts@1"

    def _own(self) -> Any:
        from iceb.mini.clip_twin import ClipTwin  # torch is imported with it, so that listing measures stays fast

        return ClipTwin.load_shipped(self.device)

    def _pin(self) -> str:
        return digest([folder_digest(shipped_folder(CLIP)), version("open_clip_torch")])
