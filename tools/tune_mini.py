"""Choose a method's settings for mini on validation concepts that no table scores.

The 334 classes that embedded AICE leaves out are split into 150 sources and 184 others, which serve as destinations (by
AICE's rule) and as the validation holdout. Each setting stands on the shipped recipe and prints source2dest,
source_forget and holdout_delta on one free-form prompt a class. What a method keeps in its scratch is shared between
settings.

    python tools/tune_mini.py --cache build/tune --method emcid moment_weight=1000 moment_weight=4000,edit_weight=0.8
    python tools/tune_mini.py --cache build/tune --method uce as-shipped erase_scale=2 --num-edits 10
"""

import argparse
import json
import re
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.baselines.recipes import shipped_recipe
from iceb.datasets import open_dataset
from iceb.datasets.aice import TRAIN_TEMPLATES
from iceb.mini.world import NUM_CLASSES, class_names
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.sources import find
from iceb.registry import load
from iceb.running.method_runner import choose
from iceb.specs.metrics import Measure, MeasureInput
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches
from tools.mini.make_aice import dests_of, frames

SOURCES, SEED = 150, 7
FIRST_REQUEST_SEED = 5000


@dataclass(frozen=True)
class Validation:
    """Requests and holdout prompts for tuning; no class of them is scored in a table."""

    requests: list[EditRequest]
    asked: list[str]  # a free-form prompt for each request
    sources: list[int]  # the class each request edits
    dests: list[int]  # the class each request asks for
    kept: list[str]  # prompts of the validation holdout
    labels: list[int]  # the classes that `kept` names

    def cut(self, count: int) -> "Validation":
        """The first `count` requests and the whole holdout."""
        return replace(
            self,
            requests=self.requests[:count],
            asked=self.asked[:count],
            sources=self.sources[:count],
            dests=self.dests[:count],
        )


def validation() -> Validation:
    """Make all 150 requests and the holdout of 184 classes."""
    draw = np.random.default_rng(SEED)
    scored = scored_classes()
    spare = [int(i) for i in draw.permutation([i for i in range(NUM_CLASSES) if i not in scored])]
    sources, others, names = spare[:SOURCES], spare[SOURCES:], class_names()
    dests = dests_of(sources, others)
    requests = [request(place, *pair) for place, pair in enumerate(zip(sources, dests, strict=True))]
    said = [frames()[int(draw.integers(len(frames())))].replace("{}", names[i]) for i in [*sources, *others]]
    return Validation(requests, said[:SOURCES], sources, dests, said[SOURCES:], others)


def scored_classes() -> set[int | None]:
    """The classes that embedded AICE edits or holds out."""
    data = open_dataset("aice", "embedded")
    (batch,) = edit_batches(data.schedule(300))
    prompts = [*data.prompts(batch), *data.shared_prompts(300)]
    return {prompt.label for prompt in prompts if prompt.role in ("source", "holdout")}


def request(place: int, source: int, dest: int) -> EditRequest:
    """Make the request that turns class `source` into class `dest`."""
    return EditRequest(
        id=f"validation/{place:04}",
        source=class_names()[source],
        dests=(class_names()[dest],),
        templates=TRAIN_TEMPLATES,
        seed=FIRST_REQUEST_SEED + place,
        source_label=source,
        dest_label=dest,
    )


class Scores(NamedTuple):
    """Mean probabilities that the judge gives."""

    dest: float  # of the destinations, on the edit prompts
    source: float  # of the sources, on the same
    holdout: float  # of the right classes, on the holdout's prompts


def scores(model: ModelBundle, judge: Measure, tried: Validation, noise: Tensor) -> Scores:
    """Draw the validation prompts and judge the images.

    Args:
        noise: initial latents of all prompts, the edits' first, (N, 4, 8, 8).
    """
    drawn = texts_to_images(model, [*tried.asked, *tried.kept], noise, model.family.sampling)
    found = judge([MeasureInput(image) for image in drawn])  # (N, 1000)
    every, count = np.arange(len(found)), len(tried.asked)

    def mean(rows: Any, labels: list[int]) -> float:
        return float(found[rows, labels].mean())

    return Scores(
        mean(every[:count], tried.dests), mean(every[:count], tried.sources), mean(every[count:], tried.labels)
    )


def setting(text: str) -> dict[str, Any]:
    """Parse "name=value,name=value", values in JSON; "as-shipped" gives no settings.

    Raises:
        argparse.ArgumentTypeError: a part is no pair, or a value is no JSON.
    """
    if text == "as-shipped":
        return {}
    pairs = [part.partition("=") for part in re.split(r",(?=[a-z]\w*=)", text)]  # lists hold commas too
    try:
        return {name: json.loads(value) for name, _, value in pairs if name}
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write name=value[,name=value…] with JSON values") from error


def tune(bundle: ModelBundle, tried: Validation, method: str, settings: list[dict[str, Any]], cache: Path) -> None:
    """Print the score changes of every setting, and half the sum of source2dest and holdout_delta."""
    recipe = shipped_recipe(method, "aice")
    given: dict[str, Any] = dict(recipe.settings("mini")) if recipe else {}
    judge = load("measures", bundle.family.measures["imagenet_classifier"])()
    noise = initial_latents(bundle, range(len(tried.asked) + len(tried.kept)), bundle.family.sampling)
    before = scores(bundle, judge, tried, noise)
    print(f"before: dest {before.dest:.3f}, source {before.source:.3f}, holdout {before.holdout:.3f}", flush=True)
    for chosen in settings:
        began = time.time()
        tuned = choose(method, {**given, **chosen})
        context = tuned.context(bundle, tuned.scratch(bundle, cache))  # keyed by code and machine, as a run's
        edit = tuned.method.edit(bundle, tried.requests, context=context)
        spent = time.time() - began
        with bundle.applied(edit) as model:
            after = scores(model, judge, tried, noise)
        moved, held = after.dest - before.dest, after.holdout - before.holdout
        name = ",".join(f"{key}={json.dumps(value)}" for key, value in chosen.items()) or "as shipped"
        print(
            f"{name}: source2dest {moved:+.3f} source_forget {before.source - after.source:+.3f} "
            f"holdout {held:+.3f} score {(moved + held) / 2:.3f} ({spent:.0f}s)",
            flush=True,
        )


def main() -> None:
    """Parse the command line and try the given settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "settings", nargs="+", type=setting, help="name=value[,name=value…], values in JSON; or as-shipped"
    )
    parser.add_argument("--method", default="emcid", help="a registered method (default %(default)s)")
    parser.add_argument("--cache", type=Path, required=True, help="where the methods' scratch is kept")
    parser.add_argument("--num-edits", type=int, default=SOURCES, help="1 to %(default)s requests")
    args = parser.parse_args()
    if not 1 <= args.num_edits <= SOURCES:
        parser.error(f"--num-edits {args.num_edits}: choose 1 to {SOURCES}")
    known = [field.name for field in fields(load("methods", args.method))]
    if unknown := {name for chosen in args.settings for name in chosen} - set(known):
        parser.error(f"{args.method} has no {', '.join(sorted(unknown))}; it has {', '.join(known)}")
    tune(ModelBundle(find("mini"), "cpu"), validation().cut(args.num_edits), args.method, args.settings, args.cache)


if __name__ == "__main__":
    main()
