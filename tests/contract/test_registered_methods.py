"""Every method that comes with the package keeps the contract, on a small model and with its card's quick settings."""

import logging
import math
from collections.abc import Iterator

import pytest

from iceb.conformance.methods import check_method, quick_method
from iceb.conformance.methods.setting_checks import CHECK
from iceb.registry import entries_of

OURS = [entry.name for entry in entries_of("methods") if entry.package == "iceb"]
# Quicker than the card's: what a setting needs that the quick settings do without, fewer captions, prompts and images.
QUICKER = {
    "ablation": {"images": 2, "steps": 1},
    "emcid": {"fisher_pairs": 4, "fisher_steps": 2, "caption_count": 10},
    "mace": {"caption_count": 10, "prompts": 2},
    "refact": {"caption_count": 30},
}
# An edit of emcid-ns decomposes a matrix of 3072 rows for seconds. All that it keeps are EMCID's parts, which EMCID's
# code makes of EMCID's settings, and these are varied there.
BOUNDED = {"emcid-ns": 6.0}  # seconds; `iceb check method emcid-ns --full` tries all of them


@pytest.fixture(autouse=True)
def quick_settings_warn_nobody() -> Iterator[None]:
    """Methods warn of few captions."""
    log = logging.getLogger("iceb")
    level = log.level
    log.setLevel(logging.ERROR)
    yield
    log.setLevel(level)


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_a_registered_method_keeps_the_contract_and_no_key_forgets_a_setting(name, mini):
    chosen = quick_method(name, QUICKER.get(name, {}))
    lines = list(check_method(chosen, mini, sizes=(1,), seconds=BOUNDED.get(name, math.inf)))
    assert [f"{line.check}: {line.note}" for line in lines if line.status == "fail"] == []
    assert len(lines) > 20
    untried = [line.check for line in lines if line.check.startswith(f"{CHECK}: ")]
    assert bool(untried) == (name in BOUNDED)
