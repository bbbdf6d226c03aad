"""The methods of closed_forms.py: each with its literal form and with what that reads of a request."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from literal_forms import CHUNK, Block, Form, rece, solving, speed
from torch import Tensor

from iceb.methods.common.attention import StateReader, all_tokens, from_last_token, last_token
from iceb.methods.common.attention.projections import Kind
from iceb.methods.common.attention.text_states import TextState
from iceb.methods.mace import MACE
from iceb.methods.mace.rows import paired_rows
from iceb.methods.rece import RECE
from iceb.methods.speed import SPEED
from iceb.methods.time import TIME
from iceb.methods.time.editing import Rows, texts
from iceb.methods.uce import UCE, UCEEmcid
from iceb.specs.methods import Bundle
from iceb.specs.requests import EditRequest


def request(place: int) -> EditRequest:
    """One of many replacements."""
    return EditRequest(f"b/{place}", f"source number {place}", (f"dest thing {place}",), ("{}",), place)


@dataclass(frozen=True)
class Row:
    """One method in the table."""

    method: Callable[[tuple[str, ...]], Any]  # retained texts → the method
    blocks: Callable[[Bundle, EditRequest], list[Block]]  # what the literal form reads of a request
    literal: Form
    retains: bool = False
    kinds: tuple[Kind, ...] = ("v", "k")  # of matrices
    reads: tuple[int, int] = (32, 32)  # how often the literal form reads a concept's texts, and a retained one
    part: Callable[[TextState], Tensor] = attrgetter("rows")  # what the literal form reads of a retained text
    chunk: int = 1  # retained texts to time, times `units`


def uce_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """The one pair of a request, from the last content token on."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [single(from_last_token(old, new))]


def rece_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """The one pair of a request, as UCE reads it and in all positions."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [single(from_last_token(old, new)), single(all_tokens(old, new))]


def speed_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """The last tokens of a request."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [single(last_token(old, new))]


def single(pair: Block) -> Block:
    """In float32."""
    return pair[0].float(), pair[1].float()


def time_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """The bare pair and its three longer forms, all rows."""
    reader, rows = StateReader(bundle), Rows(bundle.pipeline.tokenizer, strict=False)
    pairs = [reader(pair) for pair in texts(request, augment=True)]
    return [single(rows(*pair)) for pair in pairs]


def mace_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """Thirty prompts and their twins, without the concept's own tokens."""
    concept, reader, found = mace(()).concept(request), StateReader(bundle), []
    for old, new in zip(reader(concept.sources), reader(concept.dests), strict=True):
        mine, theirs = paired_rows(old.ids[: old.end + 1], new.ids[: new.end + 1], len(old.ids))
        found.append((old.rows[mine].float(), new.rows[theirs].float()))
    return found


def mace(_: tuple[str, ...]) -> MACE:
    """Stage 1 alone, nothing preserved."""
    return MACE(steps=0, ridge=0.1, train_preserve_scale=0.0, fuse_preserve_scale=0.0)


ROWS: dict[str, Row] = {
    "uce": Row(lambda retain: UCE(retain=retain), uce_blocks, solving(0.5), retains=True),
    "uce-emcid": Row(lambda retain: UCEEmcid(retain=retain), uce_blocks, solving(0.1, tensor=True), retains=True),
    "time": Row(lambda _: TIME(), time_blocks, solving(0.1)),
    "mace": Row(mace, mace_blocks, solving(0.1)),
    # start and erasure each read a retained text and a destination for every matrix; a source, the start and the attack
    "rece": Row(
        lambda retain: RECE(retain=retain, retain_dests=False), rece_blocks, rece, retains=True, reads=(48, 64)
    ),
    "speed": Row(
        lambda retain: SPEED(retain=retain),
        speed_blocks,
        speed,
        retains=True,
        kinds=("v",),
        reads=(1, 1),
        part=lambda state: state.rows[state.last : state.end],
        chunk=CHUNK,
    ),
}
