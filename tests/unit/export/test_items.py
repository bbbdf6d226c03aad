"""Lines of scored items: pandas computes every score of a result again from them, in CSV and in parquet."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet
import pytest

from iceb.export.asking import ExportAsk
from iceb.export.forms import Wanted, export
from iceb.export.item_lines import COLUMNS, ItemLine
from iceb.report.site.read_runs import read_runs
from iceb.runs.table import TableRow
from iceb.specs.records import ScoreRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import ConceptValue

COMMITTED = Path(__file__).parents[3] / "leaderboards" / "results" / "aice"


def values_of(frame: pandas.DataFrame) -> dict[tuple[str, str], float]:
    """The value of each run's metric, as the columns' description says; of sums alone."""
    frame = frame[(frame["combine"] == "sum") & (frame["over"].fillna("") == "")]
    weighted = frame.assign(total=frame["weight"] * frame["score"])
    roles = weighted.groupby(["run", "metric", "role"]).agg(
        total=("total", "sum"), weight=("weight", "sum"), share=("role_weight", "first")
    )
    parts = roles["share"] * roles["total"] / roles["weight"]
    return parts.groupby(level=["run", "metric"]).sum().to_dict()


def scores_of(folder: Path, counts: tuple[int, ...]) -> dict[tuple[str, str], ScoreRecord]:
    runs = [run for run in read_runs([folder])[0] if run.result.num_edits in counts]
    return {(run.result.id, score.metric): score for run in runs for score in run.result.scores}


@pytest.fixture(scope="module")
def committed_lines(tmp_path_factory: pytest.TempPathFactory) -> pandas.DataFrame:
    """The lines of the committed results of TIME at 10 and 300 edits."""
    out = tmp_path_factory.mktemp("lines") / "items.csv"
    export([COMMITTED / "time"], "long-csv", out, wanted=Wanted(counts=(10, 300)))
    return pandas.read_csv(out, keep_default_na=False, na_values={"before": "", "after": ""})


def test_pandas_computes_every_committed_value_again(committed_lines):
    scores = scores_of(COMMITTED / "time", (10, 300))
    found = values_of(committed_lines)
    valued = {key: score.value for key, score in scores.items() if score.value is not None}
    assert len(valued) >= 40
    assert set(valued) == set(found)
    for key, value in valued.items():
        assert found[key] == pytest.approx(value, abs=1e-9), key


def test_images_and_concepts_of_the_lines_are_those_of_the_scores(committed_lines):
    scores = scores_of(COMMITTED / "time", (10, 300))
    for key, lines in committed_lines.groupby(["run", "metric"]):
        assert lines["images"].sum() == scores[key].n
        concepts = lines.groupby("role")["item"].nunique().sum()
        assert concepts == scores[key].concepts


def test_lines_name_items_clusters_draws_and_seeds(committed_lines):
    at_300 = committed_lines[(committed_lines["num_edits"] == 300) & (committed_lines["metric"] == "source2dest")]
    assert (at_300["draw"] == "").all()
    assert set(at_300["seed"]) == {0}
    assert at_300.groupby("run")["item"].nunique().unique().tolist() == [300]
    assert at_300.groupby("run")["cluster"].nunique().unique().tolist() == [215]  # destinations that several share
    assert "dhole → partridge" in set(at_300["item_name"])
    at_10 = committed_lines[(committed_lines["num_edits"] == 10) & (committed_lines["metric"] == "source2dest")]
    assert at_10["draw"].nunique() == 5


def test_a_runs_own_seeds_are_told_apart(tmp_path):
    out = tmp_path / "items.csv"
    export([COMMITTED / "esd"], "long-csv", out, ExportAsk(metrics=("source_forget",)), Wanted(counts=(10,)))
    lines = pandas.read_csv(out)
    assert lines.groupby("run")["seed"].nunique().unique().tolist() == [3]
    assert (lines.groupby(["run", "draw", "item", "seed"]).size() == 1).all()


def test_parquet_holds_the_same_lines_with_types_and_a_description_of_each_column(results, tmp_path):
    export([results], "long-csv", tmp_path / "items.csv")
    exported, _ = export([results], "parquet", tmp_path / "items.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "items.parquet")
    assert exported.records == table.num_rows
    text = pandas.read_csv(tmp_path / "items.csv", keep_default_na=False)
    for name in table.column_names:
        held = ["" if value is None else value for value in table.column(name).to_pylist()]
        assert held == text[name].tolist(), name
    kinds = {field.name: str(field.type) for field in table.schema}
    assert (kinds["score"], kinds["num_edits"], kinds["role"]) == ("double", "int64", "string")
    assert {field.name: field.metadata[b"description"].decode() for field in table.schema} == COLUMNS
    known = json.loads(table.schema.metadata[b"iceb"])
    assert known["columns"] == COLUMNS
    assert {run.result.id for run in read_runs([results])[0]} == set(known["runs"])


def test_every_column_is_described():
    assert [field.name for field in dataclasses.fields(ItemLine)] == list(COLUMNS)


def test_made_up_values_come_out_of_the_parquet_lines_too(results, tmp_path):
    export([results], "parquet", tmp_path / "items.parquet")
    found = values_of(pyarrow.parquet.read_table(tmp_path / "items.parquet").to_pandas())
    scores = {key: score.value for key, score in scores_of(results, (10,)).items() if score.value is not None}
    assert found == pytest.approx(scores, abs=1e-9)


def test_a_harmonic_mean_comes_out_of_its_roles_means(make_result, tmp_path):
    lines, score = lines_and_score(make_result("uce", 10, {"f1_harmonic": 0.6}, concepts=12), tmp_path)
    assert set(lines["combine"]) == {"harmonic"}
    groups = lines.groupby("role")
    means = groups.apply(lambda part: (part["weight"] * part["score"]).sum() / part["weight"].sum())
    shares = groups["role_weight"].first()
    assert shares.sum() / (shares / means).sum() == pytest.approx(score.value, abs=1e-9)


def test_distances_of_sets_count_the_same_at_every_checkpoint(make_result, tmp_path):
    made = make_result("uce", 10, {"fid": 0.2})
    values = [ConceptValue("all", "value", 0.0, far, 3 * far, checkpoint=str(far)) for far in (1, 2)]
    found = reduce_values(values, made.result.scores[0].reduction.reduction)
    fields = {name: getattr(found, name) for name in ("value", "stderr", "low", "high", "n", "concepts", "note")}
    made = made.with_rows(tuple(TableRow("", "fid", value) for value in values)).with_score("fid", **fields)
    lines, score = lines_and_score(made, tmp_path)
    assert (score.value, set(lines["combine"]), list(lines["weight"])) == (1.5, {"set"}, [1.0, 1.0])
    assert lines["score"].mean() == score.value


def lines_and_score(made: Any, folder: Path) -> tuple[pandas.DataFrame, ScoreRecord]:
    """The lines of a result with one score, and that score."""
    made.save(folder / "results" / "uce.json")
    export([folder / "results"], "long-csv", folder / "items.csv")
    (score,) = made.result.scores
    return pandas.read_csv(folder / "items.csv", keep_default_na=False), score
