"""MACE: mass concept erasure by a closed-form refinement, low-rank terms and their fusion.

arXiv:2403.06135. Stage 1 and 3 (`closed_forms.py`) solve for all cross-attention projections at once; stage 2
(`lora.py`, `loss.py`, `training.py`) trains one term per concept, several in a batch. This file is the method as the
benchmark sees it and imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.corpora import check_captions, few_captions
from iceb.methods.common.validation import Count, Natural, NotNegative, Positive, check_fields
from iceb.methods.mace.concepts import TEMPLATES, Concept, ConceptSetting, concept_type
from iceb.methods.mace.settings import SegmenterName, Training
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef


@dataclass(frozen=True)
class MACE:
    """Mass concept erasure; the defaults are those published for a hundred concepts, no domain cache.

    Attributes:
        concept_type: "object" (people too) or "style"; which sentences are used, and styles have no masks. "by_anchor":
            of each request, a style where the destination is "painting".
        anchor: what an erasing request's concept is mapped to; a replacing request names its own.
        prompts: sentences per concept, at most 30.
        ridge: λ of both closed forms, the authors' `lamb`; keeps the old weights.
        train_preserve_scale: weight of the preserved captions in stage 1.
        squared_scale: stage 1 multiplies by that weight twice, as the authors' code does; False: once.
        fuse_preserve_scale: weight of the preserved captions in stage 3.
        captions: a file of captions to preserve: one a line, or a JSON list; None: the embedded captions, which only
            the embedded model has.
        caption_count: how many of them, shuffled.
        prior_captions: scale their sum to that of so many captions, so that the published weights mean the same
            whatever the corpus; the authors' cache has 616 767. 0: the plain sum.
        domain: a file of texts of the concepts' own domain (names of other people, other artists) to preserve, one a
            line or a JSON list; those that name a source are left out.
        preserve_weight: weight of the domain's texts against the captions.
        all_words: stage 1 pairs all rows by position, the concept's own tokens too.
        steps: training steps per concept; 0: stage 1 alone.
        rate: AdamW's learning rate.
        rank: of each concept's term.
        use_pooler: end token and pads count as the concept's tokens.
        importance_sampling: draw timesteps mostly between 200 and 400; False: uniformly.
        images: training images per concept.
        draw_steps: denoising steps of a training image.
        segmenter: where the concept is in an image: "grounded-sam", as published; "attention", the unedited denoiser's
            attention; "ground", for mini, what differs from its plain ground; "none", the whole image.
        detector: Grounding DINO of "grounded-sam", REPOSITORY@COMMIT or a folder, safetensors.
        masker: SAM of "grounded-sam", likewise.
    """

    concept_type: ConceptSetting = "object"
    anchor: str = ""
    prompts: Count = 30
    ridge: NotNegative = 0.0
    train_preserve_scale: NotNegative = 1e-4
    squared_scale: bool = True
    fuse_preserve_scale: NotNegative = 1e-4
    captions: str | None = None
    caption_count: Count = 100_000
    prior_captions: Natural = 616_767
    domain: str | None = None
    preserve_weight: NotNegative = 2e5
    all_words: bool = False
    steps: Natural = 50
    rate: Positive = 1e-4
    rank: Count = 1
    use_pooler: bool = True
    importance_sampling: bool = True
    images: Count = 8
    draw_steps: Count = 30
    segmenter: SegmenterName = "grounded-sam"
    detector: str = "IDEA-Research/grounding-dino-tiny@a2bb814dd30d776dcf7e30523b00659f4f141c71"
    masker: str = "facebook/sam-vit-huge@87aecf0df4ce6b30cd7de76e87673c49644bdf67"

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)
        most = min(map(len, TEMPLATES.values()))
        if self.prompts > most:
            raise MethodError(f"mace prompts {self.prompts}: there are {most} sentences, choose 1 to {most}")

    @property
    def preserves(self) -> bool:
        """Whether any stage preserves captions."""
        return self.train_preserve_scale > 0 or self.fuse_preserve_scale > 0

    @property
    def masks(self) -> bool:
        """Whether training uses masks of concepts that are no styles, and some may be none."""
        return self.segmenter != "none" and self.concept_type != "style"

    @property
    def training(self) -> Training:
        """The settings of stage 2."""
        return Training(self.steps, self.rate, self.rank, self.use_pooler, self.importance_sampling)

    def concept(self, request: EditRequest) -> Concept:
        """The concept that a request erases, with its destination."""
        dest = request.dest if request.dests else self.anchor
        return Concept(request.source, dest, request.seed, concept_type(self.concept_type, dest), self.prompts)

    def check(self, ref: ModelRef) -> None:
        """Refuse missing or unreadable captions and domain texts, and mini's masks on other models.

        Raises:
            MethodError, DataError: as `captions.check_captions`.
        """
        if self.steps and self.masks and self.segmenter == "ground" and ref.family != "mini":
            raise MethodError(
                f"mace segmenter=ground finds what stands on mini's plain ground, the model is {ref.family}: choose "
                "grounded-sam, attention or none"
            )
        if self.preserves:
            check_captions(self.captions, ref.family, self.card.name)
            if self.domain is not None:
                check_captions(self.domain, ref.family, self.card.name, "domain")

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn if a file holds fewer captions than requested."""
        return few_captions(self.captions, self.caption_count) if self.preserves else []

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new keys and values of the denoiser that erase all concepts at once.

        Prompts, images and masks are kept in `scratch` per concept, trained terms per batch of concepts.
        """
        if not requests:
            return Edit()
        from iceb.methods.mace.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context)
