"""Time closed-form edits of cross-attention against their formulas written out matrix by matrix.

    python benchmarks/closed_forms.py [--model sd14-random] [--counts 1 10 100 300 1000] [--retain 1700]
        [--rows uce uce-emcid …] [--units 3] [--threads 1] [--texts] [--memory 6]
        [--out benchmarks/results/closed_forms.json]

Ours is the method as a user calls it: tokens, sums, solve, 32 products, casts. The literal form does what the authors'
programs do, for every matrix anew, on text states that are handed to it, all in float32 (literal_forms.py). It is timed
on `--units` concepts and as many retained texts (times 128 for SPEED, as its own loop takes them), the fastest of
two goes, and extrapolated: seconds = N × concept + R × retained text + inverses. emcid-ns is its second stage alone
(second_stage.py).

sd14-random is a stand-in: SD-1.4's 32 matrices and random states of 77 × 768, so that encoding texts, which the
literal programs do anew for every matrix, is left out of both: "texts given". "texts read, extrapolated" adds to both
the texts that each reads, at what one takes on an encoder of SD-1.4's size (`text_seconds`). With `--texts` the
stand-in has that encoder, with random weights, and all is measured: "texts read". A method's scratch is empty at first
("seconds"); from then on ("again") it holds the texts' states and the sum over what is retained; null where they would
not fit into `--memory`. Seconds are the processor's, so that other work on the machine does not count; with one thread
they are a clock's on an idle one. A row of another method is one more `Row` in closed_form_rows.py; rows of earlier
goes stay in the file until they are made anew.
"""

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from closed_form_rows import ROWS, Row, request
from literal_forms import States, Units
from second_stage import NAME as SECOND_STAGE
from second_stage import second_stage
from stand_in import Counting, Memory, RandomEncoder, StandIn

from iceb.methods.common.attention import StateReader, projections
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.runs.provenance import Origin
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest

COUNTING = Counting()


@dataclass(frozen=True)
class Literal:
    """Cost of a literal form: its units, and how many texts it reads per unit."""

    units: Units
    reading: Units


def literal(row: Row, bundle: Any, asked: Sequence[EditRequest], kept: Sequence[str]) -> Literal:
    """Time the literal form on these requests and the first of these retained texts."""
    weights, reader = list(projections(bundle, row.kinds).values()), StateReader(bundle)
    COUNTING.take_count()
    blocks = [row.blocks(bundle, one) for one in asked]
    texts = COUNTING.take_count() / len(asked)
    some = [row.part(state).float() for state in reader(kept[: len(asked) * row.chunk])]
    states = States(blocks, some, reader([""])[0].rows.float())
    row.literal(weights[:1], states)  # warm up
    unit = min((row.literal(weights, states)[1] for _ in range(2)), key=lambda go: go.of(100, len(kept)))
    return Literal(unit, Units(texts, 1.0, 0.0).times(*row.reads))


def reads_texts(bundle: Any) -> bool:
    """Whether the bundle has a real text encoder."""
    return not isinstance(bundle.pipeline.text_encoder, RandomEncoder)


def text_seconds(bundle: Any) -> float:
    """Seconds to encode one text; a stand-in without an encoder is timed on one of SD-1.4's size."""
    reader = StateReader(bundle if reads_texts(bundle) else StandIn(True))
    reader(["warm up"])
    began = time.process_time()
    reader([f"one of twelve texts, number {place}" for place in range(12)])
    return (time.process_time() - began) / 12


def measure_method(name: str, bundle: Any, counts: Sequence[int], retain: int, units: int, each: float) -> list[Any]:
    """Time one method at each count; also with texts read at `each` seconds a text if they were given."""
    row = ROWS[name]
    kept = tuple(f"kept text number {place}" for place in range(retain)) if row.retains else ()
    asked = [request(place) for place in range(max(*counts, units))]
    slow = literal(row, bundle, asked[:units], kept)
    label = f"{len(kept)} retained texts, " if kept else ""
    found = []
    for count in counts:
        COUNTING.take_count()
        seconds, again = time_method(row, bundle, asked[:count], kept)
        texts, reading = COUNTING.take_count(), slow.reading.of(count, len(kept))
        plain, given = slow.units.of(count, len(kept)), not reads_texts(bundle)
        found.append(result_row(name, count, seconds, again, plain + (0 if given else each * reading)))
        found[-1]["label"] = f"{label}texts {'given' if given else 'read'}"
        if given:
            found.append(result_row(name, count, seconds + texts * each, again, plain + each * reading))
            found[-1]["label"] = f"{label}texts read, extrapolated"
            found[-1]["texts"] = {"ours": texts, "literal": reading, "seconds_each": each}
    return found


def time_method(
    row: Row, bundle: Any, asked: Sequence[EditRequest], kept: tuple[str, ...]
) -> tuple[float, float | None]:
    """Seconds with an empty scratch and with a filled one; None if the scratch forgot."""
    scratch, seconds = Memory(texts=reads_texts(bundle)), []
    for _ in range(2):
        if not scratch.forgot:
            began = time.process_time()
            edit: Edit = row.method(kept).edit(bundle, asked, context=MethodContext(scratch))
            seconds.append(time.process_time() - began)
            assert len(edit.weights) == len(projections(bundle, row.kinds))
    return seconds[0], None if scratch.forgot else seconds[1]


def result_row(name: str, count: int, seconds: float, again: float | None, slow: float) -> dict[str, Any]:
    """Make a row of the results and print it as one line."""
    made = {
        "method": name,
        "num_edits": count,
        "seconds": seconds,
        "again": again,
        "label": "",
        "literal_seconds": slow,
    }
    made |= {"times": slow / seconds, "times_again": None if again is None else slow / again}
    later = "not kept" if again is None else f"{again:.2f} s ({slow / again:.1f} times)"
    print(f"{name:10} N={count:5} ours {seconds:8.2f} s ({slow / seconds:6.1f} times), again {later}; {slow:.1f} s")
    return made


def key(row: dict[str, Any]) -> tuple[str, str, int]:
    """The identity of a row: method, label and number of edits."""
    return row["method"], row["label"], row["num_edits"]


def earlier_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of earlier calls; a new row replaces the one of the same key."""
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


def main() -> None:
    """Time the chosen methods, print the rows and write them to the results file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd14-random", help="sd14-random, or a model whose texts are really read")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100, 300, 1000])
    parser.add_argument("--retain", type=int, default=1700, help="retained texts of the methods that retain")
    names = [*ROWS, SECOND_STAGE]
    parser.add_argument("--rows", nargs="+", choices=sorted(names), default=names)
    parser.add_argument("--units", type=int, default=3, help="concepts and retained texts to time")
    parser.add_argument("--threads", type=int, default=1, help="more than one adds their seconds up")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "closed_forms.json")
    parser.add_argument("--texts", action="store_true", help="the stand-in reads texts with an encoder of its size")
    parser.add_argument("--memory", type=float, default=6, help="GB that a scratch may take; beyond, it forgets")
    asked = parser.parse_args()
    Memory.limit = int(asked.memory * 2**30)
    torch.set_num_threads(asked.threads)
    bundle: Any = StandIn(asked.texts) if asked.model == "sd14-random" else ModelBundle(find(asked.model), "cpu")
    about = {"machine": f"{platform.processor() or platform.machine()}, {asked.threads} threads", "model": asked.model}
    origin = Origin.now(torch.device("cpu")).to_provenance()
    timed = {"commit": origin.commit, "dirty": origin.dirty, "started": origin.started}
    each = text_seconds(bundle)
    for name in asked.rows:
        if name == SECOND_STAGE:
            rows = [result_row(name, *made) | {"label": label} for label, made in second_stage(asked.counts)]
        else:
            rows = measure_method(name, bundle, asked.counts, asked.retain, asked.units, each)
        kept = [row for row in earlier_rows(asked.out) if key(row) not in {key(made) for made in rows}]
        rows = sorted([*kept, *(row | timed for row in rows)], key=key)
        asked.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
