"""Conformance checks of registered objects, as `iceb check` runs them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iceb.api.arguments import Computing, Place, path_or_none
from iceb.api.signatures import takes
from iceb.base.tables import frame_of
from iceb.specs.runs import Scalar

if TYPE_CHECKING:
    import pandas

    from iceb.conformance.check_line import Line


@dataclass(frozen=True)
class Checks:
    """The checks of one thing, in the order of running.

    Attributes:
        lines: each has check, status ("pass", "fail", "skipped", or "info" of a measurement), note and seconds.
    """

    lines: "tuple[Line, ...]"

    @property
    def failures(self) -> "tuple[Line, ...]":
        """The checks that failed."""
        return tuple(line for line in self.lines if line.status == "fail")

    def frame(self) -> "pandas.DataFrame":
        """The checks as a frame, a row for each.

        Raises:
            SpecError: pandas is not installed.
        """
        columns = ("check", "status", "note", "seconds")
        rows = [{name: getattr(line, name) for name in columns} for line in self.lines]
        return frame_of(rows, columns, ("seconds",))


@dataclass(frozen=True, kw_only=True)
class MethodCheck(Computing):
    """Arguments of a method's checks.

    Attributes:
        name: a registered method.
        model: "mini", "sd14", "sd15", "sd21", "sdxl", or a folder.
        settings: of the method, over its quick ones.
        sizes: numbers of edits whose time and memory are measured.
        full: use the method's own defaults and every size, however long it takes.
    """

    name: str
    model: str = "mini"
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    sizes: Sequence[int] = (1, 10, 100)
    full: bool = False


@takes(MethodCheck)
def check_method(asked: MethodCheck) -> Checks:
    """Check a method by small edits of a loaded model, as `iceb check method` does.

    A check that fails is a line, and no error here: ask `failures`.

    Raises:
        IcebError: the method or the model cannot be opened, or an argument is malformed.
    """
    from iceb.conformance.methods.opening import MethodToCheck

    method = MethodToCheck(asked.name, asked.settings, asked.full, asked.model, asked.number_format())
    return _checks_of(method.lines(asked.sizes, asked.execution()))


def check_dataset(name: str, *, data: str | None = None, cache: Place | None = None) -> Checks:
    """Check a dataset's card, files and prompts, as `iceb check dataset` does; nothing is drawn.

    Args:
        name: a registered dataset.
        data: "embedded", "upstream", or a folder of the files; None: where a run looks for them.
        cache: the cache's folder; None: ICEB_CACHE, else ~/.cache/iceb.

    Raises:
        SpecError: there is no such dataset.
    """
    from iceb.conformance.parts.datasets import check_dataset as check

    return _checks_of(check(name, data, path_or_none(cache)))


def check_task(name: str, *, data: str | None = None, cache: Place | None = None) -> Checks:
    """Check that a task's dataset, roles, metrics and measures fit together, as `iceb check task` does.

    Args:
        name: a registered task.
        data, cache: as of `check_dataset`.

    Raises:
        SpecError: there is no such task.
    """
    from iceb.conformance.parts.tasks import check_task as check

    return _checks_of(check(name, data, path_or_none(cache)))


def check_measure(name: str, *, device: str = "auto") -> Checks:
    """Check a measure on sample images, as `iceb check measure` does.

    Args:
        name: a registered measure.
        device: "auto", "cpu", "cuda", "cuda:1" …

    Raises:
        SpecError: there is no such measure, or no such device.
    """
    from iceb.conformance.parts.measures import check_measure as check
    from iceb.models.loading import choose_device

    return _checks_of(check(name, str(choose_device(device))))


def check_metric(name: str) -> Checks:
    """Check a metric on made-up numbers, as `iceb check metric` does.

    Args:
        name: a registered metric.

    Raises:
        SpecError: there is no such metric.

    >>> check_metric("source2dest").failures
    ()
    """
    from iceb.conformance.parts.metrics import check_metric as check

    return _checks_of(check(name))


def _checks_of(lines: "Iterable[Line]") -> Checks:
    return Checks(tuple(lines))
