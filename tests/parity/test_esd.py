"""ESD against the authors' own numbers; `pytest tests/parity/test_esd.py -rP` prints the difference per vector."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from safetensors.torch import load_file

from iceb.methods.common.denoiser import without_gradients
from iceb.methods.common.training import TrainedParameters, in_dtype
from iceb.methods.esd.editing import adam, sample_maker_of
from iceb.methods.esd.groups import trained_names
from iceb.methods.esd.settings import Settings, known_group
from iceb.methods.esd.training_samples import target_of
from iceb.methods.esd.training_steps import TrainingStep, levels_2023, levels_2024, timestep
from iceb.models.bundle import ModelBundle
from iceb.models.families import FAMILIES
from tests.memory import Memory
from tests.parity.conftest import PARITY, Vector, apart, vectors

SD = PARITY / "models" / "tiny-sd"
SDXL = PARITY / "esd" / "models" / "tiny-sdxl"
FAMILIES_OF_CODE = {"esd_2023": "2023", "esd_alt2024": "2024", "esd_sd": "2025", "esd_sdxl": "2025"}
NAMES = [f"{group}/{name}" for group in FAMILIES_OF_CODE for name in vectors(f"esd/{group}")]
HALF = [name for name in NAMES if name.endswith("bf16")] or [""]
FULL = [name for name in NAMES if not name.endswith("bf16")]


def report(name, **differences):
    print(name, " ".join(f"{key} {value:.1e}" for key, value in differences.items()))


def parts(folder):
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    return {
        "tokenizer": CLIPTokenizer.from_pretrained(SD / "tokenizer"),
        "text_encoder": CLIPTextModel.from_pretrained(SD / "text_encoder", dtype=torch.float32).eval(),
        "vae": AutoencoderKL.from_pretrained(SD / "vae").eval(),
        "unet": UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32).eval(),
    }


@cache
def sd():
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    rest = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    scheduler = PNDMScheduler.from_pretrained(SD / "scheduler")
    return ModelBundle.of_pipeline(StableDiffusionPipeline(**parts(SD), scheduler=scheduler, **rest), FAMILIES["sd14"])


@cache
def sdxl():
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

    made = parts(SDXL)
    second = CLIPTextModelWithProjection(CLIPTextConfig.from_pretrained(SDXL / "text_encoder_2")).eval()
    weights = load_file(SDXL / "text_encoder_2" / "model.safetensors")
    missing, unexpected = second.load_state_dict({key: value.float() for key, value in weights.items()}, strict=False)
    assert [name for name in missing if "token_embedding" not in name and "position_ids" not in name] == []
    assert unexpected == [] or set(unexpected) == {"text_model.embeddings.position_ids"}
    first = made["text_encoder"]
    second.get_input_embeddings().weight.data = first.get_input_embeddings().weight.data
    pipeline = StableDiffusionXLPipeline(
        **made,
        text_encoder_2=second,
        tokenizer_2=CLIPTokenizer.from_pretrained(SD / "tokenizer", pad_token="!"),
        scheduler=EulerDiscreteScheduler.from_pretrained(SDXL / "scheduler"),
        add_watermarker=False,
    )
    return ModelBundle.of_pipeline(pipeline, FAMILIES["sdxl"])


def vector_of(name):
    return Vector(PARITY / "esd" / name)


def settings_of(name, given) -> Settings:
    variant = FAMILIES_OF_CODE[name.partition("/")[0]]
    origin = given.get("erase_from") or ""
    return Settings(
        variant=variant,
        group=known_group(given["method"], variant),
        iterations=len(given["iterations"]),
        several="drawn",
        rate=given["lr"],
        negative_guidance=given["negative_guidance"],
        guidance=given.get("guidance_scale", given.get("start_guidance")),
        sampling_steps=given.get("num_inference_steps", given.get("num_sampling_steps", given.get("ddim_steps"))),
        precision="bfloat16" if given.get("dtype") == "bf16" else "float32",
        erase_from="" if origin == given.get("erase_concept") else origin,
        batch=given.get("batch", 1),
    )


def job_of(settings, given, drawn) -> tuple[TrainingStep, str]:
    """(the draws of an iteration, the text it erases from)."""
    if settings.variant == "2023":
        width = 1000 // settings.sampling_steps
        return TrainingStep(drawn["word"], drawn["t_enc"], 0, drawn["t"] - width * drawn["t_enc"]), ""
    if settings.variant == "2024":
        names, origins = ([part.strip() for part in given[key].split(",")] for key in ("erase_concept", "erase_from"))
        place = drawn["concept_index"]
        return TrainingStep(names[place], drawn["k"], 0), "" if origins[place] == names[place] else origins[place]
    return TrainingStep(given["erase_concept"], drawn["step_index"], drawn["seed"]), settings.erase_from


class Worst(dict):
    """The largest relative difference under each name."""

    def add(self, **found):
        for name, value in found.items():
            self[name] = max(self.get(name, 0.0), value)


def replayed_samples(name, settings, given, draws, trained):
    """(lesson, denoiser) of every iteration, made when asked for."""
    bundle = sdxl() if "sdxl" in name else sd()
    drawn = [job_of(settings, given, each) for each in given["iterations"]]
    if settings.variant == "2025":  # all in one batch, and from their seeds alone
        sample_maker = sample_maker_of(bundle, settings)
        for sample in sample_maker.of_base([job for job, _ in drawn], Memory(), {}, map):
            yield sample, sample_maker.denoiser
        return
    for step, (job, origin) in enumerate(drawn):
        start = draws[f"it{step}.initial_latents"]
        sample_maker = sample_maker_of(
            bundle, replace(settings, erase_from=origin), noise=lambda job, start=start: start
        )
        yield sample_maker.of_student(job, trained.values), sample_maker.denoiser


def update(trained, wanted):
    """Relative difference of the stored parameters' change over the whole training."""
    stored = [name for name in trained.before if f"after.{name}" in wanted]
    moved = [(trained.values[name].detach() - trained.before[name]).flatten() for name in stored]
    return apart(torch.cat(moved), torch.cat([(wanted[f"after.{n}"] - trained.before[n]).flatten() for n in stored]))


@pytest.mark.parametrize("name", FULL)
def test_training_matches_the_authors(parity, name):
    vector = vector_of(name)
    given, draws, wanted = vector.input, vector.tensors("draws"), vector.tensors("expected")
    settings, unet = settings_of(name, given), (sdxl() if "sdxl" in name else sd()).pipeline.unet
    names = trained_names(unet, settings.group, settings.variant, "sdxl" in name)
    assert set(names) == set(given["trained_parameters"])
    trained, worst = TrainedParameters(unet, names, adam(settings)), Worst()
    with without_gradients(unet):
        for step, (sample, denoiser) in enumerate(replayed_samples(name, settings, given, draws, trained)):
            loss = sample.loss(denoiser, trained.values)
            slopes = trained.gradients(loss)
            trained.move(slopes)
            worst.add(xt=apart(sample.noised, draws[f"it{step}.xt"]))
            worst.add(target=apart(sample.target, wanted[f"it{step}.target"]))
            worst.add(loss=apart(loss[None], wanted[f"it{step}.loss"]))
            for key in slopes.keys() & {key.partition(".grad.")[2] for key in wanted if key.startswith(f"it{step}.")}:
                worst.add(grad=apart(slopes[key], wanted[f"it{step}.grad.{key}"]))
    worst.add(dW=update(trained, wanted))
    report(f"esd/{name}", **worst)
    bounds = {"xt": 1e-5, "target": 1e-5, "loss": 1e-5, "grad": 5e-5, "dW": 5e-4}
    assert worst.keys() == bounds.keys()
    assert {key: off for key, off in worst.items() if off >= bounds[key]} == {}


@pytest.mark.parametrize("name", [name for name in NAMES if "2023" in name or "2024" in name])
def test_noise_levels_and_timesteps_match_the_authors(parity, name):
    given = vector_of(name).input
    settings = settings_of(name, given)
    for drawn in given["iterations"]:
        job, _ = job_of(settings, given, drawn)
        if settings.variant == "2023":
            levels = levels_2023(job.sampled_to, settings.sampling_steps)
            found = (levels[0], levels[-2], levels[-1], len(levels) - 1, timestep(job, settings))
            assert found == tuple(drawn[key] for key in ("first_t", "last_t", "level_of_xt", "steps", "t"))
        else:
            assert levels_2024(job.sampled_to, settings.sampling_steps)[:-1] == drawn["sampling_timesteps"]
            assert timestep(job, settings) == drawn["t_given_to_unet"]


@pytest.mark.parametrize("name", HALF)
def test_half_precision_matches_where_results_are_exact(parity, name):
    vector = vector_of(name)
    given, draws, wanted = vector.input, vector.tensors("draws"), vector.tensors("expected")
    settings = settings_of(name, given)
    scheduler = sample_maker_of(sdxl() if "sdxl" in name else sd(), replace(settings, precision="float32")).scheduler()
    scheduler.set_timesteps(settings.sampling_steps)
    for step, drawn in enumerate(given["iterations"]):
        job, _ = job_of(settings, given, drawn)
        start = job.noise(settings.batch, (4, 8, 8)).bfloat16() * scheduler.init_noise_sigma
        assert torch.equal(start.float(), draws[f"it{step}.initial_latents"])
        half = {key: wanted[f"it{step}.{key}"].bfloat16() for key in ("eps_erase", "eps_null", "eps_student")}
        origin = wanted[f"it{step}.eps_from"].bfloat16() if settings.erase_from else None
        target = target_of(settings.variant, half["eps_erase"], half["eps_null"], origin, settings.negative_guidance)
        assert torch.equal(target.float(), wanted[f"it{step}.target"])
        loss = torch.nn.functional.mse_loss(half["eps_student"], target)
        assert loss.dtype == torch.bfloat16
        assert apart(loss[None], wanted[f"it{step}.loss"]) < 4e-3


@pytest.mark.parametrize("name", HALF)
def test_adam_in_half_precision_matches_the_authors_bit_for_bit(parity, name):
    vector = vector_of(name)
    given, wanted = vector.input, vector.tensors("expected")
    settings, count = settings_of(name, given), len(given["iterations"])
    unet = (sdxl() if "sdxl" in name else sd()).pipeline.unet
    half = in_dtype(unet, torch.bfloat16)
    known = [key for key in given["named_parameters"] if all(f"it{i}.grad.{key}" in wanted for i in range(count))]
    if not known:
        pytest.skip("this vector has no gradient of every step")
    trained = TrainedParameters(half, known, adam(settings))
    for step in range(count):
        trained.move({key: wanted[f"it{step}.grad.{key}"].bfloat16() for key in known})
    wrong = {key for key in known if not torch.equal(trained.values[key].float(), wanted[f"after.{key}"])}
    assert wrong == set()
