"""Type-I error of the paired tests: two methods that are equal, on AICE's designs."""

from collections.abc import Mapping

import numpy as np

from iceb.statistics.clusters import Design, Floats, cluster_sums
from iceb.statistics.paired_tests import sign_flip_pvalue, t_pvalues
from tools.simulations.cells import Cell, run_cells
from tools.simulations.populations import SIZES, destinations, expit, quality

NAME = "tests"
LAYOUTS, EACH, FLIPPED = 20, 200, 20  # layouts of destinations, samples of each, of them with a permutation test
HOLDOUT = 100
LEVELS = {"half succeed": 0.0, "most succeed": 4.0, "few succeed": -4.0}
SHARP = 4.0  # logits' scale: probabilities near 0 and 1


def outcomes(
    random: np.random.Generator, layout: np.ndarray, methods: int, level: float, repeats: int, shared: float = 0.5
) -> Floats:
    """Probabilities, (methods, repeats, requests): half of the logits' variance is every method's."""
    common = quality(random, layout, repeats, shared)
    own = np.stack([quality(random, layout, repeats, shared) for _ in range(methods)])
    return expit(SHARP * (common + own) / np.sqrt(2) + level)


def single_part(clusters: np.ndarray, states: np.ndarray | None = None) -> Design:
    """The design of one part whose concepts count the same."""
    count = len(clusters)
    zeros = np.zeros(count, dtype=np.int64)
    return Design(zeros, np.arange(count), clusters, zeros if states is None else states, np.full(count, 1 / count))


def one_edit_cell(requests: int, level: float) -> Cell:
    """One edit of so many requests; destinations are shared."""

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        t_hits, by_request, flips = [], [], []
        for _ in range(LAYOUTS):
            layout = destinations(random, requests)
            first, second = outcomes(random, layout, 2, level, EACH)
            apart = first - second
            t_hits.append(_rejections(apart, single_part(layout)))
            by_request.append(_rejections(apart, single_part(np.arange(requests))))
            sums = cluster_sums(apart, layout)[:FLIPPED]
            flips += [sign_flip_pvalue(row.tolist(), flips=999) <= 0.05 for row in sums]
        return {
            "t": float(np.concatenate(t_hits).mean()),
            "t by request": float(np.concatenate(by_request).mean()),
            "sign flip": float(np.mean(flips)),
        }

    return cell


def _rejections(apart: Floats, design: Design) -> Floats:
    mean = apart.mean(axis=-1)
    variance, freedom = design.variance((apart - mean[:, None]) / apart.shape[-1])
    return (t_pvalues(mean, variance, freedom) <= 0.05).astype(float)


def draws_cell(draws: int, requests: int, luck: float) -> Cell:
    """Several draws of requests, each edited alone; edit_score of requests and of classes left alone.

    Args:
        luck: standard deviation of what a draw's edit does to the classes' logits.
    """

    def cell(random: np.random.Generator) -> Mapping[str, float]:
        hits = []
        for _ in range(LAYOUTS):
            layout = destinations(random, draws * requests)
            first, second = outcomes(random, layout, 2, 1.0, EACH)
            sources, kept = first - second, _bystanders(random, draws, luck)
            mean = (sources.mean(axis=-1) + kept.mean(axis=(1, 2))) / 2
            influences = np.concatenate(
                [
                    (sources - sources.mean(axis=-1, keepdims=True)) / sources.shape[-1] / 2,
                    ((kept - kept.mean(axis=(1, 2), keepdims=True)) / draws / HOLDOUT / 2).reshape(EACH, -1),
                ],
                axis=1,
            )
            variance, freedom = _draws_design(layout, draws, requests).variance(influences)
            hits.append(t_pvalues(mean, variance, freedom) <= 0.05)
        return {"t": float(np.concatenate(hits).mean())}

    return cell


def _bystanders(random: np.random.Generator, draws: int, luck: float) -> Floats:
    """The difference of two methods' damage, (EACH, draws, HOLDOUT)."""
    common = random.normal(size=(EACH, 1, HOLDOUT))

    def damage() -> Floats:
        own = random.normal(size=(EACH, 1, HOLDOUT)) + luck * random.normal(size=(EACH, draws, 1))
        return expit(2 * (common + own) / np.sqrt(2) + 0.5 * random.normal(size=(EACH, draws, HOLDOUT)) - 3)

    return damage() - damage()


def _draws_design(layout: np.ndarray, draws: int, requests: int) -> Design:
    """Requests stand in one draw each, classes left alone in all; the first of these are the destinations."""
    sources, kept = draws * requests, draws * HOLDOUT
    classes = np.tile(np.arange(HOLDOUT), draws)
    return Design(
        parts=np.repeat([0, 1], [sources, kept]),
        concepts=np.concatenate([1000 + np.arange(sources), classes]),
        clusters=np.concatenate([layout, classes]),
        states=np.concatenate([np.repeat(np.arange(draws), requests), np.repeat(np.arange(draws), HOLDOUT)]),
        shares=np.repeat([1 / sources, 1 / kept], [sources, kept]),
    )


def main() -> None:
    """Compute the cells that are not done."""
    cells = {f"{size} requests, {name}": one_edit_cell(size, level) for size in SIZES for name, level in LEVELS.items()}
    cells |= {f"5 draws of 10, luck of a draw {luck:g}": draws_cell(5, 10, luck) for luck in (0.0, 0.5, 1.5)}
    cells |= {f"10 draws of 1, luck of a draw {luck:g}": draws_cell(10, 1, luck) for luck in (0.0, 0.5)}
    run_cells(NAME, cells)


if __name__ == "__main__":
    main()
