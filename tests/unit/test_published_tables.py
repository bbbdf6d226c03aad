"""Pages of published tables: every number is a fact, every fact is there or left out by name, and sums come out."""

import json
import math
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from iceb.base.errors import SpecError
from iceb.leaderboard.pages import pages
from iceb.leaderboard.published import Published, read_published
from iceb.leaderboard.published_section import published_section
from iceb.registry import entries_of
from tests.outside import published_facts
from tools.make_published import own_facts
from tools.published_tables import TABLES

ROOT = Path(__file__).parents[2]
FACTS = published_facts()
PAPERS = [paper for paper in read_published() if paper.exact]
TASKS = ("artists", "celebrities", "edit_time", "nudity", "objects", "objects10", "road", "styles", "timed")
OF_FACTS = {  # the beginning of a paper's name in the facts
    "arXiv:2303.07345": "ESD",
    "arXiv:2303.08084": "TIME",
    "arXiv:2306.00738": "ReFACT",
    "arXiv:2308.14761": "UCE",
    "arXiv:2402.11846": "UnlearnCanvas",
    "arXiv:2403.06135": "MACE",
    "arXiv:2403.13807": "EMCID",
    "arXiv:2407.12383": "RECE",
    "arXiv:2410.05664": "HUB",
    "arXiv:2503.07392": "SPEED",
    "arXiv:2504.12782": "ANT",
    "arXiv:2506.22806": "CPE",
    "NeurIPS 2025": "Semantic Surgery",
    "Ouxiang-Li/SPEED#2": "SPEED",
    "Shilin-LU/MACE#16": "MACE issue 16",
}
NO_RESULT = "a fact of the protocol, which cards and recipes hold"
NO_TIME = "the size of the edit, which our rows measure"
OTHER_TASK = "no task of ours judges this"
FINETUNED = "of a model finetuned on their own images, which no task of ours takes"
LEFT_OUT = {  # (the beginning of a paper's name, the facts' task): metrics, () for all, and why no page has them
    ("EMCID", "AICE (ICEB arbitrary concept editing)"): (
        (),
        "on the page of AICE: tests/unit/test_published_numbers.py",
    ),
    ("EMCID", "protocol"): ((), NO_RESULT),
    ("ReFACT", "sequential editing"): ((), "the number of edits alone; the paper prints no score of them"),
    ("ReFACT", "RoAD validation set"): ((), "in the remarks of RoAD's table; the test set's number stands in it"),
    ("ReFACT", "speed"): (("share of model parameters changed",), NO_TIME),
    ("TIME", "protocol"): ((), NO_RESULT),
    ("ESD", "artist style user study (5 artists, 13 raters)"): ((), "people's ratings"),
    ("ESD", "nudity erasure vs interference"): ((), OTHER_TASK),
    ("SPEED", "erase Van Gogh, component ablation"): ((), "SPEED without parts of itself on one artist"),
    ("HUB", "33-concept unlearning, overall"): ((), OTHER_TASK),
    ("UnlearnCanvas", "style and object unlearning"): (
        ("style UA", "style IRA", "style CRA", "object UA", "object IRA", "object CRA", "FID", "memory", "storage"),
        FINETUNED,
    ),
}
CELL = re.compile(r"(-?[\d.]+)(?: ± ([\d.]+))?( \*)?")


def no_task(name):
    """A registry that has none of these tasks."""
    raise SpecError(f"unknown task {name}")


def cells(paper: Published):
    """(method, number, ±) of every cell of a paper's section whose reading was verified."""
    for part in published_section(paper):
        for line in part.splitlines():
            if line.startswith("| ") and not line.startswith(("| method", "| ---")):
                method, *numbers = line.strip("| ").split(" | ")
                for text in numbers:
                    if (found := CELL.fullmatch(text)) and not found[3]:
                        yield re.sub(r" \(\[.*", "", method), found[1], found[2]


@pytest.fixture(scope="module")
def facts():
    if not FACTS.is_file():
        pytest.skip(f"the facts are not at {FACTS}: pages are not compared with them")
    return [*json.loads(FACTS.read_text(encoding="utf-8")), *own_facts()]


def test_every_table_has_a_page_that_needs_no_registered_task():
    made = pages({}, PAPERS, no_task)
    assert {name.rpartition("-")[0] for name in made} == set(TASKS)
    assert made["road-sd14.md"].splitlines()[2] == "# Editing roles and appearances (RoAD) (road) on sd14"


def test_the_pages_are_those_of_the_checkout():
    for name, text in pages({}, PAPERS, no_task).items():
        assert (ROOT / "leaderboards" / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("paper", PAPERS, ids=[f"{paper.paper} {paper.task}" for paper in PAPERS])
def test_every_number_of_a_page_is_a_fact(paper, facts):
    known = {
        (fact["method"], f"{fact['value']:.10g}", fact.get("uncertainty"))
        for fact in facts
        if fact["paper"].startswith(OF_FACTS[paper.paper]) and fact["verified"]
    }
    shown = list(cells(paper))
    assert len(shown) == sum(row.verified for row in paper.rows)
    for method, number, spread in shown:
        assert (method.rpartition(": ")[2], number, float(spread) if spread else None) in known


def paper_of(fact) -> str:
    """The beginning of the fact's paper, as `OF_FACTS` has it."""
    return max((begins for begins in OF_FACTS.values() if fact["paper"].startswith(begins)), key=len)


def left_out(fact) -> tuple[str, str] | None:
    """The key of `LEFT_OUT` under which a fact stands."""
    key = (paper_of(fact), fact["task"])
    metrics, _ = LEFT_OUT.get(key, (("",), ""))
    return key if not metrics or fact["metric"] in metrics else None


def test_every_verified_fact_is_on_its_page_once_or_left_out_by_name(facts):
    shown = Counter(
        (OF_FACTS[paper.paper], method.rpartition(": ")[2], number)
        for paper in PAPERS
        for method, number, _ in cells(paper)
    )
    verified = [fact for fact in facts if fact["verified"]]
    wanted = Counter(
        (paper_of(fact), fact["method"], f"{fact['value']:.10g}") for fact in verified if left_out(fact) is None
    )
    assert shown == wanted
    assert {left_out(fact) for fact in verified} - {None} == set(LEFT_OUT)
    named = {(*key, fact["metric"]) for fact in verified if (key := left_out(fact)) is not None}
    assert {(*key, metric) for key, (metrics, _) in LEFT_OUT.items() for metric in metrics} <= named


def test_every_method_in_brackets_is_one_of_ours():
    ours = {entry.name for entry in entries_of("methods")}
    assert {name for paper in PAPERS for name in paper.ours.values()} <= ours


def test_every_page_says_paper_figure_and_how_it_was_read():
    for paper in PAPERS:
        text = "\n".join(published_section(paper))
        assert f"({paper.paper})" in text
        assert f" {paper.figure}, not measured here: {paper.how_read}." in text
        assert ("± is " in text) == any(row.uncertainty is not None for row in paper.rows)


def test_points_that_another_marker_hides_are_left_out():
    """Five of EMCID's were once typed into the table, although no marker of theirs can be seen in the figure."""
    assert all(row.verified for paper in PAPERS for row in paper.rows)
    (paper,) = [paper for paper in PAPERS if paper.task == "artists"]
    text = "\n".join(published_section(paper))
    assert "| EMCID ([emcid](../docs/methods/emcid.md)) | – | 0.063 ± 0.005 |" in text
    assert "Five points are left out" in text
    typed = tomllib.loads(TABLES.read_text(encoding="utf-8"))
    assert not [name for table in typed.values() for name in table if name in ("rows", "hidden", "value")]


def values(task, paper, **chosen):
    """method → metric → value of one paper's table."""
    (found,) = [each for each in PAPERS if (each.task, each.paper) == (task, paper)]
    table = {}
    for row in found.rows:
        if all(getattr(row, name) == value for name, value in chosen.items()):
            table.setdefault(row.method, {})[row.metric] = row.value
    return table


@pytest.mark.parametrize("task", ["road", "timed"])
def test_f1_of_road_and_timed_is_the_geometric_mean(task):
    for row in values(task, "arXiv:2306.00738").values():
        f1 = row["F1 (geometric mean of generality and specificity)"]
        assert f1 == pytest.approx(math.sqrt(row["generality"] * row["specificity"]), abs=0.011)


@pytest.mark.parametrize(
    ("paper", "kept", "joined", "count"),
    [
        ("arXiv:2403.06135", "Acc_s", "H_c", 100),
        *(("arXiv:2503.07392", "Acc_r", "H_o", count) for count in (10, 50, 100)),
    ],
)
def test_the_joint_score_of_celebrities_is_a_harmonic_mean(paper, kept, joined, count):
    for row in values("celebrities", paper, num_edits=count).values():
        if joined in row:
            erased, others = 100 - row["Acc_e"], row[kept]
            assert row[joined] == pytest.approx(2 * erased * others / (erased + others), abs=0.02)


def test_maces_numbers_by_count_are_those_of_other_tables_at_a_hundred():
    """baselines.md 5.6 has them to three digits; ANT's table and MACE's own have those at 100."""
    own, ant = values("celebrities", "Shilin-LU/MACE#16", num_edits=100), values("celebrities", "arXiv:2504.12782")
    for name in ("UCE", "FMN", "Concept Ablation", "ESD-u", "ESD-x", "SD v1.4", "MACE"):
        assert own[name]["Acc_e"] == ant[name]["Acc_e"], name
    assert [own[name]["Acc_s"] for name in ("UCE", "FMN")] == [ant[name]["Acc_p"] for name in ("UCE", "FMN")]
    (mace,) = [row for name, row in values("celebrities", "arXiv:2403.06135").items() if name == "MACE"]
    assert own["MACE"]["Acc_e"] == pytest.approx(mace["Acc_e"] / 100, abs=2e-4)
    erased = {
        "MACE": (0.004, 0.012, 0.029, 0.043),
        "UCE": (0, 0, 0.0042, 0.0012),
        "ESD-u": (0, 0.017, 0.046, 0.041),
        "ESD-x": (0.016, 0.068, 0.165, 0.278),
        "Concept Ablation": (0.910, 0.806, 0.824, 0.891),
        "FMN": (0.113, 0.872, 0.908, 0.922),
        "SD v1.4": (0.914, 0.967, 0.980, 0.965),
    }
    for place, count in enumerate((1, 5, 10, 100)):
        at = values("celebrities", "Shilin-LU/MACE#16", num_edits=count)
        for name, numbers in erased.items():
            assert at[name]["Acc_e"] == pytest.approx(numbers[place], abs=6e-4), (name, count)
        assert at["UCE"]["Acc_s"] == pytest.approx((0.941, 0.908, 0.835, 0.379)[place], abs=6e-4)


def test_the_joint_score_of_styles_is_a_difference():
    for paper in ("arXiv:2403.06135", "arXiv:2504.12782", "NeurIPS 2025"):
        for row in values("styles", paper).values():
            if "H_a" in row:
                others = row.get("CLIP_s", row.get("CLIP_p"))
                assert row["H_a"] == pytest.approx(others - row["CLIP_e"], abs=0.011)
