"""Populations that concepts are drawn from: probabilities near 0 and 1, as judges of images give them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...]], Floats]
ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "leaderboards" / "results" / "aice" / "emcid" / "0300-943a40e3.json"
SIZES = (10, 30, 100, 300)
DESTS = 366  # classes that destinations are drawn from


def expit(numbers: Floats) -> Floats:
    """The logistic function."""
    return 1 / (1 + np.exp(-numbers))


def beta(mean: float, weight: float) -> Draw:
    """Probabilities of a mean; the smaller the weight (the sum of both parameters), the nearer to 0 and 1."""
    return lambda random, shape: random.beta(mean * weight, (1 - mean) * weight, shape)


def losses(share: float) -> Draw:
    """Changes of classes left alone: most near 0, some lose nearly all; their mean is −share."""
    return lambda random, shape: -random.beta(0.4 * share, 0.4 * (1 - share), shape)


def resample(values: Floats) -> Draw:
    """Concepts that were measured, drawn with replacement."""
    return lambda random, shape: random.choice(values, shape)


def populations() -> Mapping[str, tuple[Draw, float]]:
    """Name → population and its mean; the measured ones are EMCID's 300 edits on mini."""
    made: dict[str, tuple[Draw, float]] = {
        "half succeed": (beta(0.5, 0.3), 0.5),
        "two of three succeed": (beta(2 / 3, 0.4), 2 / 3),
        "one of five succeeds": (beta(0.2, 0.4), 0.2),
        "one of twenty succeeds": (beta(0.05, 0.4), 0.05),
        "bystanders lose 0.15": (losses(0.15), -0.15),
        "bystanders lose 0.03": (losses(0.03), -0.03),
    }
    for metric in ("source2dest", "holdout_delta"):
        values = measured_changes(metric)
        made[f"measured {metric}"] = (resample(values), float(values.mean()))
    return made


def measured_changes(metric: str) -> Floats:
    """The change of each concept in a committed result."""
    from iceb.runs.folder import read_result
    from iceb.runs.table import read_table

    result = read_result(MEASURED)
    if result.per_concept is None:
        raise ValueError(f"{MEASURED} names no table: choose another result")
    rows = read_table(MEASURED.with_suffix(".parquet"), result.per_concept)
    values = [row.value for row in rows if row.metric == metric]
    return np.array([value.after - value.before for value in values if None not in (value.before, value.after)])


def quality(random: np.random.Generator, layout: npt.NDArray[np.int64], repeats: int, shared: float) -> Floats:
    """Normal logits of concepts, (repeats, concepts): a share of their variance is the destinations'."""
    own = random.normal(size=(repeats, len(layout)))
    of_dests = random.normal(size=(repeats, DESTS))[:, layout]
    return np.sqrt(1 - shared) * own + np.sqrt(shared) * of_dests


def destinations(random: np.random.Generator, requests: int) -> npt.NDArray[np.int64]:
    """The destination of each request, drawn as AICE's were: 300 requests share about 205."""
    return random.integers(0, DESTS, requests)
