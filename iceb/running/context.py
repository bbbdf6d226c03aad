"""The context in which a method edits: drawing as a run draws, and measures that its settings name."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, cast

from iceb import registry
from iceb.base.errors import MethodError
from iceb.base.text import Rewriter
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import Pixels, initial_latents, pictures
from iceb.specs.execution import Execution
from iceb.specs.methods import Bundle, MethodContext, Scratch
from iceb.specs.metrics import Measure
from iceb.specs.runs import Sampling


def method_context(
    method: str, judges: Collection[str], device: str, scratch: Scratch, execution: Execution
) -> MethodContext:
    """The context of one edit.

    Args:
        method: whose edit, for messages.
        judges: the registered measures that may be asked for.
        device: where they measure.
    """
    return MethodContext(scratch, execution, draw_images, partial(_judge, method, judges, device))


def draw_images(
    bundle: Bundle, texts: Sequence[str], seeds: Sequence[int], sampling: Sampling | None = None
) -> list[Pixels]:
    """One image for each text and seed, each from noise of its own; nothing is kept.

    Raises:
        MethodError: texts and seeds differ in number.
    """
    if len(texts) != len(seeds):
        raise MethodError(f"context.draw got {len(texts)} texts and {len(seeds)} seeds: must be as many")
    model, how = cast(ModelBundle, bundle), sampling or bundle.family.sampling
    rewritten = [*map(Rewriter(model.rewrites), texts)]
    latents = initial_latents(model, seeds, how)
    return list(pictures(model, rewritten, latents, how, model.negative_prompt))


def judge_identity(name: str) -> dict[str, str]:
    """What pins the numbers of a registered measure.

    Raises:
        SpecError: no such measure.
    """
    measure: Any = registry.load("measures", name)(device="cpu")
    return {"id": measure.id, "revision": measure.revision}


def _judge(method: str, judges: Collection[str], device: str, name: str) -> Measure:
    if name not in judges:
        allowed = ", ".join(judges) or "none"
        raise MethodError(
            f"method {method} asked for the measure {name!r}, which no setting named by its card's judges holds "
            f"(they hold: {allowed})"
        )
    measure: Measure = registry.load("measures", name)(device=device)
    return measure
