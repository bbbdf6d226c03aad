"""ReFACT against its authors' own numbers, in float64; `pytest tests/parity -rP` prints the differences.

Vectors that need the vision tower (image algorithms, and the KL term on images) are for algorithms that this method
does not have: see the card.
"""

import copy

import pytest
import torch
from safetensors.torch import load_file

from iceb.methods.activations import TextTower
from iceb.methods.closed_form import moment_factor
from iceb.methods.moments import second_moments
from iceb.methods.refact import ReFACT
from iceb.methods.refact.features import features
from iceb.methods.refact.prompts import places, read
from iceb.methods.refact.rank_one import Step, direction, rank_one, search
from tests.parity.conftest import Vector, apart, vectors

COVARIANCE = "cov"
IMAGES = ("_kl", "image-")


def comparable() -> list[str]:
    """The vectors of the algorithm that the method has."""
    return [name for name in vectors("refact") if name != COVARIANCE and not any(part in name for part in IMAGES)]


def report(name: str, **differences: float) -> None:
    """Shown by pytest -rP."""
    print(name, " ".join(f"{key} {value:.1e}" for key, value in differences.items()))


@pytest.fixture(scope="session")
def tower64(authors_model) -> TextTower:
    """The authors' text encoder in float64."""
    tower, _ = authors_model
    return TextTower(copy.deepcopy(tower.model).double(), tower.tokenizer)


@pytest.fixture(scope="session")
def project64(parity):
    """The tiny CLIP's projection."""
    weight = load_file(parity / "models" / "tiny-clip" / "model.safetensors")["text_projection.weight"].double()
    return lambda pooled: pooled @ weight.T


def settings_of(vector, request, folder) -> ReFACT:
    given = vector.input["hparams"]
    scale = load_file(folder / "models" / "tiny-clip" / "model.safetensors")["logit_scale"]
    return ReFACT(
        layer=vector.input["layer"],
        rate=given["v_lr"],
        steps=given["v_max_grad_steps"],
        decay=given["v_weight_decay"],
        clamp=given["clamp_norm_factor"],
        enough=given["v_prob_threshold"],
        metric=request["similarity_metric"],
        scale=float(scale.double().exp()),
        moment=given["mom2_adjustment"],
        templates=tuple(vector.input["context_templates"]),
    )


def test_the_second_moment_is_the_authors(parity, authors_model):
    tower, _ = authors_model
    vector = Vector(parity / "refact" / COVARIANCE)
    texts = [text for text in vector.input["texts"] if text]
    found = second_moments(tower, texts, vector.input["layers"], limit=60)
    wanted = vector.tensors("expected")
    worst = max(apart(found[layer], wanted[f"C.{layer}"]) for layer in vector.input["layers"])
    report("cov", C=worst)
    assert worst < 2e-6


@pytest.mark.parametrize("name", comparable())
def test_facts_are_written_as_the_authors_write_them(parity, tower64, project64, name):
    vector = Vector(parity / "refact" / name)
    layer, wanted = vector.input["layer"], vector.tensors("expected_fp64")
    weight = tower64.fc2(layer).weight.detach().double()
    before = weight
    moment = Vector(parity / "refact" / COVARIANCE).tensors("expected_fp64")[f"C.{layer}"]
    worst: dict[str, float] = {}
    for index, (request, about) in enumerate(zip(vector.input["requests"], vector.input["per_request"], strict=True)):
        method = settings_of(vector, request, parity)
        subject, order = request["subject"], about["rewriting_prompts_in_order"]
        templates = [prompt.replace(subject, "{}") for prompt in order]
        assert places(tower64, subject, templates) == about["lookup_idxs"]
        prompts = read(tower64, layer, subject, templates)
        with torch.no_grad():
            both = tower64.tokens([request["new_text"], request["true_text"]])
            anchors = project64(tower64.read(both).pooled)
        steps: list[Step] = []
        shift = search(tower64, layer, weight, prompts, anchors, project64, method, steps.append)
        contexts = prompts.keys[[templates.index(template) for template in method.templates]]
        u = direction(contexts, moment_factor(moment) if method.moment else None)
        own = templates.index(request["prompt"].replace(subject, "{}"))
        made = rank_one(tower64, layer, weight, prompts, own, u, shift)
        weight = weight + torch.outer(made.v, made.u)
        found = {"u": made.u, "v": made.v, "target": made.target, "delta": shift}
        if steps:
            found["delta_before_step"] = torch.stack([step.shift for step in steps])
            found["grad"] = torch.stack([step.gradient for step in steps])
            found["nll"] = torch.stack([step.likelihood for step in steps])
            found["loss"] = torch.stack([step.loss for step in steps])
        assert len(steps) == len(wanted[f"loss.{index}"])
        for key, value in found.items():
            expected = wanted[f"{key}.{index}"]
            if float(expected.norm()) > 0:
                worst[key] = max(worst.get(key, 0.0), apart(value, expected))
            else:
                assert not value.any()
    edited = next(value for key, value in wanted.items() if key.endswith("fc2.weight"))
    report(name, dW=apart(weight - before, edited - before), **worst)
    assert apart(weight - before, edited - before) < 1e-6
    assert max(worst.values()) < 1e-6


def test_the_projection_is_read_from_clips_own_file(parity, project64):
    told = features(str(parity / "models" / "tiny-clip" / "model.safetensors"), 32)
    pooled = torch.randn(3, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(told(pooled), project64(pooled), rtol=0, atol=0)
