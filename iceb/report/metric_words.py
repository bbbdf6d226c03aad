"""A metric's card in words, for the pages and commands that show it."""

from collections.abc import Sequence
from typing import Any

from iceb.specs.metrics import REFERENCE, Need
from iceb.specs.reduction import Change, Part, Reduction

CHANGES: dict[Change, str] = {
    "rise": "after − before",
    "fall": "before − after",
    "after": "after",
    "before": "before",
}
CLASSES = {"target": "the destination's", "label": "the concept's own"}


def metric_fields(metric: Any) -> dict[str, str]:
    """Return what a metric reads and computes, by field; wrong fields are shown as they are."""
    found = {name: str(getattr(metric, name)) for name in ("version", "paper", "unit") if getattr(metric, name, "")}
    needs, reduction = metric.needs, metric.reduction
    listed = isinstance(needs, Sequence) and all(isinstance(need, Need) for need in needs)
    found["reads"] = "; ".join(map(need_text, needs)) if listed else str(needs)
    if (of := getattr(metric, "of", None)) in CLASSES:
        found["class"] = CLASSES[of]
    found["value"] = value_text(reduction) if isinstance(reduction, Reduction) else str(reduction)
    found["better"] = "higher" if metric.higher_is_better else "lower"
    return found


def need_text(need: Need) -> str:
    """Describe the images that a metric reads, and the measure that looks at them.

    >>> need_text(Need("imagenet_classifier", "holdout", tags=("dest",)))
    'images of holdout prompts tagged dest, before and after, by imagenet_classifier'
    """
    tags = f" tagged {', '.join(need.tags)}" if need.tags else ""
    sides = [f"reference {side.removeprefix(REFERENCE)}" if REFERENCE in side else side for side in need.sides]
    return f"images of {need.role} prompts{tags}, {' and '.join(sides)}, by {need.measure}"


def value_text(reduction: Reduction) -> str:
    """Describe how concepts' statistics become the value.

    >>> value_text(Reduction({"source": Part(0.5), "holdout": Part(0.5)}))
    '0.5 × source (after − before) + 0.5 × holdout (after − before), means over images'
    >>> from iceb.specs.reduction import complement
    >>> value_text(Reduction({"erased": complement(), "kept": Part(2.0, "after")}, combine="harmonic"))
    'harmonic mean of 1 − erased (after), 2 × kept (after), means over images'
    """
    if reduction.kind == "set":
        steps = "; an error only where halves of the concepts have it as their median" if reduction.steps else ""
        return f"distance of the sets of images, {CHANGES[reduction.parts['value'].change]}{steps}"
    parts = [part_text(name, part) for name, part in reduction.parts.items()]
    joined = " + ".join(parts) if reduction.combine == "sum" else f"{reduction.combine} mean of {', '.join(parts)}"
    return f"{joined}, {'mean' if len(parts) == 1 else 'means'} over {reduction.weighting}"


def part_text(name: str, part: Part) -> str:
    """Describe a part of the value with its weight."""
    weight = "" if part.weight == 1 else f"{part.weight:g} × "
    return f"{weight}{quantity_text(name, part)} ({CHANGES[part.change]})"


def quantity_text(name: str, part: Part) -> str:
    """Describe what a part's statistics count as.

    >>> quantity_text("x", Part(slope=2.0)), quantity_text("x", Part(slope=-0.5, offset=3.0))
    ('2 × x', '(3 − 0.5 × x)')
    """
    if part.is_plain:
        return name
    size = "" if abs(part.slope) == 1 else f"{abs(part.slope):g} × "
    sign = "−" if part.slope < 0 else "+"
    if not part.offset:
        return f"{'−' if part.slope < 0 else ''}{size}{name}"
    text = f"{part.offset:g} {sign} {size}{name}"
    return text if (part.slope, part.offset) == (-1.0, 1.0) and part.weight == 1 else f"({text})"
