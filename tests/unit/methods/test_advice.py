"""What methods say before an edit: little is preserved, or a file holds fewer captions than the settings ask for."""

import hashlib
from dataclasses import replace

import pytest

from iceb import registry
from iceb.base.errors import SpecError
from iceb.models.sources import find
from iceb.running.method_runner import choose
from iceb.running.recipe_settings import with_recipe

NAMED = {"retain": ["boat"]}
FEW = {"caption_count": 1000}


@pytest.fixture
def captions(tmp_path) -> str:
    path = tmp_path / "captions.txt"
    path.write_text("".join(f"a photo of {name}\n" for name in ("a boat", "a car", "a hen")), encoding="utf-8")
    return str(path)


def advice(method: str, **settings) -> list[str]:
    return choose(method, settings).advice(find("mini").ref)


@pytest.mark.parametrize("method", ["uce", "rece", "speed"])
def test_a_closed_form_without_a_list_says_what_little_it_preserves(method):
    (line,) = advice(method)
    assert line.startswith("only the empty text")
    assert "`retain_file=FILE`" in line
    assert advice(method, **NAMED) == []


def test_a_method_without_a_list_to_preserve_says_so():
    (line,) = advice("time")
    assert "no text is preserved" in line
    (line,) = advice("uce", variant=2025)
    assert line.startswith("nothing is preserved")


@pytest.mark.parametrize("method", ["emcid", "emcid-ns", "mace", "refact", "uce"])
def test_a_file_of_too_few_captions_is_reported_with_both_numbers(captions, method):
    (line,) = advice(method, captions=captions, **FEW)
    assert f"captions={captions} holds 3 texts, the settings ask for 1000" in line
    assert advice(method, captions=captions, caption_count=3) == []


@pytest.mark.parametrize("method", ["emcid", "mace", "refact", "uce"])
def test_minis_recipes_need_no_advice(method):
    chosen = with_recipe(method, "aice", find("mini"), {}, None)
    assert chosen.origin.startswith(f"recipe {method}/aice, ")
    assert chosen.advice(find("mini").ref) == []


def test_a_plan_names_the_source_of_the_settings(tiny_sd_folder, tmp_path):
    folder = find(str(tiny_sd_folder))
    assert with_recipe("uce", "aice", folder, {}, None).origin == "recipe uce/aice, published"
    assert with_recipe("prompt_swap", "aice", folder, {}, None).origin == "the method's own settings"
    own = tmp_path / "mine.toml"
    own.write_text('how = "by hand"\n', encoding="utf-8")
    assert with_recipe("uce", "aice", folder, {}, own).origin == "recipe mine.toml"


def test_a_methods_record_keeps_the_digest_of_its_recipe_and_its_reason(tmp_path):
    own = tmp_path / "mine.toml"
    own.write_text('how = "published"\n[mini]\nhow = """tuned\non ten"""\n', encoding="utf-8")
    record = with_recipe("uce", "aice", find("mini"), {"keys": False}, own).record
    assert (record.recipe, record.recipe_how) == ("mine.toml", "tuned on ten")
    assert record.recipe_sha256 == hashlib.sha256(own.read_bytes()).hexdigest()
    assert with_recipe("unedited", "aice", find("mini"), {}, None).record.recipe_sha256 == ""


def test_published_and_tuned_settings_are_chosen_by_word_and_recorded():
    published = with_recipe("emcid", "aice", find("mini"), {}, "published")
    assert (published.params["steps"], published.params["caption_count"]) == (200, 20000)
    assert published.record.label == "emcid, published"
    assert published.record.recipe_how.startswith("published: the authors' AICE script")
    assert with_recipe("emcid", "aice", find("mini"), {"rate": 3.0}, "tuned").record.label == (
        "emcid, tuned for mini with MEMIT's residual (rate=3.0)"
    )


@pytest.mark.parametrize(
    ("method", "words"), [("emcid-ns", "recipe emcid-ns/aice has none"), ("unedited", "no recipe unedited/aice ships")]
)
def test_published_settings_that_do_not_exist_are_refused(method, words):
    with pytest.raises(SpecError, match=f"`recipe` published: {words}"):
        with_recipe(method, "aice", find("mini"), {}, "published")


def test_a_wrong_setting_in_a_recipe_names_the_file(tmp_path):
    own = tmp_path / "mine.toml"
    for params, words in (("rigde = 1", "unknown setting of method uce 'rigde'"), ('ridge = "a"', "uce: ridge='a'")):
        own.write_text(f'how = "by hand"\n[params]\n{params}\n', encoding="utf-8")
        with pytest.raises(SpecError, match=f"`recipe` .*mine.toml: .*{words}"):
            with_recipe("uce", "aice", find("mini"), {}, own)


def test_another_packages_method_of_the_same_name_does_not_take_our_recipe(monkeypatch):
    ours = registry.find("methods", "uce")
    monkeypatch.setattr(registry, "find", lambda group, name: replace(ours, package="iceb-other"))
    assert with_recipe("uce", "aice", find("mini"), {}, None).origin == "the method's own settings"
