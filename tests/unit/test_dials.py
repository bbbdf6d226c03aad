"""The measure of text encoders alone, on untrained weights of mini's size."""

import pytest
import torch

from tools import dials
from tools.mini.sizes import WIDTH
from tools.mini.text import new_encoder
from tools.mini.text_losses import Readers
from tools.mini.text_only import TextOnly


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("text")
    torch.save({"encoder": new_encoder().state_dict(), "readers": Readers().state_dict()}, folder / "text.pt")
    return TextOnly(folder)


def test_the_heads_give_probabilities_of_every_class(text):
    found = text.probabilities(text.prompts("source", 4), {}, None)
    assert found.shape == (4, 1000)
    assert torch.allclose(found.sum(dim=-1), torch.ones(4), atol=1e-5)


def test_a_right_factor_of_one_changes_nothing_and_of_zero_everything(text):
    prompts = text.prompts("source", 4)
    plain = text.probabilities(prompts, {}, None)
    assert torch.allclose(text.probabilities(prompts, {}, torch.eye(WIDTH, dtype=torch.float64)), plain, atol=1e-6)
    gone = text.probabilities(prompts, {}, torch.zeros(WIDTH, WIDTH, dtype=torch.float64))
    assert torch.allclose(gone, gone[:1].expand_as(gone))
    assert not torch.allclose(gone, plain)


def test_edited_weights_of_one_layer_are_used(text):
    prompts = text.prompts("source", 2)
    weight = torch.zeros_like(text.tower.fc2(10).weight)
    assert not torch.allclose(text.probabilities(prompts, {10: weight}, None), text.probabilities(prompts, {}, None))


def test_there_is_one_prompt_a_request_and_one_a_holdout_class(text):
    assert len(text.prompts("source")) == 300
    held = text.prompts("holdout")
    assert len(held) == len({prompt.label for prompt in held}) == 366


def test_every_method_has_published_numbers_at_every_number_of_edits():
    known = dials.published_numbers()
    for method in ("emcid", *dials.SETTINGS):
        for count in dials.COUNTS:
            assert {(dials.PRINTED[method], count, number) for number in (dials.EDITED, dials.KEPT)} <= set(known)


def test_a_folder_without_a_text_stage_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["dials", str(tmp_path)])
    with pytest.raises(SystemExit):
        dials.main()
    assert "has no text.pt: run tools/train_mini.py" in capsys.readouterr().err
