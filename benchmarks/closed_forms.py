"""Closed-form edits of cross-attention in one solve against the formula written out matrix by matrix, text by text.

    python benchmarks/closed_forms.py [--model sd14-random] [--counts 1 10 100 300 1000] [--retain 1700]
        [--rows uce uce-emcid …] [--units 3] [--threads 1] [--texts] [--out benchmarks/results/closed_forms.json]

Ours is the method as a user calls it: tokens, sums, solve, 32 products, casts. The literal form does what the authors'
programs do, for every matrix anew, on text states that are handed to it: the values v of a concept, v cᵀ and c cᵀ of
every concept and every retained text, one inverse, all in float32. It is timed on `--units` concepts and as many
retained texts (the fastest of two goes) and extrapolated: seconds = N × concept + R × retained text + inverses.

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
from pathlib import Path
from typing import Any, TypeAlias

import torch
from stand_in import Memory, RandomEncoder, StandIn
from torch import Tensor

from iceb.methods.attention import StateReader, from_last_token, projections
from iceb.methods.mace import MACE
from iceb.methods.mace.rows import paired_rows
from iceb.methods.time import TIME
from iceb.methods.time.editing import Rows, texts
from iceb.methods.uce import UCE, UCEEmcid
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.specs.methods import Bundle, Edit
from iceb.specs.requests import EditRequest

Block: TypeAlias = tuple[Tensor, Tensor]  # E, E', (n, d) float32 each


@dataclass(frozen=True)
class Row:
    """One method in the table."""

    method: Callable[[tuple[str, ...]], Any]  # retained texts → the method
    blocks: Callable[[Bundle, EditRequest], list[Block]]  # what the literal form reads of a request
    ridge: float
    retains: bool = False
    tensor: bool = False
    most: int = 1000  # edits; more are left out


def uce_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """The one pair of a request, from the last content token on."""
    old, new = StateReader(bundle)([request.source, request.dest])
    return [tuple(side.float() for side in from_last_token(old, new))]  # type: ignore[list-item]


def time_blocks(bundle: Bundle, request: EditRequest) -> list[Block]:
    """The bare pair and its three longer forms, all rows."""
    reader, rows = StateReader(bundle), Rows(bundle.pipeline.tokenizer, strict=False)
    pairs = [reader(pair) for pair in texts(request, augment=True)]
    return [tuple(side.float() for side in rows(*pair)) for pair in pairs]  # type: ignore[misc]


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
    "uce": Row(lambda retain: UCE(retain=retain), uce_blocks, 0.5, retains=True),
    "uce-emcid": Row(lambda retain: UCEEmcid(retain=retain), uce_blocks, 0.1, retains=True, tensor=True),
    "time": Row(lambda _: TIME(), time_blocks, 0.1),
    "mace": Row(mace, mace_blocks, 0.1, most=100),
}


# --- the literal form


@dataclass(frozen=True)
class Units:
    """Seconds of the literal form."""

    concept: float
    retained: float
    inverses: float

    def plus(self, texts: "Units", times: int) -> "Units":
        """With the reading of texts, so many times."""
        return Units(self.concept + times * texts.concept, self.retained + times * texts.retained, self.inverses)

    def of(self, concepts: int, retained: int) -> float:
        """Seconds for so many."""
        return concepts * self.concept + retained * self.retained + self.inverses


def literal(
    weights: Sequence[Tensor], concepts: Sequence[Sequence[Block]], kept: Sequence[Tensor], row: Row
) -> tuple[list[Tensor], Units]:
    """Every matrix by itself: mat1 mat2⁻¹, and the seconds that concepts, retained texts and inverses took."""
    edited, spent = [], [0.0, 0.0, 0.0]
    for W in weights:
        began = time.process_time()
        mat1, mat2 = row.ridge * W, row.ridge * torch.eye(W.shape[1])
        for C, new in (block for blocks in concepts for block in blocks):
            v = new @ W.T
            if row.tensor:
                u = C @ W.T
                u = u / u.norm()
                v = v - (u * v).sum() * u
            mat1, mat2 = mat1 + scale(row) * v.T @ C, mat2 + scale(row) * C.T @ C
        summed = time.process_time()
        for P in kept:
            mat1, mat2 = mat1 + 0.1 * (P @ W.T).T @ P, mat2 + 0.1 * P.T @ P
        held = time.process_time()
        edited.append(mat1 @ torch.inverse(mat2))
        done = time.process_time()
        spent = [a + b for a, b in zip(spent, (summed - began, held - summed, done - held), strict=True)]
    return edited, Units(spent[0] / len(concepts), spent[1] / max(1, len(kept)), spent[2])


def scale(row: Row) -> float:
    """s_e."""
    return 0.1 if row.tensor else 1.0


# --- the table


def measured(name: str, bundle: Any, counts: Sequence[int], retain: int, units: int) -> list[dict[str, Any]]:
    """One method's rows."""
    row = ROWS[name]
    kept = tuple(f"kept text number {place}" for place in range(retain)) if row.retains else ()
    weights, asked = projections(bundle), [request(place) for place in range(max(counts))]
    began = time.process_time()
    blocks = [row.blocks(bundle, one) for one in asked[:units]]
    read = time.process_time()
    some = [state.rows.float() for state in StateReader(bundle)(kept[:units])]
    texts = Units((read - began) / units, (time.process_time() - read) / max(1, len(some)), 0.0)
    literal(list(weights.values()), blocks[:1], some[:1], row)  # warm up
    goes = [literal(list(weights.values()), blocks, some, row)[1] for _ in range(2)]
    unit = min(goes, key=lambda go: go.of(100, len(kept)))
    read_texts = not isinstance(bundle.pipeline.text_encoder, RandomEncoder)
    if read_texts:
        unit = unit.plus(texts, len(weights))
    found = []
    for count in (count for count in counts if count <= row.most):
        scratch, seconds = Memory(), []
        for _ in range(2):
            began = time.process_time()
            edit: Edit = row.method(kept).edit(bundle, asked[:count], scratch=scratch)
            seconds.append(time.process_time() - began)
        assert len(edit.weights) == len(weights)
        slow = unit.of(count, len(kept))
        label = ", ".join(
            [*([f"{len(kept)} retained texts"] if kept else []), f"texts {'read' if read_texts else 'given'}"]
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
