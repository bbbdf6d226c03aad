"""Files, models and packaged data that an edit reads stand in its key by what they hold."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from iceb.base.code import reachable_modules
from iceb.base.errors import DataError, MethodError
from iceb.mini import captions
from iceb.registry import Registered, entries_of
from iceb.running import embedded_data as packaged
from iceb.running.code_digest import own_modules
from iceb.running.method_runner import ChosenMethod, choose
from iceb.running.setting_values import params_of
from iceb.specs.methods import MethodCard
from iceb.specs.requests import EditRequest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OURS = [entry for entry in entries_of("methods") if entry.package == "iceb"]


@dataclass(frozen=True)
class Judged:
    judge: str | None = None
    card: ClassVar[MethodCard] = MethodCard("judged", 1, "", ("replace",), (), models=("judge",))


@pytest.fixture
def folder(tmp_path):
    """A folder of a model as transformers saves it, with things beside it that loading does not read."""
    for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md", "pytorch_model.bin"):
        (tmp_path / "model" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_text(name)
    return tmp_path / "model"


@pytest.mark.parametrize("part", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_models_folder_counts_by_what_loading_reads(folder, part):
    before = params_of(Judged(str(folder)))
    (folder / part).write_text("other")
    assert params_of(Judged(str(folder))) != before


def test_a_models_folder_may_be_moved_and_hold_other_things(folder):
    before = params_of(Judged(str(folder)))
    (folder / "README.md").write_text("other")
    (folder / "pytorch_model.bin").write_text("other")
    assert params_of(Judged(str(folder.rename(folder.with_name("moved"))))) == before


@pytest.mark.parametrize("value", [None, "", f"owner/name@{COMMIT}"])
def test_pinned_and_unset_models_are_recorded_as_they_are(value):
    assert params_of(Judged(value)) == {"judge": value}


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty local cache of the hub."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize(("named", "reference"), [("owner/name", "main"), ("owner/name@fp16", "fp16")])
def test_a_repository_without_a_commit_goes_by_the_one_in_the_local_cache(hub_cache, named, reference):
    repository = hub_cache / "models--owner--name"
    for path, text in {f"refs/{reference}": COMMIT, f"snapshots/{COMMIT}/config.json": "{}"}.items():
        (repository / path).parent.mkdir(parents=True)
        (repository / path).write_text(text)
    assert params_of(Judged(named)) == {"judge": f"owner/name@{COMMIT}"}


def test_a_repository_of_which_no_commit_is_known_is_refused_with_the_way_to_pin_it(hub_cache):
    with pytest.raises(DataError, match="no commit of it is known: pin it, `judge=owner/name@C"):
        params_of(Judged("owner/name"))


def test_a_model_that_is_neither_folder_nor_repository_is_refused(tmp_path):
    with pytest.raises(DataError, match="neither a folder nor a repository of the hub"):
        params_of(Judged(str(tmp_path / "gone")))


def test_a_card_whose_models_are_no_settings_is_refused():
    class Wrong(Judged):
        card: ClassVar[MethodCard] = replace(Judged.card, models=("jury",))

    with pytest.raises(MethodError, match="models name 'jury', which is no setting"):
        params_of(Wrong())


def test_every_model_that_ours_name_by_default_is_pinned(hub_cache):
    for entry in OURS:
        _ = choose(entry.name, {}).params  # with an empty cache, one that is not pinned is refused


# --- packaged data


def test_another_embedded_corpus_changes_the_key(tiny_sd, monkeypatch):
    requests = (EditRequest("r/0", "cat", ("dog",), ("{}",), 1),)
    before = choose("emcid", {}).key(tiny_sd, requests), choose("time", {}).key(tiny_sd, requests)
    monkeypatch.setattr(captions, "corpus", lambda: ("a cat", "a dog"))
    packaged._captions.cache_clear()
    try:
        after = choose("emcid", {}).key(tiny_sd, requests), choose("time", {}).key(tiny_sd, requests)
    finally:
        packaged._captions.cache_clear()
    assert after[0] != before[0]
    assert after[1] == before[1]  # TIME reads no captions


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry.name)
def test_a_method_whose_code_reaches_the_corpus_declares_that_it_reads_it(entry):
    kind = entry.load()
    reaches = any(name == "iceb.mini.captions" for name in reachable_modules(own_modules(kind.__module__)))
    assert ("captions:embedded" in kind.card.reads) == (reaches and entry.name not in READS_FILES_ONLY)


READS_FILES_ONLY = ("rece", "ablation", "uce-emcid")  # they take `captions.read_captions` alone


def test_data_that_do_not_exist_are_refused():
    class Reads(Judged):
        card: ClassVar[MethodCard] = replace(Judged.card, reads=("captions:coco",))

    chosen = ChosenMethod(Registered("methods", "judged", "p", "1", "p:Judged"), Reads(), "")
    with pytest.raises(MethodError, match="reads 'captions:coco', which does not exist: captions:embedded, "):
        chosen.code  # noqa: B018 — reading it is what fails
