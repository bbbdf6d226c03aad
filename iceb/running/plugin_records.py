"""Record the code of third-party packages that a run uses: version, digest, commit."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from iceb import registry
from iceb.registry import Registered
from iceb.running.code_digest import code_places, package_digest
from iceb.running.measure_choice import measure_for
from iceb.running.scoring import RegisteredMetric
from iceb.runs.provenance import checkout_of
from iceb.specs.outside import ELSEWHERE, OWN, UNREGISTERED
from iceb.specs.run_records import PluginRecord
from iceb.specs.runs import RunSpec


def metric_entries(
    metrics: Iterable[RegisteredMetric], named: Mapping[str, str], known: Collection[str] = ()
) -> list[Registered]:
    """Find the entries of metrics and of the measures that they read.

    Args:
        metrics: registered ones.
        named: kind of measure → registered name, as the model's family says.
        known: kinds whose measure is recorded already.
    """
    found = list(metrics)
    kinds = dict.fromkeys(need.measure for each in found for need in each.metric.needs if need.measure not in known)
    entries = [registry.find("metrics", f"{each.package}/{each.metric.name}") for each in found]
    return [*entries, *(measure_for(kind, named) for kind in kinds)]


def run_entries(spec: RunSpec, metrics: Iterable[RegisteredMetric], named: Mapping[str, str]) -> tuple[Registered, ...]:
    """Find the entries of all that a run uses: task, dataset, method, metrics, measures."""
    own, made = spec.task == OWN, spec.package in (ELSEWHERE, UNREGISTERED)  # what no package registers
    return (
        *(() if own else (registry.find("tasks", spec.task), registry.find("datasets", spec.dataset))),
        *(() if made else (registry.find("methods", f"{spec.package}/{spec.method}"),)),
        *(registry.find("measures", name) for name in spec.judges),
        *metric_entries(metrics, named),
    )


def plugin_records(entries: Iterable[Registered]) -> tuple[PluginRecord, ...]:
    """Record each package of these entries but iceb itself, sorted by name."""
    grouped: dict[tuple[str, str], list[Registered]] = {}
    for entry in entries:
        if entry.package != registry.OWN:
            grouped.setdefault((entry.package, entry.package_version), []).append(entry)
    return tuple(_record(*named, grouped[named]) for named in sorted(grouped))


def _record(package: str, version: str, entries: Sequence[Registered]) -> PluginRecord:
    modules = sorted({entry.place.partition(":")[0] for entry in entries})
    commit, dirty = checkout_of(code_places(modules, package))
    return PluginRecord(
        package=package,
        version=version,
        names=tuple(sorted({f"{entry.group[:-1]} {entry.name}" for entry in entries})),
        code=package_digest(modules, package),
        commit=commit,
        dirty=dirty,
    )


def join_records(known: Sequence[PluginRecord], added: Sequence[PluginRecord]) -> tuple[PluginRecord, ...]:
    """Join a run's records with those of added metrics; a package is dirty if it ever was."""
    found = {record.package: record for record in known}
    for record in added:
        earlier = found.get(record.package, record)
        names = tuple(sorted({*earlier.names, *record.names}))
        dirty = True if earlier.dirty else record.dirty
        found[record.package] = record.model_copy(update={"names": names, "dirty": dirty})
    return tuple(found[package] for package in sorted(found))
