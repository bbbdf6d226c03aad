"""Measure how large an edit's change is against the weights it changes."""

import math

from iceb.models.bundle import ModelBundle
from iceb.specs.methods import Edit


def relative_change(edit: Edit, bundle: ModelBundle) -> float | None:
    """‖ΔW‖ / ‖W‖ over all parameters that the edit changes, against the model that it was made on.

    Returns:
        None where no parameter changes, or where those that change were all zero.
    """
    changed = norm = 0.0
    for name, after in edit.weights.items():
        before = bundle.parameter(name).double()
        changed += float((after.to(before.device).double() - before).square().sum())
        norm += float(before.square().sum())
    return math.sqrt(changed / norm) if norm else None
