"""Conformance checks of a method; each check gives one line, and an exception fails that line alone.

`check_method` asks a method for a dozen small edits of a loaded model. Nothing is kept: scratch and store are temporary
folders, and registries and caches are not touched.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from iceb.base.errors import IcebError
from iceb.conformance.check_line import Line, Skipped, line
from iceb.conformance.methods.card_checks import check_card
from iceb.conformance.methods.choice_checks import ChoiceChecks
from iceb.conformance.methods.edit_checks import TAKEN_BACK, UNTOUCHED, PlainEdit
from iceb.conformance.methods.edit_cost import ALLOWANCE, EditCost
from iceb.conformance.methods.method_under_test import MethodUnderTest
from iceb.conformance.methods.request_checks import RequestChecks
from iceb.conformance.methods.setting_checks import SettingChecks
from iceb.conformance.methods.unrelated_prompts import UnrelatedPrompts
from iceb.models.bundle import ModelBundle
from iceb.models.threads import worker_threads
from iceb.running.method_runner import ChosenMethod, choose
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.runs import Scalar

__all__ = ["Line", "check_method", "quick_method"]

SIZES = (1, 10, 100)
SECONDS = 80.0  # seconds for all checks, without loading; slower ones are left out
CHOICES = 0.3  # share of the remaining seconds for carrying out every choice
VARIED = 0.4  # share of what then remains for varying settings


def quick_method(name: str, settings: Mapping[str, Scalar], full: bool = False) -> ChosenMethod:
    """Return the registered method with its quick settings (unless `full`), overridden by `settings`.

    Raises:
        SpecError, MethodError: as `choose`.
    """
    quick = {} if full else dict(choose(name, {}).card.quick)
    return choose(name, {**quick, **settings}).compare_to({})


def check_method(
    chosen: ChosenMethod,
    bundle: ModelBundle,
    sizes: Sequence[int] = SIZES,
    seconds: float = SECONDS,
    allowance: int = ALLOWANCE,
    execution: Execution = DEFAULT,
) -> Iterator[Line]:
    """Run every check of a method; each line is yielded as soon as its check has run.

    Args:
        chosen: the method with its settings.
        bundle: the model; it is loaded here, and left as it was unless the method changes it.
        sizes: numbers of requests whose time and memory are measured.
        seconds: for all checks together; sizes that would take longer are left out. inf: no limit.
        allowance: bytes of working memory beside one copy of the model, the edit, and what scratch keeps.
        execution: how the method is to compute.
    """
    began = time.perf_counter()
    with TemporaryDirectory(prefix="iceb-check-") as folder, worker_threads(execution.workers):
        under_test = MethodUnderTest(chosen, bundle, Path(folder), execution)
        yield (first := line("settings fit the model", partial(_settings, under_test)))
        if first.status != "pass":
            return
        yield line("card and fields", partial(check_card, chosen))
        plain_edit = PlainEdit(under_test)
        yield from _edit_checks(plain_edit)
        left = seconds - (time.perf_counter() - began)
        yield from ChoiceChecks(plain_edit, left * CHOICES).lines()
        left = seconds - (time.perf_counter() - began)
        yield from SettingChecks(plain_edit, left * VARIED).lines()
        yield from UnrelatedPrompts(plain_edit).lines()
        yield from _request_checks(RequestChecks(plain_edit))
        yield from EditCost(plain_edit, seconds - (time.perf_counter() - began), allowance).lines(sizes)
        yield line("model untouched by all of this", plain_edit.model_after_all)
        plain_edit.restore()


def _settings(under_test: MethodUnderTest) -> str:
    """Ask the method whether these settings work on this model; skip if a file it needs was not named."""
    chosen, _ = under_test.chosen, under_test.kind
    try:
        params = chosen.params
        chosen.check(under_test.bundle.ref)
    except IcebError as reason:
        if chosen.card.files and not any(getattr(chosen.method, name, None) for name in chosen.card.files):
            raise Skipped(f"{reason} (all other checks are skipped)") from reason
        raise
    under_test.bundle.pipeline  # noqa: B018 — loaded here, so that no check pays for it
    return ", ".join(f"{name}={params[name]}" for name in chosen.changed)


def _edit_checks(plain_edit: PlainEdit) -> Iterator[Line]:
    yield line("no requests, an empty edit", plain_edit.no_requests)
    yield line("edit fits model and card", plain_edit.fits)
    yield line(UNTOUCHED, plain_edit.model_before_applied)
    yield line(TAKEN_BACK, plain_edit.model_after_applied)
    yield line("same bytes twice", plain_edit.same_bytes_twice)
    yield line("same bytes from warm scratch", plain_edit.same_bytes_from_warm_scratch)
    yield line("edit saved and loaded", plain_edit.save_and_load)


def _request_checks(checks: RequestChecks) -> Iterator[Line]:
    yield line("order of requests", checks.order)
    yield line("destination matters", checks.dest)
    yield from checks.kinds()
    yield from checks.unusual()
