"""Measure what the published settings do along mini's dials, and draw the curves.

    python tools/scan_dials.py --cache build/dials --final 28 56 84 140 --methods uce time esd
    python tools/scan_dials.py --cache build/dials --stream 13 26 53 106 --methods emcid refact
    python tools/scan_dials.py --cache build/dials --pipeline build/wide/weights/pipeline --methods emcid
    python tools/scan_dials.py --write    # docs/mini_dials.md and its figure; --check compares the page

A dial's values scale the shipped weights (or --pipeline's): the images stay the same, the states do not. Methods edit
validation concepts (iceb/tuning/validation.py), which no table of AICE scores. Each point is kept in
docs/mini_dials.json at once and is not measured again.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from transformers import CLIPTextConfig

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.baselines.recipes import shipped_recipe
from iceb.models.bundle import ModelBundle
from iceb.models.families import FAMILIES
from iceb.models.sources import find, shipped_folder
from iceb.running.method_runner import ChosenMethod, choose
from iceb.runs.provenance import Origin
from iceb.tuning.judging import Judge, tried_edit
from iceb.tuning.protocol import FAMILY, TASK
from iceb.tuning.validation import validation
from tools.comparison.both_sides import CEILING, METHODS
from tools.comparison.dial_figure import draw
from tools.comparison.dial_page import FIGURE, PAGE, page_text
from tools.comparison.points import Point, Setting, has_point, read_points, write_points
from tools.dials import published_numbers
from tools.mini.rescaled import pipeline_norms, rescaled_copy
from tools.recorded_runs import refuse_uncommitted_code

EDITS = (10, 50)
DIFFERS = 1  # an exit code


def published_choice(method: str) -> ChosenMethod:
    """A method with its published settings on mini."""
    recipe = shipped_recipe(method, TASK)
    return choose(method, recipe.settings(FAMILY, "published") if recipe else {})


def setting_of(folder: Path, weights: str, scratch: Path) -> Setting:
    """The dials of a pipeline folder that was scaled from some weights."""
    norms = pipeline_norms(folder, scratch)
    width = CLIPTextConfig.from_pretrained(folder / "text_encoder").intermediate_size
    return Setting(weights=weights[:12], inner_width=width, final=round(norms.final, 1), stream=round(norms.stream, 1))


def shipped_setting() -> Setting:
    """The dials of the shipped weights."""
    folder = shipped_folder(FAMILIES[FAMILY])
    with tempfile.TemporaryDirectory() as scratch:
        return setting_of(folder, find(FAMILY).ref.revision, Path(scratch))


class Mini:
    """One mini of the scan: its dials, and a judge of edits of it."""

    def __init__(self, folder: Path, cache: Path, final: float | None, stream: float | None) -> None:
        revision = find(str(folder)).ref.revision
        copy = rescaled_copy(folder, revision, cache, final, stream)
        self.setting = setting_of(copy, revision, cache)
        found = find(str(copy))
        # as mini, for its captions and judge
        as_mini = replace(found, family=FAMILIES[FAMILY], ref=replace(found.ref, family=FAMILY))
        self.bundle = ModelBundle(as_mini, "cpu")
        self.judge = Judge(self.bundle, cache)
        self._ceilings: dict[int, float] = {}

    def point(self, method: str, count: int) -> Point:
        """Measure one method at one number of edits."""
        tried, chosen = validation(count), published_choice(method)
        edit, seconds = tried_edit(chosen, self.bundle, tried, self.judge.cache)
        found = self.judge.changes(edit, tried)
        source, holdout = self.judge.before_means(tried)
        edited = found.source2dest / self._ceiling(count) if chosen.card.reaches_dest else found.source_forget / source
        commit = Origin.now(self.bundle.device).to_provenance().commit
        return Point(
            setting=self.setting,
            method=method,
            num_edits=count,
            edited=edited,
            holdout=found.holdout_delta / holdout,
            edit_seconds=seconds,
            commit=commit,
        )

    def _ceiling(self, count: int) -> float:
        """The source2dest that `prompt_swap` reaches, which is the same for every method."""
        if count not in self._ceilings:
            tried = validation(count)
            edit, _ = tried_edit(choose(CEILING, {}), self.bundle, tried, self.judge.cache)
            self._ceilings[count] = self.judge.changes(edit, tried).source2dest
        return self._ceilings[count]


def minis(args: argparse.Namespace) -> Iterator[Mini]:
    """The minis that the command line names."""
    folder = args.pipeline or shipped_folder(FAMILIES[FAMILY])
    for final in args.final or [None]:
        for stream in args.stream or [None]:
            yield Mini(folder, args.cache, final, stream)


def scan(args: argparse.Namespace) -> None:
    """Measure every point that the record lacks."""
    for mini in minis(args):
        for method in args.methods:
            for count in args.edits:
                if has_point(read_points(), mini.setting, method, count):
                    continue
                one = mini.point(method, count)
                write_points([*read_points(), one])  # read anew: another scan may run beside
                print(f"{mini.setting} {method} {count}: edited {one.edited:.3f} holdout {one.holdout:.3f}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="for scaled copies, images and methods' scratch")
    parser.add_argument("--final", nargs="+", type=float, help="norms of the final states")
    parser.add_argument("--stream", nargs="+", type=float, help="norms of the stream before the final layer norm")
    parser.add_argument("--pipeline", type=Path, help="another training's pipeline folder (default: the shipped one)")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS.values()), default=list(METHODS.values()))
    parser.add_argument("--edits", nargs="+", type=int, choices=EDITS, default=EDITS)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write docs/mini_dials.md and its figure, measure nothing")
    action.add_argument("--check", action="store_true", help="fail when docs/mini_dials.md is not the record's")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Scan, or write or check the page; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.write or args.check:
        return _page(write=args.write)
    if args.cache is None:
        parser.error("--cache is required for a scan")
    if args.final and args.stream and len(args.final) + len(args.stream) > 2:
        parser.error("--final and --stream: scan one of them at a time")
    refuse_uncommitted_code(parser, "a point")
    scan(args)
    return 0


def _page(*, write: bool) -> int:
    """Write the page and its figure, or compare the page; returns the exit code."""
    points, shipped, published = read_points(), shipped_setting(), published_numbers()
    text = page_text(points, shipped, published)
    if write:
        PAGE.write_text(text, encoding="utf-8")
        draw(points, shipped, published, FIGURE)
    return 0 if PAGE.read_text(encoding="utf-8") == text else DIFFERS


if __name__ == "__main__":
    sys.exit(main())
