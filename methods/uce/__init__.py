"""UCE: unified concept editing of cross-attention keys and values in closed form.

arXiv:2308.14761. Two programs of the authors carry the name: that of 2023, which made the paper's tables, and that of
2025. A third row, `uce-emcid`, is what EMCID's authors ran as their UCE baseline. This file is the methods as the
benchmark sees them and imports nothing heavy; `iceb.methods.uce_debias` holds the balancing method.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from iceb.base.errors import MethodError
from iceb.methods.common.corpora import check_captions, few_captions, preservation_note
from iceb.methods.common.validation import Count, Natural, NotNegative, Positive, check_fields, one_of
from iceb.methods.uce.texts import CONCEPT_TYPES
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef

Technique = Literal["replace", "tensor"]
ConceptType = Literal["art", "object", "other"]


@dataclass(frozen=True)
class UCE:
    """Unified concept editing; the defaults are the authors' command line of 2023.

    A request's destination is the guide; a request without one is guided to `guide`.

    Attributes:
        variant: 2023 edits all rows from the last content token on and retains whole texts; 2025 edits and preserves
            the last content token alone.
        technique: "replace" aims at the guide's value, "tensor" (2023 only) at that value without its share of the old.
        concept_type: "art" (with a list of artists to retain, 2023) or "object" choose the templates; "other" has none.
        templates: also edit five phrases with each concept in them; in 2023 the guide stays bare, in 2025 it is put in
            the same phrases.
        guide: where requests without a destination go; None: " " in 2023, "art" or "" in 2025.
        ridge: λ.
        erase_scale: s_e, weight of what is edited.
        preserve_scale: s_p, weight of each preserved text; None: max(0.1, 1 / number of them) in 2023, 1 in 2025.
        retain: texts to preserve.
        retain_file: a file of more of them, one a line or a JSON list; those that are edited are left out (capitals do
            not matter).
        retain_count: how many of the file's, drawn once with a fixed seed; None: all.
        captions: a file of captions, one a line or JSON; None: the embedded ones, which only the embedded model has.
        caption_count: how many of them to preserve besides (ours); those that name what is edited are left out.
        keys: edit keys too; False: values alone.
    """

    variant: Annotated[int, one_of(2023, 2025)] = 2023
    technique: Technique = "replace"
    concept_type: ConceptType = "object"
    templates: bool = False
    guide: str | None = None
    ridge: Positive = 0.5
    erase_scale: Positive = 1.0
    preserve_scale: NotNegative | None = None
    retain: tuple[str, ...] = ()
    retain_file: str | None = None
    retain_count: Count | None = None
    captions: str | None = None
    caption_count: Natural = 0
    keys: bool = True

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)
        if self.variant == 2025 and self.technique == "tensor":
            raise MethodError("uce technique tensor: the program of 2025 has none; take variant=2023 or replace")
        if self.templates and self.concept_type not in CONCEPT_TYPES:
            allowed = " or ".join(CONCEPT_TYPES)
            raise MethodError(f"uce templates for concept_type {self.concept_type}: only {allowed} has any")

    def check(self, ref: ModelRef) -> None:
        """Refuse artists without a list to retain, or an unreadable list.

        Raises:
            MethodError: concept_type is "art" in the variant of 2023 and no list is named.
            DataError: the list cannot be read or is empty.
        """
        if self.variant == 2023 and self.concept_type == "art" and self.retain_file is None:
            raise MethodError(
                "uce concept_type=art retains all artists that are not edited, and no list of them ships: "
                "`retain_file=FILE`, one name a line or a JSON list"
            )
        if self.retain_file is not None:
            check_captions(self.retain_file, ref.family, "uce", "retain_file")
        if self.caption_count:
            check_captions(self.captions, ref.family, "uce")

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn that little is preserved, or that a file holds fewer captions than requested."""
        if self.caption_count:
            return few_captions(self.captions, self.caption_count)
        named = self.retain_file is not None or any(text.strip() for text in self.retain)
        return [] if named else [preservation_note("only the empty text" if self.variant == 2023 else "nothing")]

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new keys and values that carry out all requests; a sum over retained texts is stored."""
        if not requests:
            return Edit()
        self.check(bundle.ref)
        from iceb.methods.uce.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context.scratch)


@dataclass(frozen=True)
class UCEEmcid:
    """UCE as EMCID's authors ran it: 'tensor', λ = s_e = s_p = 0.1, and the destinations retained.

    Attributes:
        technique: "tensor", as they ran it, or "replace".
        ridge: λ.
        erase_scale: s_e.
        preserve_scale: s_p.
        retain: texts to retain; (): the requests' destinations, and the empty text where there are none.
        keys: edit keys too; False: values alone.
    """

    technique: Technique = "tensor"
    ridge: Positive = 0.1
    erase_scale: Positive = 0.1
    preserve_scale: NotNegative = 0.1
    retain: tuple[str, ...] = ()
    keys: bool = True

    card: ClassVar[MethodCard] = read_card(__file__, "card_emcid.md")

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new keys and values that carry out all requests; a sum over retained texts is stored."""
        if not requests:
            return Edit()
        from iceb.methods.uce.editing import emcid_edit  # torch is loaded here and not before

        return emcid_edit(self, bundle, requests, context.scratch)
