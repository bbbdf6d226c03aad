"""A dataset's requests and prompts as plain rows, and as Hugging Face's library reads them."""

import sys

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.datasets import load, open_dataset
from iceb.datasets.plain_rows import plain_dataset
from iceb.specs.datasets import DataCard, DataSource
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import one_by_one


class Repeated:
    """Two requests, each edited alone twice, whose prompts are shared between its edits."""

    card = DataCard(
        name="repeated",
        version=1,
        title="Two things",
        paper="arXiv:0000.00000",
        licence="CC0-1.0",
        source=DataSource(repository="iceb", commit="1"),
        files={},
    )
    requests = tuple(EditRequest(f"r/{place}", name, ("wok",), ("a {}",), place) for place, name in enumerate("ab"))

    def schedule(self, num_edits):
        return one_by_one(
            EditBatch(f"{request.id}/{seed}", (request,), replicate=seed)
            for request in self.requests[:num_edits]
            for seed in range(2)
        )

    def prompts(self, batch):
        (request,) = batch.requests
        return [Prompt(f"a {request.source}", 0, "source", request=request.id, choices=("a", "b"), answer=1)]

    def shared_prompts(self, num_edits):
        return [Prompt("a jay", 3, "holdout", label=17, tags=("seen",), noise=NoiseDraw(7, (3,), 1))]


@pytest.fixture(scope="module")
def aice():
    return load("aice", data="embedded", num_edits=10)


def test_requests_and_prompts_are_those_of_the_dataset(aice):
    dataset = open_dataset("aice", "embedded")
    (batch,) = (step.batch for step in dataset.schedule(10) if hasattr(step, "batch"))
    assert aice.requests == batch.requests
    assert set(aice.prompts) == {*dataset.prompts(batch), *dataset.shared_prompts(10)}
    assert len(set(aice.prompts)) == len(aice.prompts)


def test_without_a_number_all_requests_of_the_card_are_taken():
    assert len(load("aice", data="embedded").requests) == 300


def test_more_than_there_are_and_an_unknown_number_are_refused():
    with pytest.raises(DataError, match="choose 1 to 300"):
        load("aice", data="embedded", num_edits=301)
    with pytest.raises(SpecError, match="dataset repeated counts no requests: name `num_edits`"):
        plain_dataset(Repeated())


def test_requests_that_are_edited_again_stand_once():
    found = plain_dataset(Repeated(), 2)
    assert [request.id for request in found.requests] == ["r/0", "r/1"]
    assert found.batches == {"r/0": "r/0/0", "r/1": "r/1/0"}
    assert [prompt.text for prompt in found.prompts] == ["a a", "a b", "a jay"]


def test_rows_hold_every_field_as_plain_values():
    rows = plain_dataset(Repeated(), 1).rows()
    assert rows["requests"][0] == {
        "batch": "r/0/0",
        "id": "r/0",
        "source": "a",
        "dests": ["wok"],
        "templates": ["a {}"],
        "seed": 0,
        "source_label": None,
        "dest_label": None,
        "aliases": [],
    }
    assert rows["prompts"][1]["noise"] == {"seed": 7, "calls": [3], "slot": 1}
    assert rows["prompts"][0]["choices"] == ["a", "b"]


def test_hugging_face_reads_what_the_rows_hold(aice):
    pytest.importorskip("datasets", minversion="4.0", reason="the extra hf is not installed")
    found = aice.to_hf()
    rows = aice.rows()
    assert {name: split.num_rows for name, split in found.items()} == {name: len(each) for name, each in rows.items()}
    assert list(found["requests"]) == [dict(row) for row in rows["requests"]]
    assert [row["text"] for row in found["prompts"]] == [prompt.text for prompt in aice.prompts]
    assert found["requests"].info.license == "Apache-2.0"
    (kept,) = found["prompts"].filter(lambda row: row["role"] == "train").unique("role")
    assert kept == "train"


def test_hugging_face_has_the_same_columns_whatever_is_empty(tmp_path):
    datasets = pytest.importorskip("datasets", minversion="4.0", reason="the extra hf is not installed")
    found = plain_dataset(Repeated(), 2).to_hf()
    assert found["prompts"].features == load("aice", data="embedded", num_edits=1).to_hf()["prompts"].features
    assert found["prompts"][2]["noise"] == {"seed": 7, "calls": [3], "slot": 1}
    found.save_to_disk(str(tmp_path / "saved"))
    assert datasets.load_from_disk(str(tmp_path / "saved"))["requests"][1]["source"] == "b"


def test_without_the_package_the_message_names_the_extra(aice, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SpecError, match=r"pip install 'iceb\[hf\]'"):
        aice.to_hf()
