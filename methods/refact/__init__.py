"""ReFACT: write facts, one after the other, into an MLP matrix of the text encoder.

For each request a rank-one change makes the subject's last token carry a state that the encoder pools to something
nearer to the new text than to the old one. This file is the method as the benchmark sees it and imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from iceb.methods.common.corpora import check_captions, few_captions
from iceb.methods.common.validation import Count, NotNegative, Positive, check_fields
from iceb.methods.refact.files import check_files
from iceb.methods.refact.settings import (
    AT_LEAST_2,
    ON_IMAGES,
    ONE_PLACE,
    Metric,
    Objective,
    check_encoders,
    check_images,
)
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef

TEMPLATES = (
    "{} in a realistic style portrait image",
    "{}, a portrait",
    "realistic painting of {}",
    "a current image of {}",
    "{}, news image",
    "a beautiful photograph of {}",
    "realistic drawing of {}",
    "{}, realistic portrait",
    "{} in a photo",
)


@dataclass(frozen=True)
class ReFACT:
    """Sequential rank-one edits of one text-encoder MLP; the defaults are the authors' best ones on RoAD.

    Attributes:
        layer: the edited layer, counted from 0; the authors take 7 for RoAD and 9 for TIMED.
        layer_2: the same in SDXL's second text encoder, which the authors never edited.
        rate: Adam's learning rate.
        steps: iterations at most; the last one only measures.
        decay: weight of ‖δ‖ / ‖v₀‖².
        clamp: largest ‖δ‖ in units of ‖v₀‖.
        enough: mean probability of the new text at which the search stops.
        metric: "l2", minus the distance of features as scores; "cosine", their cosine times `scale`.
        scale: the factor of the cosine, CLIP's.
        moment: whether u is seen through the second moment of other keys; False: u is the mean key.
        templates: contexts whose keys are averaged, and prompts of the search beside the bare subject.
        projection: a safetensors file with CLIP's "text_projection.weight", (p, d): the authors compare projected
            features, and a Stable Diffusion 1.x or 2.x model has no projection; None: pooled states are compared.
        objective: the authors' algorithm: "contrastive_text", the new text against the old; "direct_text", the new
            text's score alone; "contrastive" and "direct", the same on images: the model's own of the new and
            (contrastive) the old text, which CLIP's image tower looks at.
        new_images: images drawn of the new text.
        images: a zip archive of other images (the authors: COCO's validation set): alternatives of the contrastive
            loss on images, and what `kl` keeps in order; None: none.
        image_count: how many of them, the first by name.
        kl: weight of the divergence of each kept text's distribution over images from what it was; 0: none.
        kl_texts: a file of kept texts (the authors: COCO's captions), one a line; the contrastive loss on texts has
            them as alternatives too; None: none.
        kl_count: how many of them, the first.
        clip_config: CLIP's config.json, beside the file that `projection` names: wherever images are compared.
        captions: a file of texts for the second moment (the authors: the lines of wikitext-103-raw-v1), as `EMCID`'s;
            None: the embedded captions, which only the embedded model has.
        caption_count: how many of them, drawn by the authors' rule.
        caption_tokens: tokens after which a text is cut.
    """

    layer: int = 7
    layer_2: int = 18
    rate: Positive = 0.05
    steps: Count = 100
    decay: float = 0.1
    clamp: Positive = 4.0
    enough: float = 0.99
    metric: Metric = "l2"
    scale: Positive = 100.0
    moment: bool = True
    templates: Annotated[tuple[str, ...], ONE_PLACE] = TEMPLATES
    projection: str | None = None
    objective: Objective = "contrastive_text"
    new_images: Count = 1
    images: str | None = None
    image_count: Count = 20
    kl: NotNegative = 0.0
    kl_texts: str | None = None
    kl_count: Count = 20
    clip_config: str | None = None
    captions: str | None = None
    caption_count: Count = 100_000
    caption_tokens: Annotated[int, AT_LEAST_2] = 60

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)
        check_images(self)

    @property
    def uses_images(self) -> bool:
        """Whether a loss compares images."""
        return self.objective in ON_IMAGES or self.kl > 0

    def check(self, ref: ModelRef) -> None:
        """Refuse missing or unfit files, and objectives that the model does not support.

        Raises:
            MethodError, DataError: as `captions.check_captions`, `settings.check_encoders` and `files.check_files`.
        """
        if self.moment:
            check_captions(self.captions, ref.family, self.card.name)
        check_encoders(self, 2 if ref.family == "sdxl" else 1)  # a folder of that layout is refused in `edit`
        check_files(self)

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn if a file holds fewer captions than requested."""
        return few_captions(self.captions, self.caption_count) if self.moment else []

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new fc2 weights of one layer per text encoder, after every request in order.

        Second moments and the rank-one change of each beginning of the list are kept in the scratch, so a longer list
        of the same beginning, or a stopped run, costs only what is new.
        """
        if not requests:
            return Edit()
        from iceb.methods.refact.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context)
