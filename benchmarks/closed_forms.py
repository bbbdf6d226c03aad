"""Closed-form edits of cross-attention in one solve against the formula written out matrix by matrix, text by text.

    python benchmarks/closed_forms.py [--model sd14-random] [--counts 1 10 100 300 1000] [--retain 1700]
        [--rows uce uce-emcid …] [--units 3] [--threads 1] [--texts] [--out benchmarks/results/closed_forms.json]

Ours is the method as a user calls it: tokens, sums, solve, 32 products, casts. The literal form does what the authors'
programs do, for every matrix anew, on text states that are handed to it, all in float32 (literal_forms.py). It is timed
on `--units` concepts and as many retained texts (times 128 for SPEED, as its own loop takes them), the fastest of
two goes, and extrapolated: seconds = N × concept + R × retained text + inverses.

sd14-random is a stand-in: SD-1.4's 32 matrices and random states of 77 × 768, so that encoding texts, which the
literal programs do anew for every matrix, is left out of both. With `--texts` the stand-in has an encoder of SD-1.4's
size with random weights: ours reads each text once, the literal form once for each matrix. A method's scratch is empty
at first ("seconds") and holds the sum over what is retained from then on ("again"). Seconds are the processor's, so
that other work on the machine does not count; with one thread they are a clock's on an idle one. A row of another
method is one more `Row` in `ROWS`; rows of earlier goes stay in the file until they are made anew.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from literal_forms import CHUNK, Block, Form, States, Units, rece, solving, speed
from stand_in import Memory, RandomEncoder, StandIn
from torch import Tensor

from iceb.methods.attention import StateReader, all_tokens, from_last_token, last_token, projections
from iceb.methods.attention.projections import Kind
from iceb.methods.attention.states import TextState
from iceb.methods.mace import MACE
from iceb.methods.mace.rows import paired_rows
from iceb.methods.rece import RECE
from iceb.methods.speed import SPEED
from iceb.methods.time import TIME
from iceb.methods.time.editing import Rows, texts
from iceb.methods.uce import UCE, UCEEmcid
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.specs.methods import Bundle, Edit
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class Row:
    """One method in the table."""

    method: Callable[[tuple[str, ...]], Any]  # retained texts → the method
    blocks: Callable[[Bundle, EditRequest], list[Block]]  # what the literal form reads of a request
    literal: Form
    retains: bool = False
    most: int = 1000  # edits; more are left out
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
    "mace": Row(mace, mace_blocks, solving(0.1), most=100),
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


# --- the table


def literal_units(row: Row, bundle: Any, asked: Sequence[EditRequest], kept: Sequence[str]) -> Units:
    """What the literal form takes, measured on these requests and the first of these texts."""
    weights, reader = list(projections(bundle, row.kinds).values()), StateReader(bundle)
    began = time.process_time()
    blocks = [row.blocks(bundle, one) for one in asked]
    read = time.process_time()
    some = [row.part(state).float() for state in reader(kept[: len(asked) * row.chunk])]
    texts = Units((read - began) / len(asked), (time.process_time() - read) / max(1, len(some)), 0.0)
    states = States(blocks, some, reader([""])[0].rows.float())
    row.literal(weights[:1], states)  # warm up
    unit = min((row.literal(weights, states)[1] for _ in range(2)), key=lambda go: go.of(100, len(kept)))
    return unit + texts.times(*row.reads) if reads_texts(bundle) else unit


def reads_texts(bundle: Any) -> bool:
    """Whether texts go through an encoder."""
    return not isinstance(bundle.pipeline.text_encoder, RandomEncoder)


def measured(name: str, bundle: Any, counts: Sequence[int], retain: int, units: int) -> list[dict[str, Any]]:
    """One method's rows."""
    row = ROWS[name]
    kept = tuple(f"kept text number {place}" for place in range(retain)) if row.retains else ()
    asked = [request(place) for place in range(max(*counts, units))]
    unit = literal_units(row, bundle, asked[:units], kept)
    found = []
    for count in (count for count in counts if count <= row.most):
        scratch, seconds = Memory(), []
        for _ in range(2):
            began = time.process_time()
            edit: Edit = row.method(kept).edit(bundle, asked[:count], scratch=scratch)
            seconds.append(time.process_time() - began)
        assert len(edit.weights) == len(projections(bundle, row.kinds))
        slow = unit.of(count, len(kept))
        label = ", ".join(
            [*([f"{len(kept)} retained texts"] if kept else []), f"texts {'read' if reads_texts(bundle) else 'given'}"]
        )
        found.append({"method": name, "num_edits": count, "seconds": seconds[0], "again": seconds[1], "label": label})
        found[-1] |= {"literal_seconds": slow, "times": slow / seconds[0], "times_again": slow / seconds[1]}
        print(
            f"{name:10} N={count:5} ours {seconds[0]:8.2f} s, again {seconds[1]:8.2f} s; literal {slow:9.1f} s "
            f"(from {units} units): {slow / seconds[0]:6.1f} times, again {slow / seconds[1]:6.1f}",
            flush=True,
        )
    return found


def request(place: int) -> EditRequest:
    """One of many replacements."""
    return EditRequest(f"b/{place}", f"source number {place}", (f"dest thing {place}",), ("{}",), place)


def key(row: dict[str, Any]) -> tuple[str, str, int]:
    """What a row is of."""
    return row["method"], row["label"], row["num_edits"]


def standing(path: Path) -> list[dict[str, Any]]:
    """Rows of earlier goes; a new one of the same method, count and label takes a row's place."""
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd14-random", help="sd14-random, or a model whose texts are really read")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100, 300, 1000])
    parser.add_argument("--retain", type=int, default=1700, help="retained texts of the methods that retain")
    parser.add_argument("--rows", nargs="+", choices=sorted(ROWS), default=list(ROWS))
    parser.add_argument("--units", type=int, default=3, help="concepts and retained texts to time")
    parser.add_argument("--threads", type=int, default=1, help="more than one adds their seconds up")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "closed_forms.json")
    parser.add_argument("--texts", action="store_true", help="the stand-in reads texts with an encoder of its size")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    bundle: Any = StandIn(asked.texts) if asked.model == "sd14-random" else ModelBundle(find(asked.model), "cpu")
    rows = [row for name in asked.rows for row in measured(name, bundle, asked.counts, asked.retain, asked.units)]
    kept = [row for row in standing(asked.out) if key(row) not in {key(made) for made in rows}]
    rows = sorted([*kept, *rows], key=key)
    about = {"machine": f"{platform.processor() or platform.machine()}, {asked.threads} threads", "model": asked.model}
    asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
