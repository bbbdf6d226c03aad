"""ICEB: edit many concepts of a text-to-image model at once, and measure what changed.

The public names are imported late, so that `import iceb` and the light commands stay fast.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iceb.running.evaluate import evaluate
    from iceb.specs.methods import Edit, EditMethod, MethodCard
    from iceb.specs.metrics import Measure, Measured, MeasureInput, Metric, Need
    from iceb.specs.prompts import NoiseDraw, Prompt
    from iceb.specs.reduction import ConceptValue, Part, Reduction, Score
    from iceb.specs.requests import EditBatch, EditRequest
    from iceb.specs.results import Result
    from iceb.specs.runs import ModelRef, RunSpec, Sampling
    from iceb.specs.schedules import Schedule
    from iceb.specs.tasks import Task

__version__ = "0.1.0"

__all__ = [
    "ConceptValue",
    "Edit",
    "EditBatch",
    "EditMethod",
    "EditRequest",
    "Measure",
    "MeasureInput",
    "Measured",
    "MethodCard",
    "Metric",
    "ModelRef",
    "Need",
    "NoiseDraw",
    "Part",
    "Prompt",
    "Reduction",
    "Result",
    "RunSpec",
    "Sampling",
    "Schedule",
    "Score",
    "Task",
    "evaluate",
]

_PLACES = {
    "evaluate": "iceb.running.evaluate",
    "Edit": "iceb.specs.methods",
    "EditMethod": "iceb.specs.methods",
    "MethodCard": "iceb.specs.methods",
    "Measure": "iceb.specs.metrics",
    "Measured": "iceb.specs.metrics",
    "Metric": "iceb.specs.metrics",
    "MeasureInput": "iceb.specs.metrics",
    "Need": "iceb.specs.metrics",
    "NoiseDraw": "iceb.specs.prompts",
    "ConceptValue": "iceb.specs.reduction",
    "Part": "iceb.specs.reduction",
    "Reduction": "iceb.specs.reduction",
    "Score": "iceb.specs.reduction",
    "EditBatch": "iceb.specs.requests",
    "Schedule": "iceb.specs.schedules",
    "Prompt": "iceb.specs.prompts",
    "EditRequest": "iceb.specs.requests",
    "Result": "iceb.specs.results",
    "ModelRef": "iceb.specs.runs",
    "RunSpec": "iceb.specs.runs",
    "Sampling": "iceb.specs.runs",
    "Task": "iceb.specs.tasks",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'iceb' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
