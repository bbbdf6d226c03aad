"""Notes beside a plan of the machines that have worked on it, as far as keys tell machines apart.

A run's id names no machine, while the keys of its images and edits name device, processor and libraries.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.base.errors import StoreError
from iceb.base.fields import differing
from iceb.base.files import write_atomic
from iceb.base.messages import shorten
from iceb.base.readers import read_json
from iceb.models.environment import environment
from iceb.specs.methods import Bundle

LOG = logging.getLogger("iceb")
NOTE = "machine"  # begins the names of the notes
DECIDING = ("device", "processor")  # all else follows from these where they differ


def note_machine(plan: Path, bundle: Bundle) -> None:
    """Note beside a plan what keys say of this machine.

    Args:
        plan: the plan's file.
        bundle: the model, on its device.
    """
    here = environment(bundle)
    path = plan.with_name(f"{NOTE}-{digest(here)[:16]}.json")
    with suppress(StoreError):  # where the folder cannot be written, a warning is missing and no work
        if not path.exists():
            write_atomic(path, f"{json.dumps(here, indent=2)}\n".encode())


def other_machines(plan: Path, bundle: Bundle) -> list[str]:
    """Describe what differs on each noted machine whose keys are not this one's.

    For example "device cuda (here cpu), processor NVIDIA H200 (here AVX512)".
    """
    here = json.loads(json.dumps(environment(bundle)))
    return [_difference(each, here) for each in _read_notes(plan) if each != here]


def warn_of_others(plan: Path, bundle: Bundle) -> None:
    """Warn where workers have made what this machine will not find."""
    for each in other_machines(plan, bundle):
        LOG.warning(
            "workers made images on a machine with %s: keys name these, so what they made is made again here; "
            "a machine like theirs finds it",
            each,
        )


def _read_notes(plan: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(plan.parent.glob(f"{NOTE}-*.json")):
        with suppress(StoreError):  # a note that cannot be read says nothing
            found = read_json(path, StoreError, "")
            if isinstance(found, dict):
                yield found


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    names = [name for name in DECIDING if there.get(name) != here[name]] or differing(here, there)
    return ", ".join(f"{name} {_text(there.get(name))} (here {_text(here[name])})" for name in names)


def _text(value: object) -> str:
    return shorten(value if isinstance(value, str) else json.dumps(value), 60)
