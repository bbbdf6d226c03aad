"""Count what runs of SD-1.4 and SDXL cost, for the tables of docs/scale.md.

    python tools/scale_costs.py            # print what is recorded
    python tools/scale_costs.py --write    # count it again and record it in docs/scale_costs.json: 1 to 3 minutes

AICE's own files must be there (`iceb data fetch aice`, or ICEB_DATA): numbers of images come from them.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

import iceb

RECORD = Path(__file__).parents[1] / "docs" / "scale_costs.json"
TASK, MODELS, EDITS = "aice", ("sd14", "sdxl"), (1, 10, 100, 300, 1000)
TOGETHER = (4, 8)  # concepts of EMCID at once: those that a card of 24 GB holds, and the default
SHOWN = 300  # edits whose whole run and memory are shown
TFLOPS, PRICE = 100.0, 2.0  # of the tables: what a card sustains, and a GPU-hour's price
OF_METHOD = ("edit_flops", "peak_bytes", "together", "fits")  # by number of edits
OF_IMAGES = ("draw_flops", "disk_bytes_at_most")
Document: TypeAlias = Mapping[str, Any]


def count_costs(models: Sequence[str], methods: Sequence[str] | None, edits: Sequence[int]) -> dict[str, Any]:
    """Count costs by model, and of each by method; lists are by number of edits."""
    documents = iceb.costs(task=TASK, methods=methods, models=models, edits=edits).documents()
    found: dict[str, Any] = {"task": TASK, "data": documents[0]["images"]["card"], "edits": list(edits), "models": {}}
    for each in documents:
        model = found["models"].setdefault(each["model"], {"methods": {}})
        method = model["methods"].setdefault(each["method"], {name: [] for name in OF_METHOD})
        for name in OF_METHOD:
            method[name].append(each[name])
        if len(method["fits"]) > len(model.setdefault("images", [])):
            model["images"].append(each["images"]["before"] + each["images"]["after"])
            for name in OF_IMAGES:
                model.setdefault(name, []).append(each[name])
    return found


def read_costs() -> dict[str, Any]:
    """Read what is recorded."""
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def count_emcid() -> dict[str, Any]:
    """Count EMCID's peak memory on SD-1.4 by concepts at once: so many edits are trained together."""
    peaks = count_costs(("sd14",), ("emcid",), TOGETHER)["models"]["sd14"]["methods"]["emcid"]["peak_bytes"]
    return dict(zip(map(str, TOGETHER), peaks, strict=True))


def count_all() -> dict[str, Any]:
    """Count everything that is recorded."""
    return count_costs(MODELS, None, EDITS) | {"emcid_on_sd14_by_concepts": count_emcid()}


def emcid_figures(found: Document) -> dict[str, str]:
    """The page's figures of EMCID on SD-1.4: GB with the default concepts, and with those that 24 GB hold."""
    peaks, emcid = found["emcid_on_sd14_by_concepts"], found["models"]["sd14"]["methods"]["emcid"]
    at = found["edits"].index(SHOWN)
    fits, together = emcid["fits"][at], emcid["together"][at]
    figures = {"gb": peaks[str(together)] / 1e9, "fits_gb": peaks[str(fits)] / 1e9}
    return {name: f"{value:.1f}" for name, value in figures.items()} | {"fits": str(fits), "together": str(together)}


def cost_tables(found: Document) -> str:
    """The tables of the page, in Markdown."""
    return "\n\n".join("\n".join(_lines(name, model, found["edits"])) for name, model in found["models"].items())


def _lines(name: str, model: Document, edits: Sequence[int]) -> Iterator[str]:
    at, columns = edits.index(SHOWN), " | ".join(f"{count:,}" for count in edits)
    yield f"**{name}**, GPU-hours by number of edits:"
    yield ""
    yield f"| | {columns} | the run at {SHOWN} | money | peak GB | concepts in 24 GB |"
    yield "|---|" + "--:|" * (len(edits) + 4)
    drawing = [_hours(flops) for flops in model["draw_flops"]]
    yield f"| drawing, any method | {' | '.join(map(_number, drawing))} | | | | |"
    for method, costs in model["methods"].items():
        hours = [_hours(flops) for flops in costs["edit_flops"]]
        whole = hours[at] + drawing[at]
        fits = _fits(costs["peak_bytes"][at], costs["fits"][at])
        yield (
            f"| {method} | {' | '.join(map(_number, hours))} | {_number(whole)} | {_number(PRICE * whole)} "
            f"| {costs['peak_bytes'][at] / 1e9:.1f} | {fits} |"
        )
    images = " | ".join(f"{count:,}" for count in model["images"])
    disk = " | ".join(_number(size / 1e9) for size in model["disk_bytes_at_most"])
    yield f"| images, both sides | {images} | | | | |"
    yield f"| their files, GB at most | {disk} | | | | |"


def _fits(peak: int, fits: int | None) -> str:
    if peak <= 24e9:
        return "all"
    return "none: it does not fit" if not fits else str(fits)


def _hours(flops: int) -> float:
    return flops / (TFLOPS * 1e12) / 3600


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}" if value >= 0.005 else "< 0.01"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or count and record them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="count again and write docs/scale_costs.json")
    if parser.parse_args(arguments).write:
        found = count_all()
        if found["data"] != TASK:
            parser.error(f"images were counted on data {found['data']}: fetch AICE's own (`iceb data fetch aice`)")
        RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(cost_tables(read_costs()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
