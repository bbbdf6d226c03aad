"""The parts of a result that say what a run used and cost: plugins, time, machine, versions."""

from collections.abc import Mapping

from iceb.specs.records import Record


class PluginRecord(Record):
    """The code of a third-party distribution that a run used, beyond the version it states."""

    package: str  # the distribution
    version: str
    names: tuple[str, ...]  # what the run used of it, "metric worst_bystander"
    code: str  # digest of all its code and data files
    commit: str | None  # of the git checkout that its files lie in; None: they lie in none
    dirty: bool | None  # files differ from the commit, or are new; None: likewise


class Cost(Record):
    """Time and memory of the run; cached stages cost only their reading, and counts tell which were."""

    edit_seconds: float | None = None  # as first made, without loading the model; kept with the edit in the store
    draw_seconds: float | None = None
    measure_seconds: float | None = None
    total_seconds: float | None = None
    edit_bytes: int | None = None  # of the changed tensors
    peak_bytes: int | None = None  # of the process's memory
    peak_gpu_bytes: int | None = None
    images_drawn: int | None = None
    images_reused: int | None = None
    images_found: int | None = None  # images among them that earlier runs drew
    edits_found: int | None = None  # edits that were in the store already


class Provenance(Record):
    """Command, code, machine and time that the numbers came from."""

    command: str
    commit: str | None  # None: the package does not lie in a git checkout
    dirty: bool | None  # None: likewise
    python: str
    packages: Mapping[str, str]
    device: str
    threads: int | None = None
    started: str  # UTC, ISO 8601
    finished: str
