"""The methods that closed_forms.py times, each with its formula written out and that formula's inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from literal_forms import CHUNK, Block, Form, rece, solve_form, speed
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
    """Make the replacement request number `place`."""
    return EditRequest(f"b/{place}", f"source number {place}", (f"dest thing {place}",), ("{}",), place)


@dataclass(frozen=True)
class Row:
    """A method of the table, with its literal form."""

    method: Callable[[tuple[str, ...]], Any]  # retained texts → the method
    blocks: Callable[[Bundle, EditRequest], list[Block]]  # what the literal form reads of a request
    literal: Form
    retains: bool = False
    kinds: tuple[Kind, ...] = ("v", "k")  # kinds of matrices
    reads: tuple[int, int] = (32, 32)  # times that the literal form reads a concept's texts, and a retained text
    part: Callable[[TextState], Tensor] = attrgetter("rows")  # what the literal form reads of a retained text
    chunk: int = 1  # retained texts to time, times `units`


def uce_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """UCE's pair of text states for a request, from the last content token on."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [to_float32(from_last_token(old, new))]


def rece_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """RECE's two pairs of text states for a request: UCE's, and all positions."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [to_float32(from_last_token(old, new)), to_float32(all_tokens(old, new))]


def speed_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """SPEED's pair of text states for a request: the last tokens."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [to_float32(last_token(old, new))]


def to_float32(pair: Block) -> Block:
    """Convert a pair of text states to float32."""
    return pair[0].float(), pair[1].float()


def time_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """TIME's four pairs of text states for a request, all rows: the bare names and three longer texts."""
    reader, rows = StateReader(bundle), Rows(bundle.pipeline.tokenizer, strict=False)
    pairs = [reader(pair) for pair in texts(request, augment=True)]
    return [to_float32(rows(*pair)) for pair in pairs]


def mace_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """MACE's thirty pairs of text states for a request, without the concept's own tokens."""
    concept, reader, found = mace(()).concept(request), StateReader(bundle), []
    for old, new in zip(reader(concept.sources), reader(concept.dests), strict=True):
        mine, theirs = paired_rows(old.ids[: old.end + 1], new.ids[: new.end + 1], len(old.ids))
        found.append((old.rows[mine].float(), new.rows[theirs].float()))
    return found


def mace(_: tuple[str, ...]) -> MACE:
    """MACE reduced to stage 1, with nothing preserved."""
    return MACE(steps=0, ridge=0.1, train_preserve_scale=0.0, fuse_preserve_scale=0.0)


ROWS: dict[str, Row] = {
    "uce": Row(lambda retain: UCE(retain=retain), uce_blocks, solve_form(0.5), retains=True),
    "uce-emcid": Row(lambda retain: UCEEmcid(retain=retain), uce_blocks, solve_form(0.1, tensor=True), retains=True),
    "time": Row(lambda _: TIME(), time_blocks, solve_form(0.1)),
    "mace": Row(mace, mace_blocks, solve_form(0.1)),
    # start and erasure read each retained text and destination once a matrix; start and attack read each source
    "rece": Row(lambda retain: RECE(retain=retain), rece_blocks, rece, retains=True, reads=(48, 64)),
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
