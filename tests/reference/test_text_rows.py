"""The two reference rows on the text encoder, against plain transcriptions of what they say."""

import copy
import itertools
from dataclasses import replace

import pytest
import torch

from iceb.base.digest import digest_tensor
from iceb.base.errors import MethodError
from iceb.methods.embedding_swap import EmbeddingSwap, shares
from iceb.methods.finetune import Finetune
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest

TEMPLATES = ("An image of {}", "{}")
TABLE = "text_encoder.*token_embedding.weight"


def request(source, *dests, number=0):
    return EditRequest(f"t/{number}", source, dests, TEMPLATES, seed=1)


def ids(bundle, text):
    return bundle.pipeline.tokenizer(text).input_ids[1:-1]


def digests(bundle):
    return {name: digest_tensor(value) for name, value in bundle.parameters_named().items()}


@pytest.mark.parametrize("method", [EmbeddingSwap(), Finetune(steps=1)])
def test_no_requests_are_no_edit_and_a_model_is_left_alone(tiny, method):
    before = digests(tiny)
    assert method.edit(tiny, [], context=MethodContext(None)) == Edit()
    edit = method.edit(tiny, [request("lemon", "golden bee")], context=MethodContext(None))
    assert digests(tiny) == before
    assert {name.split(".")[0] for name in edit.weights} == set(tiny.family.text_encoders)
    assert all(torch.isfinite(tensor).all() for tensor in edit.weights.values())
    with tiny.applied(edit):
        pass


@pytest.mark.parametrize("method", [EmbeddingSwap(), Finetune(steps=1)])
def test_several_destinations_are_refused(tiny_sd, method):
    with pytest.raises(MethodError, match="t/0 has 2 destinations"):
        method.edit(tiny_sd, [request("lemon", "bee", "dog")], context=MethodContext(None))


# --- embedding_swap


@pytest.mark.parametrize("sources", range(1, 7))
@pytest.mark.parametrize("dests", range(1, 7))
def test_every_destination_token_is_given_to_a_source_token_in_order(sources, dests):
    found = list(shares(sources, dests))
    assert len(found) == sources
    assert found[0][0] == 0
    assert found[-1][1] == dests
    for (_, stop), (start, _) in itertools.pairwise(found):
        assert start <= stop


def test_names_of_one_length_are_swapped_token_by_token(tiny):
    edit = EmbeddingSwap().edit(tiny, [request("golden lemon", "red bee")], context=MethodContext(None))
    for name, table in tiny.parameters_named("text_encoder*token_embedding.weight").items():
        source, dest = ids(tiny, "golden lemon"), ids(tiny, "red bee")
        assert len(source) == len(dest) == 2
        expected = table.clone()
        expected[source] = table[dest]
        assert torch.equal(edit.weights[name], expected)


def test_an_edited_source_is_read_as_the_destination(tiny_sd):
    """With as many tokens on both sides the encoder cannot tell them apart."""
    edit = EmbeddingSwap().edit(tiny_sd, [request("lemon", "bee")], context=MethodContext(None))
    tokenizer = tiny_sd.pipeline.tokenizer
    dest = tiny_sd.pipeline.text_encoder(**tokenizer("a photo of a bee", return_tensors="pt")).last_hidden_state
    with tiny_sd.applied(edit) as edited:
        read = edited.pipeline.text_encoder(**tokenizer("a photo of a lemon", return_tensors="pt")).last_hidden_state
    torch.testing.assert_close(read, dest, rtol=0, atol=0)


def test_more_tokens_are_shared_out_and_fewer_repeated(tiny_sd):
    ((name, table),) = tiny_sd.parameters_named(TABLE).items()
    longer = EmbeddingSwap().edit(tiny_sd, [request("lemon", "red bee")], context=MethodContext(None)).weights[name]
    torch.testing.assert_close(longer[ids(tiny_sd, "lemon")[0]], table[ids(tiny_sd, "red bee")].mean(dim=0))
    shorter = EmbeddingSwap().edit(tiny_sd, [request("red bee", "lemon")], context=MethodContext(None)).weights[name]
    assert torch.equal(shorter[ids(tiny_sd, "red bee")], table[ids(tiny_sd, "lemon") * 2])


def test_order_does_not_matter_and_a_shared_token_gets_the_mean(tiny_sd):
    asked = [request("red bee", "golden dog"), request("red lemon", "steam dog", number=1)]
    ((name, table),) = tiny_sd.parameters_named(TABLE).items()
    one, other = (
        EmbeddingSwap().edit(tiny_sd, order, context=MethodContext(None)).weights[name]
        for order in (asked, asked[::-1])
    )
    assert torch.equal(one, other)
    wanted = table[ids(tiny_sd, "golden steam")].double().mean(dim=0).float()
    assert torch.equal(one[ids(tiny_sd, "red")[0]], wanted)


def test_a_destination_that_is_edited_too_is_read_from_the_unedited_table(tiny_sd):
    asked = [request("lemon", "bee"), request("bee", "dog", number=1)]
    ((name, table),) = tiny_sd.parameters_named(TABLE).items()
    new = EmbeddingSwap().edit(tiny_sd, asked, context=MethodContext(None)).weights[name]
    assert torch.equal(new[ids(tiny_sd, "lemon")], table[ids(tiny_sd, "bee")])
    assert torch.equal(new[ids(tiny_sd, "bee")], table[ids(tiny_sd, "dog")])


def test_half_a_swap_lies_between(tiny_sd):
    ((name, table),) = tiny_sd.parameters_named(TABLE).items()
    new = EmbeddingSwap(blend=0.5).edit(tiny_sd, [request("lemon", "bee")], context=MethodContext(None)).weights[name]
    torch.testing.assert_close(new[ids(tiny_sd, "lemon")], table[ids(tiny_sd, "lemon bee")].mean(dim=0, keepdim=True))


def test_a_destination_without_tokens_is_refused(tiny_sd):
    with pytest.raises(MethodError, match="t/0: '' has no token"):
        EmbeddingSwap().edit(tiny_sd, [request("lemon", "")], context=MethodContext(None))


def test_a_blend_beyond_the_destination_is_refused():
    with pytest.raises(MethodError, match=r"blend 1\.5: must lie between 0"):
        EmbeddingSwap(blend=1.5)


# --- finetune


def literally(bundle, requests, method):
    """The authors' loop in the library's own words: a copy per concept, the destination asked at every step."""
    tokenizer, current = bundle.pipeline.tokenizer, bundle.pipeline.text_encoder

    def tokens(name):
        texts = [template.format(name) for template in TEMPLATES]
        rows = [tokenizer(text).input_ids for text in texts]
        width = max(map(len, rows))
        padded = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return {"input_ids": padded, "attention_mask": mask}

    for asked in requests:
        trained = copy.deepcopy(current).requires_grad_(True)
        adam = torch.optim.Adam(trained.parameters(), lr=method.rate, weight_decay=method.decay)
        for _ in range(method.steps):
            adam.zero_grad()
            with torch.no_grad():
                wanted = current(**tokens(asked.dest)).pooler_output
            torch.nn.functional.mse_loss(trained(**tokens(asked.source)).pooler_output, wanted).backward()
            adam.step()
        current = trained
    return dict(current.named_parameters())


def test_finetuning_matches_the_authors_loop(tiny_sd):
    asked = [request("lemon", "golden bee"), request("bee", "red dog", number=1)]
    method = Finetune(steps=3, rate=1e-3)
    edit = method.edit(tiny_sd, asked, context=MethodContext(None))
    expected = literally(tiny_sd, asked, method)
    assert set(edit.weights) == {f"text_encoder.{name}" for name in expected}
    for name, wanted in expected.items():
        before = tiny_sd.parameter(f"text_encoder.{name}").double()
        moved, found = wanted.detach().double() - before, edit.weights[f"text_encoder.{name}"].double() - before
        # Adam divides by the gradient's size: where it is rounding (the key biases), signs are free
        assert float((found - moved).norm()) < 1e-3 * float(moved.norm()) or "k_proj.bias" in name, name


def test_training_brings_the_source_nearer_to_its_destination(tiny_sd):
    def loss(steps):
        return (
            Finetune(steps=steps)
            .edit(tiny_sd, [request("lemon", "bee")], context=MethodContext(None))
            .log["text_encoder.last_loss"]
        )

    assert loss(20) < 0.5 * loss(1)


def test_a_token_that_no_prompt_has_shrinks_by_the_rate(tiny_sd):
    """Adam with the decay in its gradient, not AdamW: a step has the size of the rate whatever the weight's."""
    ((name, table),) = tiny_sd.parameters_named(TABLE).items()
    unused, method = ids(tiny_sd, "locomotive"), Finetune(steps=1)
    new = method.edit(tiny_sd, [request("lemon", "bee")], context=MethodContext(None)).weights[name]
    moved = (table - new)[unused]
    torch.testing.assert_close(moved, method.rate * table[unused].sign(), rtol=0, atol=2e-6)


def test_later_requests_start_from_what_earlier_ones_left(tiny_sd):
    asked = [request("lemon", "bee"), request("violin", "dog", number=1)]
    method = Finetune(steps=2)
    both = method.edit(tiny_sd, asked, context=MethodContext(None))
    with tiny_sd.applied(method.edit(tiny_sd, asked[:1], context=MethodContext(None))) as first:
        second = method.edit(first, asked[1:], context=MethodContext(None))
    assert all(torch.equal(both.weights[name], second.weights[name]) for name in both.weights)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"rate": 0.0}, {"decay": -1.0}])
def test_settings_that_cannot_train_are_refused(wrong):
    with pytest.raises(MethodError, match=f"finetune .*{next(iter(wrong))}"):
        replace(Finetune(), **wrong)
