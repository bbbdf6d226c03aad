"""Content digests: equal content, equal digest, whatever the key order, the process or the machine."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

CHUNK = 1 << 20  # bytes read at once from a file


def plain(value: Any) -> Any:
    """`value` as JSON's own types: dataclasses and pydantic models become objects, tuples become lists.

    Raises:
        TypeError: the value has no exact JSON form (a set, a float array, an object); a digest of it would be a guess.

    >>> plain({"layers": (7, 8)})
    {'layers': [7, 8]}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(by_alias=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"no canonical JSON form for {type(value).__name__}: use str, int, float, bool, None, list or dict")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"key {key!r} is a {type(key).__name__}: JSON keys must be str")
    return key


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no blanks, no NaN.

    >>> canonical({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 of the canonical JSON of `value`, 64 hex digits.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return digest_bytes(canonical(value).encode("utf-8"))


def digest_bytes(data: bytes) -> str:
    """sha256 of raw bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 of a file's bytes, read in chunks."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def digest_array(array: "np.ndarray[Any, Any]") -> str:
    """sha256 of an array's dtype, shape and bytes (C order); (2, 3) and (3, 2) of the same numbers differ."""
    import numpy as np

    contiguous = np.ascontiguousarray(array)
    header = canonical({"dtype": contiguous.dtype.str, "shape": list(array.shape)})
    found = hashlib.sha256(header.encode())
    found.update(contiguous.tobytes())
    return found.hexdigest()


def digest_tensor(tensor: Any) -> str:
    """sha256 of a torch tensor's dtype, shape and bytes, on any device; handles bfloat16, as numpy cannot."""
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    header = canonical({"dtype": str(tensor.dtype), "shape": list(tensor.shape)})
    found = hashlib.sha256(header.encode())
    found.update(flat.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def digest_all(parts: Iterable[str]) -> str:
    """One digest of an ordered sequence of digests."""
    return digest(list(parts))
