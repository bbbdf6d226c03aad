"""Edits by content key: one safetensors file each, whose header holds everything that is not a tensor.

One file rather than two, so that weights and their description can never be of different makers. The header's text
holds the key and the digest of every tensor, and its own digest stands beside it: so the header can be trusted without
reading a tensor, and each tensor by the header.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from iceb.base.digest import digest_bytes, digest_tensor
from iceb.base.files import content_path
from iceb.specs.methods import Edit
from iceb.stores.damage import DamagedError, publish_checked, read_checked, read_quietly
from iceb.stores.remote import fetch, stored_remotely

EditKey: TypeAlias = str  # 64 hex digits
SUFFIX = ".safetensors"
HEADER, DIGEST = "iceb", "iceb_sha256"  # fields of the file's metadata
RIGHT = "right:"  # before the names of matrices that are no weights (`Edit.right`)


@dataclass(frozen=True)
class MadeEdit:
    """An edit and what making it took."""

    edit: Edit
    seconds: float
    peak_bytes: int | None = None  # of the process's memory while it was made
    peak_gpu_bytes: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)  # method, params and model, for readers
    relative_change: float | None = None  # ‖ΔW‖ / ‖W‖ of the changed parameters; None: none changed
    found: bool = False  # it stood in the store when it was asked for

    @property
    def bytes(self) -> int:
        """Size of the changed tensors."""
        return sum(int(tensor.numel() * tensor.element_size()) for tensor in self.edit.weights.values())


@dataclass(frozen=True)
class EditSummary:
    """The header of a stored edit, without its tensors."""

    weights: Mapping[str, str]  # digest of each changed parameter
    rewrites: Mapping[str, str]
    negative_prompt: str
    about: Mapping[str, Any]


class EditStore:
    """The folder `edits` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "edits"

    def path(self, key: EditKey) -> Path:
        """The path of the edit of this key, there or not.

        Raises:
            StoreError: the key is not 64 hexadecimal digits.
        """
        return content_path(self.folder, key, SUFFIX)

    def has(self, key: EditKey) -> bool:
        """Whether a file is there; reading it tells whether it is sound."""
        path = self.path(key)
        return path.is_file() or bool(stored_remotely([path]))

    def read(self, key: EditKey) -> MadeEdit | None:
        """The edit of this key; None if there is none, or if it is damaged (it is then removed and noted).

        Raises:
            StoreError: the file cannot be read.
        """
        return read_checked(self.path(key), lambda path: _read(path, key))

    def summary(self, key: EditKey) -> EditSummary | None:
        """The header of the stored edit of this key; None if there is none, or if its header is damaged.

        Nothing is removed: a plan calls this. Of a cache that is named by a URL the edit is fetched.
        """
        path = self.path(key)
        if not path.exists() and stored_remotely([path]):
            fetch(path)
        return summary_of(path)

    def publish(self, key: EditKey, made: MadeEdit) -> MadeEdit:
        """Keep an edit; returns the one that stands, so that all processes go on with one set of weights.

        Raises:
            StoreError: the cache cannot be written.
        """
        from safetensors.torch import save

        tensors = {**made.edit.weights, **{f"{RIGHT}{name}": matrix for name, matrix in made.edit.right.items()}}
        kept = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        digests = {name: digest_tensor(tensor) for name, tensor in kept.items()}
        text = json.dumps({"key": key, "tensors": digests, **_header(made)}, allow_nan=False)
        data = save(kept, metadata={HEADER: text, DIGEST: digest_bytes(text.encode())})
        return publish_checked(self.path(key), data, lambda: self.read(key)) or made


def summary_of(path: Path) -> EditSummary | None:
    """The header of an edit's file; None if it is damaged or not there."""
    return read_quietly(path, _summary)


def _summary(path: Path) -> EditSummary:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stream:
        header = _checked_header(stream.metadata(), path.stem)
    weights = {name: found for name, found in header["tensors"].items() if not name.startswith(RIGHT)}
    return EditSummary(weights, header["rewrites"], header["negative_prompt"], header["about"])


def _read(path: Path, key: EditKey) -> MadeEdit:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stream:
        header = _checked_header(stream.metadata(), key)
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 — not a mapping
    if {name: digest_tensor(tensor) for name, tensor in tensors.items()} != header["tensors"]:
        raise DamagedError("its tensors are not those that were written")
    return _from(header, tensors)


def _checked_header(metadata: Mapping[str, str] | None, key: EditKey) -> dict[str, Any]:
    """The header, after its digest and its key were checked."""
    said = metadata or {}
    text = said.get(HEADER, "")
    if said.get(DIGEST) != digest_bytes(text.encode()):
        raise DamagedError("its header is not the one that was written")
    header: dict[str, Any] = json.loads(text)
    if header["key"] != key:
        raise DamagedError("it is the file of another key")
    return header


def _header(made: MadeEdit) -> dict[str, Any]:
    return {
        "rewrites": dict(made.edit.rewrites),
        "negative_prompt": made.edit.negative_prompt,
        "log": dict(made.edit.log),
        "seconds": made.seconds,
        "peak_bytes": made.peak_bytes,
        "peak_gpu_bytes": made.peak_gpu_bytes,
        "relative_change": made.relative_change,
        "about": dict(made.about),
    }


def _from(header: Mapping[str, Any], tensors: Mapping[str, Any]) -> MadeEdit:
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(RIGHT)}
    right = {name.removeprefix(RIGHT): tensor for name, tensor in tensors.items() if name.startswith(RIGHT)}
    edit = Edit(weights, header["rewrites"], header["negative_prompt"], header["log"], right)
    return MadeEdit(
        edit,
        seconds=header["seconds"],
        peak_bytes=header["peak_bytes"],
        peak_gpu_bytes=header["peak_gpu_bytes"],
        about=header["about"],
        relative_change=header["relative_change"],
    )
