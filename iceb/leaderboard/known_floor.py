"""Recognise scores of the unedited model that are known numbers: a value without an error.

A geometric or harmonic mean with a part at 0 is 0 and has no error, as the unedited model's on some tasks. Ranks,
claims and capacities take it for a fixed number alike: others are tested against it with the error of the others alone.
"""

from iceb.registry import OWN
from iceb.specs.influences import Influences
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result

FLOOR = "unedited"  # the control that does nothing


def known_floor(result: Result, score: ScoreRecord) -> Influences | None:
    """The influences on the unedited model's score where it is known, none; None of any other score."""
    method = result.method
    if method.name != FLOOR or method.package != OWN or method.paper or score.stderr is not None or score.value is None:
        return None
    return Influences(score.value, {}, {}, {})
