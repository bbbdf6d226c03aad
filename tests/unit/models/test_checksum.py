"""A checksum notices every change of a tensor's bytes, whatever its format, and is the same wherever it is computed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.models import checksum
from iceb.models.checksum import checksums

FORMATS = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool]


def one(tensor: torch.Tensor) -> int:
    (found,) = checksums([tensor])
    return found


def by_definition(data: bytes) -> int:
    """SplitMix64 of every word plus its place's step, summed, in Python's integers."""
    data += bytes(-len(data) % 8)
    total = 0
    for place in range(len(data) // 8):
        word = int.from_bytes(data[8 * place : 8 * place + 8], "little") + place * checksum.STEP
        for shift, multiplier in checksum.ROUNDS:
            word %= 2**64
            word = (word ^ (word >> shift)) * multiplier
        word %= 2**64
        total += word ^ (word >> checksum.LAST_SHIFT)
    return (total + 2**63) % 2**64 - 2**63


def data_of(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=100), start=st.integers(0, 9), words=st.integers(1, 5))
def test_a_checksum_equals_its_definition_at_any_length_alignment_and_chunk(data, start, words):
    tensor = torch.tensor(list(bytes(start) + data), dtype=torch.uint8)[start:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksum, "WORDS", {"cpu": words})
        assert one(tensor) == by_definition(data)


@settings(max_examples=60, deadline=None)
@given(contents=st.lists(st.binary(max_size=40), max_size=12), start=st.integers(0, 9), words=st.integers(1, 20))
def test_each_of_many_tensors_has_its_own_checksum_however_they_are_packed(contents, start, words):
    tensors = [torch.tensor(list(bytes(start) + data), dtype=torch.uint8)[start:] for data in contents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksum, "WORDS", {"cpu": words})
        assert checksums(tensors) == [by_definition(data) for data in contents]


def test_tensors_of_several_formats_are_summed_up_together():
    tensors = [(torch.arange(size) % 50).to(dtype) for dtype in FORMATS for size in (1, 3, 77)]
    assert checksums(tensors) == [by_definition(data_of(tensor)) for tensor in tensors]


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_every_number_format_is_read_byte_by_byte(dtype):
    tensor = (torch.arange(77) % 50).to(dtype)
    assert one(tensor) == by_definition(data_of(tensor))


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 999), bit=st.integers(0, 31))
def test_every_flipped_bit_is_noticed(place, bit):
    tensor = torch.linspace(-1, 1, 1000)
    before = one(tensor)
    tensor.view(torch.int32)[place] ^= (1 << bit) if bit < 31 else -(1 << 31)
    assert one(tensor) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.neg_(),
        lambda tensor: tensor.copy_(tensor.flip(0)),
        lambda tensor: tensor[:2].copy_(tensor[[1, 0]]),
        lambda tensor: tensor[::2].neg_(),
        lambda tensor: tensor.data.mul_(1 + 1e-6),
        lambda tensor: tensor.numpy().__setitem__(3, 7),
    ],
    ids=["every sign", "reversed", "two swapped", "every other sign", "through .data", "through NumPy"],
)
def test_changes_of_many_places_at_once_are_noticed(change):
    tensor = torch.linspace(-1, 1, 1000)
    before = one(tensor)
    change(tensor)
    assert one(tensor) != before


def test_a_checksum_depends_on_the_content_and_not_on_the_memory_layout():
    tensor = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    assert one(tensor) == one(tensor.t().contiguous().t()) == one(torch.nn.Parameter(tensor.clone()))


def test_many_tensors_keep_their_order_and_an_empty_one_is_zero():
    tensors = [torch.ones(3), torch.ones(0), torch.zeros(5)]
    assert checksums(tensors) == [one(tensor) for tensor in tensors]
    assert checksums(tensors)[1] == 0
    assert checksums([]) == []
