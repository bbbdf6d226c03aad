"""Checksums of tensors' contents, on the tensors' own device and without a copy of large ones.

A content checksum is needed because nothing cheaper notices every write: one through `tensor.data` or through a NumPy
view raises no version counter and moves no storage. It guards against mistakes, not against forgery: what names weights
in keys and results is sha256 (`iceb.base.digest`).

The bytes are read as 64-bit words. Each word, plus a multiple of its place, goes through the finalizer of SplitMix64
(Steele, Lea and Flood, 2014), a bijection that spreads every bit over the word, and the results are summed modulo 2^64.
So a single changed word is always noticed, and any other change, an exchange of two words or a flip of every sign
included, is overlooked with probability 2^-64. All of it is integer arithmetic, the same on every device.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import torch
from torch import Tensor
from torch.nn.functional import pad

WORD = 8  # bytes
WORDS = {"cpu": 2**15}  # words at once: on a CPU they stay in its cache
MANY = 2**21  # elsewhere: 16 MB of temporaries for each of a few operations
SHARE = 2  # of these words, which small tensors take together
WRAP = 2**64
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # shift, multiplier
LAST_SHIFT = 31
STEP = 0x9E3779B97F4A7C15  # increment per position: 2^64 divided by the golden ratio


def checksums(tensors: Iterable[Tensor]) -> list[int]:
    """A checksum of each tensor's bytes in row-major order; shape and number format do not enter."""
    every = list(tensors)
    found: dict[int, int] = {}
    for device in dict.fromkeys(each.device for each in every):
        packs = list(_packs({place: each for place, each in enumerate(every) if each.device == device}))
        sums = torch.cat([_checksums([every[place] for place in pack]) for pack in packs]).tolist()
        found.update(zip(chain.from_iterable(packs), sums, strict=True))
    return [found[place] for place in range(len(every))]


def _packs(tensors: Mapping[int, Tensor]) -> Iterator[list[int]]:
    """The places of small tensors by the dozen, which take one pass over all of them; large ones alone."""
    pack: list[int] = []
    size = 0
    for place, tensor in tensors.items():
        room = WORDS.get(tensor.device.type, MANY) * WORD // SHARE
        if tensor.nbytes > room:
            yield [place]
            continue
        if pack and size + tensor.nbytes > room:
            yield pack
            pack, size = [], 0
        pack.append(place)
        size += tensor.nbytes
    if pack:
        yield pack


@torch.inference_mode()
def _checksums(tensors: Sequence[Tensor]) -> Tensor:
    """The checksums of tensors on one device, as a tensor, so that a GPU need not be waited for."""
    flat = [tensor.detach().reshape(-1) for tensor in tensors]
    return _checksum(flat[0]).reshape(1) if len(flat) == 1 else _checksums_in_one_pass(flat)


def _checksum(tensor: Tensor) -> Tensor:
    """The checksum of a flat tensor, a part of it at a time."""
    total = torch.zeros((), dtype=torch.int64, device=tensor.device)
    start = 0
    for words in _words(tensor):
        places = torch.arange(start, start + len(words), dtype=torch.int64, device=tensor.device)
        total += _mix(places.mul_(_as_signed(STEP)).add_(words)).sum()
        start += len(words)
    return total


def _checksums_in_one_pass(tensors: Sequence[Tensor]) -> Tensor:
    """The checksums of small flat tensors: their bytes in a row, each filled up with zeros to whole words."""
    device = tensors[0].device
    zeros = torch.zeros(WORD, dtype=torch.uint8, device=device)
    filled = [part for each in tensors for part in (each.view(torch.uint8), zeros[: -each.nbytes % WORD])]
    words = torch.cat(filled).view(torch.int64)
    lengths = torch.tensor([-(-each.nbytes // WORD) for each in tensors], device=device)
    ends = lengths.cumsum(0)
    starts = torch.repeat_interleave(ends - lengths, lengths, output_size=len(words))
    places = torch.arange(len(words), device=device).sub_(starts)
    until = _mix(places.mul_(_as_signed(STEP)).add_(words)).cumsum(0)
    return torch.cat([until.new_zeros(1), until])[torch.cat([ends.new_zeros(1), ends])].diff()


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
