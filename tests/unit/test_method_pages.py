"""The methods' pages say what cards, docstrings, recipes and results say, and nothing else moves them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from iceb import registry
from iceb.base.errors import CheckFailed, ResultError
from iceb.leaderboard.collect import collect
from iceb.leaderboard.pages import check, write
from iceb.report.method_pages import MethodFacts, method_pages, page
from iceb.report.settings_docs import settings_of
from iceb.report.timings import Timing, timings
from iceb.specs.methods import MethodCard
from tools.committed import committed_results

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Base:
    """A method.

    With a second paragraph about `a|b` and a_b*.

    Attributes:
        rate: how fast, in
            steps.
        low, high: bounds.

    More text that is no setting: nothing.
    """

    rate: float = 0.1
    low: int = 1
    high: int = 2
    silent: int = 0  # a comment is no documentation

    card: ClassVar[MethodCard] = MethodCard(
        "base",
        1,
        "arXiv:0000.00000",
        ("erase",),
        ("unet.*",),
        reaches_dest=False,
        formula="a = b * c,\n    c = d + " * 30 + "e",
        notes="## Not written\n\nThe `rest`.",
        variants=(("low=2", "of <2> kinds"),),
        deviations=("it differs",),
    )


@dataclass(frozen=True)
class Derived(Base):
    """Another.

    Attributes:
        rate: slower.
        added: a new one.
    """

    rate: float = 0.01
    added: tuple[int, ...] = ()


def test_settings_are_documented_by_the_docstring():
    assert {setting.name: setting.meaning for setting in settings_of(Base)} == {
        "rate": "how fast, in steps.",
        "low": "bounds.",
        "high": "bounds.",
        "silent": "",
    }


def test_a_base_class_documents_a_setting_unless_it_is_documented_again():
    found = {setting.name: (setting.default, setting.meaning) for setting in settings_of(Derived)}
    assert found["rate"] == ("0.01", "slower.")
    assert found["high"] == ("2", "bounds.")
    assert found["added"] == ("()", "a new one.")


def test_a_method_page_holds_everything_of_the_card():
    text = page(MethodFacts(Base, (), ()))
    for said in ("[arXiv:0000.00000](https://arxiv.org/abs/0000.00000)", "`unet.*`", "it differs"):
        assert said in text
    assert "it carries out the erasure alone" in text
    assert "| `low=2` | of &lt;2> kinds |" in text
    assert "With a second paragraph about `a\\|b` and a\\_b\\*." in text
    assert "More text" not in text


def test_formula_and_notes_stand_on_the_page_as_the_card_has_them():
    text = page(MethodFacts(Base, (), ()))
    assert f"## What it computes\n\n```text\n{Base.card.formula}\n```\n" in text
    assert "\n\n## Not written\n\nThe `rest`.\n\n## Settings\n" in text


def test_costs_stand_at_their_number_of_edits_with_their_machine():
    timing = Timing("base", "base (low=2)", "sd14-random", "a GPU", {1: 0.123, 300: 158.4, 1000: 12.34, 7: 3.0})
    lines = page(MethodFacts(Base, (timing,), ())).splitlines()
    header = next(line for line in lines if line.startswith("| settings | model |"))
    row = next(line for line in lines if line.startswith("| base (low=2)"))
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert (cells["1"], cells["7"], cells["300"], cells["1000"]) == ("0.12", "3.00", "158", "12.3")
    assert cells["50"] == "not measured"
    assert row.endswith("| a GPU |")


def test_times_come_from_results_and_from_benchmarks(make_result, tmp_path):
    results, benchmarks = tmp_path / "results", tmp_path / "benchmarks"
    for count in (2, 10):
        one = make_result("emcid", count)
        one.save(results / f"{one.result.id}.json")
    other = make_result("uce", 2).result
    other = other.model_copy(update={"task": other.task.model_copy(update={"name": "styles"})})
    assert timings([other], benchmarks) == []  # its method may have found statistics at hand
    benchmarks.mkdir()
    rows = [{"method": "uce", "num_edits": 100, "seconds": 0.5, "label": "1700 texts", "speedup": 116.0}]
    (benchmarks / "a.json").write_text(json.dumps({"machine": "m", "model": "x", "rows": rows, "more": 1}))
    (benchmarks / "other.json").write_text("[1, 2]")
    assert timings(collect(results), benchmarks) == [
        Timing("emcid", "emcid", "iceb/mini", "cpu", {2: 12.5, 10: 12.5}),
        Timing("uce", "uce, 1700 texts", "x", "m", {100: 0.5}),
    ]


@pytest.mark.parametrize("row", [{"method": "uce"}, {"method": "uce", "num_edits": 0, "seconds": 1.0}])
def test_a_benchmark_with_a_wrong_row_is_refused(tmp_path, row):
    (tmp_path / "a.json").write_text(json.dumps({"machine": "m", "model": "x", "rows": [row]}))
    with pytest.raises(ResultError, match=r"a\.json: rows\.0\."):
        timings([], tmp_path)


@pytest.fixture(scope="module")
def committed_pages():
    """The pages that the committed results make."""
    return method_pages(committed_results(), ROOT / "benchmarks" / "results")


def test_every_method_of_ours_has_a_page_and_the_index_links_to_it(committed_pages):
    pages = committed_pages
    ours = {entry.name for entry in registry.entries_of("methods") if entry.package == "iceb"}
    assert set(pages) == {"README.md"} | {f"{name}.md" for name in ours}
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", pages["README.md"])) == ours


def test_an_outdated_or_surplus_page_is_reported(tmp_path):
    texts = {"README.md": "one\n", "a.md": "two\n"}
    write(tmp_path, texts)
    check(tmp_path, texts, command="docs")
    (tmp_path / "a.md").write_text("three\n")
    with pytest.raises(CheckFailed, match=r"a\.md differs from its declarations .*run `iceb docs` and commit"):
        check(tmp_path, texts, command="docs")
    (tmp_path / "a.md").write_text("two\n")
    (tmp_path / "old.md").write_text("")
    with pytest.raises(CheckFailed, match=r"old\.md is made by no declaration"):
        check(tmp_path, texts, command="docs")


def test_a_page_links_the_files_of_its_method_and_the_page_of_its_published_numbers(committed_pages):
    pages = committed_pages
    text = pages["uce.md"]
    assert "- code: [methods/uce/__init__.py](../../methods/uce/__init__.py), [methods/uce/editing.py]" in text
    assert "[methods/common/attention/](../../methods/common/attention/)" in text
    assert "Published numbers: [leaderboards/aice-sd14.md](../../leaderboards/aice-sd14.md), as UCE." in text
    assert "aice-sd14.md" not in pages["uce-emcid.md"]  # there uce stands for UCE
    assert "[leaderboards/celebrities-sd14.md](../../leaderboards/celebrities-sd14.md), as UCE." in pages["uce.md"]
    for each in pages.values():
        for target in re.findall(r"\]\((\.\./\.\./[^)#]+)\)", each):
            assert (ROOT / "docs" / "methods" / target).exists(), target
