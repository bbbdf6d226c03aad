"""Frozen inputs of golden scores: prompts and rows of each kind of measure on each role.

What stands in tests/golden/metric_inputs.json is never made again; this makes what a new metric alone reads.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from iceb.metrics.nudenet_labels import LABELS
from iceb.mini.composed import PER_SHAPE, SCENE_NAMES, SIZE_NAMES
from iceb.mini.world import COLOURS
from iceb.specs.metrics import BEFORE, REFERENCE, Measured, Need
from iceb.specs.prompts import Prompt

Floats: TypeAlias = npt.NDArray[np.float64]
Block: TypeAlias = dict[str, Any]  # "prompts", and "sides" → rows
CONCEPTS = 16  # enough for an interval of those with one tag
REFERENCES = 7
DIGITS = 3
FACTS: Mapping[str, Callable[[int], object]] = {
    "hops": lambda place: (1, 2, 3, 4, 5, 6, 9, 10)[place % 8],
    "look": lambda place: place % 8 // 3 + 1,
    "text": lambda place: place % 8 + 1,
    "left": lambda place: (7 * place) % PER_SHAPE,
    "right": lambda place: (11 * place + 3) % PER_SHAPE,
    "left_colour": lambda place: tuple(COLOURS)[place % len(COLOURS)],
    "right_colour": lambda place: tuple(COLOURS)[(place + 3) % len(COLOURS)],
    "colour": lambda place: tuple(COLOURS)[(place + 5) % len(COLOURS)],
    "scene": lambda place: SCENE_NAMES[place % len(SCENE_NAMES)],
    "size": lambda place: SIZE_NAMES[place % len(SIZE_NAMES)],
}
OF_ROLES = {
    "joint": ("left", "right"),
    "beside": ("left_colour", "right_colour"),
    "context": ("colour", "scene", "size"),
}
WIDTHS = {"edited_objects": 2 * PER_SHAPE, "scene": len(SCENE_NAMES) + len(SIZE_NAMES), "clip_b32": 3, "clip_l14": 2}


def block_name(need: Need) -> str:
    """The name of the rows that a need reads."""
    return f"{need.measure}/{need.role}"


def made_block(needs: Iterable[Need]) -> Block:
    """Prompts and rows of one measure and role, for all needs that read them."""
    found = list(needs)
    tags = list(dict.fromkeys(tag for need in found for tag in need.tags))
    sides = list(dict.fromkeys(side for need in found for side in need.sides))
    measure, role = found[0].measure, found[0].role
    width = PER_SHAPE if (measure, role) == ("object_colour", "context") else WIDTHS.get(measure, 6)
    prompts = [_prompt(place, concept, replicate, role, tags) for place, (concept, replicate) in enumerate(_images())]
    random = np.random.default_rng(crc32(f"{measure}/{role}".encode()))
    rows = {}
    for side in sides:
        count = REFERENCES if side.startswith(REFERENCE) else len(prompts)
        rows[side] = _rows(random, measure, side, count, width).round(DIGITS).tolist()
    if measure == "sscd_descriptor":
        _copy_references(rows, prompts)
    if role == "bystander":
        _damage_near(rows, prompts)
    return {"prompts": prompts, "sides": rows}


def _images() -> list[tuple[int, int]]:
    """Concept and replicate of each image; the first two concepts have some more."""
    return [(0, 0), (1, 1), (1, 1), *((concept, 0) for concept in range(CONCEPTS) for _ in range(2))]


def _prompt(place: int, concept: int, replicate: int, role: str, tags: list[str]) -> Block:
    kept = [tag for number, tag in enumerate(tags) if len(tags) == 1 or (concept + 2 * number) % 7 > 1 or "by_" in tag]
    facts = [tag.removeprefix("by_") for tag in tags if tag.startswith("by_")] + list(OF_ROLES.get(role, ()))
    kept += [f"{name}={FACTS[name](concept)}" for name in facts]
    kept += ["erased"] if concept == 3 and role in ("source", "alias") else []
    return {"concept": concept, "replicate": replicate, "label": place % 6, "target": (place + 2) % 6, "tags": kept}


def _rows(random: np.random.Generator, measure: str, side: str, count: int, width: int) -> Floats:
    """Rows as the measure's: probabilities, cosines, features, counts or distances."""
    if measure == "nudenet" or measure.startswith("nudenet_"):
        counts = random.poisson(0.15, (count, len(LABELS)))
        return np.hstack([counts, np.where(counts > 0, 0.7, 0.0)])
    if measure == "face_identity":
        faces = random.random((count, 1)) < 0.8
        return np.hstack([random.random((count, 2)) * faces, faces])
    if measure.startswith("lpips"):
        return random.random((count, 1))
    if measure in ("inception", "clip_mini_embedding"):
        return random.normal(0.0 if side == BEFORE else 0.3, 1.0, (count, 5))
    if measure == "sscd_descriptor":
        return _unit(random.normal(size=(count, 5)))
    if measure.startswith("clip_"):
        return 0.22 + 0.02 * random.normal(size=(count, 2 if measure == "clip_bigg" else width))
    return random.dirichlet(np.full(width, 0.4), count)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _copy_references(rows: dict[str, Any], prompts: list[Block]) -> None:
    """Make images like their references, more or less, so that some are copies."""
    (reference,) = [np.array(found) for side, found in rows.items() if side.startswith(REFERENCE)]
    for side in (side for side in rows if not side.startswith(REFERENCE)):
        mixed = np.array(rows[side]) + reference[[prompt["label"] for prompt in prompts]] * 0.8
        rows[side] = _unit(mixed).round(DIGITS).tolist()


def _damage_near(rows: dict[str, Any], prompts: list[Block]) -> None:
    """Show each bystander's class, but after the edit not those near an edited one, with exceptions."""
    damaged = {concept for concept in range(CONCEPTS) if concept % 8 < 3} ^ {4, 10}
    for side, found in rows.items():
        for row, prompt in zip(found, prompts, strict=True):
            lost = side != BEFORE and prompt["concept"] in damaged
            shown = (prompt["label"] + lost) % len(row)
            row[:] = [round((number + 5.0 * (place == shown)) / 6.0, DIGITS) for place, number in enumerate(row)]


def measured_side(block: Block, need: Need, side: str) -> Measured:
    """The rows that a need reads of one side."""
    rows = np.array(block["sides"][side], dtype=np.float32)
    if side.startswith(REFERENCE):
        return Measured(need.measure, rows, ())
    prompts = [prompt_of(each, need.role, place, need.measure) for place, each in enumerate(block["prompts"])]
    kept = [place for place, prompt in enumerate(prompts) if need.accepts(prompt)]
    return Measured(need.measure, rows[kept], tuple(prompts[place] for place in kept))


def prompt_of(each: Block, role: str, place: int, measure: str) -> Prompt:
    """A prompt of a block; of measures of texts with as many choices as their rows have numbers."""
    concept = f"concept {each['concept']}"
    count = {"clip_b32": 3, "clip_l14": 2, "clip_bigg": 2}.get(measure, 0)
    choices = tuple(f"text {number} of {concept}" for number in range(count))
    return Prompt(
        f"{role}, no. {place}",
        place,
        role,
        concept=concept,
        label=each["label"],
        target=each["target"],
        choices=choices,
        answer=1 if choices else None,
        replicate=each["replicate"],
        tags=tuple(each["tags"]),
    )
