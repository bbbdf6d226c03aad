"""Points of mini's dials: the results of published settings at some norms and inner widths."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from iceb.base.files import write_atomic
from tools.comparison.both_sides import EDITED, KEPT

RECORD = Path(__file__).parents[2] / "docs" / "mini_dials.json"


class Setting(BaseModel):
    """A mini: its weights before they are scaled, and the dials.

    Attributes:
        weights: first digits of the content digest before scaling.
        inner_width: of the text encoder's MLPs.
        final: norm of the final states at the end tokens of class prompts.
        stream: norm of the stream before the final layer norm there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weights: str
    inner_width: int
    final: float
    stream: float


class Point(BaseModel):
    """One method at one number of edits on one mini; validation concepts, so that no table scores them.

    Attributes:
        edited: source2dest by what `prompt_swap` reaches there; of an eraser source_forget by the source's score.
        holdout: holdout_delta by the holdout before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    setting: Setting
    method: str
    num_edits: int
    edited: float
    holdout: float
    edit_seconds: float
    commit: str | None

    def number(self, name: str) -> float:
        """One of the two numbers, by its name in the comparison."""
        return {EDITED: self.edited, KEPT: self.holdout}[name]


def read_points(path: Path = RECORD) -> list[Point]:
    """The recorded points; none where there is no record."""
    if not path.is_file():
        return []
    return [Point.model_validate(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def write_points(points: Sequence[Point], path: Path = RECORD) -> None:
    """Write the record, a point a line, in a fixed order; of two points of one thing the last."""
    last = {(str(each.setting), each.method, each.num_edits): each for each in points}
    ordered = sorted(last.values(), key=lambda each: (each.method, each.num_edits, *each.setting.model_dump().values()))
    lines = ",\n".join(each.model_dump_json() for each in ordered)
    write_atomic(path, f"[\n{lines}\n]\n".encode())


def has_point(points: Sequence[Point], setting: Setting, method: str, num_edits: int) -> bool:
    """Whether the record has a point."""
    return any((each.setting, each.method, each.num_edits) == (setting, method, num_edits) for each in points)
