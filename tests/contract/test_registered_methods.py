"""Every method that comes with the package keeps the contract, on a small model and with its card's quick settings."""

import pytest

from iceb.registry import registered
from iceb.running.conformance import check_method, quick_method
from iceb.running.conformance.bench import Bench
from iceb.running.conformance.contract import Contract
from iceb.running.conformance.varied import Varied

OURS = [entry.name for entry in registered("methods") if entry.package == "iceb"]


@pytest.mark.parametrize("name", OURS)
def test_a_registered_method_keeps_the_contract(name, mini):
    lines = list(check_method(quick_method(name, {}), mini, sizes=(1,), seconds=6))
    assert [f"{line.check}: {line.note}" for line in lines if line.status == "fail"] == []
    assert len(lines) > 20


SECONDS = 10.0  # for each method's settings; `iceb check method NAME --full` tries all of them


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_no_key_of_a_registered_method_forgets_a_setting(name, mini, tmp_path):
    contract = Contract(Bench(quick_method(name, {}), mini, tmp_path))
    contract.fits()
    line, *_ = Varied(contract, SECONDS).lines()
    assert line.status == "pass", line.note
