"""Every closed form against vectors of our own making: formulas written out in 40 digits, without our code.

`python -m tools.make_vectors` wrote tests/vectors. The authors' own numbers are compared in tests/parity, where they
are at hand; these are always here.
"""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from iceb.methods.common.attention import Moments, TextState, from_last_token, last_token, multiply_right, solve
from iceb.methods.common.attention.solving import Factor
from iceb.methods.common.attention.tensor import removed_moments
from iceb.methods.common.least_squares import moment_factor, weighted_update
from iceb.methods.emcid.null_space import NullSpaceSolver, Spectrum
from iceb.methods.emcid.settings import NullSpace
from iceb.methods.mace.closed_forms import ConceptTerms, fusion, refinement
from iceb.methods.rece.formula import attack, attack_moments, erase_factor
from iceb.methods.refact.rank_one import direction, rank_one
from iceb.methods.speed.formula import Targets, unused_directions, update
from iceb.methods.time.alignment import subsequence

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "vectors"
NEAR = 1e-11  # relative difference in the Frobenius norm, of what the edit changes


def cases(name: str) -> list:
    """The cases of one file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["cases"]


def tensor(rows) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def apart(found: Tensor, wanted, start=0.0) -> float:
    """Relative difference of two changes of `start`."""
    return float((found - tensor(wanted)).norm() / (tensor(wanted) - start).norm())


def weights_of(case) -> dict[str, Tensor]:
    return {f"W{place}": tensor(W) for place, W in enumerate(case["weights"])}


def same_weights(found: dict[str, Tensor], case, start: str = "weights") -> bool:
    sets = zip(found.values(), case["edited"], case[start], strict=True)
    return all(apart(W, wanted, tensor(before)) < NEAR for W, wanted, before in sets)


def test_the_vectors_are_what_their_script_makes():
    pytest.importorskip("mpmath")
    command = [sys.executable, "-m", "tools.make_vectors", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_vectors_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.json")) < 300_000


# --- cross-attention


def text_state(text) -> TextState:
    rows = tensor(text["rows"])
    return TextState("", tuple(range(len(rows))), text["last"], rows)


@pytest.mark.parametrize("case", cases("uce"), ids=lambda case: f"{case['variant']}-{case['technique']}")
def test_uce(case):
    states, weights = [text_state(text) for text in case["texts"]], weights_of(case)
    pairing = from_last_token if case["variant"] == 2023 else last_token
    pairs = [(states[0], states[1]), (states[2], states[3])]
    moments = case["erase_scale"] * sum((Moments.of(*pairing(*p)) for p in pairs[1:]), Moments.of(*pairing(*pairs[0])))
    kept = [s.rows if case["variant"] == 2023 else s.rows[s.last : s.end] for s in states[4:]]
    preserved = case["preserve_scale"] * sum(rows.T @ rows for rows in kept)
    if case["technique"] == "replace":
        M = solve(moments.old + preserved, moments.cross + preserved, case["ridge"])
        assert same_weights(multiply_right(weights, M), case)
        return
    factor, change = Factor(moments.old + preserved, case["ridge"]), moments.cross - moments.old
    taken = dict(removed_moments(weights, pairs, pairing))
    found = {name: W + factor.over(W @ (change - case["erase_scale"] * taken[name])) for name, W in weights.items()}
    assert same_weights(found, case)


@pytest.mark.parametrize("case", cases("time"))
def test_time(case):
    places = subsequence(case["old_ids"], case["new_ids"], len(case["old"]))
    assert places == case["places"]
    moments = Moments.of(tensor(case["old"]), tensor(case["new"])[places])
    assert same_weights(multiply_right(weights_of(case), solve(moments.old, moments.cross, case["ridge"])), case)


@pytest.mark.parametrize("case", [case for case in cases("mace") if case["stage"] == 1])
def test_mace_refinement(case):
    moments, kept = Moments.of(tensor(case["old"]), tensor(case["new"])), tensor(case["kept"])
    M = refinement(moments, kept.T @ kept, case["ridge"], case["scale"])
    assert same_weights(multiply_right(weights_of(case), M), case)


@pytest.mark.parametrize("case", [case for case in cases("mace") if case["stage"] == 3])
def test_mace_fusion(case):
    original, kept = weights_of(case), tensor(case["kept"])
    refined = {name: tensor(W) for name, W in zip(original, case["refined"], strict=True)}
    concepts = []
    for rows, own in zip(case["prompts"], case["terms"], strict=True):
        terms = {name: (tensor(down), tensor(up)) for name, (down, up) in zip(original, own, strict=True)}
        concepts.append(ConceptTerms(terms, tensor(rows).T @ tensor(rows)))
    found = fusion(original, refined, concepts, kept.T @ kept, case["ridge"], case["scale"])
    assert same_weights(found, case, "refined")


@pytest.mark.parametrize("case", cases("rece"), ids=lambda case: case["penalty"])
def test_rece(case):
    weights, kept = weights_of(case), tensor(case["kept"])
    G = sum(W.T @ W for W in weights.values())
    moments, T = Moments.of(tensor(case["old"]), tensor(case["new"])), torch.eye(len(G), dtype=torch.float64)
    for _ in range(case["rounds"]):
        found = attack_moments(moments, attack(T, G, case["attack_ridge"], case["penalty"]))
        T = erase_factor(T, case["erase_scale"] * found, case["preserve_scale"] * kept.T @ kept, case["ridge"])
    assert same_weights(multiply_right(weights, T), case)


@pytest.mark.parametrize("case", cases("speed"), ids=lambda case: f"slack-{case['slack']}")
def test_speed(case):
    targets, anchors, retained = (tensor(case[name]) for name in ("targets", "anchors", "retained"))
    count, W = len(targets) ** 0.5, tensor(case["weight"])
    pair = Targets(targets / count, anchors / count)
    U = unused_directions(retained.T @ retained / len(retained), case["threshold"])
    change, idle = update(pair, U, tensor(case["invariants"]).T, case["retain_scale"], case["slack"])
    assert idle == 0
    assert apart(W + W @ pair.away.T @ change, case["edited"], W) < NEAR


# --- the text encoder


@pytest.mark.parametrize("case", cases("emcid"), ids=lambda case: f"{case['moment_weight']:g}-{case['edit_weight']}")
def test_emcid_stage_two(case):
    K, R, C = (tensor(case[name]) for name in ("keys", "residuals", "moment"))
    found = weighted_update(K, R, C, case["moment_weight"], case["edit_weight"], rounded=False)
    assert apart(found, case["update"]) < NEAR


@pytest.mark.parametrize("case", cases("emcid"), ids=lambda case: f"{case['moment_weight']:g}-{case['edit_weight']}")
def test_emcid_stage_two_with_the_authors_rounding_is_near(case):
    K, R, C = (tensor(case[name]) for name in ("keys", "residuals", "moment"))
    found = weighted_update(K, R, C, case["moment_weight"], case["edit_weight"])
    assert apart(found, case["update"]) < 2e-5


@pytest.mark.parametrize("case", cases("emcid-ns"), ids=lambda case: f"{case['moment_weight']:g}-{case['edit_weight']}")
def test_emcid_in_the_null_space(case):
    K, R, C = (tensor(case[name]) for name in ("keys", "residuals", "moment"))
    space = NullSpace("abs", case["threshold"], case["ridge"])
    solver = NullSpaceSolver({0: Spectrum.of(C)}, space, case["edit_weight"], case["moment_weight"])
    assert apart(solver(0, K, R), case["update"]) < NEAR
    assert solver.log["text_encoder.0.null_rank"] == case["rank"]


@pytest.mark.parametrize("case", cases("refact"))
def test_refact(case):
    keys, W, shift = tensor(case["keys"]), tensor(case["weight"]), tensor(case["shift"])
    u = direction(keys, moment_factor(tensor(case["moment"])))
    assert apart(u, case["u"]) < NEAR
    tower = SimpleNamespace(fc2=lambda layer: SimpleNamespace(bias=tensor(case["bias"])))
    found = rank_one(tower, 0, W, SimpleNamespace(keys=keys), case["own"], u, shift)
    assert apart(W + torch.outer(found.v, found.u), case["edited"], W) < NEAR
