"""Refuse a run whose edit changed no image of its sources: a finding, and no row of zeros.

A control that by definition does nothing says so: its card has `edits: nothing` and touches no parameter.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from iceb.base.errors import MethodError
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.running.result_record import EditCost
from iceb.runs.ledger import ImageRow
from iceb.specs.methods import MethodCard
from iceb.specs.requests import EditRequest
from iceb.stores.images import ImageStore

NOTHING = "nothing"  # what the card of such a control says that it edits
SOURCE_ROLES = ("source", "train")  # prompts that name a source; where a task has neither, all that name a request
MOST_NAMED = 3  # sources that a message names


def refuse_no_effect(
    card: MethodCard,
    edits: Sequence[EditCost],
    requests: Sequence[EditRequest],
    rows: Sequence[ImageRow],
    images: ImageStore,
) -> None:
    """Compare the images of the sources before and after, up to the first that differs.

    Args:
        edits: what was made of them.
        requests: what they were to edit.
        rows: all prompts of the run with their images.
        images: where these are.

    Raises:
        MethodError: every one of them is the same, byte by byte.
    """
    if not requests or (card.edits == NOTHING and not card.touches):
        return
    same = 0
    for pair in _source_pairs(rows):
        differ = _differ(images, *pair)
        if differ:
            return
        same += differ is False
    if not same:
        return
    named = ", ".join(quote(each.source, 40) for each in requests[:MOST_NAMED])
    more = f" and {len(requests) - MOST_NAMED} more" if len(requests) > MOST_NAMED else ""
    raise MethodError(
        f"method {card.name} changed no image of its sources ({named}{more}): all {same} are the same before and "
        f"after, byte by byte; {_what_did_not_match(edits)}"
    )


def _source_pairs(rows: Sequence[ImageRow]) -> Iterator[tuple[str, str]]:
    """Yield the keys of the images of prompts that name a source, before and after."""
    drawn = [row for row in rows if row.prompt.request is not None and row.before and row.after]
    role = next((role for role in SOURCE_ROLES if any(row.prompt.role == role for row in drawn)), None)
    for row in drawn:
        if role in (None, row.prompt.role) and row.before is not None and row.after is not None:
            yield row.before, row.after


def _differ(images: ImageStore, before: str, after: str) -> bool | None:
    """Whether two images differ in a byte; None where one is lost, which proves neither."""
    if before == after:
        return False
    first, second = images.read(before), images.read(after)
    return None if first is None or second is None else not np.array_equal(first, second)


def _what_did_not_match(edits: Sequence[EditCost]) -> str:
    """Describe what the edits are made of, and so why they change nothing."""
    weights, rewrites = sum(each.weights for each in edits), sum(each.rewrites for each in edits)
    changes = [each.relative_change for each in edits if each.relative_change is not None]
    if any(changes):
        return (
            f"it changed {count_text(weights, 'parameter')} by ‖ΔW‖/‖W‖ = {max(changes):.3g}, too little to change an "
            "8-bit image, or in a part that these prompts do not reach: check its strength and what it touches"
        )
    if weights:
        return f"its edit holds {count_text(weights, 'parameter')} bit-equal to the model's: nothing was learnt"
    if rewrites:
        return f"it changed no parameter, and of its {count_text(rewrites, 'rewrite')} none changes these prompts"
    if any(each.negative for each in edits):
        return "it changed no parameter, and its negative prompt is not read: guidance must be above 1"
    return "it changed no parameter, rewrote no text and set no negative prompt: its requests matched nothing"
