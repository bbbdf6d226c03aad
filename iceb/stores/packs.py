"""Pack files: arrays of one dtype and shape, each under its own key, with digests of every byte.

    8 bytes  b"\\x89ICEB\\r\\n\\x02"
    32       sha256 of the header
    4        length of the header, little endian
    header   a line of JSON {"owner": "", "dtype": "<f4", "shape": [1000], "rows": 128}; for each row 32 bytes of key
             and 32 of sha256 of the row's bytes; filled with zeros so that the first row begins at a multiple of 64
    rows     raw bytes, C order

A reader reads and checks the header and only those rows it wants. A flipped bit is found in any place: in the first 44
bytes and in the header by the header's digest, in a row by that row's. `owner` says whose keys these are, where equal
keys of others exist.
"""

import hashlib
import json
import os
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from iceb.stores.damage import DamagedError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
MAGIC = b"\x89ICEB\r\n\x02"
HEAD = struct.Struct("<8s32sI")
ENTRY = 64  # bytes of one row's key and digest
ALIGNED = 64
MOST = 1 << 20  # bytes of a header
KINDS = "biufcSU"  # kinds of numpy's dtypes that raw bytes hold: numbers, truth values, texts


@dataclass(frozen=True)
class Pack:
    """The header of a pack."""

    owner: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]  # of one row
    places: Mapping[str, int]  # rows by key
    digests: tuple[bytes, ...]
    start: int  # where the first row begins

    @property
    def row_bytes(self) -> int:
        """Size of one row."""
        return self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))


def pack_bytes(rows: Mapping[str, Array], owner: str = "") -> bytes:
    """A pack of arrays by their keys (64 hexadecimal digits): at least one, all of one dtype and shape.

    Raises:
        ValueError: they differ, or their dtype has no raw form.
    """
    arrays = [np.asarray(row, order="C") for row in rows.values()]
    kinds = {(array.dtype, array.shape) for array in arrays}
    if len(kinds) != 1:
        raise ValueError(f"{len(arrays)} arrays of {len(kinds)} kinds: must be at least one, of one dtype and shape")
    ((dtype, shape),) = kinds
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise ValueError(f"an array of dtype {dtype} cannot be stored: must be numbers, truth values or texts")
    bodies = [array.tobytes() for array in arrays]
    table = b"".join(bytes.fromhex(key) + hashlib.sha256(body).digest() for key, body in zip(rows, bodies, strict=True))
    said = {"owner": owner, "dtype": dtype.str, "shape": list(shape), "rows": len(rows)}
    line = json.dumps(said).encode() + b"\n"
    header = line + table + bytes(-(HEAD.size + len(line) + len(table)) % ALIGNED)
    return b"".join([HEAD.pack(MAGIC, hashlib.sha256(header).digest(), len(header)), header, *bodies])


def read_keys(path: Path, owner: str = "") -> list[str]:
    """The keys of a pack's rows; only its header is read.

    Raises:
        DamagedError: the file is not a whole pack of this owner.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        return list(_header(stream, owner).places)


def read_rows(path: Path, keys: Collection[str], owner: str = "") -> dict[str, Array]:
    """Some rows of a pack, by key; only these are read and checked.

    Raises:
        DamagedError: the file is not a whole pack of this owner, lacks a key, or a row is not as it was written.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        pack = _header(stream, owner)
        if not pack.places.keys() >= set(keys):
            raise DamagedError("it is the file of other keys")
        return {key: _row(stream, pack, pack.places[key]) for key in keys}


def _header(stream: BufferedReader, owner: str) -> Pack:
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        raise DamagedError("it is cut short")
    magic, digest, length = HEAD.unpack(head)
    if magic != MAGIC or length > MOST:
        raise DamagedError("it does not begin as a pack does")
    header = stream.read(length)
    if hashlib.sha256(header).digest() != digest:
        raise DamagedError("its header is not the one that was written")
    pack = _parse_header(header)
    if pack.owner != owner:
        raise DamagedError("it is the file of another owner")
    if HEAD.size + length + pack.row_bytes * len(pack.digests) != os.fstat(stream.fileno()).st_size:
        raise DamagedError("it is cut short or too long")
    return pack


def _parse_header(header: bytes) -> Pack:
    line, _, rest = header.partition(b"\n")
    said = json.loads(line)
    dtype, shape, count = np.dtype(said["dtype"]), tuple(map(int, said["shape"])), int(said["rows"])
    if dtype.kind not in KINDS or not dtype.itemsize or min(shape, default=0) < 0 or len(rest) < count * ENTRY:
        raise DamagedError("its header is not that of a pack")
    entries = [rest[start : start + ENTRY] for start in range(0, count * ENTRY, ENTRY)]
    places = {entry[: ENTRY // 2].hex(): place for place, entry in enumerate(entries)}
    digests = tuple(entry[ENTRY // 2 :] for entry in entries)
    return Pack(said["owner"], dtype, shape, places, digests, HEAD.size + len(header))


def _row(stream: BufferedReader, pack: Pack, place: int) -> Array:
    buffer = bytearray(pack.row_bytes)
    stream.seek(pack.start + place * pack.row_bytes)
    if stream.readinto(buffer) != pack.row_bytes:
        raise DamagedError("it is cut short")
    if hashlib.sha256(buffer).digest() != pack.digests[place]:
        raise DamagedError("its numbers are not those that were written")
    return np.ndarray(pack.shape, pack.dtype, buffer)  # may be written to
