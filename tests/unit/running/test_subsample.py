"""A random part of the prompts: every unit has the same chance, and means over the part estimate those over all."""

import math
from collections import Counter
from dataclasses import dataclass
from statistics import fmean, stdev

import pytest

from iceb.base.errors import SpecError
from iceb.models.sources import find
from iceb.running.plan import Ask, plan
from iceb.running.shared_parts import SharedParts
from iceb.running.subsample import draw_share, pick, why_biased
from iceb.specs.execution import Execution
from iceb.specs.metrics import Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import RESAMPLE, VALUE, Part, Reduction
from iceb.specs.runs import ModelRef, RunSpec, Sampling

SEEDS = 4000


@dataclass(frozen=True)
class Reads:
    """A metric that reads a role's images; the draw asks no more of it."""

    needs: tuple[Need, ...]
    reduction: Reduction
    name: str = "reads"


IMAGES = Reads((Need("judge", "source"),), Reduction({"source": Part()}))
CONCEPTS = Reads((Need("judge", "source"),), Reduction({"source": Part()}, weighting="concepts"))
TAGGED = Reads((Need("judge", "source", tags=("odd",)),), Reduction({"source": Part()}))
UNEVEN = (1, 2, 3, 5, 8, 13)  # images of each concept


def prompts(sizes=UNEVEN, role="source") -> list[Prompt]:
    return [
        Prompt(f"{concept} {number}", number, role, concept=f"c{concept}", tags=("odd",) if number % 2 else ())
        for concept, size in enumerate(sizes)
        for number in range(size)
    ]


def value(prompt: Prompt) -> float:
    """Some number of an image that depends on its concept and on itself."""
    return math.sin(7.0 * int(prompt.cluster[1:]) + prompt.seed) + 0.3 * int(prompt.cluster[1:])


def mean_of_images(found) -> float:
    return fmean(map(value, found))


def mean_of_concepts(found) -> float:
    own: dict[str, list[float]] = {}
    for prompt in found:
        own.setdefault(prompt.cluster, []).append(value(prompt))
    return fmean(map(fmean, own.values()))


def estimates(known, metric, mean, share=0.4):
    """Estimates from many draws."""
    for seed in range(SEEDS):
        chosen = draw_share([("", prompt) for prompt in known], {}, [metric], share, seed)
        yield mean([known[place] for place in chosen])


@pytest.mark.parametrize(
    ("metric", "mean"), [(IMAGES, mean_of_images), (CONCEPTS, mean_of_concepts)], ids=["images", "concepts"]
)
def test_means_over_a_part_estimate_those_over_all_without_bias(metric, mean):
    known = prompts()
    found = list(estimates(known, metric, mean))
    assert abs(fmean(found) - mean(known)) < 4 * stdev(found) / math.sqrt(SEEDS)
    assert stdev(found) > 0


def test_a_mean_over_images_would_be_biased_by_uneven_concepts():
    """Which is why images are drawn there, and why a metric of each kind on one role is refused."""
    known = prompts()
    found = list(estimates(known, CONCEPTS, mean_of_images))
    assert abs(fmean(found) - mean_of_images(known)) > 4 * stdev(found) / math.sqrt(SEEDS)
    with pytest.raises(SpecError, match="metric reads is a mean over images, of which concepts have 1 to 13"):
        draw_share([("", prompt) for prompt in known], {}, [IMAGES, CONCEPTS], 0.4)


def test_a_mean_over_some_images_of_a_role_has_no_bias_either():
    """Of those with a tag a random number is drawn, and given that number each has the same chance."""
    known = prompts()

    def mean_of_tagged(found):
        return mean_of_images([prompt for prompt in found if prompt.tags])

    found = list(estimates(known, TAGGED, mean_of_tagged))
    assert abs(fmean(found) - mean_of_tagged(known)) < 4 * stdev(found) / math.sqrt(SEEDS)


def test_every_unit_has_the_same_chance():
    times = Counter(unit for seed in range(SEEDS) for unit in pick(range(10), 0.3, seed))
    spread = math.sqrt(SEEDS * 0.3 * 0.7)
    assert all(abs(times[unit] - 0.3 * SEEDS) < 4.5 * spread for unit in range(10))
    assert sum(times.values()) == 3 * SEEDS


def test_even_concepts_are_drawn_whole_for_metrics_of_both_kinds():
    known = prompts((4,) * 10)
    chosen = draw_share([("", prompt) for prompt in known], {}, [IMAGES, CONCEPTS], 0.25)
    assert Counter(known[place].cluster for place in chosen) == dict.fromkeys({known[p].cluster for p in chosen}, 4)
    assert len(chosen) == 12


def test_several_edits_are_drawn_concept_by_concept_and_shared_prompts_alone():
    """Two seeds of each concept are edited alone: a concept goes with both, and its edits are not even made."""
    own = [(f"c{concept}/{seed}", prompt) for concept in range(8) for seed in (1, 2) for prompt in prompts((3,))]
    shared = [("", prompt) for prompt in prompts((1,) * 40, "holdout")]
    units = {owner: owner.partition("/")[0] for owner, _ in own}
    metrics = [IMAGES, Reads((Need("judge", "holdout"),), Reduction({"holdout": Part()}))]
    owned = [*own, *shared]
    chosen = [owned[place] for place in draw_share(owned, units, metrics, 0.25)]
    assert Counter(owner for owner, _ in chosen if not owner) == {"": 10}
    edits = Counter(owner for owner, _ in chosen if owner)
    assert len(edits) == 4
    assert len({units[owner] for owner in edits}) == 2
    assert set(edits.values()) == {3}


def test_uneven_edits_of_a_mean_over_images_are_refused():
    owned = [("a", prompt) for prompt in prompts((2,))] + [("b", prompt) for prompt in prompts((3,))]
    with pytest.raises(SpecError, match="concepts have 2 to 3"):
        draw_share(owned, {"a": "a", "b": "b"}, [IMAGES], 0.5)


def test_distances_means_of_means_and_quotients_say_why_they_are_no_means():
    assert why_biased(IMAGES.reduction) == ""
    assert "distance" in why_biased(Reduction({VALUE: Part(), RESAMPLE: Part()}, kind="set"))
    assert "harmonic" in why_biased(Reduction({"a": Part(), "b": Part()}, combine="harmonic"))
    over = {"a": Part(change="after", over="b"), "b": Part(weight=0.0, change="after")}
    assert "quotient" in why_biased(Reduction(over))


# --- in a plan


@pytest.fixture(scope="module")
def parts():
    return SharedParts.of(find("mini"), Execution(device="cpu"))


def test_a_share_of_a_run_is_another_run_that_says_so(parts):
    whole = plan(Ask(task="aice", method="unedited", num_edits=20), shared=parts)
    part = plan(Ask(task="aice", method="unedited", num_edits=20, share=0.25), shared=parts)
    assert part.spec.id != whole.spec.id
    assert part.spec.share == 0.25
    sizes = Counter(prompt.role for prompt in whole.checkpoints[0].prompts)
    drawn = Counter(prompt.role for prompt in part.checkpoints[0].prompts)
    assert drawn == {role: math.ceil(0.25 * size) for role, size in sizes.items()}
    assert set(part.checkpoints[0].prompts) < set(whole.checkpoints[0].prompts)
    assert part.batches == whole.batches  # the edit is the whole one


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "timed", "share": 0.5}, "f1_harmonic of task timed is no mean over concepts but a harmonic mean"),
        ({"metrics": ("preservation_frechet",), "share": 0.5}, "preservation_frechet of task aice is no mean"),
        ({"share": 0.0}, "`share` 0.0: must be above 0 and below 1"),
        ({"share": 1.0}, "must be above 0 and below 1"),
        ({"share": float("nan")}, "must be above 0 and below 1"),
        ({"share": 0.5, "limit": 3}, "`limit` and `share` both say what part is drawn"),
    ],
)
def test_a_share_that_has_no_unbiased_estimate_is_refused(changes, words, parts):
    with pytest.raises(SpecError, match=words):
        plan(Ask(**{"task": "aice", "method": "unedited", "num_edits": 2, **changes}), shared=parts)


def test_a_run_of_everything_keeps_its_id():
    """By hand: the digest of a spec from before there were shares."""
    fields = {"task_version": 1, "dataset_version": 1, "method_version": 1, "code": "c", "num_edits": 1}
    names = {"task": "aice", "dataset": "aice", "method": "uce", "package": "iceb"}
    digests = {"requests_sha256": "r", "prompts_sha256": "p"}
    spec = RunSpec(**fields, **names, **digests, model=ModelRef("mini", "m", "r"), sampling=Sampling())
    assert "share" not in spec.model_dump()
    assert spec.model_copy(update={"share": 0.5}).digest != spec.digest
