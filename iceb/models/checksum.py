"""Checksums of tensors' contents, computed on the tensors' own device and without a copy.

A content checksum is needed because nothing cheaper notices every write: one through `tensor.data` or through a NumPy
view raises no version counter and moves no storage. It guards against mistakes, not against forgery: what names weights
in keys and results is sha256 (`iceb.base.digest`).

The bytes are read as 64-bit words. Each word, plus a multiple of its place, goes through the finalizer of SplitMix64
(Steele, Lea and Flood, 2014), a bijection that spreads every bit over the word, and the results are summed modulo 2^64.
So a single changed word is always noticed, and any other change, an exchange of two words or a flip of every sign
included, is overlooked with probability 2^-64. All of it is integer arithmetic, the same on every device.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

WORD = 8  # bytes
WORDS = {"cpu": 2**15}  # words at once: on a CPU they stay in its cache
MANY = 2**21  # elsewhere: 16 MB of temporaries for each of a few operations
WRAP = 2**64
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # shift, multiplier
LAST_SHIFT = 31
STEP = 0x9E3779B97F4A7C15  # increment per position: 2^64 divided by the golden ratio


def checksums(tensors: Iterable[Tensor]) -> list[int]:
    """A checksum of each tensor's bytes in row-major order; shape and number format do not enter."""
    sums = [_checksum(tensor) for tensor in tensors]
    found: dict[int, int] = {}
    for device in dict.fromkeys(each.device for each in sums):
        places = [place for place, each in enumerate(sums) if each.device == device]
        found.update(zip(places, torch.stack([sums[place] for place in places]).tolist(), strict=True))
    return [found[place] for place in range(len(sums))]


@torch.inference_mode()
def _checksum(tensor: Tensor) -> Tensor:
    """The checksum as a tensor without dimensions, so that a GPU need not be waited for."""
    total = torch.zeros((), dtype=torch.int64, device=tensor.device)
    start = 0
    for words in _words(tensor.detach().reshape(-1)):
        places = torch.arange(start, start + len(words), dtype=torch.int64, device=tensor.device)
        total += _mix(places.mul_(_as_signed(STEP)).add_(words)).sum()
        start += len(words)
    return total


def _words(flat: Tensor) -> Iterator[Tensor]:
    """The bytes of a flat tensor as 64-bit words, some at a time; the last one is filled up with zeros."""
    size = flat.element_size()
    for part in torch.split(flat, WORDS.get(flat.device.type, MANY) * WORD // size) if len(flat) else ():
        aligned = part if part.storage_offset() * size % WORD == 0 else part.clone()
        whole = aligned.view(torch.uint8)
        missing = -len(whole) % WORD
        yield (pad(whole, (0, missing)) if missing else whole).view(torch.int64)


def _mix(words: Tensor) -> Tensor:
    """SplitMix64's finalizer, in place."""
    for shift, multiplier in ROUNDS:
        words.bitwise_xor_(_shift_right(words, shift)).mul_(_as_signed(multiplier))
    return words.bitwise_xor_(_shift_right(words, LAST_SHIFT))


def _shift_right(words: Tensor, count: int) -> Tensor:
    """`words` shifted right with zeros coming in; torch's own shift brings in the sign."""
    return words.bitwise_right_shift(count).bitwise_and_((1 << (64 - count)) - 1)


def _as_signed(number: int) -> int:
    """The 64-bit pattern of `number` as torch's signed integer."""
    return number - WRAP if number >= WRAP // 2 else number
