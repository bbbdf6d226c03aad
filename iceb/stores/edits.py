"""Edits by content key: one safetensors file each, whose header holds everything that is not a tensor.

One file rather than two, so that weights and their description can never be of different makers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from iceb.base.digest import digest_tensor
from iceb.base.errors import StoreError
from iceb.base.files import content_path, explained, publish
from iceb.specs.methods import Edit

EditKey: TypeAlias = str  # 64 hex digits
HEADER = "iceb"
RIGHT = "right:"  # before the names of matrices that are no weights (`Edit.right`)


@dataclass(frozen=True)
class MadeEdit:
    """An edit and what making it took."""

    edit: Edit
    seconds: float
    peak_bytes: int | None = None  # of the process's memory while it was made
    peak_gpu_bytes: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)  # method, params, model: for people who look at it

    @property
    def bytes(self) -> int:
        """Size of the changed tensors."""
        return sum(int(tensor.numel() * tensor.element_size()) for tensor in self.edit.weights.values())


@dataclass(frozen=True)
class EditSummary:
    """What a stored edit's header says of it, without its tensors."""

    weights: Mapping[str, str]  # digest of each changed parameter
    rewrites: Mapping[str, str]
    negative_prompt: str


class EditStore:
    """The folder `edits` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "edits"

    def path(self, key: EditKey) -> Path:
        """Where the edit of this key lies, or would."""
        return content_path(self.folder, key, ".safetensors")

    def has(self, key: EditKey) -> bool:
        """Whether the edit is there."""
        return self.path(key).is_file()

    def read(self, key: EditKey) -> MadeEdit | None:
        """The edit of this key; None if there is none, or if it is damaged (it is then removed, to be made again)."""
        from safetensors import SafetensorError, safe_open

        path = self.path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as stream:
                header = json.loads((stream.metadata() or {})[HEADER])
                tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 — not a mapping
        except (SafetensorError, ValueError, KeyError):
            with explained(path):
                path.unlink(missing_ok=True)
            return None
        except OSError as error:
            raise StoreError(f"cannot read {path} ({error.strerror or error})") from error
        return _from(header, tensors)

    def summary(self, key: EditKey) -> EditSummary | None:
        """What the stored edit of this key is, without reading its tensors; None if there is none to be read."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path(key), framework="pt") as stream:
                header = json.loads((stream.metadata() or {})[HEADER])
            return EditSummary(header["weights"], header["rewrites"], header["negative_prompt"])
        except (SafetensorError, ValueError, KeyError, OSError):
            return None  # reading the edit itself tells what is wrong, and makes it anew

    def publish(self, key: EditKey, made: MadeEdit) -> MadeEdit:
        """Keep an edit; returns the one that stands, so that all processes go on with one set of weights.

        Raises:
            StoreError: the cache cannot be written.
        """
        from safetensors.torch import save

        tensors = {**made.edit.weights, **{f"{RIGHT}{name}": matrix for name, matrix in made.edit.right.items()}}
        kept = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        data = save(kept, metadata={HEADER: json.dumps(_header(made), allow_nan=False)})
        if publish(self.path(key), data):
            return made
        return self.read(key) or made


def _header(made: MadeEdit) -> dict[str, Any]:
    return {
        "weights": {name: digest_tensor(tensor) for name, tensor in made.edit.weights.items()},
        "rewrites": dict(made.edit.rewrites),
        "negative_prompt": made.edit.negative_prompt,
        "log": dict(made.edit.log),
        "seconds": made.seconds,
        "peak_bytes": made.peak_bytes,
        "peak_gpu_bytes": made.peak_gpu_bytes,
        "about": dict(made.about),
    }


def _from(header: Mapping[str, Any], tensors: Mapping[str, Any]) -> MadeEdit:
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(RIGHT)}
    right = {name.removeprefix(RIGHT): tensor for name, tensor in tensors.items() if name.startswith(RIGHT)}
    edit = Edit(weights, header["rewrites"], header["negative_prompt"], header["log"], right)
    return MadeEdit(edit, header["seconds"], header["peak_bytes"], header["peak_gpu_bytes"], header["about"])
