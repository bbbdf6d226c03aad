"""The context passed to a method's `edit`: drawing as in a run, and measures its settings name."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any, cast

import torch

from iceb import registry
from iceb.base.errors import MethodError
from iceb.base.rewriting import Rewriter
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import Pixels, seeded_images
from iceb.running.measuring import stored_revision
from iceb.specs.execution import Execution
from iceb.specs.methods import Bundle, MethodContext, Scratch
from iceb.specs.metrics import Measure
from iceb.specs.prompts import NoiseDraw
from iceb.specs.runs import MeasureRef, Sampling


def method_context(
    method: str, judges: Collection[str], device: str, scratch: Scratch, execution: Execution
) -> MethodContext:
    """Make the context of one edit.

    Args:
        method: whose edit, for messages.
        judges: the registered measures that may be asked for.
        device: where they measure.
    """
    return MethodContext(scratch, execution, draw_images, partial(_judge, method, judges, device))


def draw_images(
    bundle: Bundle, texts: Sequence[str], seeds: Sequence[NoiseDraw | int], sampling: Sampling | None = None
) -> list[Pixels]:
    """Draw one image per text and seed, each from its own noise; nothing is stored.

    Raises:
        MethodError: texts and seeds differ in number.
    """
    if len(texts) != len(seeds):
        raise MethodError(f"context.draw got {len(texts)} texts and {len(seeds)} seeds: must be as many")
    model, how = cast(ModelBundle, bundle), sampling or bundle.family.sampling
    rewritten = [*map(Rewriter(model.rewrites), texts)]
    return list(seeded_images(model, rewritten, seeds, how, model.negative_prompt))


def judges_of(method: Any) -> dict[str, MeasureRef]:
    """Return the measures that a method's settings name, by registered name.

    Raises:
        MethodError: the card's `judges` names no setting, or one that holds no name.
        SpecError: no such measure.
    """
    card, found = method.card, dict[str, MeasureRef]()
    for setting in card.judges:
        if not hasattr(method, setting):
            raise MethodError(f"method {card.name}: its card's judges name {setting!r}, no setting of it")
        for name in _names(card.name, setting, getattr(method, setting)):
            found[name] = judge_identity(name)
    return found


def _names(method: str, setting: str, value: Any) -> list[str]:
    """Return the measures that a setting names; none if it is None or empty."""
    names = list(value) if isinstance(value, list | tuple) else [value]
    if not all(name is None or isinstance(name, str) for name in names):
        raise MethodError(f"method {method}: {setting}={value!r}: must name a registered measure (iceb list measures)")
    return [name for name in names if name]


def judge_identity(name: str) -> MeasureRef:
    """Return a registered measure's id with the revision of its weights.

    Raises:
        SpecError: no such measure.
    """
    measure = _measure(name)
    return MeasureRef(id=measure.id, revision=measure.revision)


def judge_keys(names: Iterable[str], device: torch.device) -> dict[str, dict[str, str]]:
    """Return what determines the output of some measures: weights, code, libraries and device."""
    made = {name: _measure(name, str(device)) for name in names}
    return {name: {"id": each.id, "revision": stored_revision(each, device.type)} for name, each in made.items()}


def _judge(method: str, judges: Collection[str], device: str, name: str) -> Measure:
    if name not in judges:
        allowed = ", ".join(judges) or "none"
        raise MethodError(
            f"method {method} asked for the measure {name!r}, which no setting named by its card's judges holds "
            f"(they hold: {allowed})"
        )
    return _measure(name, device)


def _measure(name: str, device: str = "cpu") -> Measure:
    made: Measure = registry.load("measures", name)(device=device)
    return made
