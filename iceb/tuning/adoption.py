"""Write the best trial of a tuning into the recipe's part for mini."""

import json
import re
from collections.abc import Mapping

from iceb.base.digest import plain
from iceb.base.errors import SpecError
from iceb.base.wording import count_text
from iceb.baselines.recipes import parse_recipe
from iceb.specs.recipes import Recipe
from iceb.specs.runs import Scalar, slug
from iceb.tuning.estimates import estimate_trials
from iceb.tuning.protocol import ERASE_SCORE, FAMILY, PROTOCOL
from iceb.tuning.record import Trial, Tuning

TOOL = "tools/tune_mini.py (baselines/tuning/{}.json)"  # the command and the record, of the suite's own recipes
COMMAND = "`iceb tune` ({}.json)"  # of other methods
SECTION = re.compile(r"^\[(?P<name>[\w.]+)\]\n", re.MULTILINE)
OWN = ("mini", "mini.params", "mini.erase", "mini.erase.params")  # tables that are written anew
UNPUBLISHED = "not published: the method's defaults"


def adopted_recipe(text: str, tuning: Tuning, by: str = TOOL) -> str:
    """Return a recipe's text with the best trial as its part for mini; its other parts stand as they are.

    Args:
        by: the command that made the trials, with the place of the record.

    Raises:
        SpecError: the tuning is not complete, or a setting has a value that TOML cannot hold.
    """
    if not tuning.is_complete or tuning.best is None:
        raise SpecError(f"the tuning of {tuning.method} is not complete: run it to its end first")
    _, best, _ = tuning.best
    recipe = parse_recipe(text, tuning.method)
    written = _part("mini", how_line(tuning, by), best, recipe)
    if tuning.best_eraser is not None:
        written += "\n" + _part("mini.erase", how_line(tuning, by, ERASE_SCORE), tuning.best_eraser[1], recipe)
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


def recipe_text(recipe: Recipe | None) -> str:
    """The text of a recipe file: how, [params], [by_num_edits], and the parts of model families.

    Raises:
        SpecError: a setting has a value that TOML cannot hold.

    >>> print(recipe_text(Recipe(how="published: x", params={"rate": 0.2})), end="")
    how = "published: x"
    <BLANKLINE>
    [params]
    rate = 0.2
    """
    if recipe is None:
        return f'how = "{UNPUBLISHED}"\n'
    scaled = recipe.mini.published if recipe.mini is not None else None
    parts = [_table("params", "", recipe.params)] if recipe.params else []
    parts += [_table(f"by_num_edits.{count}", "", params) for count, params in recipe.by_num_edits.items()]
    parts += [_table(name, part.how, part.params) for name, part in (("mini", scaled), ("sdxl", recipe.sdxl)) if part]
    return "\n".join([f"how = {json.dumps(recipe.how, ensure_ascii=False)}\n", *parts])


def _table(name: str, how: str, params: Mapping[str, Scalar]) -> str:
    settings = "".join(f"{key} = {toml_value(key, value)}\n" for key, value in params.items())
    if not how:
        return f"[{name}]\n{settings}"
    name = "mini.published" if name == "mini" else name
    return f"[{name}]\nhow = {json.dumps(how, ensure_ascii=False)}\n\n[{name}.params]\n{settings}"


def how_line(tuning: Tuning, by: str = TOOL, score_name: str = "") -> str:
    """Say how the settings were chosen; of the published ones the line begins as theirs does.

    Args:
        by: the command that made the trials, with the place of the record.
        score_name: the score by which the best trial was chosen; "" for the one that was tuned for.

    Raises:
        SpecError: no trial has a score.
    """
    chosen, name = tuning.best_by(score_name), score_name or tuning.score
    if chosen is None:
        raise SpecError(f"the tuning of {tuning.method} has no trial with a score")
    number, best, score = chosen
    first = tuning.trials[0]
    numbers = ", ".join(_numbers(count, best) for count in tuning.edits)
    record = f"of {count_text(len(tuning.trials), 'trial')} by {by.format(slug(tuning.method))}"
    if best is first and best.what == "published":
        return f"published: on mini no other {record} is better: {name} {score:.3f}, {numbers}"
    estimates = [] if score_name else estimate_trials(tuning)  # of the score that was tuned for
    error = next((each.estimate for each in estimates if each.number == number), None)
    shown = f"{score:.3f}" if error is None else f"{score:.3f} ± {error.stderr:.3f}"
    base = first.score(tuning.edits, score_name)
    against = "none" if base is None else f"{base:.3f}"
    changed = ", ".join(sorted(name for name, value in best.settings.items() if first.settings.get(name) != value))
    counts = ", ".join(map(str, tuning.edits))
    return (
        f"tuned{departure(tuning)}: trial {number} {record}, mean {name} {shown} over {counts} "
        f"validation concepts, {numbers}; {first.what} settings {against}. Other than in these: {changed}"
    )


def departure(tuning: Tuning) -> str:
    """Departures of a tuning from the protocol, in words; "" without any but the number of trials."""
    own, shared = tuning.protocol, PROTOCOL.document()
    names = {"edits": "numbers of edits", "prompts": "prompts", "holdout": "holdout classes"}
    other = [f"{own[name]} {what}" for name, what in names.items() if own[name] != shared[name]]
    return f" otherwise than by the protocol ({', '.join(other)})" if other else ""


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
    if not starts:
        return [("", text)]
    ends = [start for _, start in starts[1:]] + [len(text)]
    head = text[: starts[0][1]]
    found: Mapping[str, str] = {name: text[start:end] for (name, start), end in zip(starts, ends, strict=True)}
    return [("", head), *found.items()]
