"""Write the best trial of a tuning into the recipe's part for mini."""

import json
import re
from collections.abc import Mapping

from iceb.base.digest import plain
from iceb.base.errors import SpecError
from iceb.base.wording import count_text
from iceb.baselines.recipes import parse_recipe
from iceb.specs.recipes import Recipe
from iceb.specs.runs import Scalar
from tools.tuning.protocol import ERASE_SCORE, FAMILY, PROTOCOL
from tools.tuning.record import Trial, Tuning
from tools.tuning.space import SPACE, planned_trials

SECTION = re.compile(r"^\[(?P<name>[\w.]+)\]\n", re.MULTILINE)
OWN = ("mini", "mini.params", "mini.erase", "mini.erase.params")  # tables that are written anew


def adopted_recipe(text: str, tuning: Tuning) -> str:
    """Return a recipe's text with the best trial as its part for mini; its other parts stand as they are.

    Raises:
        SpecError: the tuning is not complete, or a setting has a value that TOML cannot hold.
    """
    if not tuning.is_complete or tuning.best is None:
        raise SpecError(f"the tuning of {tuning.method} is not complete: run it to its end first")
    _, best, _ = tuning.best
    recipe = parse_recipe(text, tuning.method)
    written = _part("mini", how_line(tuning), best, recipe)
    if tuning.best_eraser is not None:
        written += "\n" + _part("mini.erase", how_line(tuning, ERASE_SCORE), tuning.best_eraser[1], recipe)
    parts = _sections(text)
    before = [part for name, part in parts if name in ("", "params")]
    after = [part for name, part in parts if name not in ("", "params", *OWN)]
    found = "\n".join(part.strip("\n") + "\n" for part in [*before, written, *after])
    if dict(parse_recipe(found, tuning.method).settings(FAMILY)) != dict(best.settings):
        raise SpecError(f"the recipe of {tuning.method} cannot hold its best trial: {dict(best.settings)}")
    return found


def _part(table: str, how: str, trial: Trial, recipe: Recipe) -> str:
    """Write a part for mini: a trial's settings that are not the recipe's own."""
    changed = {name: value for name, value in trial.settings.items() if recipe.params.get(name, ...) != value}
    lines = [f"{name} = {toml_value(name, value)}\n" for name, value in changed.items()]
    written = f"[{table}]\nhow = {json.dumps(how, ensure_ascii=False)}\n"
    return written + (f"\n[{table}.params]\n" + "".join(lines) if lines else "")


def mismatches(tuning: Tuning, recipe: Recipe) -> list[str]:
    """Say where a recipe and its record disagree: the budget, the trials, or the best of them."""
    planned = [dict(each.settings) for each in planned_trials(tuning.method)]
    found = [] if tuning.is_complete else ["not every trial of the budget has numbers"]
    if dict(tuning.protocol) != PROTOCOL.document():
        found.append(f"its protocol is {dict(tuning.protocol)}, not {PROTOCOL.document()}")
    if [dict(trial.settings) for trial in tuning.trials] != planned:
        found.append(f"its trials are not those of {SPACE.name}")
    if tuning.best is not None and recipe.settings(FAMILY) != dict(tuning.best[1].settings):
        found.append("the recipe's settings for mini are not its best trial")
    erase = recipe.mini.erase if recipe.mini is not None else None
    eraser = tuning.best_eraser
    if (None if erase is None else {**recipe.params, **erase.params}) != (eraser and dict(eraser[1].settings)):
        found.append("the recipe's settings for tasks that erase are not its best trial by erase_score")
    return found


def how_line(tuning: Tuning, by: str = "") -> str:
    """Say how the settings were chosen; of the published ones the line begins as theirs does.

    Args:
        by: the score by which the best trial was chosen; "" for the one that was tuned for.

    Raises:
        SpecError: no trial has a score.
    """
    chosen, name = tuning.best_by(by), by or tuning.score
    if chosen is None:
        raise SpecError(f"the tuning of {tuning.method} has no trial with a score")
    number, best, score = chosen
    first = tuning.trials[0]
    numbers = ", ".join(_numbers(count, best) for count in tuning.edits)
    record = (
        f"of {count_text(len(tuning.trials), 'trial')} by tools/tune_mini.py (baselines/tuning/{tuning.method}.json)"
    )
    if best is first and best.what == "published":
        return f"published: on mini no other {record} is better: {name} {score:.3f}, {numbers}"
    base = first.score(tuning.edits, by)
    against = "none" if base is None else f"{base:.3f}"
    changed = ", ".join(sorted(name for name, value in best.settings.items() if first.settings.get(name) != value))
    return (
        f"tuned: trial {number} {record}, mean {name} {score:.3f} over {', '.join(map(str, tuning.edits))} "
        f"validation concepts, {numbers}; {first.what} settings {against}. Other than in these: {changed}"
    )


def _numbers(count: int, trial: Trial) -> str:
    found = trial.at[count]
    return (
        f"at {count} source2dest {found.source2dest:.2f}, source_forget {found.source_forget:.2f}, "
        f"holdout_delta {found.holdout_delta:.2f}"
    )


def toml_value(name: str, value: Scalar) -> str:
    """Format a setting as a TOML value on one line.

    Raises:
        SpecError: it is None, which TOML has no word for.

    >>> toml_value("layers", (9, 10)), toml_value("rate", 5e-4), toml_value("keys", True)
    ('[9, 10]', '0.0005', 'true')
    """
    if value is None or (isinstance(value, tuple) and None in value):
        raise SpecError(f"{name}=null: a recipe cannot say null; leave it out of the search space")
    return json.dumps(plain(value), ensure_ascii=False)


def _sections(text: str) -> list[tuple[str, str]]:
    """Split a recipe into its tables, by name; what stands before the first is ""."""
    starts = [(found["name"], found.start()) for found in SECTION.finditer(text)]
    ends = [start for _, start in starts[1:]] + [len(text)]
    head = text[: starts[0][1]] if starts else text
    found: Mapping[str, str] = {name: text[start:end] for (name, start), end in zip(starts, ends, strict=True)}
    return [("", head), *found.items()]
