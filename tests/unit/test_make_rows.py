"""The runs behind the rows on mini: which there are, and what they repeat."""

import shutil
import subprocess
import sys
from collections import Counter

import pytest

from iceb import registry
from iceb.baselines.recipes import shipped_recipe
from iceb.datasets import EMBEDDED, open_dataset
from iceb.specs.schedules import edit_batches
from tools.comparison.both_sides import CEILING, METHODS
from tools.make_rows import before_folder, before_runs, draw_before, main, run_lock, share_scratch
from tools.row_runs import RowRun, row_runs
from tools.row_table import CONTROLS, CURVES, EDITS, FOUR, OTHERS, REACHING, ROWS, SEEDED, TRAINED

EVERYTHING = (*CURVES, *CONTROLS, *OTHERS)
OF_OTHER_TASKS = {"uce-debias", "oracle"}


@pytest.fixture(scope="module")
def runs():
    return list(row_runs(["aice"]))


@pytest.fixture(scope="module")
def others():
    """The runs of all other tasks."""
    return list(row_runs([*ROWS]))


def test_every_method_for_the_task_has_a_row():
    ours = {entry.name for entry in registry.entries_of("methods") if entry.package == "iceb"}
    assert set(EVERYTHING) == ours - OF_OTHER_TASKS


def test_every_row_has_every_number_of_edits_and_some_one_more(runs):
    rows = Counter((run.method, run.which) for run in runs)
    for (method, _), count in rows.items():
        assert count == len(EDITS) + (method in ("emcid", *CONTROLS))


def test_published_settings_have_a_row_of_their_own_wherever_somebody_published_some(runs):
    rows = {(run.method, run.which) for run in runs}
    for method in EVERYTHING:
        recipe = shipped_recipe(method, "aice")
        assert ((method, "published") in rows) == (recipe is not None and recipe.has_published)


def test_the_page_of_curves_finds_its_rows(runs):
    assert {*METHODS.values(), CEILING} <= {run.method for run in runs if run.which in (None, "published")}


def test_few_edits_have_five_draws_and_trained_edits_three_seeds(runs):
    for run in runs:
        assert run.repeats.draws == (5 if run.num_edits <= 10 else 1)
        assert run.repeats.replicates == (3 if run.method in TRAINED and run.num_edits in SEEDED else 1)


def test_the_arguments_say_what_is_repeated():
    run = RowRun("esd", 10, "published")
    assert run.arguments[5:] == ["--num-edits", "10", "--recipe", "published", "--draws", "5", "--replicates", "3"]


def test_a_run_that_somebody_works_on_is_left_to_them(tmp_path):
    with run_lock(tmp_path, "aice/uce/0010") as first, run_lock(tmp_path, "aice/uce/0010") as second:
        assert first is not None
        assert second is None
    with run_lock(tmp_path, "aice/uce/0010") as again:
        assert again is not None


def test_a_lock_lives_as_long_as_the_process_that_makes_the_run(tmp_path):
    with run_lock(tmp_path, "aice/uce/0010") as lock:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
    with run_lock(tmp_path, "aice/uce/0010") as taken:
        assert taken is None
    child.communicate(b"\n")
    with run_lock(tmp_path, "aice/uce/0010") as free:
        assert free is not None


def test_every_task_that_mini_can_run_has_rows():
    tasks = {entry.name for entry in registry.entries_of("tasks") if entry.package == "iceb"}
    assert {*ROWS} == tasks - {"aice", "nudity", "timed147", "ablation_memorized"}  # refused there, or no embedded set


ASKS_DEST = ("composition", "neighbours", "preservation", "road", "timed")  # the headline has no number of an eraser


def test_each_of_the_four_methods_has_a_row_wherever_it_can_do_what_the_task_asks(others):
    """But MACE where it would train 360 edits, and ESD where the headline asks for the destination."""
    rows = {(run.task, run.method) for run in others}
    for name in ROWS:
        task = registry.load("tasks", name)
        for method in FOUR:
            can = task.kind in registry.load("methods", method).card.kinds
            spared = (method == "esd" and name in ASKS_DEST) or (method == "mace" and name in ("road", "timed"))
            assert ((name, method) in rows) == (can and not spared), (name, method)


def test_settings_that_do_nothing_have_no_row(others):
    """Of MACE's trials on AICE the best by edit_score is an edit without effect."""
    tuned = {run.task for run in others if run.method == "mace" and run.which == "tuned"}
    assert tuned == {"celebrities", "artists", "styles", "objects", "objects10", "ablation"}
    assert "mace" in REACHING


def test_no_row_is_tuned_whose_settings_are_the_authors_own(others):
    """SPEED's for AICE are the best of its trials by erase_score; what was adapted without trials has a row."""
    rows = {(run.task, run.method, run.which) for run in others}
    assert ("celebrities", "speed", "published") in rows
    assert ("celebrities", "speed", "tuned") not in rows
    assert ("debias_single", "uce-debias", "tuned") in rows
    for run in others:
        if run.which == "tuned":
            assert not shipped_recipe(run.method, run.task).label("mini").startswith("published"), run


def test_published_numbers_that_rank_nobody_have_published_settings_and_ends(others):
    rows = {(run.method, run.which) for run in others if run.task == "celebrities" and run.num_edits in (1, 5)}
    published = {(method, "published") for method in ("uce", "mace", "esd", "ablation")}
    assert rows == {("unedited", None), ("prompt_swap", None), *published}
    at = {run.num_edits for run in others if run.task == "artists" and run.method == "emcid" and run.which == "tuned"}
    assert at == {10, 100, 1000}


def test_ucedebias_published_settings_run_once(others):
    assert [run.task for run in others if (run.method, run.which) == ("uce-debias", "published")] == ["debias"]


def test_every_number_of_edits_with_ranks_has_ten_clusters_or_more():
    """The smallest number of each task; fewer than ten concepts have no rank."""
    for name, rows in ROWS.items():
        assert min(rows.edits) >= 10, name


def test_a_shared_scratch_outlives_the_caches_that_hold_it(tmp_path):
    shared = tmp_path / "scratch" / "mace"
    for name in ("a", "b"):
        share_scratch(tmp_path / name, shared)
        (tmp_path / name / "scratch" / name).write_text("kept")
        shutil.rmtree(tmp_path / name)
    assert sorted(path.name for path in shared.iterdir()) == ["a", "b"]


def test_every_row_has_settings_for_its_task(others):
    for run in others:
        assert run.method in (*CONTROLS, "oracle") or shipped_recipe(run.method, run.task) is not None, run


def test_numbers_of_edits_are_those_that_the_task_declares(others):
    for run in others:
        assert run.num_edits in registry.load("tasks", run.task).edit_counts
    of = {(run.task, run.method): run.num_edits for run in others}  # the last, which is the largest
    assert (of["celebrities", "mace"], of["artists", "emcid"], of["artists", "mace"]) == (100, 1000, 100)


def test_controls_take_part_where_their_card_says_so(others):
    rows = {(run.task, run.method) for run in others}
    assert ("debias", "unedited") in rows
    assert ("debias", "prompt_swap") not in rows
    assert ("road", "oracle") in rows


def test_images_before_the_edit_are_those_of_every_list_that_no_other_holds():
    assert [run.num_edits for run in before_runs("celebrities")] == [1, 5, 10, 100]
    assert [run.num_edits for run in before_runs("styles")] == [100]


def test_an_edit_that_is_judged_alone_fills_its_passes(others):
    for run in others:
        size = ROWS[run.task].images_per_pass
        assert (
            run.arguments[-2:] == ["--images-per-pass", str(size)] if size else "--images-per-pass" not in run.arguments
        )
    for name in ("road", "timed"):
        data = open_dataset(name, EMBEDDED)
        alone = edit_batches(data.schedule(1))[0]
        drawn = [prompt for prompt in data.prompts(alone) if not prompt.role.startswith("oracle")]
        assert len(drawn) == ROWS[name].images_per_pass


def test_images_before_are_shared_by_tasks_that_draw_the_same(tmp_path):
    assert (
        before_folder("debias_single", tmp_path) == before_folder("debias", tmp_path) == tmp_path / "before" / "debias"
    )
    assert before_folder("aice", tmp_path) == tmp_path / "before" / "aice"
    for name, rows in ROWS.items():
        if rows.before:
            count, texts = rows.edits[-1], []
            for each in (name, rows.before):
                data = open_dataset(each, EMBEDDED)
                batches = edit_batches(data.schedule(count))
                texts.append({(prompt.text, prompt.seed) for batch in batches for prompt in data.prompts(batch)})
            assert texts[0] == texts[1], name


def test_tasks_that_draw_the_same_before_draw_it_once(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr("tools.make_rows.call_iceb", lambda arguments, lock: drawn.append(arguments) or 0)
    assert draw_before("debias_single", tmp_path, tmp_path)
    first = len(drawn)
    assert draw_before("debias", tmp_path, tmp_path)
    assert first == len(drawn) > 0
    assert all(arguments[arguments.index("--task") + 1] == "debias" for arguments in drawn)


def test_a_list_says_what_a_run_draws(capsys, tmp_path):
    asked = ["--out", str(tmp_path), "--cache", str(tmp_path), "--list"]
    assert main([*asked, "--tasks", "celebrities", "--methods", "uce", "--edits", "10"]) == 0
    words = (
        "missing iceb evaluate --method uce --task celebrities --num-edits 10 --recipe published  # 1250 images after"
    )
    assert capsys.readouterr().out.startswith(words)
