"""Keys of edits: whatever changes an edit changes its key, and comments do not."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from iceb.base.errors import DataError, MethodError, SpecError
from iceb.methods.time import TIME
from iceb.registry import Registered
from iceb.running import method_runner as methods
from iceb.running.method_runner import ChosenMethod, choose
from iceb.specs.method_cards import parse_card
from iceb.specs.methods import NOT_IN_KEYS, Edit, MethodCard
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef

CARD = MethodCard("m", 1, "", ("replace",), (), files=("captions",))


@dataclass(frozen=True)
class Method:
    rate: float = 0.1
    captions: str | None = None
    card: ClassVar[MethodCard] = CARD

    def edit(self, bundle: Any, requests: Any, *, context: Any) -> Edit:
        return Edit()


CAT = EditRequest("r/0", "cat", ("dog",), ("{}",), 1)
BOAT = EditRequest("r/1", "boat", ("car",), ("{}",), 2)


def key(bundle, method=None, requests=(CAT, BOAT), package="p", version="1"):
    return ChosenMethod(Registered("methods", "m", package, version, "p:m"), method or Method(), "").key(
        bundle, requests
    )


def test_everything_that_changes_an_edit_is_in_its_key(tiny_sd, tiny_sd21):
    keys = {
        key(tiny_sd),
        key(tiny_sd, Method(rate=0.2)),
        key(tiny_sd, requests=(CAT,)),
        key(tiny_sd, requests=(BOAT, CAT)),
        key(tiny_sd, package="q"),
        key(tiny_sd, version="2"),
        key(tiny_sd21),
    }
    assert len(keys) == 7
    assert key(tiny_sd) == key(tiny_sd, Method(rate=0.1))


CHANGES: dict[str, Any] = {
    "name": "other",
    "version": 2,
    "paper": "arXiv:2403.13807",
    "kinds": ("erase",),
    "touches": ("unet.*",),
    "deterministic": False,
    "files": (),
    "models": ("captions",),
    "reads": ("captions:embedded",),
    "judges": ("captions",),
    "title": "A title",
    "fidelity": "variant",
    "reaches_dest": False,
    "edits": "nothing",
    "formula": "W' = W",
    "notes": "## More",
    "variants": (("rate=0", "none"),),
    "deviations": ("it differs",),
    "scratch_of": "emcid",
    "quick": (("rate", 1.0),),
    "trains": True,
}


def test_of_a_card_all_counts_but_the_prose_and_the_quick_settings(tiny_sd, monkeypatch):
    before, same = key(tiny_sd), set()
    for name, value in CHANGES.items():
        monkeypatch.setattr(Method, "card", replace(CARD, **{name: value}))
        same |= {name} if key(tiny_sd) == before else set()
    assert set(CHANGES) == {each.name for each in fields(MethodCard)}
    assert same == NOT_IN_KEYS


def test_another_wording_of_a_card_file_changes_no_key_and_another_version_does(tiny_sd, monkeypatch):
    page = (Path(__file__).parents[3] / "methods" / "time" / "card.md").read_text(encoding="utf-8")
    reworded = page.replace("in one sum;", "all at once;").replace("W M (the paper", "W M (that paper")
    newer = page.replace("version: 1\n", "version: 2\n")

    def key_of(text: str) -> str:
        monkeypatch.setattr(TIME, "card", parse_card(text, "card.md"))
        return choose("time", {}).key(tiny_sd, (CAT, BOAT))

    assert len({page, reworded, newer}) == 3
    assert key_of(reworded) == key_of(page) != key_of(newer)


def test_a_file_that_a_setting_names_counts_by_its_content(tiny_sd, tmp_path):
    file, moved = tmp_path / "captions.txt", tmp_path / "moved.txt"
    file.write_text("a cat")
    before = key(tiny_sd, Method(captions=str(file)))
    file.rename(moved)
    assert key(tiny_sd, Method(captions=str(moved))) == before
    moved.write_text("a dog")
    assert key(tiny_sd, Method(captions=str(moved))) != before
    assert key(tiny_sd, Method(captions=None)) != before


def chosen_method(method):
    return ChosenMethod(Registered("methods", "m", "p", "1", "p:m"), method, "")


def test_a_files_digest_is_recorded_and_not_its_path(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("abc")
    found = chosen_method(Method(captions=str(file)))
    # sha256 of "abc": FIPS 180-2, appendix B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert found.params == {"rate": 0.1, "captions": f"sha256:{digest}"}
    assert found.method.captions == str(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"captions=.*gone\.txt: cannot be read \(No such file"):
        chosen_method(Method(captions=str(tmp_path / "gone.txt"))).params  # noqa: B018 — reading it is what fails


def test_a_setting_that_happens_to_be_a_files_name_is_itself(tmp_path, monkeypatch):
    @dataclass(frozen=True)
    class Named:
        residual: str = "output"
        card: ClassVar[MethodCard] = MethodCard("n", 1, "", ("replace",), ())

    monkeypatch.chdir(tmp_path)
    (tmp_path / "output").write_text("a file by chance")
    assert chosen_method(Named()).params == {"residual": "output"}


def test_a_card_whose_files_are_no_settings_is_refused():
    @dataclass(frozen=True)
    class Wrong:
        card: ClassVar[MethodCard] = MethodCard("w", 1, "", ("replace",), (), files=("caption",))

    with pytest.raises(MethodError, match="name 'caption', which is no setting"):
        chosen_method(Wrong()).params  # noqa: B018


def test_changed_settings_are_those_unlike_recipe_and_defaults():
    @dataclass(frozen=True)
    class Needs:
        guide: str
        layers: tuple[int, ...] = (1,)
        rate: float = 0.1
        card: ClassVar[MethodCard] = MethodCard("n", 1, "", ("replace",), ())

    made = Needs("a dog", (1, 2), 3.0)
    assert chosen_method(made).compare_to({}).changed == ("guide", "layers", "rate")
    assert chosen_method(made).compare_to({"layers": [1, 2], "rate": 3}).changed == ("guide",)


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity"])
def test_a_number_that_is_not_finite_is_refused_whatever_the_method_checks(text):
    with pytest.raises(SpecError, match=f"method mace: ridge='{text}': must be a finite number"):
        choose("mace", {"ridge": text})


def test_a_crashing_check_of_a_third_party_is_one_line():
    class Crash(Method):
        def check(self, ref):
            raise ZeroDivisionError("division\nby zero")

    with pytest.raises(
        MethodError,
        match=r"the settings' check of method m raised ZeroDivisionError: division by zero \(.*test_methods",
    ):
        chosen_method(Crash()).check(ModelRef("mini", "iceb/mini", "1"))


def test_a_card_with_another_name_than_the_entry_point_is_refused(monkeypatch):
    monkeypatch.setattr(Registered, "load", lambda entry: Method)
    monkeypatch.setattr(methods.registry, "find", lambda group, name: Registered(group, name, "p", "1", "p:m"))
    assert choose("m", {}).card.name == "m"
    with pytest.raises(MethodError, match="method p/other: its card's name is 'm' and its entry point's 'other'"):
        choose("other", {})


@dataclass(frozen=True)
class Built(Method):
    card: ClassVar[MethodCard] = MethodCard("built", 1, "", ("replace",), (), scratch_of="emcid")


def test_a_derived_method_shares_the_scratch_of_its_base(tiny_sd, tmp_path):
    emcid, built = (choose(name, {}).scratch(tiny_sd, tmp_path) for name in ("emcid", "emcid-ns"))
    key = {"what": "value vector"}
    assert emcid.depends_on("steps", "rate").path(key) == built.depends_on("steps", "rate").path(key)
    assert choose("emcid", {"steps": 3}).scratch(tiny_sd, tmp_path).depends_on("rate").path(key) == built.depends_on(
        "rate"
    ).path(key)
    assert emcid.path(key) != built.path(key)  # without names every setting counts, and theirs differ


def test_a_method_of_other_code_cannot_share_scratch(tiny_sd, tmp_path):
    with pytest.raises(MethodError, match="scratch_of names iceb/emcid, whose code is not its own"):
        chosen_method(Built()).scratch(tiny_sd, tmp_path)


def test_scratch_is_separate_for_each_setting_and_each_code(tiny_sd, tmp_path, monkeypatch):
    key, paths = {"what": "noise"}, set()
    for method in (Method(), Method(rate=0.2)):
        paths.add(chosen_method(method).scratch(tiny_sd, tmp_path).path(key))
    monkeypatch.setattr(methods, "code_digest", lambda kind, package: "other code")
    paths.add(chosen_method(Method()).scratch(tiny_sd, tmp_path).path(key))
    assert len(paths) == 3


def test_a_word_of_digits_may_be_given_as_a_number():
    """`--set variant=2025` reads as a number, and ESD's variants are words."""
    assert choose("esd", {"variant": 2025}).params["variant"] == "2025"
    with pytest.raises(SpecError, match="variant=1999: Input should be '2023', '2024' or '2025'"):
        choose("esd", {"variant": 1999})
