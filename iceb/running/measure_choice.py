"""Choose and make the measure for each kind that metrics name."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from iceb import registry
from iceb.base.errors import MeasureError, SpecError
from iceb.base.frames import attribute_errors
from iceb.base.messages import quote
from iceb.base.suggestions import nearest
from iceb.specs.metrics import Measure, Metric, check_inputs

VERSION = re.compile(r"[1-9][0-9]*")
UNSHIPPED = {  # kinds that no package of ours has a measure for, beside mini's → how to supply one
    "face_identity": "no detector of persons ships (the published one is the GIPHY Celebrity Detector): subclass "
    "iceb.metrics.measures.identity.FaceIdentity around yours and register it as face_identity (entry point group "
    "iceb.measures), or name it in the model's iceb.json",
}


def measures(
    metrics: Iterable[Metric], named: Mapping[str, str], device: str, made: dict[str, Measure] | None = None
) -> dict[str, Measure]:
    """Make the measure for each kind that metrics read.

    Args:
        named: kind → registered name, as the model's family or its iceb.json says.
        made: measures that other runs have made on this device, by full name: used, and added to.

    Raises:
        SpecError: there is none for a kind.
        MeasureError: a measure cannot be made.
    """
    kinds = dict.fromkeys(need.measure for metric in metrics for need in metric.needs)
    made = {} if made is None else made
    entries = {kind: measure_for(kind, named) for kind in kinds}
    for entry in entries.values():
        if entry.full_name not in made:
            made[entry.full_name] = make_measure(entry, device)
    return {kind: made[entry.full_name] for kind, entry in entries.items()}


def measure_for(kind: str, named: Mapping[str, str]) -> registry.Registered:
    """Find the registered measure of a kind: the one that the model names, else the one of that name.

    Args:
        kind: as metrics name it.
        named: kind → registered name, as the model's family or its iceb.json says.

    Raises:
        SpecError: there is none.
    """
    if kind in named:
        return registry.find("measures", named[kind])
    if any(kind in (entry.name, entry.full_name) for entry in registry.entries_of("measures")):
        return registry.find("measures", kind)
    raise SpecError(_no_measure(kind, named))


def _no_measure(kind: str, named: Mapping[str, str]) -> str:
    if kind in UNSHIPPED:
        return f"a metric reads {kind}: {UNSHIPPED[kind]}"
    near = nearest(kind, [*named, *map(registry.shortest_name, registry.entries_of("measures"))])
    asked = f" (did you mean {' or '.join(near)}?)" if near else ""
    return (
        f"this model names no measure of kind {quote(kind)} (it has: {', '.join(named) or 'none'}), and none is "
        f"registered under that name{asked}: mend the metric's Need (iceb list measures shows all), or name a measure "
        "of this kind in the model's iceb.json"
    )


def make_measure(entry: registry.Registered, device: str) -> Measure:
    """Make a registered measure on a device.

    Raises:
        SpecError: it cannot be imported, has an id that is not of its entry point, or reads what no measure can.
        MeasureError: it raised something while it was made.
    """
    kind: Any = entry.load()
    check_identity(entry, kind.id)
    with attribute_errors(MeasureError, f"measure {entry.name}"):
        made: Measure = kind(device=device)
    check_identity(entry, made.id)
    check_inputs(made.inputs, f"measure {made.id}")
    return made


def check_identity(entry: registry.Registered, identity: object) -> None:
    """Refuse a measure's id by which it could not be found again.

    Raises:
        SpecError: it is not the entry point's name, "@", and a version number.
    """
    name, _, version = str(identity).rpartition("@")
    if name != entry.name or not VERSION.fullmatch(version):
        raise SpecError(
            f"measure {entry.full_name}: its id is {quote(identity, 80)}: must be its entry point's name, @ and a "
            f"version number, as in {entry.name}@1"
        )


def named_measure(identity: str, device: str) -> Measure:
    """Make the registered measure with an id such as "vit_mini@1".

    Raises:
        SpecError: none of those that can be loaded has it.
        MeasureError: it raised something while it was made.
    """
    broken = ""
    for entry in registry.entries_of("measures"):
        try:
            found = str(entry.load().id)
        except SpecError as error:  # a broken package must not hide another's measure
            broken += f"; {error}"
            continue
        if found == identity:
            return make_measure(entry, device)
    raise SpecError(f"measure {identity} is not installed: install the package that registers it{broken}")
