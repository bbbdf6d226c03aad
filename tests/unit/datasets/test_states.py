"""Where a dataset's files are, whether they are as declared, and the first rows of each form."""

import pytest

from iceb.base.errors import DataError
from iceb.datasets import states
from iceb.datasets.first_rows import first_rows
from iceb.specs.datasets import DatasetDeclaration


@pytest.fixture
def own_files(small, monkeypatch):
    """The small files as a registered dataset."""
    monkeypatch.delenv("ICEB_DATA", raising=False)
    card = small.card
    monkeypatch.setattr(states, "load_card", lambda name: card)
    monkeypatch.setattr(states, "declaration", lambda name: DatasetDeclaration("iceb.data_cards", "x.md", None))
    return small


def test_files_of_a_named_folder_are_here_with_their_size(own_files):
    state = states.dataset_state("small", str(own_files.folder))
    assert {file.state for file in state.files} == {"here"}
    assert state.size == sum(path.stat().st_size for path in own_files.paths.values())
    assert state.where == "folder named"


def test_files_that_nobody_fetched_are_absent(own_files, tmp_path):
    state = states.dataset_state("small", None, tmp_path / "cache")
    assert (state.size, state.where) == (None, "not here")
    assert all("is not here" in line and "iceb data fetch small" in line for line in state.sentences())


def test_a_changed_file_is_named_only_when_its_content_is_looked_at(own_files):
    card = own_files.card
    own_files.write("aliases.json", {"8": []})
    assert card.files["aliases"].sha256 != ""
    assert {file.state for file in states.dataset_state("small", str(own_files.folder), look_inside=False).files} == {
        "here"
    }
    found = states.dataset_state("small", str(own_files.folder))
    assert [file.key for file in found.files if file.state == "changed"] == ["aliases"]
    assert "aliases is not the declared file" in found.sentences()[2]


def test_the_environment_is_named_where_it_holds_the_files(own_files, monkeypatch):
    monkeypatch.setenv("ICEB_DATA", str(own_files.folder))
    assert states.dataset_state("small").where == "ICEB_DATA"


def test_first_rows_of_a_list_an_object_a_table_and_lines(own_files, tmp_path):
    folder = own_files.folder
    assert len(first_rows(own_files.paths["edits"], 3)) == 3
    assert first_rows(own_files.paths["edits"], 1)[0].startswith('{"class name": "hen"')
    assert first_rows(own_files.paths["aliases"], 5) == ['8: [" biddy", " brood hen"]']
    table = own_files.write_text("a.csv", 'source,dest\n"a, b",c\nd,e,f\n')
    assert first_rows(table, 2) == ['{"source": "a, b", "dest": "c"}', '{"source": "d", "dest": "e", "…": ["f"]}']
    assert first_rows(own_files.write_text("a.txt", "one\ntwo\nthree\n"), 2) == ["one", "two"]
    assert first_rows(own_files.write_text("a.json", "3"), 2) == ["3"]
    assert first_rows(folder / "weights.bin", 2) == []


def test_a_damaged_file_has_no_first_rows(own_files):
    with pytest.raises(DataError, match=r"broken\.json: not JSON at line 1"):
        first_rows(own_files.write_text("broken.json", "[1,"), 2)
