"""Where data files are looked for, and that no other file than the declared one is ever read."""

import logging
from types import SimpleNamespace

import pytest
import requests

from iceb.base.digest import digest_file
from iceb.base.errors import DataError, StoreError
from iceb.datasets.locate import cache_folder, checked_paths, fetch, licence_notice, locate_files, missing
from iceb.specs.datasets import DataSource


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("ICEB_DATA", raising=False)
    monkeypatch.delenv("ICEB_CACHE", raising=False)


@pytest.fixture
def downloads(monkeypatch):
    """A stand-in for the downloader; a test gives it the content of files by name."""
    stand_in = SimpleNamespace(calls=[], content={})

    def download(url, target, sha256, declared_by, remedy):
        stand_in.calls.append((url, sha256))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(stand_in.content[target.name])

    monkeypatch.setattr("iceb.datasets.locate.download", download)
    return stand_in


def move_files(small, below):
    """The same files in a folder below the named one."""
    card = small.card
    target = small.folder / below
    target.mkdir(parents=True)
    for path in small.paths.values():
        path.rename(target / path.name)
    return card, target


@pytest.fixture
def shipped_files(small, tmp_path, monkeypatch):
    """The same files in a package, beside the card that declares them; what the package is called."""
    name = f"shipped_{tmp_path.name}".replace("-", "_")
    package = tmp_path / "site" / name
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for path in small.paths.values():
        (package / path.name).write_bytes(path.read_bytes())
    monkeypatch.syspath_prepend(package.parent)
    card = small.card.model_copy(update={"source": DataSource(repository="package", commit="1")})
    return SimpleNamespace(card=card, name=name, folder=package)


@pytest.mark.parametrize("below", ["rows", "data/rows"])
def test_a_folder_may_hold_the_files_as_the_upstream_repository_does(small, below):
    card, target = move_files(small, below)
    assert locate_files(card, str(small.folder))["edits"] == target / "edits.json"


def test_a_folder_may_hold_the_files_directly(small):
    assert locate_files(small.card, str(small.folder)) == small.paths


def test_the_environment_names_the_folder_when_data_does_not(small, monkeypatch):
    monkeypatch.setenv("ICEB_DATA", str(small.folder))
    assert locate_files(small.card) == locate_files(small.card, "upstream") == small.paths


def test_data_wins_over_the_environment(small, monkeypatch, tmp_path):
    monkeypatch.setenv("ICEB_DATA", str(tmp_path / "elsewhere"))
    assert locate_files(small.card, str(small.folder)) == small.paths


def test_a_folder_that_is_none_is_named_with_where_it_came_from(small, monkeypatch):
    monkeypatch.setenv("ICEB_DATA", "/nowhere/at/all")
    with pytest.raises(DataError, match="ICEB_DATA /nowhere/at/all is not a folder: run `iceb data fetch small`"):
        locate_files(small.card)
    with pytest.raises(DataError, match="`data` /nowhere is not a folder"):
        locate_files(small.card, "/nowhere")


def test_a_folder_that_lacks_a_file_says_which_and_where_it_looked(small):
    card = small.card
    small.paths["holdout"].unlink()
    with pytest.raises(DataError, match=r"lacks holdout\.json \(looked in .*data/rows"):
        locate_files(card, str(small.folder))


def test_a_changed_file_is_refused(small):
    card = small.card
    small.write("aliases.json", {"8": [" biddy", " someone else"]})
    with pytest.raises(DataError, match=r"aliases\.json is not the file that data card small declares: sha256"):
        checked_paths(card, small.folder)


def test_a_truncated_file_is_refused_as_truncated(small):
    card = small.card
    small.write_text("edits.json", small.paths["edits"].read_text()[:-40])
    with pytest.raises(DataError, match="not even whole JSON: damaged or cut short"):
        checked_paths(card, small.folder)


def test_the_author_of_a_packaged_file_gets_its_digest_and_a_remedy(shipped_files):
    rows = shipped_files.folder / "edits.json"
    rows.write_text(rows.read_text() + " ")
    with pytest.raises(DataError) as caught:
        locate_files(shipped_files.card, package=shipped_files.name)
    assert f"sha256 {digest_file(rows)}, expected" in str(caught.value)
    assert "put this digest into the card and raise its version, else reinstall the package" in str(caught.value)
    assert "fetch" not in str(caught.value)


def test_a_packaged_file_that_is_missing_is_a_matter_of_the_package(shipped_files):
    (shipped_files.folder / "edits.json").unlink()
    with pytest.raises(DataError, match=r"lacks edits\.json .*reinstall the package .*package-data"):
        locate_files(shipped_files.card, package=shipped_files.name)


def test_a_named_folder_is_looked_in_for_a_packaged_dataset_too(shipped_files, small, monkeypatch):
    assert locate_files(shipped_files.card, str(small.folder), package=shipped_files.name) == small.paths
    monkeypatch.setenv("ICEB_DATA", str(small.folder))  # it is where files that ship with no package lie
    for data in (None, "embedded"):
        assert (
            locate_files(shipped_files.card, data, package=shipped_files.name)["edits"].parent == shipped_files.folder
        )


def test_a_named_folder_with_other_rows_is_refused_for_a_packaged_dataset(shipped_files, small, tmp_path):
    rows = small.write("edits.json", [])
    with pytest.raises(DataError, match="is not the file that data card small declares") as caught:
        locate_files(shipped_files.card, str(small.folder), package=shipped_files.name)
    assert str(rows) in str(caught.value)
    rows.unlink()
    with pytest.raises(DataError, match=r"lacks edits\.json .*leave `data` out for those of its package"):
        locate_files(shipped_files.card, str(small.folder), package=shipped_files.name)


def test_upstream_is_refused_for_a_packaged_dataset_and_embedded_for_any_other(shipped_files, small):
    with pytest.raises(DataError, match="`data` upstream: the files of dataset small ship with its package: name emb"):
        locate_files(shipped_files.card, "upstream", package=shipped_files.name)
    with pytest.raises(DataError, match="`data` embedded: no package ships the files of dataset small: name upstream"):
        locate_files(small.card, "embedded")


def test_the_environment_may_hold_the_files_of_other_datasets_alone(small, monkeypatch, tmp_path):
    (tmp_path / "others").mkdir()
    monkeypatch.setenv("ICEB_DATA", str(tmp_path / "others"))
    card = small.card
    kept = cache_folder(card, small.folder)
    kept.mkdir(parents=True)
    for path in small.paths.values():
        path.rename(kept / path.name)
    assert locate_files(card, None, small.folder)["edits"].parent == kept


def test_the_environment_with_some_files_of_a_dataset_is_not_passed_over(small, monkeypatch):
    monkeypatch.setenv("ICEB_DATA", str(small.folder))
    card = small.card
    small.paths["holdout"].unlink()
    with pytest.raises(DataError, match=r"ICEB_DATA .* lacks holdout\.json"):
        locate_files(card)


def test_cached_files_are_not_fetched_again(small, downloads):
    card = small.card
    kept = cache_folder(card, small.folder)
    kept.mkdir(parents=True)
    for path in small.paths.values():
        path.rename(kept / path.name)
    assert locate_files(card, None, small.folder)["edits"].parent == kept
    assert not downloads.calls


def test_missing_files_are_fetched_from_the_pinned_commit(small, downloads, tmp_path):
    card, downloads.content = small.card, {path.name: path.read_bytes() for path in small.paths.values()}
    found = locate_files(card, "upstream", tmp_path / "cache")
    assert not missing(card, cache_folder(card, tmp_path / "cache"))
    assert found["edits"].read_bytes() == downloads.content["edits.json"]
    assert downloads.calls[0] == (
        f"https://raw.githubusercontent.com/nobody/nothing/{'c' * 40}/data/rows/edits.json",
        card.files["edits"].sha256,
    )


def test_a_dry_run_fetches_nothing_and_says_what_to_do(small, downloads, tmp_path):
    with pytest.raises(DataError, match=r"lacks .*: run `iceb data fetch small`"):
        locate_files(small.card, "upstream", tmp_path / "cache", may_fetch=False)
    assert not downloads.calls
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("error", [requests.ConnectionError("no route to host"), requests.Timeout()])
def test_without_a_network_the_message_says_how_to_go_on(small, monkeypatch, tmp_path, error):
    def offline(*_, **__):
        raise error

    monkeypatch.setattr(requests, "get", offline)
    with pytest.raises(DataError, match=r"cannot fetch https://.*connect to the internet.*`data` or ICEB_DATA"):
        fetch(small.card, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_not_blamed_on_the_network(small, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="a file stands where a folder must be"):
        fetch(small.card, tmp_path / "cache")


@pytest.mark.parametrize("licence", ["CC BY-NC 4.0", "cc-by-nc-sa-4.0", "for non-commercial research only"])
def test_terms_are_shown_before_a_download_of_data_that_are_not_for_commerce(
    small, downloads, tmp_path, caplog, licence
):
    card, downloads.content = small.card, {path.name: path.read_bytes() for path in small.paths.values()}
    restricted = card.model_copy(update={"licence": licence})
    with caplog.at_level(logging.WARNING, "iceb"):
        fetch(restricted, tmp_path / "cache")
        assert caplog.messages == [f"dataset small, licence {licence}: not for commercial use"]
        fetch(restricted, tmp_path / "cache")  # nothing is downloaded any more
    assert len(caplog.messages) == 1
    assert licence_notice(card.model_copy(update={"terms": "ask the authors"})) == (
        "dataset small, licence MIT: ask the authors"
    )
    assert licence_notice(card) == licence_notice(card.model_copy(update={"licence": "NCSA"})) == ""


def test_the_cache_folder_follows_the_environment_and_the_commit(small, monkeypatch, tmp_path):
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path))
    assert cache_folder(small.card) == tmp_path / "data" / "small" / ("c" * 12)


def without_digest(small):
    """The card without the sha256 of its edits."""
    files = {
        key: file.model_copy(update={"sha256": None if key == "edits" else file.sha256})
        for key, file in small.card.files.items()
    }
    return small.card.model_copy(update={"files": files})


def test_a_file_whose_digest_nobody_has_stated_is_taken_from_a_named_folder(small):
    small.write("edits.json", [])
    card = without_digest(small)
    found = locate_files(card, str(small.folder))
    assert card.undeclared_files == ("edits.json",)
    recorded = card.with_digests({key: digest_file(path) for key, path in found.items()})
    assert recorded.files["edits"].sha256 == digest_file(found["edits"])
    assert not recorded.undeclared_files


def test_a_file_whose_digest_nobody_has_stated_is_never_fetched(small, downloads, tmp_path):
    address = f"https://raw.githubusercontent.com/nobody/nothing/{'c' * 40}/data/rows/edits.json"
    for may_fetch in (True, False):
        with pytest.raises(DataError, match="its sha256 is not stated, so it is not fetched: download") as caught:
            locate_files(without_digest(small), "upstream", tmp_path / "cache", may_fetch=may_fetch)
        assert f"{address} yourself, and name its folder with `data` or ICEB_DATA" in str(caught.value)
    assert not downloads.calls
