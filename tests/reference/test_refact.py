"""ReFACT's algebra and search on tiny encoders, and the method as the benchmark sees it."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from iceb.base.digest import digest_tensor
from iceb.base.errors import DataError, MethodError
from iceb.methods.common.least_squares import moment_factor
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.refact import ReFACT
from iceb.methods.refact.features import scores
from iceb.methods.refact.prompts import places, read
from iceb.methods.refact.rank_one import direction, rank_one
from iceb.methods.refact.search import FeatureTarget, search
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef
from tests.memory import Memory

TEMPLATES = ("{}", "a photo of {}", "{}, a portrait")
NAMES = ("golden retriever", "bee", "steam locomotive")
REQUESTS = tuple(EditRequest(f"t/{i}", name, (NAMES[i - 1],), ("{}",), i) for i, name in enumerate(NAMES))
LAYER = 1


@pytest.fixture
def tower(tiny_sd):
    import copy

    encoder = copy.deepcopy(tiny_sd.pipeline.text_encoder).double().requires_grad_(False)
    return TextTower(encoder, tiny_sd.pipeline.tokenizer)


@pytest.fixture
def captions(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("\n".join(f"a {word} on a table" for word in NAMES), encoding="utf-8")
    return str(file)


@pytest.fixture
def method(captions):
    return ReFACT(layer=1, layer_2=2, steps=4, rate=0.3, captions=captions, templates=TEMPLATES[1:])


def features_of(tower, *names):
    with torch.no_grad():
        return tower.read(tower.tokens(list(names))).pooled


def search_shift(tower, method, source="golden retriever", dest="bee", watch=None):
    weight = tower.fc2(LAYER).weight.double()
    prompts = read(tower, LAYER, source, TEMPLATES)
    target = FeatureTarget(features_of(tower, dest, source), 1, lambda x: x)
    return search(tower, LAYER, weight, prompts, target, method, watch)


# --- where and what


def test_the_last_token_is_counted_before_and_in_the_subject(tower):
    assert places(tower, "golden retriever", TEMPLATES) == [2, 5, 2]
    ids = tower.tokens(["a photo of golden retriever"]).ids[0].tolist()
    assert tower.tokenizer.decode([ids[5]]).strip() == "retriever"


def test_a_subject_that_does_not_fit_is_refused(tower):
    with pytest.raises(MethodError, match="does not fit into the encoder's 77 positions"):
        read(tower, LAYER, "very " * 100 + "long boat", TEMPLATES)


def test_a_subject_without_a_token_is_refused(tower):
    with pytest.raises(MethodError, match="has no token"):
        read(tower, LAYER, " ", TEMPLATES)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_a_text_is_nearest_to_itself(metric):
    points = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    assert scores(points, points, metric, 10.0).argmax(dim=1).tolist() == [0, 1, 2, 3]


# --- algebra


def test_the_direction_solves_with_the_second_moment():
    generator = torch.Generator().manual_seed(1)
    keys = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    other = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    C = other.T @ other / 9
    u = direction(keys, moment_factor(C))
    wanted = torch.linalg.solve(C, keys.mean(dim=0))
    torch.testing.assert_close(u, wanted / wanted.norm(), rtol=1e-9, atol=0)
    torch.testing.assert_close(direction(keys, None), keys.mean(dim=0) / keys.mean(dim=0).norm())


@pytest.mark.parametrize("own", [0, 1])
def test_afterwards_the_matrix_gives_the_target_for_the_bare_subject(tower, own):
    """W' k₀ + b = v₀ + δ, whichever prompt v₀ came from."""
    fc2 = tower.fc2(LAYER)
    weight = fc2.weight.double()
    prompts = read(tower, LAYER, "golden retriever", TEMPLATES)
    shift = torch.randn(len(weight), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    made = rank_one(tower, LAYER, weight, prompts, own, direction(prompts.keys, None), shift)
    new = weight + torch.outer(made.v, made.u)
    torch.testing.assert_close(new @ prompts.keys[own] + fc2.bias, made.target, rtol=0, atol=1e-9)
    torch.testing.assert_close(made.target, weight @ prompts.keys[0] + fc2.bias + shift, rtol=0, atol=1e-12)


# --- the search


def test_the_search_makes_the_new_text_likelier(tower, method):
    steps = []
    search_shift(tower, replace(method, steps=12), watch=steps.append)
    assert len(steps) == 11  # the last iteration only measures
    assert steps[-1].terms.probability > steps[0].terms.probability
    assert float(steps[0].terms.penalty) == 0


def test_a_probability_that_is_enough_at_the_start_changes_nothing(tower, method):
    assert not search_shift(tower, replace(method, enough=1e-6)).any()


def test_a_shift_is_never_longer_than_the_clamp(tower, method):
    start = tower.fc2(LAYER)(read(tower, LAYER, "golden retriever", TEMPLATES).keys[0])
    shift = search_shift(tower, replace(method, clamp=0.05))
    assert float(shift.norm()) == pytest.approx(0.05 * float(start.norm()), rel=1e-9)


def test_the_gradient_is_that_of_the_encoder_with_the_shift_in_its_mlp(tower, method):
    """Against the library's own forward pass, with a hook on the MLP's output as the authors have it."""
    steps, source, dest = [], "golden retriever", "bee"
    search_shift(tower, replace(method, steps=2), watch=steps.append)
    at = places(tower, source, TEMPLATES)
    shift = torch.zeros(32, dtype=torch.float64, requires_grad=True)

    def add(_module, _inputs, out):
        return out.index_put((torch.arange(3), torch.tensor(at)), shift.expand(3, -1), accumulate=True)

    hook = tower.layers[LAYER].mlp.register_forward_hook(add)
    tokens = tower.tokens([template.replace("{}", source) for template in TEMPLATES])
    pooled = tower.model(input_ids=tokens.ids, attention_mask=tokens.mask).pooler_output
    hook.remove()
    distance = torch.cdist(pooled, features_of(tower, dest, source))
    loss = -(-distance).log_softmax(dim=1)[:, 0].mean()
    loss.backward()
    assert float(steps[0].terms.likelihood) == pytest.approx(float(loss.detach()), rel=1e-9)
    torch.testing.assert_close(steps[0].gradient, shift.grad, rtol=1e-7, atol=1e-12)


# --- the method


def test_an_edit_is_one_matrix_per_encoder_and_leaves_the_model_alone(tiny, method):
    before = {name: digest_tensor(value) for name, value in tiny.parameters_named().items()}
    edit = method.edit(tiny, REQUESTS[:2], context=MethodContext(Memory()))
    assert {name: digest_tensor(value) for name, value in tiny.parameters_named().items()} == before
    assert {name.split(".")[0] for name in edit.weights} == set(tiny.family.text_encoders)
    assert len(edit.weights) == len(tiny.family.text_encoders)
    for name, weight in edit.weights.items():
        change = weight.double() - tiny.parameter(name).double()
        assert torch.linalg.matrix_rank(change, rtol=1e-4) == 2  # one each
    assert method.edit(tiny, [], context=MethodContext(Memory())) == Edit()


def test_an_edited_source_is_pooled_nearer_to_its_destination(tiny_sd, method):
    (source, dest) = (REQUESTS[0].source, REQUESTS[0].dest)

    def likelihood(bundle):
        tower = TextTower(bundle.pipeline.text_encoder, bundle.pipeline.tokenizer)
        return float(scores(features_of(tower, source), anchors, "l2", 1.0).softmax(dim=1)[0, 0])

    anchors = features_of(TextTower(tiny_sd.pipeline.text_encoder, tiny_sd.pipeline.tokenizer), dest, source)
    before = likelihood(tiny_sd)
    with tiny_sd.applied(
        replace(method, steps=12).edit(tiny_sd, REQUESTS[:1], context=MethodContext(Memory()))
    ) as edited:
        assert likelihood(edited) > before


def test_the_change_answers_to_the_mean_key_of_the_templates(tiny_sd, method, tower):
    """Without the second moment u is that key's direction; the bare subject is not among the templates."""
    edit = replace(method, moment=False).edit(tiny_sd, REQUESTS[:1], context=MethodContext(Memory()))
    ((name, weight),) = edit.weights.items()
    change = weight.double() - tiny_sd.parameter(name).double()
    mean = read(tower, LAYER, REQUESTS[0].source, method.templates).keys.mean(dim=0)
    along = change @ mean / mean.norm()
    assert float(along.norm() / change.norm()) == pytest.approx(1, abs=1e-5)


def test_facts_are_written_one_after_the_other(tiny_sd, method):
    """The second starts from the weight that the first left; moments and targets stay the clean model's."""
    both = method.edit(tiny_sd, REQUESTS[:2], context=MethodContext(Memory())).weights
    turned = method.edit(tiny_sd, REQUESTS[1::-1], context=MethodContext(Memory())).weights
    alone = [method.edit(tiny_sd, [request], context=MethodContext(Memory())).weights for request in REQUESTS[:2]]
    for name, weight in both.items():
        clean = tiny_sd.parameter(name)
        assert not torch.equal(weight, turned[name])
        assert not torch.allclose(weight - clean, alone[0][name] + alone[1][name] - 2 * clean, rtol=1e-3)


def test_facts_of_a_common_prefix_are_not_searched_again(tiny_sd, method):
    scratch, name = Memory(), "text_encoder.searches"
    assert method.edit(tiny_sd, REQUESTS[:2], context=MethodContext(scratch.of(method))).log[name] == 2
    longer = method.edit(tiny_sd, REQUESTS, context=MethodContext(scratch.of(method)))
    assert longer.log[name] == 1
    fresh = method.edit(tiny_sd, REQUESTS, context=MethodContext(Memory()))
    assert all(torch.equal(longer.weights[key], fresh.weights[key]) for key in fresh.weights)
    for other in (replace(method, rate=0.2), replace(method, metric="cosine"), replace(method, layer=0)):
        assert other.edit(tiny_sd, REQUESTS[:1], context=MethodContext(scratch.of(other))).log[name] == 1


def test_a_projection_changes_the_compared_features(tiny_sd, method, tmp_path):
    file = tmp_path / "clip.safetensors"
    weight = torch.randn(8, 32, generator=torch.Generator().manual_seed(3))
    save_file({"text_projection.weight": weight}, file)
    plain, projected = (
        made.edit(tiny_sd, REQUESTS[:1], context=MethodContext(Memory())).weights
        for made in (method, replace(method, projection=str(file)))
    )
    assert all(not torch.equal(plain[name], projected[name]) for name in plain)


def test_a_file_without_a_projection_is_refused_before_any_model_is_loaded(method, tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2, 2)}, file)
    ref = ModelRef("sd14", "somebody/sd", "1" * 40)
    with pytest.raises(DataError, match="has no 'text_projection"):
        replace(method, projection=str(file)).check(ref)
    with pytest.raises(DataError, match="cannot be read"):
        replace(method, projection=str(tmp_path / "none.safetensors")).check(ref)
    with pytest.raises(MethodError, match="refact needs a caption corpus"):
        replace(method, captions=None).check(ref)


def test_a_layer_that_is_not_there_is_refused(tiny_sd, method):
    with pytest.raises(MethodError, match="text_encoder can be edited in layers 0 to 3"):
        replace(method, layer=4).edit(tiny_sd, REQUESTS[:1], context=MethodContext(Memory()))


def test_several_destinations_are_refused(tiny_sd, method):
    wide = EditRequest("t/9", "dog", ("bee", "cat"), ("{}",), 1)
    with pytest.raises(MethodError, match="t/9 has 2 destinations"):
        method.edit(tiny_sd, [wide], context=MethodContext(Memory()))


@pytest.mark.parametrize(
    "wrong",
    [{"metric": "dot"}, {"steps": 0}, {"rate": 0.0}, {"clamp": 0.0}, {"templates": ("a",)}, {"caption_tokens": 1}],
)
def test_invalid_settings_are_refused(wrong):
    with pytest.raises(MethodError, match=f"refact {next(iter(wrong))}"):
        ReFACT(**wrong)
