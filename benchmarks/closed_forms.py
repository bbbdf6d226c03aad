"""Closed-form edits of cross-attention in one solve against the formula written out matrix by matrix, text by text.

    python benchmarks/closed_forms.py [--model sd14-random] [--counts 1 10 100 300 1000] [--retain 1700]
        [--rows uce uce-emcid …] [--units 3] [--threads 1] [--out benchmarks/results/closed_forms.json]

Ours is the method as a user calls it: tokens, sums, solve, 32 products, casts. The literal form does what the authors'
programs do, for every matrix anew, on text states that are handed to it: the values v of a concept, v cᵀ and c cᵀ of
every concept and every retained text, one inverse, all in float32. It is timed on `--units` concepts and as many
retained texts (the fastest of two goes) and extrapolated: seconds = N × concept + R × retained text + inverses.

sd14-random is a stand-in: SD-1.4's 32 matrices and random states of 77 × 768, so that encoding texts, which the
literal programs do once per matrix, is left out of both. A method's scratch is empty at first ("seconds") and holds the
sum over what is retained from then on ("again"). Seconds are the processor's, so that other work on the machine does
not count; with one thread they are a clock's on an idle one. A row of another method is one more `Row` in `ROWS`.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from iceb.methods.attention import StateReader, from_last_token, projections
from iceb.methods.mace import MACE
from iceb.methods.mace.rows import paired_rows
from iceb.methods.time import TIME
from iceb.methods.time.editing import Rows, texts
from iceb.methods.uce import UCE, UCEEmcid
from iceb.models.bundle import ModelBundle
from iceb.models.families import FAMILIES
from iceb.models.sources import find
from iceb.specs.methods import Bundle, Edit
from iceb.specs.requests import EditRequest

Block: TypeAlias = tuple[Tensor, Tensor]  # E, E', (n, d) float32 each
WIDTH, POSITIONS, VOCABULARY = 768, 77, 49408
# rows of the 16 cross-attentions: down, up, middle
OUTPUTS = (
    320,
    320,
    640,
    640,
    1280,
    1280,
    1280,
    1280,
    1280,
    640,
    640,
    640,
    320,
    320,
    320,
    1280,
)  # of 16 cross-attentions


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


# --- the stand-in


class RandomEncoder:
    """Random states of SD-1.4's size that depend on tokens and places; next to no time."""

    device, config = torch.device("cpu"), SimpleNamespace(use_attention_mask=False)

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        self.table = torch.randn(VOCABULARY, WIDTH, generator=draw)
        self.places = torch.randn(POSITIONS, WIDTH, generator=draw)

    def parameters(self) -> list[Tensor]:
        """None to be trained."""
        return []

    def __call__(self, ids: Tensor, **_: Any) -> tuple[Tensor]:
        """(n, 77, 768)."""
        states = self.table[ids]
        weight = torch.arange(1, POSITIONS + 1)[None, :, None]
        return (states + states.cumsum(dim=1) / weight + self.places,)


class StandIn:
    """The keys and values of SD-1.4's cross-attentions, drawn at random, behind a bundle's face."""

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(1)
        tokenizer = ModelBundle(find("mini"), "cpu").pipeline.tokenizer  # CLIP's
        self.pipeline = SimpleNamespace(
            tokenizer=tokenizer, text_encoder=RandomEncoder(), unet=torch.nn.Identity(), vae=torch.nn.Identity()
        )
        self.family, self.device, self.dtype = FAMILIES["sd14"], torch.device("cpu"), torch.float32
        self.ref, self.digest, self.base_digest, self.reads_as_loaded = SimpleNamespace(family="sd14"), "", "", True
        self.weights = {
            f"unet.blocks.{place}.attn2.to_{kind}.weight": torch.randn(out, WIDTH, generator=draw) / WIDTH**0.5
            for place, out in enumerate(OUTPUTS)
            for kind in "kv"
        }

    def parameters_named(self, pattern: str) -> dict[str, Tensor]:
        """Those of one kind."""
        return {name: W for name, W in self.weights.items() if name.endswith(pattern.rpartition("*")[2])}


class Memory:
    """A scratch in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def array(self, key: Any, compute: Callable[[], Any]) -> Any:
        """The array of a key."""
        name = json.dumps(dict(key), default=str)
        self.kept[name] = self.kept[name] if name in self.kept else compute()
        return self.kept[name]

    def get(self, key: Any) -> Any:
        """The array of a key, or None."""
        return self.kept.get(json.dumps(dict(key), default=str))

    def put(self, key: Any, array: Any) -> None:
        """Keep an array."""
        self.kept[json.dumps(dict(key), default=str)] = array


# --- the literal form


@dataclass(frozen=True)
class Units:
    """Seconds of the literal form."""

    concept: float
    retained: float
    inverses: float

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
    blocks = [row.blocks(bundle, one) for one in asked[:units]]
    some = [state.rows.float() for state in StateReader(bundle)(kept[:units])]
    literal(list(weights.values()), blocks[:1], some[:1], row)  # warm up
    goes = [literal(list(weights.values()), blocks, some, row)[1] for _ in range(2)]
    unit = min(goes, key=lambda go: go.of(100, len(kept)))
    found = []
    for count in (count for count in counts if count <= row.most):
        scratch, seconds = Memory(), []
        for _ in range(2):
            began = time.process_time()
            edit: Edit = row.method(kept).edit(bundle, asked[:count], scratch=scratch)
            seconds.append(time.process_time() - began)
        assert len(edit.weights) == len(weights)
        slow = unit.of(count, len(kept))
        label = f"{len(kept)} retained texts" if kept else "the edit alone, texts read in no time"
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
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    bundle: Any = StandIn() if asked.model == "sd14-random" else ModelBundle(find(asked.model), "cpu")
    rows = [row for name in asked.rows for row in measured(name, bundle, asked.counts, asked.retain, asked.units)]
    about = {"machine": f"{platform.processor() or platform.machine()}, {asked.threads} threads", "model": asked.model}
    about |= {"units": asked.units, "retain": asked.retain}
    asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
