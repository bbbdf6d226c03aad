"""Load the installed task, method or metric that a result names, to check the result by it."""

from typing import Any

from iceb import registry
from iceb.base.errors import SpecError
from iceb.specs.metrics import Metric
from iceb.specs.records import ScoreRecord


def installed_metric(score: ScoreRecord) -> Metric | None:
    """Load the metric that the score's package registers; None if it is not installed or cannot be loaded."""
    found: Metric | None = find_installed("metrics", score.metric, score.package)
    return found


def find_installed(group: registry.Group, name: str, package: str) -> Any:
    """Load what a package registers under a name; None if it is not installed or cannot be loaded."""
    try:
        return registry.load(group, f"{package}/{name}")
    except SpecError:
        return None
