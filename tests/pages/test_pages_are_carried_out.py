"""Every block of every page that is written by hand is carried out word for word, or listed with the reason.

Commands run through the real `iceb`, on a small random model in the place of mini; on mini itself where a page has
numbers to compare. What a page says of an outcome stands here, page by page.
"""

import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pages.blocks import ROOT, Block, blocks, name_of, pages
from tests.pages.carrying_out import Scratch, carry_out
from tests.pages.listed import LISTED

WITH_BLOCKS = [page for page in pages() if blocks(page)]
RESULTS = ROOT / "leaderboards" / "results" / "aice" / "emcid"
(FIRST_SCREEN,) = (  # the run that README shows first
    path for path in RESULTS.glob("0300-????????.json") if '"recipe_part": "tuned for mini"' in path.read_text("utf-8")
)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_a_page_does_as_printed(page: Path, scratch: Callable[[Path], Scratch]) -> None:
    place, name = scratch(page), name_of(page)
    BEFORE.get(name, lambda place: None)(place)
    carry_out(page, place, lambda block: SHOWN[name](block, place))
    CLAIMS[name](place)


def test_every_listed_line_stands_on_its_page_and_names_a_test_that_is_there():
    printed = {(block.page, line) for page in WITH_BLOCKS for block in blocks(page) for line in block.commands}
    assert sorted(set(LISTED) - printed) == []
    for listed in LISTED.values():
        assert listed.reason
        file, _, test = listed.instead.partition("::")
        assert not file or f"def {test}" in (ROOT / file).read_text(encoding="utf-8")


# --- before a page


def take_the_table(place: Scratch) -> None:
    """docs/results.md reads the files of a run."""
    shutil.copy(FIRST_SCREEN, place.folder / "result.json")
    shutil.copy(FIRST_SCREEN.with_suffix(".parquet"), place.folder / "per_concept.parquet")


BEFORE = {"docs/results.md": take_the_table}


# --- what a page shows


def committed_result(block: Block, place: Scratch) -> None:
    """README's first numbers are lines of a committed result, as it is shown."""
    printed = {line.rstrip() for line in place.run(f"iceb show result {FIRST_SCREEN}").splitlines()}
    assert [line for line in block.text.splitlines() if line not in printed] == []


def commit_message(block: Block, place: Scratch) -> None:
    """CONTRIBUTING's example of a commit keeps its own rule."""
    subject, blank, *body = block.text.splitlines()
    assert (len(subject) <= 72, subject[0].isupper(), blank, bool(body)) == (True, True, "", True)


def refused_number(block: Block, place: Scratch) -> None:
    """docs/results.md shows how a forged number is refused: one result's headline, changed by hand."""
    path = place.folder / "leaderboards" / "results" / "aice" / "emcid" / FIRST_SCREEN.name
    result = json.loads(path.read_text(encoding="utf-8"))
    (score,) = [score for score in result["scores"] if score["metric"] == "edit_score"]
    score["value"] = float(re.search(r"value is ([\d.]+)", block.text)[1])
    path.write_text(json.dumps(result), encoding="utf-8")
    done = place.attempt("iceb", "leaderboard", "--check")
    assert (done.returncode, done.stderr) == (2, block.text)


SHOWN = {"README.md": committed_result, "CONTRIBUTING.md": commit_message, "docs/results.md": refused_number}


# --- what a page says of its outcome


def line_of(place: Scratch, start: str) -> str:
    """What the one line that starts so printed."""
    (line,) = [line for line in place.printed if line.startswith(start)]
    return place.printed[line]


def passes(place: Scratch, method: str, checked: str) -> None:
    """A method is listed with its package, and every check of it passed."""
    assert re.search(rf"^{method} +\S+ 0\.1\.0$", place.run("iceb list methods"), re.MULTILINE)
    total = re.search(r"^(\d+) passed, 0 failed, ", checked, re.MULTILINE)
    assert total, checked
    assert int(total[1]) > 15


def readme(place: Scratch) -> None:
    assert "next: iceb apply mini delta" in line_of(place, "iceb edit")
    assert "from_pretrained('edited'" in line_of(place, "iceb apply")
    passes(place, "my_swap", place.run("iceb check method my_swap --sizes 1"))


def contributing(place: Scratch) -> None:
    assert "All checks passed" in line_of(place, ".venv/bin/ruff")
    assert "follow from the tables beside them" in line_of(place, ".venv/bin/iceb leaderboard --check")


def new_method(place: Scratch) -> None:
    passes(place, "nudge", line_of(place, "iceb check method nudge"))
    assert "/nudge 0.1.0" in line_of(place, "iceb show method nudge")
    steps = {line: printed for line, printed in place.printed.items() if line.startswith("iceb evaluate")}
    assert "nothing was made (--dry-run)" in "".join(steps.values())
    assert "".join(steps.values()).count("partial: --limit 20") == 2
    tuned = line_of(place, "iceb tune")
    trials = re.findall(r"^(\d) \((\w+)\) +[+-]0\.\d{3}", tuned, re.MULTILINE)
    assert sorted(trials) == [("0", "own"), ("1", "grid"), ("2", "grid")]
    recipe = (place.folder / "tuning" / "iceb-nudge.nudge.toml").read_text(encoding="utf-8")
    assert "tuned otherwise than by the protocol ([10] numbers of edits, 20 prompts, 20 holdout classes)" in recipe
    added = line_of(place, "iceb leaderboard --add")
    assert "partial (--limit 20)" in added  # the preview, which the pattern meets too
    assert re.search(r"^added leaderboards/results/aice/nudge/0050-\w+\.json$", added, re.MULTILINE)
    assert "nudge" in (place.folder / "leaderboards" / "aice.md").read_text(encoding="utf-8")
    place.run("iceb leaderboard --check")
    assert "from_pretrained('mini-without-lions'" in line_of(place, "iceb apply")


def score_of(printed: str, metric: str) -> tuple[float, float, int, int]:
    """Value, error, images and concepts of a metric's line."""
    found = re.search(rf"^ {metric} .*?([+-]\d\.\d+) ± (\d\.\d+) +(\d+) +(\d+)", printed, re.MULTILINE)
    assert found, printed
    return float(found[1]), float(found[2]), int(found[3]), int(found[4])


def own_concepts(place: Scratch) -> None:
    assert "nothing was made" in line_of(place, "iceb try --requests ten.json --method uce,embedding_swap --dry-run")
    trial = line_of(place, "iceb try --requests ten.json --method uce,embedding_swap --out")
    assert "lion → hen" in trial
    assert (place.folder / "trial" / "sheet.png").stat().st_size > 10_000
    assert "marked: own requests (ten.json)" in line_of(place, "iceb evaluate")
    assert "edited the other 2 requests again" in line_of(place, "iceb apply mini edit --without")
    assert "our mascot" not in (place.folder / "without-mascot" / "README.md").read_text(encoding="utf-8")


def scoring_images(place: Scratch) -> None:
    assert "marked: images from elsewhere" in line_of(place, "iceb score")
    assert "marked: checkpoint from elsewhere" in line_of(place, "iceb evaluate")
    found = {path.parent.parent.name for path in (place.folder / "handed").glob("*/*/*/result.json")}
    assert found == {"grey_squares", "lion_to_hen"}


def new_dataset(place: Scratch) -> None:
    """The numbers of step 3, on mini itself; another machine may move their last bits."""
    scores = place.printed["iceb evaluate --method uce --task orchestra --num-edits 4"]
    page = (ROOT / "docs" / "adding_a_dataset.md").read_text(encoding="utf-8")
    shown = [(float(value), float(error)) for value, error in re.findall(r"(-?0\.\d+) ± (0\.\d+)", page)]
    assert score_of(scores, "edit_score")[:2] == pytest.approx(shown[0], abs=2e-3)
    lost, error, *_ = score_of(scores, "holdout_delta")
    assert (-lost, error) == pytest.approx(shown[1], abs=2e-3)
    for metric, images, concepts in (("edit_score", 60, 10), ("alias2dest", 24, 4), ("holdout_delta", 36, 6)):
        assert score_of(scores, metric)[2:] == (images, concepts)
    ceiling = place.run("iceb evaluate --method prompt_swap --task orchestra --num-edits 4")
    printed = re.search(r"`prompt_swap`, has (0\.\d+) and loses nothing", page)
    assert printed
    assert score_of(ceiling, "edit_score")[0] == pytest.approx(float(printed[1]), abs=2e-3)
    assert re.search(
        r"^ holdout_delta .* \+0\.000 +36 +6 *$", ceiling, re.MULTILINE
    )  # of every class, so without error
    assert "title: Instruments turned into others" in place.run("iceb show dataset orchestra")
    assert place.run("iceb data verify orchestra").startswith("orchestra: rows is here (")
    with_recipe = line_of(place, "iceb evaluate --method uce --task orchestra --num-edits 4 --recipe")
    assert score_of(with_recipe, "edit_score")[:2] == pytest.approx(shown[2], abs=2e-3)
    lost, error, *_ = score_of(with_recipe, "holdout_delta")
    assert (-lost, error) == pytest.approx(shown[3], abs=2e-3)
    for command in ("iceb check dataset", "iceb check task"):
        assert ", 0 failed, " in line_of(place, command).splitlines()[-1]


def new_metric(place: Scratch) -> None:
    printed = line_of(place, "iceb evaluate")
    assert [metric for metric in ("source_changed ↑", "holdout_changed ↓") if f" {metric} " not in printed] == []
    (path,) = (place.folder / "runs").rglob("result.json")
    scores = {score["metric"]: score["value"] for score in json.loads(path.read_text(encoding="utf-8"))["scores"]}
    assert min(scores["source_changed"], scores["holdout_changed"]) > 0  # little on a random model: 0.000 as printed
    assert "1 passed" in line_of(place, "python -m pytest")
    for command in ("iceb check measure ssim", "iceb check metric source_changed", "iceb check metric holdout_changed"):
        assert ", 0 failed, " in line_of(place, command).splitlines()[-1]


def results(place: Scratch) -> None:
    """What docs/results.md computes are the values of the result whose table it reads."""
    by_hand, reduced = place.printed.values()
    scores = json.loads(FIRST_SCREEN.read_text(encoding="utf-8"))["scores"]
    value = {score["metric"]: score["value"] for score in scores}
    assert float(by_hand) == pytest.approx(value["source2dest"], abs=1e-9)
    found = re.search(r"value=(-?[\d.]+)", reduced)
    assert found
    assert float(found[1]) == pytest.approx(value["holdout_delta"], abs=1e-9)


def added_result(place: Scratch) -> None:
    added = line_of(place, "iceb leaderboard --add")
    assert re.search(r"^added leaderboards/results/aice/uce/0050-\w+\.json$", added, re.MULTILINE)


def measured_time(place: Scratch) -> None:
    """A file as benchmarks/README.md shows it is one that the methods' pages read."""
    from iceb.report.timings import timings

    (timing,) = timings([], place.folder / "results")
    assert (timing.what, timing.seconds) == ("uce, 1700 retained texts", {100: 0.42})


def declared_model(place: Scratch) -> None:
    """A model's folder is drawn and measured as the iceb.json of iceb/models/README.md says."""
    from iceb.models.sources import find

    small = Path(place.environment["SMALL_MINI"])
    shutil.copytree(small, place.folder, dirs_exist_ok=True)
    family = find(str(place.folder)).family
    assert (family.title, family.sampling.steps, family.sampling.width) == ("my model", 20, 256)
    assert family.measures == {"imagenet_classifier": "vit_b16_imagenet"}


DAMPEN = """
from dampen import Dampen
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.models.sources import find
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
bundle, method = ModelBundle(find("mini"), "cpu"), Dampen()
edit = method.edit(bundle, [EditRequest("one", "lion", ("hen",), ("{}",), seed=1)], context=MethodContext(None))
assert check_edit(edit, bundle, method.card) is edit
print({name: float((value / bundle.parameter(name)).mean()) for name, value in edit.weights.items()})
"""


def whole_method(place: Scratch) -> None:
    """The method of methods/README.md edits what its card declares."""
    assert (place.folder / "dampen.py").is_file()
    changed = ast.literal_eval(place.program("python", "-c", f"import sys; sys.path.insert(0, '.')\n{DAMPEN}"))
    ((name, share),) = changed.items()
    assert name.startswith("text_encoder")
    assert name.endswith("layers.11.mlp.fc2.weight")
    assert share == pytest.approx(0.9, abs=1e-5)


def data(place: Scratch) -> None:
    """docs/data.md lists, checks and shows datasets, and takes rows without the suite."""
    assert re.search(r"^aice_embedded +Apache-2\.0 +ships with iceb", place.printed["iceb data list"], re.MULTILINE)
    assert place.printed["iceb data verify aice_embedded"].startswith("aice_embedded: edits is here (")
    assert "  requests: 300\n" in place.printed["iceb data show aice_embedded --rows 1"]
    (code,) = [block.text for block in blocks(ROOT / "docs" / "data.md") if block.language == "python"]
    pairs, prompts = ast.literal_eval(place.printed[code])
    assert (len(pairs), pairs[0]) == (2, ("dhole", "partridge"))
    assert prompts > 100


def report_page(place: Scratch) -> None:
    """docs/report.md makes a page of two runs, and a grid with the destinations that prompt_swap drew."""
    assert "2 runs in 1 table" in line_of(place, "iceb report")
    assert (place.folder / "site" / "index.html").is_file()
    assert "source prompts, before, after and destination" in line_of(place, "iceb grid")


def sweeps(place: Scratch) -> None:
    plans = [printed for line, printed in place.printed.items() if line.endswith("--dry-run")]
    assert [printed.partition("\n")[0] for printed in plans] == [
        "sweep of 4 cells",
        "sweep of 6 cells",  # UCE has two recipes, the control none
        "sweep of 2 cells",
    ]
    assert all("by a short calibration now" in printed for printed in plans[:2])  # the last's few images may be there
    (made,) = [printed for line, printed in place.printed.items() if line.endswith("--limit 4")]
    assert made.count("partial") == 4


def exports(place: Scratch) -> None:
    """docs/export.md writes every form, and its Python computes the values of the results again."""
    written = ("tables.md", "scores.csv", "tables.tex", "tables.bib", "items.csv", "hub/eval.yaml", "eee/export.json")
    assert [name for name in written if not (place.folder / name).is_file()] == []
    assert "left out" not in line_of(place, "iceb export leaderboards --to markdown")
    (code,) = [block.text for block in blocks(ROOT / "docs" / "export.md") if block.language == "python"]
    found = ast.literal_eval(place.printed[code])
    paths = (ROOT / "leaderboards" / "results" / "aice" / "time").glob("0300-????????.json")
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    known = {(each["id"], score["metric"]): score["value"] for each in results for score in each["scores"]}
    assert found == pytest.approx(known, abs=1e-9)


def python_api(place: Scratch) -> None:
    """docs/python.md runs, reads and compares from Python, with a class of its own; a misspelt setting is refused."""
    first, frames, held, own, tuned = (block.text for block in blocks(ROOT / "docs" / "python.md"))
    assert place.printed[first].startswith("Run('aice/prompt_swap/0003-")
    assert "below ten clusters" not in place.printed[frames]
    assert re.search(r"^edit_score +-?\d\.\d+ +-?0\.0+$", place.printed[frames], re.MULTILINE)
    assert re.search(r"prompt_swap \(control\) +0\.[58] +≥ 3 ", place.printed[held])
    assert re.search(r"unedited \(control\) +3 +0\.0 +1\.0 +0\.0$", place.printed[held], re.MULTILINE)
    assert re.search(r"^\d +prompt_swap +\S+", place.printed[held], re.MULTILINE)
    assert "unknown setting of method prefix 'wrod': did you mean word" in place.printed[own]
    assert "prefix (word=one)" in place.printed[own]
    assert " tuning/prompt_swap.json\n" in place.printed[tuned]


def shared_run(place: Scratch) -> None:
    """docs/clusters.md: a plan, its scripts, a share of it, the result that goes on from there, a cache at a URL."""
    (plan,) = (place.folder / "runs" / "plans").rglob("plan.json")
    names = {path.name for path in plan.parent.iterdir()}
    assert {name for name in names if not name.startswith("machine-")} == {"plan.json", "shares.sh", "result.sh"}
    counted = place.printed["iceb status runs/plans/*/plan.json"]
    assert int(re.search(r"in all: (\d+) of", counted)[1]) > 0
    (result,) = (place.folder / "runs" / "aice" / "prompt_swap").rglob("result.json")
    assert json.loads(result.read_text(encoding="utf-8"))["cost"]["images_reused"] > 0
    assert list((place.folder / "shared" / "images").rglob("*.png"))


CLAIMS = {
    "docs/clusters.md": shared_run,
    "docs/sweeps.md": sweeps,
    "docs/export.md": exports,
    "docs/python.md": python_api,
    "docs/report.md": report_page,
    "docs/data.md": data,
    "README.md": readme,
    "CONTRIBUTING.md": contributing,
    "docs/adding_a_method.md": new_method,
    "docs/adding_a_dataset.md": new_dataset,
    "docs/adding_a_metric.md": new_metric,
    "docs/own_concepts.md": own_concepts,
    "docs/results.md": results,
    "docs/scoring_images.md": scoring_images,
    "leaderboards/README.md": added_result,
    "benchmarks/README.md": measured_time,
    "iceb/models/README.md": declared_model,
    "methods/README.md": whole_method,
}
