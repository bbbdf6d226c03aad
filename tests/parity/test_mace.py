"""MACE against the authors' own numbers; `pytest tests/parity -rP` prints the relative difference per vector."""

import copy

import ftfy
import pytest
import torch

from iceb.methods.common.attention.state_moments import total
from iceb.methods.common.denoiser import Condition
from iceb.methods.mace.closed_forms import ConceptTerms, fusion, prompt_moment, refinement, refinement_moments
from iceb.methods.mace.lora import Lora, watch_attention
from iceb.methods.mace.loss import Optimiser, StepBatch, measure_attention, normalise_images, timestep_weights
from iceb.methods.mace.prompt_states import PromptStates
from iceb.methods.mace.rows import concept_columns, paired_rows
from tests.parity.conftest import Vector, apart, vectors

POSITIONS = 77


def report(name: str, **differences: float) -> None:
    """Shown by pytest -rP."""
    print(name, " ".join(f"{key} {value:.1e}" for key, value in differences.items()))


# --- token rows


def test_rows_are_paired_as_the_authors_pair_them(parity, authors_model):
    tokenizer, compared = authors_model[0].tokenizer, 0
    for pair in Vector(parity / "mace" / "token_rows").input["pairs"]:
        if "error" in pair:  # their code fails beyond 77 tokens; ours cuts the prompt, as drawing does
            continue
        source, dest = (tokenizer(pair[key])["input_ids"] for key in ("concept_prompt", "mapping_prompt"))
        assert paired_rows(source, dest, POSITIONS) == (pair["old_rows"], pair["new_rows"]), pair["concept_prompt"]
        compared += 1
    assert compared == 18


# --- stage 2


class Stage2:
    """One vector of stage 2: the refined denoiser, the concept's terms and what each step is given."""

    def __init__(self, vector: Vector, authors_model) -> None:
        tower, denoiser = authors_model
        self.encoder, self.tokenizer = tower.model, tower.tokenizer
        self.given, self.wanted, self.input = vector.tensors("draws"), vector.tensors("expected"), vector.input
        unet = copy.deepcopy(denoiser.unet)
        unet.load_state_dict(self.starting("unet_start."), strict=False)
        self.denoiser = copy.copy(denoiser)
        self.denoiser.unet = unet

    def starting(self, prefix: str) -> dict[str, torch.Tensor]:
        return {name.removeprefix(prefix): value for name, value in self.given.items() if name.startswith(prefix)}

    def loras(self) -> dict[str, Lora]:
        start = self.starting("lora_init.")
        names = [name.removesuffix("_lora.down.weight") for name in start if name.endswith("down.weight")]
        return {
            name: Lora(*(start[f"{name}_lora.{part}.weight"][None].clone() for part in ("down", "up")))
            for name in sorted(names)
        }

    def step_batch(self, step: int) -> StepBatch:
        ids = self.given[f"step{step}.input_ids"][None]
        image = self.given["images_uint8"][self.input["steps"][step]["image"]][None]
        mean, deviation = self.denoiser.encode(normalise_images(image))
        clean = (mean + deviation * self.given[f"step{step}.vae_eps"]) * self.denoiser.scaling
        self.latents = clean
        timesteps = self.given[f"step{step}.timesteps"]
        noised = self.denoiser.add_noise(clean, self.given[f"step{step}.noise"], timesteps)
        with torch.no_grad():
            context = self.encoder(ids)[0]
        return StepBatch(
            noised, timesteps, Condition(context), self.columns(ids[0].tolist()), self.given.get(f"step{step}.mask")
        )

    def columns(self, ids) -> torch.Tensor:
        name = self.input["concept"][0].replace("-", " ")
        concept = self.tokenizer(name, add_special_tokens=False)["input_ids"]
        end = ids.index(self.tokenizer.eos_token_id)
        return torch.tensor([concept_columns(ids, concept, end, self.input["config"]["use_pooler"])])

    def worst(self, pattern: str, found: dict[str, torch.Tensor]) -> float:
        """The largest relative difference of the tensors that the vector calls pattern.format(name)."""
        return max(apart(value, self.wanted[pattern.format(name)]) for name, value in found.items())


def by_authors_name(loras, take) -> dict[str, torch.Tensor]:
    pairs = [(name, lora, part) for name, lora in loras.items() for part in ("down", "up")]
    return {f"{name}_lora.{part}.weight": take(getattr(lora, part))[0] for name, lora, part in pairs}


def gradients(loras) -> dict[str, torch.Tensor]:
    found = by_authors_name(loras, lambda tensor: tensor if tensor.grad is None else tensor.grad)
    has = by_authors_name(loras, lambda tensor: torch.tensor([tensor.grad is not None and bool(tensor.grad.any())]))
    return {name: value for name, value in found.items() if has[name]}


@pytest.mark.parametrize("name", vectors("mace/stage2_lora"))
def test_terms_are_trained_as_the_authors_train_them(name, parity, authors_model):
    bench = Stage2(Vector(parity / "mace" / "stage2_lora" / name), authors_model)
    loras, worst = bench.loras(), dict.fromkeys(("latents", "norms", "loss", "gradient", "up"), 0.0)
    start, rate = bench.starting("lora_init."), bench.input["config"]["learning_rate"]
    optimiser = Optimiser(loras, rate)
    bench.denoiser.unet.requires_grad_(False)
    for step, recorded in enumerate(bench.input["steps"]):
        shown = bench.step_batch(step)
        assert shown.columns[0].tolist() == bench.wanted[f"step{step}.concept_positions"].bool().tolist()
        with watch_attention(bench.denoiser.unet) as watched:
            norms = measure_attention(bench.denoiser, watched, loras, shown)
        optimiser.adam.zero_grad()
        norms.loss.sum().backward(retain_graph=True)
        found = gradients(loras)
        assert not set(recorded["no_grad"]) & set(found)
        total = optimiser.step(norms.loss)
        after = by_authors_name(loras, lambda tensor: tensor)
        moved = {part: value - start[part] for part, value in after.items() if part.endswith("up.weight")}
        wanted = {part: bench.wanted[f"step{step}.after.{part}"] - start[part] for part in moved}
        differences = {
            "latents": apart(bench.latents, bench.wanted[f"step{step}.latents"]),
            "norms": bench.worst(f"step{step}.layer_norm.{{}}", norms.found),
            "loss": apart(norms.loss, bench.wanted[f"step{step}.loss"]),
            "gradient": max(
                bench.worst(f"step{step}.grad.{{}}", found), apart(total, bench.wanted[f"step{step}.grad_total_norm"])
            ),
            "up": max(apart(moved[part], wanted[part]) for part in moved if wanted[part].any()),
        }
        worst = {key: max(worst[key], value) for key, value in differences.items()}
        down = {part: value for part, value in after.items() if part.endswith("down.weight")}
        for part, value in down.items():
            assert torch.allclose(value, bench.wanted[f"step{step}.after.{part}"], rtol=1e-6, atol=1e-6), part
    report(f"stage2_lora/{name}", **worst)
    assert worst["latents"] < 1e-5 and worst["norms"] < 1e-5 and worst["loss"] < 1e-5  # noqa: PT018
    assert worst["gradient"] < 2e-4
    assert worst["up"] < 1e-4


def test_timesteps_are_drawn_as_the_authors_draw_them(parity):
    wanted = Vector(parity / "mace" / "stage2_lora" / "object_mask_importance").tensors("expected")["t_probabilities"]
    assert apart(timestep_weights(1000, important=True), wanted) < 1e-12


# --- closed forms, in float64 as the target is


@pytest.fixture(scope="module")
def reads(authors_model):
    """Reads prompts in float64."""
    tower, _ = authors_model
    encoder, tokenizer = copy.deepcopy(tower.model).double(), tower.tokenizer

    @torch.no_grad()
    def read(texts) -> PromptStates:
        # their slow tokenizer made typographic quotes plain
        found = tokenizer(
            [ftfy.fix_text(text) for text in texts], padding="max_length", truncation=True, max_length=POSITIONS
        )
        ids = tuple(map(tuple, found["input_ids"]))
        states = [encoder(part)[0] for part in torch.tensor(ids).split(32)]
        return PromptStates(ids, tuple(sum(mask) - 1 for mask in found["attention_mask"]), Condition(torch.cat(states)))

    return read


@pytest.fixture(scope="module")
def caches(parity, reads):
    """Name of a caption cache → its sum of c cᵀ, made of its captions."""

    def load_moment(name: str) -> torch.Tensor:
        moment = prompt_moment(reads(Vector(parity / "mace" / name).input["captions"]))
        assert apart(moment, Vector(parity / "mace" / name).tensors("expected_fp64")["mat2"]) < 1e-12
        return moment

    return {name: load_moment(name) for name in ("cache_prior", "cache_domain")}


def preserved_moment(config, caches) -> torch.Tensor:
    moment = torch.zeros_like(caches["cache_prior"])
    if config["prior_cache"]:
        moment += caches[config["prior_cache"]]
    if config["domain_cache"]:
        moment += config["preserve_weight"] * caches[config["domain_cache"]]
    return moment


@pytest.mark.parametrize("name", vectors("mace/stage1_cfr"))
def test_refinement_matches_the_authors(name, parity, authors_model, reads, caches):
    vector = Vector(parity / "mace" / "stage1_cfr" / name)
    config, unet = vector.input["config"], authors_model[1].unet
    parts = (
        refinement_moments(reads(each["old"]), reads(each["new"]), config["all_words"])
        for each in vector.input["prompts"]
    )
    M = refinement(total(parts), preserved_moment(config, caches), config["lamb"], config["train_preserve_scale"])
    wanted = vector.tensors("expected_fp64")
    assert len(wanted) == 8
    W = {part: unet.get_parameter(part).double() for part in wanted}
    worst = max(apart(W[part] @ M, wanted[part]) for part in wanted)
    moved = max(apart(W[part] @ M - W[part], wanted[part] - W[part]) for part in wanted)
    report(f"stage1_cfr/{name}", W=worst, dW=moved)
    assert worst < 1e-8


def trained_terms(vector: Vector, which: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    draws, prefix = vector.tensors("draws"), f"lora{which}."
    names = [name for name in draws if name.startswith(prefix) and name.endswith("_lora.down.weight")]
    stems = [name.removeprefix(prefix).removesuffix("_lora.down.weight") for name in names]
    return {
        f"{stem}.weight": (draws[f"{prefix}{stem}_lora.down.weight"], draws[f"{prefix}{stem}_lora.up.weight"])
        for stem in stems
    }


@pytest.mark.parametrize("name", vectors("mace/stage3_fusion"))
def test_fusion_matches_the_authors(name, parity, authors_model, reads, caches):
    vector = Vector(parity / "mace" / "stage3_fusion" / name)
    config, unet, wanted = vector.input["config"], authors_model[1].unet, vector.tensors("expected_fp64")
    refined = {part: vector.tensors("draws")[f"unet_start.{part}"] for part in wanted}
    concepts = [
        ConceptTerms(trained_terms(vector, which), prompt_moment(reads(each["old"])))
        for which, each in enumerate(vector.input["prompts"])
    ]
    assert all(len(concept.terms) == 8 for concept in concepts)
    original = {part: unet.get_parameter(part) for part in wanted}
    found = fusion(
        original, refined, concepts, preserved_moment(config, caches), config["lamb"], config["fuse_preserve_scale"]
    )
    change = {part: (wanted[part] - refined[part]).norm() / refined[part].norm() for part in wanted}
    # a term that got no gradient changes nothing, and their float32 fusing leaves only rounding of it
    assert all(apart(found[part], wanted[part]) < 1e-6 for part in wanted if change[part] < 1e-6)
    moved = [part for part in wanted if change[part] >= 1e-6]
    worst = max(apart(found[part] - refined[part], wanted[part] - refined[part]) for part in moved)
    report(f"stage3_fusion/{name}", dW=worst, W=max(apart(found[part], wanted[part]) for part in wanted))
    assert worst < 5e-6
