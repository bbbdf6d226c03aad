"""ReFACT against its authors' own numbers, in float64; `pytest tests/parity -rP` prints the differences."""

import copy

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from iceb.methods.common.least_squares import moment_factor
from iceb.methods.common.second_moments import second_moments
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.refact import ReFACT
from iceb.methods.refact.features import features
from iceb.methods.refact.images import ImageTower
from iceb.methods.refact.prompts import places, read, read_whole
from iceb.methods.refact.rank_one import direction, rank_one
from iceb.methods.refact.search import FeatureTarget, Step, search
from iceb.methods.refact.settings import ON_IMAGES
from tests.parity.conftest import Vector, apart, vectors

COVARIANCE = "cov"
IMAGES = ("new_images", "true_image", "alt_images")  # in the order in which they are scored


def facts() -> list[str]:
    """The vectors of edits."""
    return [name for name in vectors("refact") if name != COVARIANCE]


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


@pytest.fixture(scope="session")
def eye64(parity):
    """The tiny CLIP's image tower in float64."""
    folder = parity / "models" / "tiny-clip"
    like = torch.zeros((), dtype=torch.float64)
    return ImageTower(str(folder / "model.safetensors"), str(folder / "config.json"), like)


def goal_of(vector, request, tower, layer, project, eye, method) -> FeatureTarget:
    """What the authors' search was given: texts, or the images of the vector."""
    texts, given = request["kl_prompts"], vector.tensors("draws")
    new, old, others = (given[name].reshape(-1, 32, 32, 3) if name in given else [] for name in IMAGES)
    old = old if method.objective == "contrastive" else []
    seen = eye([Image.fromarray(pixels.numpy()) for group in (new, old, others) for pixels in group])
    if method.objective in ON_IMAGES:
        wanted, count = seen, len(new)
    else:
        asked = [request["new_text"]]
        if method.objective == "contrastive_text":
            asked += [request["true_text"], *texts]
        with torch.no_grad():
            wanted, count = project(tower.read(tower.tokens(asked)).pooled), 1
    return FeatureTarget(wanted, count, project, read_whole(tower, layer, texts) if texts else None, seen)


def settings_of(vector, request, folder) -> ReFACT:
    given = vector.input["hparams"]
    clip = folder / "models" / "tiny-clip"
    scale = load_file(clip / "model.safetensors")["logit_scale"]
    return ReFACT(
        layer=vector.input["layer"],
        rate=given["v_lr"],
        steps=given["v_max_grad_steps"],
        decay=given["v_weight_decay"],
        clamp=given["clamp_norm_factor"],
        enough=given["v_prob_threshold"],
        metric=request["similarity_metric"],
        objective=request["algorithm"],
        kl=given["kl_factor"] if request["kl_prompts"] else 0.0,
        kl_texts="as the request says",
        images="as the draws say",
        projection=str(clip / "model.safetensors"),
        clip_config=str(clip / "config.json"),
        scale=float(scale.double().exp()),
        moment=given["mom2_adjustment"],
        templates=tuple(vector.input["context_templates"]),
    )


def test_the_second_moment_matches_the_authors(parity, authors_model):
    tower, _ = authors_model
    vector = Vector(parity / "refact" / COVARIANCE)
    texts = [text for text in vector.input["texts"] if text]
    found = second_moments(tower, texts, vector.input["layers"], limit=60)
    wanted = vector.tensors("expected")
    worst = max(apart(found[layer], wanted[f"C.{layer}"]) for layer in vector.input["layers"])
    report("cov", C=worst)
    assert worst < 2e-6


@pytest.mark.parametrize("name", facts())
def test_facts_are_written_as_the_authors_write_them(parity, tower64, project64, eye64, name):
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
        target = goal_of(vector, request, tower64, layer, project64, eye64, method)
        steps: list[Step] = []
        shift = search(tower64, layer, weight, prompts, target, method, steps.append)
        contexts = prompts.keys[[templates.index(template) for template in method.templates]]
        u = direction(contexts, moment_factor(moment) if method.moment else None)
        own = templates.index(request["prompt"].replace(subject, "{}"))
        made = rank_one(tower64, layer, weight, prompts, own, u, shift)
        weight = weight + torch.outer(made.v, made.u)
        found = {"u": made.u, "v": made.v, "target": made.target, "delta": shift}
        if steps:
            found["delta_before_step"] = torch.stack([step.shift for step in steps])
            found["grad"] = torch.stack([step.gradient for step in steps])
            found["nll"] = torch.stack([step.terms.likelihood for step in steps])
            found["kl"] = torch.stack([step.terms.drift for step in steps])
            found["wd"] = torch.stack([step.terms.penalty for step in steps])
            found["loss"] = torch.stack([step.terms.loss for step in steps])
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
    to_features = features(str(parity / "models" / "tiny-clip" / "model.safetensors"), 32)
    pooled = torch.randn(3, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(to_features(pooled), project64(pooled), rtol=0, atol=0)
