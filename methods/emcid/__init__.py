"""EMCID: massive concept editing by optimised value vectors and one closed form per layer.

arXiv:2403.13807. Stage I (`stage1.py`) finds for each concept the text state that makes the denoiser draw the
destination; stage II (`stage2.py`) writes all of them at once into the MLPs of the text encoder's layers. This file is
the method as the benchmark sees it and imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.corpora import check_captions, few_captions
from iceb.methods.common.validation import Bound, Count, Positive, check_fields
from iceb.methods.emcid.settings import NoiseLoss, Penalty, Residual, ShareSearch, Stage1, Stage2, TextLoss
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef

SHARES = Bound("must not be negative, nor all 0", lambda shares: not shares or (min(shares) >= 0 and sum(shares) > 0))


@dataclass(frozen=True)
class EMCID:
    """Massive concept editing of the text encoder; the defaults are those published for SD-1.4, α = ½.

    Attributes:
        layers: edited layers of the (first) text encoder, counted from 0.
        layers_2: edited layers of SDXL's second text encoder.
        value_layer: layer after which the value vector lives; None: the last edited layer.
        value_layer_2: the same in the second text encoder.
        moment_weight: λ, how strongly other keys are kept.
        moment_weight_2: the same in the second text encoder.
        edit_weight: α in (0, 1), the share of editing against preserving.
        residual: "output", as published; "stream", MEMIT's.
        steps: Adam steps of each value vector.
        rate: Adam's learning rate.
        decay: weight of ‖δ‖ / ‖v₀‖², where δ is the shift of the value vector v₀.
        clamp: largest ‖δ‖ in units of ‖v₀‖.
        noise_loss: "distil", the destination's noise prediction; "true", the noise that was drawn; "esd", away from the
            source; "none".
        esd_scale: μ of "esd": target e_u − μ (e_s − e_u).
        text_loss: "pooled", the encoder's pooled state; "subject", the final state at the last subject token;
            "subject_end_pads", that, the end token and the pads; "contrastive", against `negatives`; "none".
        text_weight: weight of the text loss.
        penalty: "decay", or "ewc": elastic weight consolidation with a diagonal Fisher information.
        ewc_weight: weight of Σ F_j δ_j² / (2 ‖v₀‖²).
        tokens: edited tokens per prompt: the last subject token, then the end token, then pads after it.
        images: training images per prompt.
        captions: a file of captions for the second moments: one a line, or a JSON list of texts or of objects with a
            "caption"; None: the embedded captions, which only the embedded model has.
        caption_count: how many of them, drawn by the authors' rule.
        fisher_pairs: image-caption pairs behind the "ewc" penalty.
        fisher_steps: noise draws per pair.
        negatives: captions that the "contrastive" text loss pushes away from.
        shares: how much of each destination a balancing request gets; (): equal shares.
        search_rounds: rounds of the authors' search for the shares of each balancing request, by editing, drawing and
            judging; theirs are 10; 0: no search, `shares` holds.
        search_images: images of each of these rounds.
        search_step: the first round's step.
        search_tolerance: how near to equal parts the search stops.
        published_stop: stop as the authors' floats do, which is never: 13/25 − 1/2 is larger than 0.02 in them.
        judge: the registered measure that tells the destinations apart in the search, by image and choices.
        unaligned: ids of requests that are trained without the text loss.
        true_noise: ids of requests whose noise loss aims at the drawn noise.
        float32_moment: scale the second moment in float32 before the solve, as the authors' code does; it moves the
            update by up to 2e-5 of its norm where α ≠ ½.
    """

    layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    layers_2: tuple[int, ...] = (26, 27, 28, 29, 30)
    value_layer: int | None = None
    value_layer_2: int | None = None
    moment_weight: Positive = 4000.0
    moment_weight_2: Positive = 10000.0
    edit_weight: float = 0.5
    residual: Residual = "output"
    steps: int = 200
    rate: float = 0.2
    decay: float = 5e-4
    clamp: float = 1.5
    noise_loss: NoiseLoss = "distil"
    esd_scale: float = 1.0
    text_loss: TextLoss = "pooled"
    text_weight: float = 0.01
    penalty: Penalty = "decay"
    ewc_weight: float = 1e7
    tokens: int = 1
    images: int = 1
    captions: str | None = None
    caption_count: Count = 100_000
    fisher_pairs: Count = 3000
    fisher_steps: Count = 10
    negatives: tuple[str, ...] = ()
    shares: Annotated[tuple[float, ...], SHARES] = ()
    search_rounds: int = 0
    search_images: Count = 25
    search_step: Positive = 0.4
    search_tolerance: Positive = 0.02
    published_stop: bool = False
    judge: str = ""
    unaligned: tuple[str, ...] = ()
    true_noise: tuple[str, ...] = ()
    float32_moment: bool = True

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)
        for which in range(2):
            self.stage2(which)
        self.stage1(encoders=2)
        if self.share_search.rounds and not self.judge:
            raise MethodError(
                f"{self.card.name} search_rounds={self.search_rounds} without a judge: name a measure of image and "
                "choices in `judge=…`, or set `search_rounds=0`"
            )

    @property
    def share_search(self) -> ShareSearch:
        """The settings of the search for shares."""
        return ShareSearch(
            rounds=self.search_rounds,
            images=self.search_images,
            step=self.search_step,
            tolerance=self.search_tolerance,
            published_stop=self.published_stop,
        )

    def stage1(self, encoders: int = 1) -> Stage1:
        """The settings of stage I for a model with one or two text encoders."""
        ends = (self.stage2(which).value_layer for which in range(encoders))
        shared = {each.name: getattr(self, each.name) for each in fields(Stage1) if each.name != "layers"}
        return Stage1(layers=tuple(ends), **shared)

    def stage2(self, which: int = 0) -> Stage2:
        """The settings of stage II for the first (0) or second (1) text encoder."""
        layers = (self.layers, self.layers_2)[which]
        value_layer = (self.value_layer, self.value_layer_2)[which]
        return Stage2(
            layers=layers,
            moment_weight=(self.moment_weight, self.moment_weight_2)[which],
            edit_weight=self.edit_weight,
            residual=self.residual,
            value_layer=max(layers, default=0) if value_layer is None else value_layer,
            rounded=self.float32_moment,
        )

    def check(self, ref: ModelRef) -> None:
        """Refuse a missing or unreadable file of captions, unless the model has embedded ones.

        Raises:
            MethodError, DataError: as `captions.check_captions`.
        """
        check_captions(self.captions, ref.family, self.card.name)

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn if a file holds fewer captions than requested."""
        return few_captions(self.captions, self.caption_count)

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new fc2 weights of the text encoders that carry out all requests at once.

        Value vectors and second moments are kept in `scratch` by content, so more requests cost only what is new, and a
        stopped run goes on after its last finished batch.
        """
        if not requests:
            return Edit()
        from iceb.methods.emcid.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context)
