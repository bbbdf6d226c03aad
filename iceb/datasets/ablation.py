"""Concept Ablation's evaluation: a style or an instance becomes its anchor, and hard negatives stay.

One class serves both sources, the upstream files and the embedded set. Each concept is edited and judged alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from iceb.base.errors import DataError
from iceb.base.readers import read_json, read_text
from iceb.datasets.counts import check_declared, first_requests
from iceb.datasets.rows import Text, validate_row
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, one_by_one

REMEDY = "name another folder with `data` or ICEB_DATA"
TARGET, ANCHOR, NEGATIVE = "target", "anchor", "negative"  # roles
TEMPLATES = {
    "style": ("painting by {}", "artwork by {}", "style of {}"),
    "object": ("An image of {}", "A photo of {}", "{}"),
}
TRAIN_SEED = 0  # nothing published depends on it
Type = Literal["style", "object"]
Sentences = Callable[["AblatedConcept", str], list[str]]  # of a concept's part: its target, its anchor or a negative


class ConceptRow(BaseModel):
    """A concept as the upstream list holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Text
    anchor: Text
    hard_negative: tuple[Text, ...] = Field(min_length=1)


class ConceptLists(BaseModel):
    """The upstream list: concepts of two types by the authors' name for them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    style: dict[str, ConceptRow]
    object: dict[str, ConceptRow]


class EmbeddedLists(ConceptLists):
    """The embedded set: the same, with sentences that hold "{}"; of styles also those without one."""

    sentences: dict[Type, tuple[Text, ...]]
    plain: tuple[Text, ...]


@dataclass(frozen=True)
class AblatedConcept:
    """A concept with its type."""

    type: Type
    row: ConceptRow

    def caption(self, name: str) -> str:
        """The text that an image of one of its parts is compared with."""
        styled = self.type == "style" and name != self.row.anchor
        return f"A photo depicts {name} style" if styled else f"A photo depicts {name}"


class Ablation:
    """Styles and instances that become their anchors (arXiv:2303.13516).

    Args:
        card: the declaration; its counts are checked against the files.
        paths: `concepts` and, of the upstream set, a file of prompts each: "monet_eval", "cat_eval", ….

    Raises:
        DataError: a file is malformed or missing from the card, or holds other counts than declared.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        read = read_json(paths["concepts"], DataError, REMEDY)
        upstream = len(paths) > 1
        lists = validate_row(str(paths["concepts"]), read, ConceptLists if upstream else EmbeddedLists, REMEDY)
        sentences = _embedded_sentences(lists) if isinstance(lists, EmbeddedLists) else _upstream_sentences(paths)
        types: tuple[tuple[Type, dict[str, ConceptRow]], ...] = (("style", lists.style), ("object", lists.object))
        self.concepts = [AblatedConcept(each, row) for each, rows in types for row in rows.values()]
        self.requests = tuple(_requests(card.name, self.concepts))
        self._prompts = {
            request.id: [*self._make_prompts(edit, request, concept, sentences)]
            for edit, (request, concept) in enumerate(zip(self.requests, self.concepts, strict=True))
        }
        check_declared(self.card, "requests", len(self.requests))
        check_declared(self.card, "negatives", sum(len(concept.row.hard_negative) for concept in self.concepts))

    def _make_prompts(
        self, edit: int, request: EditRequest, concept: AblatedConcept, sentences: Sentences
    ) -> Iterator[Prompt]:
        """The images of a concept's target, anchor and hard negatives, every prompt equally often.

        A hard negative of several concepts is drawn after each edit from the same prompts and seeds: one cluster, and
        each edit a replicate of it.
        """
        row, many, few = concept.row, self.card.counts["images"], self.card.counts["negative_images"]
        parts = [(TARGET, row.target, many), (ANCHOR, row.anchor, many)]
        parts += [(NEGATIVE, name, few) for name in row.hard_negative]
        for role, name, images in parts:
            texts = sentences(concept, name)
            repeats, rest = divmod(images, len(texts))
            if rest:
                raise DataError(
                    f"dataset {self.card.name}: {len(texts)} prompts of {name!r} for {images} images; {REMEDY}"
                )
            choices = tuple(dict.fromkeys((concept.caption(name), concept.caption(row.anchor))))
            cluster, replicate = (request.id, 0) if role != NEGATIVE else (f"{self.card.name} {name}", edit)
            for place, text in enumerate(text for text in texts for _ in range(repeats)):
                yield Prompt(
                    text, place, role, request=request.id, concept=cluster, choices=choices, replicate=replicate
                )

    def schedule(self, num_edits: int) -> Schedule:
        """The first `num_edits` concepts, each edited and judged alone.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        return one_by_one(EditBatch(request.id, (request,)) for request in chosen)

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of a batch's concepts: target, anchor, hard negatives."""
        return [prompt for request in batch.requests for prompt in self._prompts[request.id]]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: each concept has its own."""
        return []

    def scored_names(self) -> frozenset[str]:
        """Every target, anchor and hard negative."""
        rows = [concept.row for concept in self.concepts]
        return frozenset(name for row in rows for name in (row.target, row.anchor, *row.hard_negative))


def _requests(name: str, concepts: list[AblatedConcept]) -> Iterator[EditRequest]:
    for place, concept in enumerate(concepts):
        row = concept.row
        yield EditRequest(f"{name}/{place:04d}", row.target, (row.anchor,), TEMPLATES[concept.type], TRAIN_SEED)


def _upstream_sentences(paths: Mapping[str, Path]) -> Sentences:
    """Sentences of files: a style's own; an instance's are those of its anchor, written over it."""

    def read(concept: AblatedConcept, name: str) -> list[str]:
        anchor = concept.row.anchor
        if concept.type == "style":
            return _lines(paths, name)
        return [line.replace(anchor, name) for line in _lines(paths, anchor)]

    return read


def _lines(paths: Mapping[str, Path], name: str) -> list[str]:
    key = f"{name.replace(' ', '_')}_eval"
    if key not in paths:
        raise DataError(f"{paths['concepts']}: no file of prompts {key} is declared for {name!r}; {REMEDY}")
    return [line.strip() for line in read_text(paths[key], DataError, REMEDY).splitlines()]


def _embedded_sentences(lists: EmbeddedLists) -> Sentences:
    def write(concept: AblatedConcept, name: str) -> list[str]:
        if concept.type == "style" and name == concept.row.anchor:
            return list(lists.plain)
        return [write_name(sentence, name) for sentence in lists.sentences[concept.type]]

    return write


def write_name(sentence: str, name: str) -> str:
    """A sentence with a name in place of "{}", and "an" where the name begins with a vowel.

    >>> write_name("a young {}", "English Setter"), write_name("the {}", "oboe"), write_name("a {}", "unicycle")
    ('a young English Setter', 'the oboe', 'a unicycle')
    >>> write_name("an image of a {}", "oboe")
    'an image of an oboe'
    """
    vowel = name[0].lower() in "aeiou" and not name.lower().startswith(("eu", "uni"))
    return (re.sub(r"\ba \{\}", "an {}", sentence) if vowel else sentence).replace("{}", name)


CARDS = "iceb.data_cards"
ABLATION = DatasetDeclaration(CARDS, "ablation.md", Ablation)
ABLATION_EMBEDDED = DatasetDeclaration(CARDS, "ablation_embedded.md", Ablation)
