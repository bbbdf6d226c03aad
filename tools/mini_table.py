"""The table of iceb/mini/README.md: what the shipped weights reach, made from their report."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from iceb.leaderboard.markdown import MISSING, markdown_table

README = Path(__file__).parents[1] / "iceb" / "mini" / "README.md"
HEADER = ("what", "measured", "mini 1", "wanted")
TABLE = re.compile(r"^\| what \|.*?(?=\n\n)", re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    """A row of the table; in `what` a key in braces stands for its number."""

    what: str
    keys: tuple[str, ...]  # of the report's `measured`; two stand for "on renders / drawn"
    before: str = ""  # of the first mini: its README at 080033f; the ratios from its weights
    wanted: str = ""
    form: str = ".3f"


def _both(name: str) -> tuple[str, str]:
    """The keys of what is recognised on renders and on drawn images."""
    return f"{name}_recognised_on_renders", f"{name}_recognised"


ROWS = (
    Row(
        "mean probability of the right class, 300 edit classes × 5 free-form prompts",
        ("right_class_edit_prompts",),
        "0.928",
        "0.85",
    ),
    Row("the same, 366 holdout classes × 3", ("right_class_holdout",), "0.938", "0.85"),
    Row("the same, the authors' AICE prompts: sources", ("right_class_upstream_prompts",), "0.752", "0.75"),
    Row("the same, the authors' AICE prompts: holdout", ("right_class_upstream_holdout",)),
    Row("aliases that were taught", ("right_class_aliases",), "0.709"),
    Row(
        "the class of 333 names that were never taught, seven of two classes (share of first answers: "
        "{unknown_name_recognised})",
        ("unknown_name_right_class",),
    ),
    Row("a colour word before the name is obeyed", ("colour_obeyed",), "0.920", "0.90"),
    Row("the judge on unseen renders", ("judge_accuracy_on_renders",), "0.998", "0.99"),
    Row("the judge on renders in a style", ("judge_accuracy_on_styled_renders",)),
    Row("the judge on renders that went through the autoencoder", ("judge_accuracy_on_decoded_renders",)),
    Row("the judge on halves of renders of two objects", ("judge_accuracy_on_halves_of_renders",)),
    Row(
        "patching a class's state after layer 10 makes the image the destination",
        ("patched_after_layer_10",),
        "0.963",
        "0.70",
    ),
    Row("two objects asked for, both right", ("two_objects_right",)),
    Row("two colours asked for, each on its object (swapped: {two_colours_swapped})", ("two_colours_bound",)),
    Row("styles recognised among 1 556, on renders / drawn", _both("style"), wanted="0.85"),
    Row("identities among 300, on renders / drawn", _both("identity"), wanted="0.85"),
    Row("roles as the identity they are bound to, among 300, drawn", ("role_recognised",)),
    Row("classes by the twin among 1 000, on renders / drawn", _both("class")),
    Row(
        "the gender that a prompt says, on renders / drawn",
        ("gender_recognised_on_renders", "gender_obeyed"),
        wanted="0.85",
    ),
    Row("professions' looks among 37, on renders / drawn", _both("profession")),
    Row("professions' odds of a gender, mean absolute error (32 images each)", ("gender_odds_error",)),
    Row("scenes behind an object among 12, on renders / drawn", _both("scene")),
    Row("sizes of an object among three, on renders / drawn (small and large asked for)", _both("size")),
    Row(
        "patching a style's / an identity's state after layer 10",
        ("style_patched_after_layer_10", "identity_patched_after_layer_10"),
    ),
    Row(
        "participation ratio of the class states after layer 10 / of fc2's inputs",
        ("ratio_of_class_states", "ratio_of_class_keys"),
        "12 / 20",
        form=".0f",
    ),
)


def table(measured: Mapping[str, Any]) -> str:
    """The table of a report's numbers."""
    shown = {name: _text(value, ".3f") for name, value in measured.items()}
    lines = [
        [
            re.sub(r"\{(\w+)\}", lambda found: shown.get(found[1], MISSING), row.what),
            " / ".join(_text(measured.get(key), row.form) for key in row.keys),
            row.before,
            row.wanted,
        ]
        for row in ROWS
    ]
    return markdown_table(list(HEADER), lines, numbers_from=1)


def with_table(text: str, report: Mapping[str, Any]) -> str:
    """A README's text with the table of a report in place of its own.

    Raises:
        ValueError: it has none, or several.
    """
    if len(TABLE.findall(text)) != 1:
        raise ValueError(
            f"the README has to hold one table that begins with | {HEADER[0]} |, and a blank line after it"
        )
    return TABLE.sub(lambda _: table(report["measured"]), text)


def write_table(report: Mapping[str, Any], readme: Path = README) -> None:
    """Replace the table of a README."""
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), report), encoding="utf-8")


def _text(value: float | None, form: str) -> str:
    return MISSING if value is None else format(value, form)
