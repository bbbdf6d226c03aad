"""ICEB: edit many concepts of a text-to-image model at once, and measure what changed.

The public names are imported late, so that `import iceb` and the light commands stay fast.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iceb.api.capacities import Capacities, capacity
    from iceb.api.checking import Checks, check_dataset, check_measure, check_method, check_metric, check_task
    from iceb.api.claiming import Verdicts, claims
    from iceb.api.comparing import compare, plan
    from iceb.api.costing import Costs, costs
    from iceb.api.delivering import TriedEdit, apply, edit, try_edit
    from iceb.api.evaluating import dry_run, evaluate, score, score_images
    from iceb.api.explaining import explain, why_apart
    from iceb.api.exporting import write_export
    from iceb.api.publishing import LeaderboardUpdate, update_leaderboard, write_grid, write_report
    from iceb.api.reading import Run, list_runs, read, scores
    from iceb.api.sweeping import Swept, sweep
    from iceb.api.tuning import tune
    from iceb.api.working import launch, status, work, write_results
    from iceb.base.errors import IcebError
    from iceb.cli.progress import show_progress
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
    "Capacities",
    "Checks",
    "ConceptValue",
    "Costs",
    "Edit",
    "EditBatch",
    "EditMethod",
    "EditRequest",
    "IcebError",
    "LeaderboardUpdate",
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
    "Run",
    "RunSpec",
    "Sampling",
    "Schedule",
    "Score",
    "Swept",
    "Task",
    "TriedEdit",
    "Verdicts",
    "apply",
    "capacity",
    "check_dataset",
    "check_measure",
    "check_method",
    "check_metric",
    "check_task",
    "claims",
    "compare",
    "costs",
    "dry_run",
    "edit",
    "evaluate",
    "explain",
    "launch",
    "list_runs",
    "plan",
    "read",
    "score",
    "score_images",
    "scores",
    "show_progress",
    "status",
    "sweep",
    "try_edit",
    "tune",
    "update_leaderboard",
    "why_apart",
    "work",
    "write_export",
    "write_grid",
    "write_report",
    "write_results",
]

_PLACES = {
    "Capacities": "iceb.api.capacities",
    "capacity": "iceb.api.capacities",
    "Checks": "iceb.api.checking",
    "check_dataset": "iceb.api.checking",
    "check_measure": "iceb.api.checking",
    "check_method": "iceb.api.checking",
    "check_metric": "iceb.api.checking",
    "check_task": "iceb.api.checking",
    "Verdicts": "iceb.api.claiming",
    "claims": "iceb.api.claiming",
    "compare": "iceb.api.comparing",
    "plan": "iceb.api.comparing",
    "Costs": "iceb.api.costing",
    "costs": "iceb.api.costing",
    "TriedEdit": "iceb.api.delivering",
    "apply": "iceb.api.delivering",
    "edit": "iceb.api.delivering",
    "try_edit": "iceb.api.delivering",
    "dry_run": "iceb.api.evaluating",
    "evaluate": "iceb.api.evaluating",
    "score": "iceb.api.evaluating",
    "score_images": "iceb.api.evaluating",
    "explain": "iceb.api.explaining",
    "why_apart": "iceb.api.explaining",
    "write_export": "iceb.api.exporting",
    "LeaderboardUpdate": "iceb.api.publishing",
    "update_leaderboard": "iceb.api.publishing",
    "write_grid": "iceb.api.publishing",
    "write_report": "iceb.api.publishing",
    "Run": "iceb.api.reading",
    "list_runs": "iceb.api.reading",
    "read": "iceb.api.reading",
    "scores": "iceb.api.reading",
    "Swept": "iceb.api.sweeping",
    "sweep": "iceb.api.sweeping",
    "tune": "iceb.api.tuning",
    "launch": "iceb.api.working",
    "status": "iceb.api.working",
    "work": "iceb.api.working",
    "write_results": "iceb.api.working",
    "IcebError": "iceb.base.errors",
    "show_progress": "iceb.cli.progress",
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
