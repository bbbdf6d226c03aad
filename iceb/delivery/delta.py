"""The folder of a saved edit: manifest.json, and delta.safetensors with weights or their matrices."""

import fnmatch
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from iceb.base.digest import digest_file
from iceb.base.errors import DataError, MethodError
from iceb.base.files import explain_errors
from iceb.base.readers import explain_reading, read_text
from iceb.models.right_product import right_product
from iceb.specs.deltas import DELTA, MANIFEST, DeltaRecord, Form, Manifest
from iceb.specs.methods import Edit
from iceb.stores.edits import RIGHT


def write_delta(folder: Path, edit: Edit, form: Form, parameter: Callable[[str], Tensor]) -> DeltaRecord | None:
    """Write the changed weights and return their record; None if the edit changes none.

    In the form "matrix" a weight is left out where M gives its very bytes on this machine's processor; others stand
    in full beside M.

    Args:
        parameter: the unedited model's parameters by name.

    Raises:
        MethodError: the form is "matrix", and the edit has no M that makes any of its weights.
        StoreError: the folder cannot be written.
    """
    if not edit.weights:
        return None
    made = by_matrix(edit, parameter) if form == "matrix" else {}
    if form == "matrix" and not made:
        raise MethodError("this edit is not one matrix for many weights: save it with `form=full`")
    tensors = {name: tensor for name, tensor in edit.weights.items() if name not in made}
    tensors |= {f"{RIGHT}{pattern}": edit.right[pattern] for pattern in set(made.values())}
    path = folder / DELTA
    _write(path, tensors)
    return DeltaRecord(
        sha256=digest_file(path), bytes=path.stat().st_size, parameters=tuple(edit.weights), by_matrix=made
    )


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save_file

    with explain_errors(path):
        save_file({name: tensors[name].detach().cpu().contiguous().clone() for name in sorted(tensors)}, path)


def by_matrix(edit: Edit, parameter: Callable[[str], Tensor]) -> dict[str, str]:
    """Return the weights that a matrix of the edit reproduces bit for bit, with that matrix's pattern."""
    found: dict[str, str] = {}
    for pattern, matrix in edit.right.items():
        for name, tensor in edit.weights.items():
            named = name not in found and fnmatch.fnmatchcase(name, pattern)
            if named and right_product(parameter(name).cpu(), matrix.cpu()).equal(tensor.cpu()):
                found[name] = pattern
    return found


def read_manifest(named: Path) -> Manifest:
    """Read the manifest of a saved edit, given its folder or the manifest itself.

    Raises:
        DataError: there is none, or it is not one.
    """
    path = named if named.name == MANIFEST else named / MANIFEST
    return Manifest.from_json(read_text(path, DataError, "name the folder of a saved edit"), str(path))


def read_delta(named: Path, delta: DeltaRecord, parameter: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """Read the new weights by name, computing those that are stored as a matrix.

    Args:
        parameter: the unedited model's parameters by name.

    Raises:
        DataError: the file is missing, damaged, or not the manifest's.
    """
    path = (named.parent if named.name == MANIFEST else named) / DELTA
    tensors = _read_checked(path, delta)
    full = {name: tensor for name, tensor in tensors.items() if not name.startswith(RIGHT)}
    made = {
        name: right_product(parameter(name).cpu(), tensors[f"{RIGHT}{pattern}"])
        for name, pattern in delta.by_matrix.items()
    }
    return {name: (full | made)[name] for name in delta.parameters}


def _read_checked(path: Path, delta: DeltaRecord) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    with explain_reading(str(path), DataError, "copy the edit's whole folder"):
        if digest_file(path) != delta.sha256:
            raise DataError(
                f"{path} is not the file its manifest names: it was damaged or replaced; make the edit again"
            )
        found: dict[str, Tensor] = load_file(path)
    missing = [name for name in _names(delta) if name not in found]
    if missing:
        raise DataError(f"{path} lacks {missing[0]}, which its manifest names; make the edit again")
    return found


def _names(delta: DeltaRecord) -> list[str]:
    full = [name for name in delta.parameters if name not in delta.by_matrix]
    return [*full, *(f"{RIGHT}{pattern}" for pattern in set(delta.by_matrix.values()))]
