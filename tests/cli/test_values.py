"""--set reads what people type, and refuses what no setting can be."""

import pytest

from iceb.base.errors import SpecError
from iceb.cli.main import run
from iceb.cli.values import settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=1e-3", 1e-3),
        ("a=true", True),
        ("a=null", None),
        ("a=[7, 8]", (7, 8)),
        ("a=esd", "esd"),
        ("a=/some/file.txt", "/some/file.txt"),
        ("a=x=y", "x=y"),
        ("a=", ""),
    ],
)
def test_a_value_has_the_type_it_looks_like(text, value):
    found = settings([text])["a"]
    assert found == value
    assert type(found) is type(value)


def test_hyphens_in_names_are_underscores():
    assert settings(["edit-weight=0.6"]) == {"edit_weight": 0.6}


@pytest.mark.parametrize(
    "texts", [["a"], ["=1"], ["a=1", "a=2"], ['a={"b": 1}'], ["a=[[1]]"], ["a=NaN"], ["a=Infinity"]]
)
def test_values_that_cannot_be_settings_are_refused(texts):
    with pytest.raises(SpecError, match="--set"):
        settings(texts)


@pytest.mark.parametrize("wrong", ["1_0", "٢", "1.5", "9" * 40])
@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "--method", "uce", "--task", "aice", "--num-edits"],
        ["tune", "uce", "--num-edits"],
        ["capacity", "nowhere", "--counts"],
    ],
)
def test_every_command_refuses_the_same_numbers_of_edits(command, wrong, capsys):
    assert run([*command, f"1,{wrong}"]) == 2
    assert "must be a whole number, or several with commas, as in 1,10,100" in capsys.readouterr().err
