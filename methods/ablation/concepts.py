"""Concepts of Concept Ablation: a target, the anchor it is mapped to, and prompts for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iceb.base.errors import MethodError
from iceb.methods.ablation.prompts import SUBJECTS, replace_name, style_prompt, trait_prompt
from iceb.methods.ablation.randomness import RandomSource
from iceb.methods.common.corpora import read_captions
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.ablation import Ablation, ConceptType

PAINTING = "painting"  # the authors' anchor of every style
BLANK = "{}"


@dataclass(frozen=True)
class Anchor:
    """The prompts that anchor images are drawn from: all they depend on beside the model and the sampling."""

    prompts: tuple[str, ...]  # image i is drawn from prompt i modulo their number
    negative: str = ""


@dataclass(frozen=True)
class Concept:
    """A concept to ablate."""

    target: str
    anchor: Anchor
    targets: tuple[str, ...]  # the target's prompt for each of the anchor's; () if drawn at random
    seed: int
    type: "ConceptType" = "object"

    @property
    def resizable(self) -> bool:
        """Whether its images may be shrunk and zoomed, which the authors skip for styles and traits."""
        return self.type in ("object", "memorization")

    def prompt(self, index: int, variant: str, rng: RandomSource) -> str:
        """The target's prompt for the anchor's image `index`."""
        place = index % len(self.anchor.prompts)
        if self.type == "style":
            return style_prompt(self.anchor.prompts[place], self.target, variant, rng)
        if self.type == "nudity":
            return trait_prompt(self.anchor.prompts[place], self.target, rng)
        return self.targets[place]

    def anchor_prompt(self, index: int) -> str:
        """The prompt that the anchor's image `index` was drawn from."""
        return self.anchor.prompts[index % len(self.anchor.prompts)]


def concepts_of(requests: Sequence[EditRequest], method: "Ablation") -> list[Concept]:
    """A concept for each request, in an order that does not depend on theirs.

    Raises:
        MethodError: a request has several destinations, or none where one is needed.
        DataError: the file of prompts cannot be read.
    """
    given = tuple(read_captions(method.prompts, "prompt")) if method.prompts is not None else ()
    found = [_concept(request, given, method) for request in requests]
    return sorted(found, key=lambda concept: (concept.target, concept.anchor.prompts, concept.seed))


def _concept(request: EditRequest, given: tuple[str, ...], method: "Ablation") -> Concept:
    if len(request.dests) > 1:
        raise MethodError(f"request {request.id} has {len(request.dests)} destinations: ablation maps to one anchor")
    name = request.dests[0] if request.dests else method.anchor
    kind, source = _type(name, method), request.source
    if kind == "object":
        return _object(request, name, given, method)
    if kind == "style":
        name = _style_anchor(name, method)
        prompts = tuple(prompt.replace(BLANK, name) for prompt in given or SUBJECTS)
        return Concept(source, Anchor(prompts), (), request.seed, kind)
    prompts = tuple(prompt.replace(BLANK, name) for prompt in given) or ((name,) if name else ())
    if not prompts:
        raise MethodError(f"request {request.id} names no anchor: {kind} needs a file of prompts, or a destination")
    if kind == "nudity":
        return Concept(source, Anchor(prompts, negative=source), (), request.seed, kind)
    return Concept(source, Anchor(prompts), (source,) * len(prompts), request.seed, kind)


def _style_anchor(name: str, method: "Ablation") -> str:
    """A style's anchor: the setting before the destination, which is the task's for all methods."""
    chosen = method.anchor if method.concept_type == "style" else ""
    return chosen or name or PAINTING


def _type(anchor: str, method: "Ablation") -> "ConceptType":
    if method.concept_type == "by_anchor":
        return "style" if anchor == PAINTING else "object"
    return method.concept_type


def _object(request: EditRequest, name: str, given: tuple[str, ...], method: "Ablation") -> Concept:
    """An object's anchor prompts: from the file, else from the request's own templates."""
    if not name.strip():
        raise MethodError(
            f"request {request.id} names no anchor: ablation of an object needs a destination; "
            "set `anchor` for requests that have none"
        )
    blanks = [prompt for prompt in given or request.templates if BLANK in prompt]
    pairs = [(prompt.replace(BLANK, name), prompt.replace(BLANK, request.source)) for prompt in blanks]
    plain = [prompt for prompt in given if BLANK not in prompt]
    pairs += [(prompt, replace_name(prompt, name, request.source, method.variant)) for prompt in plain]
    return Concept(
        request.source, Anchor(tuple(a for a, _ in pairs)), tuple(target for _, target in pairs), request.seed
    )
