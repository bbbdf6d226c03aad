"""Tune a method's settings on mini by the suite's protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Place, path_or_none
from iceb.api.signatures import takes
from iceb.specs.runs import Scalar

if TYPE_CHECKING:
    from iceb.running.given_method import GivenMethod
    from iceb.tuning.asking import Tuned


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Arguments of a tuning.

    Attributes:
        method: a registered name; or a class, or an object whose settings are the first trial's.
        space: what to try: a TOML file with why, [start] and [grid]; or instead of it
        settings: values to try of each setting, {"ridge": (0.1, 1.0)}.
        recipe: begin with "published" or "tuned" of the recipe that ships, or a file; None: the published ones where
            there are some, else the method's defaults.
        num_edits: numbers of edits, at most 150; a score is their mean.
        trials: how many settings are tried.
        limit: prompts of the concepts, and holdout classes, for a first look; None: 150 and 184.
        limit_seconds: begin no edit after so long; a later call goes on.
        device: "auto", "cpu", "cuda", "cuda:1" …
        cache: the cache's folder; None: ICEB_CACHE, else ~/.cache/iceb.
        out: the folder of the record and the recipe.
    """

    method: "GivenMethod"
    space: Place | None = None
    settings: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    recipe: Place | None = None
    num_edits: Sequence[int] = (10, 50, 150)
    trials: int = 8
    limit: int | None = None
    limit_seconds: float | None = None
    device: str = "auto"
    cache: Place | None = None
    out: Place = "tuning"


@takes(Tuning)
def tune(asked: Tuning) -> "Tuned":
    """Try settings on validation concepts of mini, and write the best as a recipe, as `iceb tune` does.

    Every number is saved as it is made, so a call that was stopped goes on. No class is read that a table scores.

    Returns:
        The trials with errors and paired tests against the best, and the paths of the record and of the recipe.

    Raises:
        SpecError: nothing to try, a setting that the method does not have, or a list of names that a table scores.
    """
    from iceb.tuning.asking import TuneAsk, carry_out, plan_tuning

    ask = TuneAsk(
        method=asked.method,
        space=path_or_none(asked.space),
        settings=asked.settings,
        recipe=asked.recipe,
        num_edits=tuple(asked.num_edits),
        trials=asked.trials,
        limit=asked.limit,
        limit_seconds=asked.limit_seconds,
        device=asked.device,
        cache=path_or_none(asked.cache),
        out=Path(asked.out),
    )
    return carry_out(plan_tuning(ask))
