"""Concept Ablation (arXiv:2303.13516): train a concept's prompts to give its anchor's images.

This file is the method as the benchmark sees it and imports nothing heavy; `editing.py` does the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from iceb.base.errors import DataError
from iceb.base.readers import is_file, user_path
from iceb.methods.common.validation import Count, Natural, NotNegative, Positive, check_fields
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef, Scheduler

ConceptType = Literal["object", "style", "memorization", "nudity"]
Types = Literal[ConceptType, "by_anchor"]
Loss = Literal["model-based", "noise-based"]
Group = Literal["cross-attn", "attn", "full-weight", "embedding"]
Variant = Literal["diffusers", "compvis"]
Drawing = Literal["own", Scheduler]


@dataclass(frozen=True)
class Ablation:
    """Finetuning of the denoiser on an anchor's images; the defaults are those of the diffusers code.

    Attributes:
        concept_type: what the requests' sources are: "object" (also an instance of it), "style", "memorization" (a
            caption whose image the model knows by heart), "nudity" (a trait), or "by_anchor": "style" where the anchor
            is "painting", the authors' anchor of every style, else "object".
        loss: "model-based", towards what the model says to the anchor's prompt; "noise-based", towards the noise.
        parameter_group: what is trained: "cross-attn" (keys and values), "attn" (all of every attention layer),
            "full-weight" (the denoiser), "embedding" (the concepts' own token embeddings).
        variant: whose prompts, augmentation and weighing: "diffusers" or "compvis" (which never clips gradients).
        steps: training steps for each concept.
        total_steps: training steps for all concepts together instead; 0: `steps` times their number.
        batch: rows to be ablated in a step; the authors' four on each of two GPUs.
        rate: AdamW's learning rate for one row, see `effective_rate`.
        scale_rate: multiply it by the batch, as the authors do.
        decay: AdamW's weight decay.
        clip: largest norm of a step's gradient.
        augment: shrink and zoom images of objects and memorised images.
        flip: mirror half of the images.
        prior: add as many rows that preserve, anchor images with their own prompts and the true noise.
        prior_weight: their weight: the authors' 1.0, in the CompVis code 0.2 (where the error is summed over channels).
        prompts: a file of anchor prompts, one a line, "{}" for the anchor's name; None: the request's templates, for
            styles twelve prompts of ours.
        prior_prompts: a file of prompts for the preserving rows; None: the anchors' own images.
        anchor: the anchor of requests without a destination, and of all styles in place of theirs; of a style that has
            neither it is "painting".
        images: images of each anchor.
        draw_scheduler, draw_steps, guidance: how they are drawn; "own" draws as the model's family does by default.
        resolution: largest side of a training image in pixels.
        seed: of images, batches and noise.
    """

    concept_type: Types = "object"
    loss: Loss = "model-based"
    parameter_group: Group = "cross-attn"
    variant: Variant = "diffusers"
    steps: Count = 100
    total_steps: Natural = 0
    batch: Count = 8
    rate: Positive = 2e-6
    scale_rate: bool = True
    decay: NotNegative = 1e-2
    clip: Positive = 1.0
    augment: bool = True
    flip: bool = False
    prior: bool = False
    prior_weight: NotNegative = 1.0
    prompts: str | None = None
    prior_prompts: str | None = None
    anchor: str = ""
    images: Count = 1000
    draw_scheduler: Drawing = "dpm++"
    draw_steps: Count = 25
    guidance: NotNegative = 6.0
    resolution: Count = 512
    seed: Natural = 42

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    @property
    def effective_rate(self) -> float:
        """The learning rate scaled by the batch as the authors do; with prior, twice that for diffusers."""
        if not self.scale_rate:
            return self.rate
        return self.rate * self.batch * (2 if self.prior and self.variant == "diffusers" else 1)

    def check(self, ref: ModelRef) -> None:
        """Refuse missing files before any weight is loaded.

        Raises:
            DataError: a file of prompts is named and is no file.
        """
        for name in ("prompts", "prior_prompts"):
            path = getattr(self, name)
            if path is not None and not is_file(user_path(path)):
                raise DataError(f"ablation {name} {path}: there is no such file; name one with a prompt on each line")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Train the parameters of the group on all requests' concepts and return them.

        Raises:
            MethodError: a request has several destinations or no anchor, or training diverged.
            ModelError: the model has no parameter of the group.
            DataError: a file of prompts cannot be read.
        """
        if not requests:
            return Edit()
        from iceb.methods.ablation.editing import make_edit

        return make_edit(self, bundle, requests, context)
