"""The pages of statistics and of claims hold the simulations' tables, and these what they say of them."""

import ast
import re
from pathlib import Path

import iceb.statistics
from tools.simulations import page
from tools.simulations.cells import read_cells

OWN = {  # functions that follow no source: definitions of ours, arithmetic, and what puts others together
    *("anchored_score", "capacity_scores", "capacities", "areas", "half_lives", "spread_of"),
    *("codes", "cluster_sums", "error_of_distance", "weighted_mean", "weighted_sides", "error_of_mean"),
    *("effective_count", "resample_counts", "skewness_of", "p_below", "scatters"),
    *("power_of_t", "concepts_needed", "seeds_needed", "detectable_difference"),
    *("power_mean", "gradient", "mean_of_parts", "mean_of_sides"),
}


def test_a_function_of_statistics_names_its_source_or_is_known_as_ours():
    functions = [
        node
        for path in Path(iceb.statistics.__file__).parent.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert len(functions) > 40
    unnamed = {each.name for each in functions if not re.search(r" (19|20)\d\d\b", ast.get_docstring(each) or "")}
    assert unnamed == OWN


def test_the_pages_tables_are_those_of_the_simulations():
    assert page.main(["--check"]) == 0, "run `python -m tools.simulations.page --write`"


def test_no_test_of_equal_methods_errs_much_more_often_than_it_says():
    for label, found in read_cells("tests").items():
        assert found["t"] <= 0.06, label


def test_families_err_as_often_as_they_say_and_rank_intervals_hold():
    for label, found in read_cells("ranks").items():
        assert found["false difference"] <= 0.065, label
        assert found["all ranks covered"] >= 0.935, label


def test_plans_have_the_power_that_they_promise():
    for label, found in read_cells("power").items():
        assert found["power"] >= found["planned"] - 0.02, label


def test_false_claims_pass_as_seldom_as_the_page_says_and_true_ones_as_planned():
    alone = {label: found for label, found in read_cells("claims").items() if not label.endswith(", 30")}
    assert max(max(found["above"], found["below"]) for found in alone.values()) <= 0.0555
    files = read_cells("claim_files")
    assert len(files) == 6
    for label, found in files.items():
        assert found.get("any false claim", 0.0) <= 0.05, label
        assert all(share >= 0.8 for name, share in found.items() if name.startswith("true")), label


def test_intervals_of_capacities_hold_nearly_as_often_as_they_say():
    found = read_cells("capacity")
    assert found
    for label, cell in found.items():
        least = 0.88 if label == "both fall alike" else 0.925  # there the lower of two equals is biased
        assert min(cell["capacity"], cell["area"]) >= least, label
