"""Settings of EMCID's two stages, validated on creation; no torch, so that listing is cheap."""

from dataclasses import dataclass
from typing import Annotated, Literal

from iceb.base.errors import MethodError
from iceb.methods.common.validation import Bound, Count, Damping, NotNegative, Positive, check_fields

NoiseLoss = Literal["distil", "true", "esd", "none"]
TextLoss = Literal["pooled", "subject", "subject_end_pads", "contrastive", "none"]
Penalty = Literal["decay", "ewc"]
Residual = Literal["output", "stream"]
NullRule = Literal["abs", "rel_mean", "rel_max", "energy", "rank"]
RidgeUnit = Literal["absolute", "median"]
LAYERS = Bound(
    "name at least one layer, from 0, each once",
    lambda layers: len(layers) > 0 and min(layers) >= 0 and len(set(layers)) == len(layers),
)
EDIT_SHARE = Bound(
    "must lie between 0 (change nothing) and 1 (preserve nothing), both excluded: at 1 the closed form is singular",
    lambda share: 0 < share < 1,
)


@dataclass(frozen=True)
class Stage1:
    """Settings of stage I, the optimisation of a value vector.

    Attributes:
        layers: the layer after which the value vector lives, one per text encoder.
        steps: Adam steps.
        rate: Adam's learning rate.
        decay: weight of ‖δ‖ / ‖v₀‖².
        clamp: largest ‖δ‖ in units of ‖v₀‖.
        noise_loss: "distil", the destination's noise prediction; "true", the noise that was drawn; "esd", away from the
            source; "none".
        esd_scale: μ of "esd": target e_u − μ (e_s − e_u).
        text_loss: "pooled", the encoder's pooled state; "subject", the final state at the last subject token;
            "subject_end_pads", that, the end token and the pads both sides have; "contrastive", against negative
            captions; "none".
        text_weight: s, the weight of the text loss.
        penalty: "decay", or "ewc": elastic weight consolidation with a diagonal Fisher information.
        ewc_weight: weight of Σ F_j δ_j² / (2 ‖v₀‖²).
        tokens: T, edited tokens per prompt: the last subject token, then the end token, then pads after it.
        images: training images per prompt.
    """

    layers: tuple[int, ...] = (10,)
    steps: Count = 200
    rate: Positive = 0.2
    decay: float = 5e-4
    clamp: Positive = 1.5
    noise_loss: NoiseLoss = "distil"
    esd_scale: float = 1.0
    text_loss: TextLoss = "pooled"
    text_weight: float = 0.01
    penalty: Penalty = "decay"
    ewc_weight: float = 1e7
    tokens: Count = 1
    images: Count = 1

    def __post_init__(self) -> None:
        check_fields(self, "emcid")
        if self.tokens > 1 and (self.penalty == "ewc" or self.noise_loss == "esd"):
            raise MethodError(
                "emcid tokens > 1 goes with the decay penalty and without esd: the others are not defined for it"
            )

    @property
    def uses_fisher(self) -> bool:
        """Whether a Fisher diagonal is needed; under "esd" the authors' code ignores the penalty's kind."""
        return self.penalty == "ewc" and self.noise_loss != "esd"


@dataclass(frozen=True)
class Stage2:
    """Settings of stage II, which writes the value vectors into the layers of one text encoder.

    Attributes:
        layers: edited layers, counted from 0.
        moment_weight: λ, how strongly other keys are kept; 0 only where a solver of its own keeps them.
        edit_weight: α in (0, 1), the share of editing against preserving.
        residual: what is left to write at layer l. "output", as published and as the authors' code: z* minus the fc2
            output of that layer. "stream", MEMIT's: z* minus the current state after `value_layer`.
        value_layer: the layer after which the value vectors live; read by "stream" only.
        rounded: scale the second moment in float32, as the authors' code.
    """

    layers: Annotated[tuple[int, ...], LAYERS]
    moment_weight: NotNegative
    edit_weight: Annotated[float, EDIT_SHARE] = 0.5
    residual: Residual = "output"
    value_layer: int = 10
    rounded: bool = True

    def __post_init__(self) -> None:
        check_fields(self, "emcid")
        if self.value_layer < max(self.layers):
            raise MethodError(
                f"emcid value layer {self.value_layer}: must not lie below edited layer {max(self.layers)}"
            )


@dataclass(frozen=True)
class NullSpace:
    """Settings of the null space: which directions count as unused, and the damping inside them.

    Attributes:
        rule: how the unused directions are chosen among the second moment's eigenvectors. "abs": eigenvalue below the
            threshold, AlphaEdit's; "rel_mean": below threshold × mean, and at least 100 directions; "rel_max": below
            threshold × largest; "energy": the smallest ones that together hold the threshold's share of the trace;
            "rank": that many of the smallest.
        threshold: what the rule compares with.
        ridge: L2 > 0, the damping.
        unit: of the ridge: "absolute", AlphaEdit's; "median", the median of the keys' energy kᵀ P k in the layer.
    """

    rule: NullRule = "abs"
    threshold: Positive = 2e-2
    ridge: Damping = 10.0
    unit: RidgeUnit = "absolute"

    def __post_init__(self) -> None:
        check_fields(self, "null space")
        if self.rule == "rank" and self.threshold != int(self.threshold):
            raise MethodError(f"null space threshold {self.threshold}: must be a whole number for the rule 'rank'")


@dataclass(frozen=True)
class ShareSearch:
    """Settings of the search for the shares of a balancing request's destinations.

    Attributes:
        rounds: at most so many rounds of editing, drawing and judging; 0: no search, given shares are taken.
        images: drawn each round, one after the other from one generator with the request's seed.
        step: how much of its excess a destination's share loses; it shrinks from round to round.
        tolerance: balanced once no destination's part of the images is further from an equal one.
        published_stop: compare with the tolerance in floats as the authors' code does, where 13 of 25 images count as
            further than 0.02 from one half, so that its search never stops before its last round.
    """

    rounds: int = 0
    images: Count = 25
    step: Positive = 0.4
    tolerance: Positive = 0.02
    published_stop: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "emcid search")
        if self.rounds < 0:
            raise MethodError(f"emcid search_rounds={self.rounds}: must be 0 (no search) or more")
