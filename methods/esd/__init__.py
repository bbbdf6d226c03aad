"""ESD: erase concepts by fine-tuning the denoiser away from its own predictions of them.

Erasing Concepts from Diffusion Models, arXiv:2303.07345. This file is the method as the benchmark sees it and imports
nothing heavy; `settings.py` holds the authors' constants, `training_steps.py` the random draws,
`training_samples.py` the objective.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.validation import Count, Positive, check_fields
from iceb.methods.esd.settings import (
    TIMESTEPS,
    Precision,
    Settings,
    Several,
    VariantName,
    constants,
    known_group,
    known_variant,
)
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef


@dataclass(frozen=True)
class ESD:
    """Concept erasure by fine-tuning; the defaults are the authors' current code, None the variant's own.

    Attributes:
        variant: "2023", the paper's code; "2024", the first diffusers code; "2025", the current one.
        group: "esd-x", cross-attention; "esd-x-strict", its keys and values; "esd-u", all else; "full"; "selfattn";
            "notime" (2023). The authors' names xattn, noxattn and esd-all are understood.
        iterations: Adam steps for each concept.
        total_iterations: Adam steps of all concepts together; None: `iterations` for each.
        several: "drawn", each step draws its concept; "deck", concepts take turns in shuffled rounds; "sequential", one
            concept after the other, each with a fresh optimiser.
        rate: Adam's learning rate.
        negative_guidance: η, how far beyond the empty prompt's prediction the target lies.
        guidance: classifier-free guidance while training latents are sampled.
        sampling_steps: steps of a whole sampling.
        precision: number format of trained weights, gradients and Adam's moments: "float32" or "bfloat16".
        erase_from: a text that loses the concept ("art" of "Van Gogh"); "": the concept itself (2024, 2025).
        batch: latents per step, all of one concept and one noise level.
        pixels: side of the training images, at most the model's own; None: the model's own.
    """

    variant: VariantName = "2025"
    group: str = "esd-x"
    iterations: Count | None = None
    total_iterations: Count | None = None
    several: Several = "drawn"
    rate: Positive | None = None
    negative_guidance: float | None = None
    guidance: float | None = None
    sampling_steps: int = 50
    precision: Precision | None = None
    erase_from: str = ""
    batch: Count = 1
    pixels: Count | None = None

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variant", known_variant(self.variant))  # 2025 may come as a number
        known_group(self.group, self.variant)
        check_fields(self, self.card.name)
        self._check_sampling()

    def _check_sampling(self) -> None:
        steps, walked = self.sampling_steps, self.variant != "2025"
        if steps < 1 or (walked and (steps < 3 or TIMESTEPS % steps)):
            allowed = "at least 3 and a divisor of 1000" if walked else "at least 1"
            raise MethodError(f"esd sampling_steps {steps} of variant {self.variant}: must be {allowed}")
        if self.erase_from and self.variant == "2023":
            raise MethodError(f"esd erase_from {self.erase_from!r}: variant 2023 has none; use 2024 or 2025")

    def settings(self, sdxl: bool, concepts: int = 1) -> Settings:
        """Resolve all settings for a layout and a number of concepts.

        Raises:
            MethodError: the authors have no such code for SDXL.
        """
        group = known_group(self.group, self.variant)
        usual = constants(self.variant, group, sdxl)
        each = usual.iterations if self.iterations is None else self.iterations
        return Settings(
            variant=self.variant,
            group=group,
            iterations=each * concepts if self.total_iterations is None else self.total_iterations,
            several=self.several,
            rate=usual.rate if self.rate is None else self.rate,
            negative_guidance=usual.negative_guidance if self.negative_guidance is None else self.negative_guidance,
            guidance=usual.guidance if self.guidance is None else self.guidance,
            sampling_steps=self.sampling_steps,
            precision=self.precision or usual.precision,
            erase_from=self.erase_from,
            batch=self.batch,
        )

    def check(self, ref: ModelRef) -> None:
        """Refuse SDXL for the variants that have no code for it.

        Raises:
            MethodError: as `settings`.
        """
        self.settings(sdxl=ref.family == "sdxl")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new parameters of the denoiser with every request's source erased.

        Latents and targets of the frozen model (2025) are kept in the scratch.
        """
        if not requests:
            return Edit()
        from iceb.methods.esd.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context)
