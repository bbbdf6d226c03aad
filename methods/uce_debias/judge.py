"""Judges of what an image shows: zero-shot CLIP, or the embedded model's classifier and CLIP twin."""

from collections.abc import Sequence
from functools import cached_property, partial
from importlib.resources import as_file, files
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from iceb.base.errors import ModelError
from iceb.base.hub import local_first
from iceb.base.messages import first_line
from iceb.mini.clip_twin import ClipTwin
from iceb.specs.methods import Bundle

CLIP = "openai/clip-vit-base-patch32@c237dc49a33fc61debc9276459120b7eac67e7ef"  # the hub's own copy in safetensors
Pixels = npt.NDArray[np.uint8]
Shown = npt.NDArray[np.bool_]


class Judge(Protocol):
    """A classifier of images among given texts."""

    def __call__(self, drawn: Pixels, classes: Sequence[str]) -> Shown:
        """The best class of each image (n, H, W, 3) as a mask, (n, k); ties mark several."""
        ...


def judge_for(bundle: Bundle, named: str, hypothesis: str = "{}") -> Judge:
    """Make the judge that the settings name.

    Args:
        bundle: the model that draws.
        named: a CLIP folder or repository; "": the embedded classifier on the embedded model, CLIP elsewhere.
        hypothesis: the sentence that a class's text is put into for CLIP.
    """
    if not named and bundle.ref.family == "mini":
        return EmbeddedJudge()
    return ClipJudge(named or CLIP, hypothesis, bundle.device)


class ClipJudge:
    """Zero-shot classification by CLIP, float32.

    Args:
        place: a folder of a CLIPModel, or its REPOSITORY@COMMIT; its weights are safetensors.
        hypothesis: the sentence a class stands in, with one "{}".
        device: where it runs.

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, place: str, hypothesis: str = "{}", device: Any = "cpu") -> None:
        from transformers import CLIPModel, CLIPProcessor

        try:
            load = partial(CLIPModel.from_pretrained, use_safetensors=True)
            self.model: Any = local_first(place, load).float().eval().to(device)
            self.processor: Any = local_first(place, CLIPProcessor.from_pretrained)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"cannot load the judge {place} ({first_line(error)}): connect to the internet once, or `judge=FOLDER`"
            ) from error
        self.hypothesis, self.device = hypothesis, device

    @torch.no_grad()
    def __call__(self, drawn: Pixels, classes: Sequence[str]) -> Shown:
        """The text nearest to each image, as a mask."""
        texts = [self.hypothesis.format(text) for text in classes]
        given = self.processor(text=texts, images=list(drawn), return_tensors="pt", padding=True, truncation=True)
        logits: Tensor = self.model(**{name: value.to(self.device) for name, value in given.items()}).logits_per_image
        return mark_largest(logits)


class EmbeddedJudge:
    """The embedded model's classifier for the names of its 1000 classes, its CLIP twin for all else."""

    @cached_property
    def model(self) -> Any:
        """The classifier."""
        from transformers import ViTForImageClassification

        with as_file(files("iceb").joinpath("mini", "weights", "vit")) as folder:
            return ViTForImageClassification.from_pretrained(folder).float().eval()

    @cached_property
    def twin(self) -> ClipTwin:
        """The CLIP twin."""
        return ClipTwin.load_shipped()

    @torch.no_grad()
    def __call__(self, drawn: Pixels, classes: Sequence[str]) -> Shown:
        """The most probable class, or else the nearest text, of each image, as a mask."""
        columns = [_class_of(text) for text in classes]
        if None in columns or len(set(columns)) < len(columns):
            images, texts = self.twin.image_embeddings(list(drawn)), self.twin.text_embeddings(classes)
            return mark_largest(torch.from_numpy(images @ texts.T))
        pixels = torch.from_numpy(np.ascontiguousarray(drawn.transpose(0, 3, 1, 2))).float()
        logits: Tensor = self.model(pixel_values=pixels / 127.5 - 1).logits  # mean ½, deviation ½, 32 × 32 as drawn
        return mark_largest(logits[:, columns])


def _class_of(text: str) -> int | None:
    """The class with the longest name in which a text ends; None if there is none."""
    from iceb.mini.world import class_names

    wanted = text.lower()
    found = [
        (len(name), place) for place, name in enumerate(class_names()) if f" {wanted}".endswith(f" {name.lower()}")
    ]
    return max(found)[1] if found else None


def mark_largest(scores: Tensor) -> Shown:
    """Mark the largest entries of each row, (n, k) bool.

    >>> mark_largest(torch.tensor([[1.0, 2.0], [3.0, 3.0]])).tolist()
    [[False, True], [True, True]]
    """
    shown: Shown = (scores == scores.max(dim=1, keepdim=True).values).cpu().numpy()
    return shown
