"""A data card is the dataset's declaration: whole, with known fields only, and true of the files that ship."""

from importlib.resources import files

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.datasets import dataset_card_name, open_dataset
from iceb.datasets.aice import AICE
from iceb.datasets.cards import card_names, card_sha256, card_text, load_card, parse_card
from iceb.specs.datasets import DatasetDeclaration
from iceb.specs.schedules import edit_batches
from tests.contract.registering import register  # noqa: F401

EMBEDDED = files("iceb").joinpath("mini", "data", "aice_edit.json")


@pytest.mark.parametrize("name", card_names())
def test_every_card_is_whole_and_named_as_its_file(name):
    card = load_card(name)
    assert card.name == name
    assert card.licence
    assert card.files
    assert len(card_sha256(name)) == 64


def test_cards_pin_the_upstream_commit():
    assert load_card("aice").source.commit == "10a392afb502cc2ed6a781c7c56dc179defaf064"


def test_an_unknown_card_is_answered_with_the_nearest():
    with pytest.raises(SpecError, match="unknown dataset 'acie': did you mean aice"):
        load_card("acie")


def test_a_card_that_is_far_from_all_is_answered_with_the_list():
    with pytest.raises(SpecError, match=r"choose one of (\w+, )*aice, aice_embedded"):
        card_text("zzzzzz")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# no front matter", "must open with YAML front matter"),
        ("---\nname: [\n---\n", "is not YAML"),
        ("---\nname: x\n---\n", "version: Field required"),
        (card_text("aice").replace("licence:", "license:", 1), "card.md: unknown key 'license': did you mean licence?"),
        (card_text("aice").replace("commit:", "comit:", 1), "unknown key of source 'comit': did you mean commit?"),
        (
            card_text("aice").replace("sha256:", "sha265:", 1),
            "key of files.edits 'sha265': did you mean sha256?",
        ),
        (
            card_text("aice").replace("nested: true", "nested: true\nshuffled: true", 1),
            "unknown key 'shuffled': choose ",
        ),
        (card_text("aice").replace("d77ebd", "D77EBD", 1), "must be 64 lower-case hex digits"),
    ],
)
def test_a_card_with_a_wrong_front_matter_is_refused_in_one_line(text, said):
    with pytest.raises(DataError) as caught:
        parse_card(text, "card.md")
    assert str(caught.value).startswith("card.md: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_that_its_package_left_out_is_a_matter_of_package_data(register, tmp_path, monkeypatch):  # noqa: F811
    name = f"cardless_{tmp_path.name}".replace("-", "_")
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    register("datasets", "cardless", DatasetDeclaration(name, "cardless.md", None))
    with pytest.raises(DataError, match=r"cardless\.md .*cannot be read .*in its package-data") as caught:
        card_text("cardless")
    assert str(tmp_path / name / "cardless.md") in str(caught.value)


def test_embedded_data_have_a_card_of_their_own():
    assert dataset_card_name("aice", "embedded") == dataset_card_name("aice_embedded", "embedded") == "aice_embedded"
    assert dataset_card_name("aice", None) == dataset_card_name("aice", "/some/folder") == "aice"


def test_a_card_without_edit_requests_is_no_dataset_to_run():
    with pytest.raises(SpecError, match="dataset imagenet_labels holds no edit requests: a task needs one that does"):
        open_dataset("imagenet_labels")


@pytest.fixture(scope="module")
def embedded_aice():
    if not EMBEDDED.is_file():
        pytest.skip("the embedded data files are not in this checkout yet")
    dataset = open_dataset("aice", "embedded")
    assert isinstance(dataset, AICE)
    return dataset


def test_the_embedded_set_has_the_structure_of_the_upstream_set(embedded_aice):
    counts, upstream = embedded_aice.card.counts, load_card("aice").counts
    for count in ("requests", "prompts_per_request", "holdout_classes"):
        assert counts[count] == upstream[count]
    assert counts["dests"] == len({request.dest for request in embedded_aice.requests})
    assert [len(batch.requests) for batch in edit_batches(embedded_aice.schedule(300))] == [300]


def test_embedded_destinations_are_holdout_classes_and_sources_are_not(embedded_aice):
    holdout = {prompt.label for prompt in embedded_aice.shared_prompts(300)}
    assert {request.dest_label for request in embedded_aice.requests} <= holdout
    assert not {request.source_label for request in embedded_aice.requests} & holdout


def test_every_embedded_prompt_names_its_class(embedded_aice):
    (batch,) = edit_batches(embedded_aice.schedule(300))
    for prompt in [*embedded_aice.prompts(batch), *embedded_aice.shared_prompts(300)]:
        assert "{}" not in prompt.text
        assert prompt.text.strip()


def test_a_card_of_files_that_nobody_had_says_where_each_fact_is_from():
    """Their contents were once stated as if they had been read."""
    unseen = [name for name in card_names() if load_card(name).undeclared_files]
    assert set(unseen) == {"ablation_memorized", "nudity", "objects10"}
    for name in unseen:
        assert "| fact of this card | its source |" in card_text(name)
        assert "at hand" in card_text(name)


def test_the_card_of_objects_names_the_precision_of_the_authors_judge():
    (said,) = [text for text in load_card("objects").deviations if text.startswith("CLIP computes in float32")]
    assert "half precision" in said
