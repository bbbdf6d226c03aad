"""A metric's card in words, for the pages and commands that show it."""

from collections.abc import Sequence
from typing import Any

from iceb.specs.metrics import REFERENCE, Need
from iceb.specs.reduction import Change, Reduction

CHANGES: dict[Change, str] = {"rise": "after − before", "fall": "before − after", "after": "after"}
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

    >>> from iceb.specs.reduction import Part
    >>> value_text(Reduction({"source": Part(0.5), "holdout": Part(0.5)}))
    '0.5 × source (after − before) + 0.5 × holdout (after − before), means over images'
    """
    if reduction.kind == "set":
        return f"distance of the sets of images, {CHANGES[reduction.parts['value'].change]}"
    parts = [
        f"{'' if part.weight == 1 else f'{part.weight:g} × '}{name} ({CHANGES[part.change]})"
        for name, part in reduction.parts.items()
    ]
    return f"{' + '.join(parts)}, {'mean' if len(parts) == 1 else 'means'} over {reduction.weighting}"
