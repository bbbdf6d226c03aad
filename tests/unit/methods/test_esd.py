"""ESD: its targets, its draws, its groups, and a whole edit on tiny pipelines."""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from iceb.base.errors import IcebError, MethodError, ModelError
from iceb.base.progress import watching
from iceb.baselines.recipes import shipped_recipe
from iceb.methods.common.training import TrainedParameters
from iceb.methods.esd import ESD
from iceb.methods.esd.editing import sample_maker_of
from iceb.methods.esd.groups import trained_names
from iceb.methods.esd.training_samples import target_of
from iceb.methods.esd.training_steps import TrainingStep, levels_2023, plan_training
from iceb.specs.execution import Execution
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from tests.memory import Memory

QUICK = ESD(iterations=3, sampling_steps=5, precision="float32", rate=1e-3)


def request(place, source):
    return EditRequest(id=f"t/{place}", source=source, dests=("dog",), templates=("a {}",), seed=place)


CAT, VAN_GOGH, TEAPOT = request(0, "tabby cat"), request(1, "Van Gogh"), request(2, "teapot")


def edit_of(bundle, requests=(CAT, VAN_GOGH), method=QUICK, scratch=None, together=None, **changes):
    made = replace(method, **changes)
    context = MethodContext((scratch or Memory()).of(made), Execution(images_per_pass=together))
    return made.edit(bundle, requests, context=context)


def largest_gap(one, other):
    return max(float((one.weights[name] - other.weights[name]).abs().max()) for name in one.weights)


# --- the objective


def test_the_target_lies_beyond_the_empty_prompt_away_from_the_concept():
    named, nothing, origin = torch.tensor([3.0]), torch.tensor([1.0]), torch.tensor([10.0])
    assert target_of("2023", named, nothing, None, 1.0) == 1.0 - (3.0 - 1.0)
    assert target_of("2024", named, nothing, origin, 2.0) == 10.0 - 2 * (3.0 - 1.0)
    assert target_of("2025", named, nothing, None, 1.0) == nothing


def test_eta_2_of_2025_is_eta_1_of_the_paper():
    named, nothing = torch.randn(2, 7)
    assert torch.allclose(target_of("2025", named, nothing, None, 2.0), target_of("2023", named, nothing, None, 1.0))


@pytest.mark.parametrize(("index", "last", "steps"), [(49, 941, 1), (2, 1, 48), (1, 0, 49), (0, 0, 49)])
def test_the_sampling_of_2023_ends_where_the_papers_code_ends(index, last, steps):
    levels = levels_2023(index, 50)
    assert (levels[-1], len(levels) - 1) == (last, steps)


def test_the_sampling_of_2023_takes_25_steps_on_average():
    assert sum(len(levels_2023(index, 50)) - 1 for index in range(50)) / 50 == pytest.approx(25.48)


def test_the_edited_model_is_nearer_to_the_target(tiny):
    method = replace(QUICK, iterations=12)
    edit = edit_of(tiny, [CAT], method)
    settings = method.settings(tiny.family.layout == "sdxl")
    jobs = [TrainingStep(CAT.source, index, 900 + index) for index in range(5)]  # draws that training did not see
    sample_maker = sample_maker_of(tiny, settings)
    before = list(sample_maker.of_base(jobs, Memory(), {}, map))

    def loss(bundle):
        denoiser = sample_maker_of(bundle, settings).denoiser
        with torch.no_grad():
            return sum(float(sample.loss(denoiser, {})) for sample in before)

    plain = loss(tiny)
    with tiny.applied(edit) as edited:
        assert loss(edited) < plain


# --- draws


def settings_of(concepts, **changes):
    return replace(QUICK, **changes).settings(False, concepts)


def test_every_order_takes_the_total_number_of_steps():
    requests = [CAT, VAN_GOGH, TEAPOT]
    for several in ("drawn", "deck", "sequential"):
        parts = plan_training(requests, settings_of(3, several=several, total_iterations=10))
        assert sum(len(part) for part in parts) == 10


def test_a_deck_gives_every_concept_its_turn_and_sequential_a_part_of_its_own():
    requests = [CAT, VAN_GOGH, TEAPOT]
    (jobs,) = plan_training(requests, settings_of(3, several="deck"))
    assert sorted(job.source for job in jobs) == sorted([request.source for request in requests] * 3)
    parts = plan_training(requests, settings_of(3, several="sequential"))
    assert [{job.source for job in part} for part in parts] == [{request.source} for request in requests]


def test_a_concepts_draws_do_not_depend_on_other_requests():
    (alone,) = plan_training([CAT], settings_of(1))
    (together,) = plan_training([VAN_GOGH, CAT], settings_of(2, iterations=6))
    mine = [job for job in together if job.source == CAT.source]
    assert mine[: len(alone)] == alone[: len(mine)]


@pytest.mark.parametrize(("variant", "steps", "allowed"), [("2023", 5, 5), ("2024", 5, 3), ("2025", 5, 5)])
def test_draws_stay_in_their_range_and_reach_all_of_it(variant, steps, allowed):
    (jobs,) = plan_training([CAT], settings_of(1, variant=variant, sampling_steps=steps, iterations=200))
    indices = {job.sampled_to for job in jobs}
    assert len(indices) == allowed
    assert (min(indices), max(indices)) == ((1, steps - 2) if variant == "2024" else (0, steps - 1))


# --- groups


@pytest.mark.parametrize("variant", ["2023", "2024", "2025"])
def test_cross_attention_and_the_rest_share_nothing(tiny_sd, variant):
    unet = tiny_sd.pipeline.unet
    cross, rest, whole = (set(trained_names(unet, g, variant, False)) for g in ("esd-x", "esd-u", "full"))
    assert not cross & rest
    assert cross | rest <= whole
    assert (cross | rest == whole) == (variant != "2023")  # the paper's code leaves time and output layers out of it
    assert any(".norm" in name for name in rest) == (variant == "2023")


def test_the_strict_group_is_keys_and_values(tiny):
    names = trained_names(tiny.pipeline.unet, "esd-x-strict", "2025", tiny.family.layout == "sdxl")
    assert {name.split(".attn2.")[1] for name in names} == {"to_k.weight", "to_v.weight"}


def test_sdxl_spares_embeddings_and_the_outer_layers(tiny_sdxl):
    names = trained_names(tiny_sdxl.pipeline.unet, "esd-u", "2025", True)
    assert all("block" in name and "emb" not in name for name in names)


def test_a_model_without_the_group_is_refused():
    with pytest.raises(ModelError, match="no parameter of the group"):
        trained_names(nn.Sequential(nn.Linear(2, 2)), "esd-x", "2025", False)


# --- the whole edit


def test_an_edit_changes_the_groups_parameters_and_nothing_else(tiny):
    before = {name: value.clone() for name, value in tiny.parameters_named("*").items()}
    edit = edit_of(tiny)
    assert all(".attn2." in name and name.startswith("unet.") for name in edit.weights)
    for name, value in edit.weights.items():
        assert (value.shape, value.dtype) == (before[name].shape, before[name].dtype)
        assert torch.isfinite(value).all()
    assert any(not torch.equal(value, before[name]) for name, value in edit.weights.items())
    assert all(torch.equal(value, before[name]) for name, value in tiny.parameters_named("*").items())


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "2023", "group": "notime"},
        {"variant": "2024", "erase_from": "animal"},
        {"variant": "2025", "erase_from": "animal", "batch": 2, "group": "selfattn"},
        {"variant": "2025", "precision": None},
    ],
    ids=lambda changes: "-".join(str(value) for value in changes.values()),
)
def test_every_variant_edits_and_repeats_itself_bit_for_bit(tiny_sd, changes):
    one, other = edit_of(tiny_sd, **changes), edit_of(tiny_sd, **changes)
    assert largest_gap(one, other) == 0
    assert one.log["relative_change"] > 0


def test_the_order_of_requests_does_not_matter(tiny_sd):
    assert largest_gap(edit_of(tiny_sd, [CAT, VAN_GOGH]), edit_of(tiny_sd, [VAN_GOGH, CAT])) == 0


def test_how_many_are_sampled_together_changes_float_error_only(tiny_sd):
    assert largest_gap(edit_of(tiny_sd, together=1), edit_of(tiny_sd, together=16)) < 1e-5


def test_samples_come_in_the_order_of_their_steps(tiny_sd):
    sample_maker = sample_maker_of(tiny_sd, QUICK.settings(False))
    jobs = [TrainingStep(CAT.source, index, 10 + place) for place, index in enumerate([3, 0, 4, 1, 3, 2])]
    together = list(sample_maker.of_base(jobs, Memory(), {}, map))
    for job, found in zip(jobs, together, strict=True):
        (alone,) = sample_maker.of_base([job], Memory(), {}, map)
        assert torch.equal(found.time, alone.time)
        assert torch.equal(found.noised, alone.noised)


def test_samples_of_the_frozen_model_are_stored(tiny_sd):
    scratch = Memory()
    one = edit_of(tiny_sd, scratch=scratch)
    made = len(scratch.made)
    other = edit_of(tiny_sd, scratch=scratch)
    assert made > 0
    assert len(scratch.made) == made
    assert largest_gap(one, other) == 0
    edit_of(tiny_sd, scratch=scratch, negative_guidance=1.0)
    assert len(scratch.made) > made


class Raced(Memory):
    """Another process keeps other bits a moment earlier."""

    def put(self, key, array):
        super().put(key, array + 1)


def test_two_processes_go_on_with_the_same_bits(tiny_sd):
    sample_maker, jobs, scratch = (
        sample_maker_of(tiny_sd, QUICK.settings(False)),
        [TrainingStep(CAT.source, 2, 7)],
        Raced(),
    )
    (first,), (again,) = (list(sample_maker.of_base(jobs, scratch, {}, map)) for _ in range(2))
    assert torch.equal(first.noised, again.noised)
    assert torch.equal(first.target, again.target)


@pytest.mark.parametrize("several", ["drawn", "deck", "sequential"])
def test_more_concepts_find_what_fewer_left_and_get_the_same_bytes(tiny_sd, several):
    method = replace(QUICK, several=several, iterations=None, total_iterations=6)
    warm, cold = Memory(), Memory()
    edit_of(tiny_sd, [CAT], method, warm, together=5)
    assert len(warm.made) == 6
    after, fresh = (edit_of(tiny_sd, [CAT, VAN_GOGH, TEAPOT], method, scratch, together=5) for scratch in (warm, cold))
    assert largest_gap(after, fresh) == 0
    jobs = [job for part in plan_training([CAT, VAN_GOGH, TEAPOT], method.settings(False, 3)) for job in part]
    assert len(cold.made) == len(jobs) == 6
    assert len(warm.made) == 6 + sum(job.source != CAT.source for job in jobs)  # the cat's were all there


def test_a_sample_is_bit_equal_whatever_is_sampled_with_it(tiny):
    settings = QUICK.settings(tiny.family.layout == "sdxl")
    sample_maker = sample_maker_of(tiny, settings)
    jobs = [TrainingStep(source, index, 10 * index) for source in ("tabby cat", "teapot") for index in (4, 0, 2, 3)]
    together = list(sample_maker.of_base(jobs, Memory(), {}, map))
    for job, found in zip(jobs, together, strict=True):
        (alone,) = sample_maker.of_base([job], Memory(), {}, map)
        assert torch.equal(found.noised, alone.noised)
        assert torch.equal(found.target, alone.target)


def test_no_requests_give_an_empty_edit(tiny_sd):
    assert not edit_of(tiny_sd, []).weights


def test_half_precision_loses_part_of_the_update():
    torch.manual_seed(0)
    module, slopes = nn.Linear(64, 64, bias=False), [torch.randn(64, 64) for _ in range(30)]
    nn.init.normal_(module.weight, std=0.05)

    def distance_moved(dtype):
        trained = TrainedParameters(module.to(dtype), ["weight"], partial(torch.optim.Adam, lr=1e-5))
        for slope in slopes:
            trained.move({"weight": slope.to(dtype)})
        return float((trained.values["weight"].detach() - trained.before["weight"]).float().norm())

    full = distance_moved(torch.float32)
    assert distance_moved(torch.bfloat16) < 0.7 * full


# --- refusals


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "2022"},
        {"variant": "2024", "group": "esd-x-strict"},
        {"group": "notime"},
        {"group": "everything"},
        {"several": "both"},
        {"precision": "float16"},
        {"iterations": 0},
        {"rate": 0.0},
        {"variant": "2023", "sampling_steps": 7},
        {"variant": "2023", "erase_from": "art"},
    ],
)
def test_invalid_settings_are_refused(changes):
    with pytest.raises(MethodError):
        replace(QUICK, **changes)


@pytest.mark.parametrize("variant", ["2023", "2024"])
def test_sdxl_has_the_current_variant_only(tiny_sdxl, variant):
    with pytest.raises(IcebError, match="variant=2025"):
        edit_of(tiny_sdxl, variant=variant)


def test_a_size_that_is_no_whole_number_of_cells_is_refused(tiny_sd):
    with pytest.raises(MethodError, match="multiple of"):
        edit_of(tiny_sd, pixels=33)


@pytest.mark.parametrize("pixels", [64, 1024])
def test_a_size_above_the_models_own_is_refused_before_any_training(tiny_sd, pixels):
    with pytest.raises(MethodError, match=rf"pixels {pixels}: this model draws 32 and needs .* at most its own size"):
        edit_of(tiny_sd, pixels=pixels)


def test_the_sampling_of_training_latents_shows_every_step(tiny_sd):
    seen: dict[str, int] = {}

    class Seen:
        @contextmanager
        def stage(self, name, total):
            seen[f"{name} of"] = total
            yield lambda steps: seen.update({name: seen.get(name, 0) + steps})

    with watching(Seen()):
        edit_of(tiny_sd)
    name = "training latents, steps"
    assert seen[name] == seen[f"{name} of"] > 1


def test_the_authors_constants_and_names_are_known():
    settings = ESD(variant=2025, group="xattn").settings(sdxl=True)
    assert (settings.group, settings.rate, settings.negative_guidance, settings.guidance) == ("esd-x", 2e-4, 1.0, 2.0)
    assert ESD(group="noxattn").settings(sdxl=True).rate == 1e-5
    assert ESD().settings(sdxl=False, concepts=3).iterations == 600


def test_the_recipe_for_mini_trains_at_minis_own_size():
    recipe = shipped_recipe("esd", "aice")
    assert ESD(**recipe.settings("mini")).pixels == 32  # a part of a recipe stands on its [params]
    assert ESD(**recipe.settings("sd14")).pixels is None
