"""Concept Ablation against the authors' own numbers; `pytest tests/parity -rP` prints the differences per vector."""

import copy
from contextlib import nullcontext
from functools import partial

import pytest
import torch

from iceb.methods.ablation.augmentation import View, place_image, view
from iceb.methods.ablation.groups import group_names
from iceb.methods.ablation.objective import Batch, detach_start_token, masked_error, objective
from iceb.methods.ablation.prompts import replace_name, style_prompt, trait_prompt
from iceb.methods.common.denoiser import Condition, without_gradients
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.common.training import TrainedParameters, clip_gradients
from tests.parity.conftest import Vector, apart, vectors

CANVAS, FACTOR = 64, 4  # of the augmentation vectors


def report(name: str, **differences: float) -> None:
    """Shown by pytest -rP."""
    print(name, " ".join(f"{key} {value:.1e}" for key, value in differences.items()))


class Replayed:
    """The authors' draws in their order; asking for another one fails."""

    def __init__(self, draws) -> None:
        self.draws = iter(draws)

    def _next(self, *asked):
        *wanted, _, drawn = next(self.draws)
        assert [*asked] == wanted
        return drawn

    def uniform(self):
        return self._next("uniform")

    def randint(self, low, high):
        return self._next("randint", low, high)

    def choice(self, options):
        return self._next("choice", list(options))

    def over(self) -> bool:
        return next(self.draws, None) is None


# --- prompts


def prompt_of(row, variant: str, rng: Replayed) -> str:
    """A target's prompt as the method makes it, before the view's prefix."""
    anchor_prompt, target = row["anchor_prompt"], row["caption_target"].split(";")
    target = target[row.get("index", 0) % len(target)]
    kind = row["kind"]
    if kind == "nudity":
        return trait_prompt(anchor_prompt, target, rng)
    if "style" in kind:
        return style_prompt(anchor_prompt, target, variant, rng)
    if kind == "memorization":
        return target.split("+")[1]
    return replace_name(anchor_prompt, *target.split("+"), variant)


def test_prompts_match_the_authors_to_the_letter(parity):
    rows = Vector(parity / "ablation" / "prompts").input["pairs"]
    for row in rows:
        variant = "compvis" if row["kind"].startswith("compvis") else "diffusers"
        rng = Replayed(row["draws"])
        found = prompt_of(row, variant, rng)
        seen = view(rng, CANVAS, variant, row.get("aug", False))
        assert seen.prefix + found == row["prompt"], row
        assert rng.over()
    report("prompts", rows=len(rows), mismatches=0)


# --- augmentation


@pytest.mark.parametrize("name", ["augmentation", "augmentation_compvis"])
def test_images_and_masks_match_the_authors(parity, name):
    vector = Vector(parity / "ablation" / name)
    wanted, images = vector.tensors("expected"), vector.tensors("draws")["images_uint8"].numpy()
    variant, worst = ("compvis" if "compvis" in name else "diffusers"), 0.0
    for index, row in enumerate(vector.input["rows"]):
        plain = row.get("noaug", False)
        draws = row["draws"][1:] if plain else row["draws"]  # the first one belongs to the prompt
        seen: View = view(Replayed(draws), CANVAS, variant, not plain)
        image, mask = place_image(images[row["image"]], seen, CANVAS, FACTOR, variant)
        assert torch.equal(mask[0], wanted[f"{index}.mask"]), row
        assert plain or row["prompt"].startswith(seen.prefix)
        if f"{index}.image" in wanted:
            worst = max(worst, float((image - wanted[f"{index}.image"]).abs().max()))
    report(name, image=worst)
    assert worst < 1e-6


# --- training


@pytest.fixture(scope="module")
def exact_model(authors_model):
    """The same parts in double precision: Adam divides a gradient near zero by itself, which blows up its rounding."""
    tower, denoiser = authors_model
    unet, vae = (copy.deepcopy(part).double() for part in (denoiser.unet, denoiser.vae))
    tower = TextTower(copy.deepcopy(tower.model).double(), tower.tokenizer)
    exact = copy.copy(denoiser)
    exact.unet, exact.vae, exact.dtype = unet, vae, torch.float64
    return tower, exact


class Given:
    """One training vector: its draws as batches, and what the authors' code made of them."""

    def __init__(self, vector: Vector, authors_model) -> None:
        tower, self.denoiser = authors_model
        self.encoder = tower.model
        dtype = self.denoiser.dtype
        self.draws = {
            name: value.to(dtype) if value.is_floating_point() else value
            for name, value in vector.tensors("draws").items()
        }
        self.wanted, self.input = vector.tensors("expected"), vector.input

    def context(self, ids) -> Condition:
        with torch.no_grad():
            return Condition(self.encoder(ids)[0])

    def batch(self, step: str) -> Batch[Condition]:
        draws = {name.removeprefix(step): value for name, value in self.draws.items() if name.startswith(step)}
        anchors = self.context(draws["anchor_ids"])
        return Batch(
            draws["latents"],
            draws["noise"],
            draws["timesteps"],
            draws["mask"],
            self.context(draws["input_ids"]),
            anchors,
            len(anchors.context),
        )

    def loss(self, step: str, weights, *, model_based: bool, prior_weight: float = 1.0):
        predict = partial(self.denoiser.output, weights=weights)
        return objective(predict, self.denoiser, self.batch(step), model_based=model_based, prior_weight=prior_weight)


@pytest.mark.parametrize("name", vectors("ablation/train"))
def test_losses_gradients_and_weights_follow_the_authors(parity, exact_model, name):
    given = Given(Vector(parity / "ablation" / "train" / name), exact_model)
    settings, wanted, worst = (
        given.input,
        given.wanted,
        {"loss": 0.0, "grad": 0.0, "norms": 0.0, "clip": 0.0, "dW": 0.0},
    )
    unet = given.denoiser.unet
    names = group_names(unet, settings["parameter_group"])
    assert set(names) == set(settings["trained_parameters"])
    adam = settings["adam"]
    made = partial(
        torch.optim.AdamW,
        lr=settings["learning_rate_after_scaling"],
        betas=tuple(adam["betas"]),
        eps=adam["eps"],
        weight_decay=adam["weight_decay"],
    )
    trained = TrainedParameters(unet, names, made)

    def compare(key: str, found, right) -> None:
        worst[key] = max(worst[key], apart(found, right))

    with without_gradients(unet), detach_start_token(unet):
        for step in (f"step{index}." for index in range(len(settings["steps"]))):
            loss = given.loss(
                step,
                trained.values,
                model_based=settings["loss"] == "model-based",
                prior_weight=settings["prior_loss_weight"] or 0.0,
            )
            slopes = trained.gradients(loss)
            compare("loss", loss.reshape(1), wanted[f"{step}loss"])
            norms = torch.stack([slopes[key].norm() for key in settings["trained_parameters"]])
            compare("norms", norms, wanted[f"{step}grad_norms"])
            compare("clip", norms.norm().reshape(1), wanted[f"{step}grad_clip_norm"])
            for key in (key for key in wanted if key.startswith(f"{step}grad.")):
                compare("grad", slopes[key.removeprefix(f"{step}grad.")], wanted[key])
            trained.move(clip_gradients(slopes, settings["max_grad_norm"]))
    before = trained.before
    for key in (key for key in wanted if key.startswith("after.")):
        place = key.removeprefix("after.")
        compare("dW", trained.values[place] - before[place], wanted[key] - before[place])
    report(f"train/{name}", **worst)
    moved = 2e-3 if "default-lr" in name else 5e-4
    assert worst["loss"] < 1e-5
    assert max(worst["grad"], worst["norms"], worst["clip"]) < 2e-4
    assert worst["dW"] < moved


def test_latents_are_sampled_as_the_authors_sample_them(parity, authors_model):
    name = "object_cross-attn_model-based_prior"
    given = Given(Vector(parity / "ablation" / "train" / name), authors_model)
    mean, deviation = given.denoiser.encode(given.draws["step0.pixel_values"])
    found = (mean + deviation * given.draws["step0.vae_eps"]) * given.denoiser.scaling
    report("latents", latents=apart(found, given.draws["step0.latents"]))
    assert apart(found, given.draws["step0.latents"]) < 1e-5


def test_the_start_tokens_keys_and_values_pass_no_gradient(parity, authors_model):
    given = Given(Vector(parity / "ablation" / "bos_detach"), authors_model)
    unet, worst, cases = given.denoiser.unet, 0.0, {key.rsplit(".loss", 1)[0] for key in given.wanted if ".loss" in key}
    assert len(cases) >= 6
    for case in sorted(cases):
        group, target, kind = case.split(".")
        trained = TrainedParameters(unet, group_names(unet, group), partial(torch.optim.AdamW, lr=1e-5))
        with without_gradients(unet), detach_start_token(unet) if kind == "bos_detached" else nullcontext():
            loss = given.loss("", trained.values, model_based=target == "model-based")
            slopes = trained.gradients(loss)
        worst = max(worst, apart(loss.reshape(1), given.wanted[f"{case}.loss"]))
        for key in (key for key in given.wanted if key.startswith(f"{case}.grad.")):
            worst = max(worst, apart(slopes[key.removeprefix(f"{case}.grad.")], given.wanted[key]))
    report("bos_detach", worst=worst)
    assert worst < 2e-4


def test_the_compvis_loss_weighs_its_regularisation_like_the_masked_term(parity, authors_model):
    wanted = Vector(parity / "ablation" / "compvis_loss").tensors("expected")
    worst = 0.0
    for place in sorted({key.rsplit(".", 1)[0] for key in wanted}):
        name, step = place.split(".")
        given = Given(Vector(parity / "ablation" / "train" / name), authors_model)
        batch = given.batch(f"{step}.")
        rows = torch.arange(batch.ablated)
        both = Batch(
            *(torch.cat([value[rows], value[rows]]) for value in (batch.latents, batch.noise, batch.timesteps)),
            torch.cat([batch.mask[rows], torch.ones_like(batch.mask[rows])]),
            Condition(torch.cat([batch.prompts.context[rows], batch.anchors.context])),
            batch.anchors,
            batch.ablated,
        )
        ask = partial(objective, given.denoiser.output, given.denoiser, prior_cells=True)
        with torch.no_grad():
            alone = ask(both, model_based=True, prior_weight=0.0)
            noise = ask(both, model_based=False, prior_weight=0.0)
            total = ask(both, model_based=True, prior_weight=0.2)
        kept = (total - alone) / 0.2
        for key, found in (
            ("model_based", alone),
            ("noise_based", noise),
            ("regularisation", kept),
            ("total_with_regularisation", total),
        ):
            worst = max(worst, apart(found.reshape(1), wanted[f"{place}.{key}"]))
    report("compvis_loss", loss=worst)
    assert worst < 1e-5


def test_a_masked_error_counts_only_what_the_mask_holds():
    found, mask = torch.zeros(2, 4, 2, 2), torch.zeros(2, 1, 2, 2)
    mask[:, :, 0, 0] = 1
    wanted = found.clone()
    wanted[:, :, 0, 0], wanted[:, :, 1, 1] = 3.0, 100.0
    assert float(masked_error(found, wanted, mask)) == 4 * 9  # four channels over a mask of one
