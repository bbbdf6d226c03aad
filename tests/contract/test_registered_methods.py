"""Every method that comes with the package keeps the contract, on a small model and with its card's quick settings."""

import pytest

from iceb.registry import registered
from iceb.running.conformance import check_method, quick_method

OURS = [entry.name for entry in registered("methods") if entry.package == "iceb"]


@pytest.mark.parametrize("name", OURS)
def test_a_registered_method_keeps_the_contract(name, mini):
    lines = list(check_method(quick_method(name, {}), mini, sizes=(1,)))
    assert [f"{line.check}: {line.note}" for line in lines if line.status == "fail"] == []
    assert len(lines) > 20
