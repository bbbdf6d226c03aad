"""mini's training tools: what a batch says, what the losses ask for, and what a sister model never sees."""

import json
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import torch

from iceb.mini.entities import ENTITIES, entities_of, entity_kind
from iceb.mini.factors import FACTORS
from iceb.mini.grammar import sentence
from iceb.mini.world import class_names
from tools import sister_page
from tools.mini.codes import Codes
from tools.mini.looks import random_looks
from tools.mini.options import Options, class_numbers
from tools.mini.sentences import GROUPS, NAMES, NO_TRUTH, Batch, batches, disturb_words, meaningful, pieces, tokenise
from tools.mini.sizes import WIDTH
from tools.mini.text_losses import factors_after, leak_of, swap_names, words_said
from tools.mini.tokenizer import POSITIONS, make_tokenizer
from tools.mini.training import Training
from tools.mini.training_record import LEGS, leg_of, record_stage


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def rows(tokenizer):
    draw = np.random.default_rng(3)
    return tokenise(tokenizer, [sentence(draw) for _ in range(400)])


@pytest.fixture(scope="module")
def batch(rows):
    return Batch.of(rows, POSITIONS)


def test_codes_of_the_classes_have_many_directions():
    spread = torch.linalg.eigvalsh(torch.cov(Codes.make(WIDTH).table[:1000].T.double()))
    assert spread.sum() ** 2 / (spread**2).sum() > 70


def test_codes_have_norm_one_and_tell_every_entity_apart():
    table = Codes.make(WIDTH).table
    assert torch.allclose(table.norm(dim=-1), torch.ones(ENTITIES), atol=1e-5)
    near = table @ table.T - 2 * torch.eye(ENTITIES)
    assert near.max() < 0.9


def test_an_entity_alone_has_its_own_code(batch):
    codes = Codes.make(WIDTH)
    nothing = torch.full((len(batch.entity), len(FACTORS)), NO_TRUTH)
    assert torch.allclose(codes.of(batch.entity, nothing), codes.table[batch.entity], atol=1e-6)


def test_a_name_stands_where_its_tokens_are(tokenizer, rows):
    for row in rows:
        for spot in row.spots:
            said = tokenizer.decode(row.ids[spot.first : spot.last + 1])
            meant = normalize("NFC", row.said.text[spot.mention.start : spot.mention.end].lower())
            assert said.replace(" ", "") == meant.replace(" ", "")


def test_a_name_sets_the_columns_of_the_image_that_it_tells(batch):
    name, column = ((batch.own != NO_TRUTH) & (batch.slots >= 0)).nonzero(as_tuple=True)
    assert len(name) > 500
    shown = batch.factors[batch.row[name], batch.slots[name, column]]
    assert torch.equal(shown, batch.own[name, column])


def test_swapped_names_change_the_truth_and_nothing_else(batch):
    state = torch.randn(len(batch.ids), POSITIONS, 4, generator=torch.Generator().manual_seed(0))
    mixed, owner = swap_names(batch, state)
    moved = owner != torch.arange(len(owner))
    assert 0.2 < moved.float().mean() < 0.6
    assert torch.equal(mixed[batch.row, batch.last], state[batch.row[owner], batch.last[owner]])
    assert torch.equal(batch.group[moved], batch.group[owner[moved]])
    assert not (batch.group[moved] == GROUPS.index("alone")).any()
    truth = factors_after(batch, owner)
    untouched = ~torch.isin(torch.arange(len(truth)), batch.row[moved])
    assert torch.equal(truth[untouched], batch.factors[untouched])
    taken = moved.nonzero().flatten()[0]
    meant = batch.own[owner[taken]] != NO_TRUTH
    meant &= batch.slots[taken] >= 0
    assert torch.equal(truth[batch.row[taken], batch.slots[taken][meant]], batch.own[owner[taken]][meant])


def test_without_swaps_the_truth_is_the_image(batch):
    assert torch.equal(factors_after(batch, torch.arange(len(batch.row))), batch.factors)


def test_the_leak_is_the_attention_behind_the_names(batch):
    paid = torch.zeros(len(batch.ids), POSITIONS, POSITIONS)
    assert leak_of(batch, paid) == 0
    first = int(batch.row[0])
    paid[first, int(batch.end[first]), int(batch.first[0])] = 1.0
    assert leak_of(batch, paid) > 0
    paid.zero_()
    paid[first, int(batch.last[0]), int(batch.first[0])] = 1.0  # a name's own tokens may look at each other
    assert leak_of(batch, paid) == 0


def test_the_words_said_leave_out_the_names(tokenizer):
    draw = np.random.default_rng(1)
    one = next(s for s in iter(lambda: sentence(draw, 7), None) if s.start > 0)
    other = type(one)(one.text, (), one.look)
    with_name, without = (words_said(Batch.of(tokenise(tokenizer, [said]), POSITIONS)) for said in (other, one))
    assert not torch.allclose(with_name, without)


def test_disturbed_words_leave_names_and_meaning_alone(tokenizer, rows):
    torch.manual_seed(0)
    kept, named = meaningful(tokenizer), pieces(tokenizer, class_names())
    changed = 0
    for row in rows:
        ids = disturb_words(row, kept, named).ids
        for spot in row.spots:
            assert ids[spot.first : spot.last + 1] == row.ids[spot.first : spot.last + 1]
        assert [i for i in ids if i in kept] == [i for i in row.ids if i in kept]
        changed += ids != row.ids
    assert changed > 200


def test_a_sister_is_told_nothing_of_the_classes_left_out(tokenizer):
    away = frozenset(range(0, 1000, 2))
    options = Options(without=away)
    drawn = [row for part in batches(tokenizer, np.random.default_rng(0), options.pick) for row in part]
    named = {spot.mention.entity for row in drawn for spot in row.spots if entity_kind(spot.mention.entity) == "class"}
    assert len(named) > 100
    assert not named & away
    assert not set(options.names) & {class_names()[label] for label in away}
    assert len(random_looks(50, 0, pick=options.pick)) == 50


def test_classes_are_read_from_names_and_indices():
    assert class_numbers("tench, 7") == {0, 7}
    with pytest.raises(ValueError, match="'unicorn' is unknown: write an ImageNet index"):
        class_numbers("unicorn")
    with pytest.raises(ValueError, match="every class is left out"):
        class_numbers(",".join(str(label) for label in entities_of("class")))


def test_factors_are_in_the_order_of_the_world():
    assert tuple(FACTORS) == NAMES


def test_another_training_in_the_same_folder_is_refused(tmp_path, monkeypatch, capsys):
    from tools import train_mini

    monkeypatch.setattr("sys.argv", ["train_mini", "--out", str(tmp_path), "--stage", "judge", "--seed", "1"])
    with pytest.raises(SystemExit):
        train_mini.main()  # the stage lacks what it needs; the options are kept all the same
    assert "stage judge needs" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["train_mini", "--out", str(tmp_path), "--stage", "judge", "--seed", "2"])
    with pytest.raises(SystemExit):
        train_mini.main()
    assert "choose another --out" in capsys.readouterr().err
    assert Path(tmp_path / "options.json").exists()


# The record of a training


def tiny_training() -> Training:
    torch.manual_seed(0)
    module = torch.nn.Linear(2, 1)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda _: 1.0)
    return Training({"module": module}, optimiser, schedule, list(module.parameters()))


def train_tiny(keep: Path, steps: int, stop: int | None = None) -> list[float]:
    """Train until `steps`, or as if interrupted before the step `stop`; returns the losses of the steps made."""
    training, losses = tiny_training(), []
    for step in training.steps(keep, training.resume(keep), steps, every=2):
        if step == stop:
            break
        loss = training.modules["module"](torch.ones(1, 2)).square().sum() + step
        training.learn(loss)
        losses.append(loss.item())
    return losses


def test_a_resumed_training_goes_on_with_its_log(tmp_path):
    whole, parts = tmp_path / "whole.pt", tmp_path / "parts.pt"
    losses = train_tiny(whole, 5)
    train_tiny(parts, 5, stop=3)
    train_tiny(parts, 5)
    wanted = [[2, np.mean(losses[:2])], [4, np.mean(losses[2:4])], [5, losses[4]]]
    for keep in (whole, parts):
        found = leg_of(keep)
        assert found["steps"] == 5
        assert found["losses"] == [[step, pytest.approx(loss, abs=1e-4)] for step, loss in wanted]
        assert found["seconds"] >= 0


def test_each_stage_stands_in_the_record_once_and_stays(tmp_path):
    options = Options(seed=3, without=frozenset({7, 1}), share=0.5)
    train_tiny(tmp_path / "judge.pt", 4)
    record_stage(tmp_path, "judge", options)
    first = (tmp_path / "training.json").read_text(encoding="utf-8")
    record_stage(tmp_path, "judge", options)
    assert (tmp_path / "training.json").read_text(encoding="utf-8") == first
    train_tiny(tmp_path / "clip.pt", 2)
    record_stage(tmp_path, "clip", options)
    record = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert record["options"] == {"seed": 3, "without": [1, 7], "share": 0.5}
    assert record["stages"]["judge"] == json.loads(first)["stages"]["judge"]
    assert [record["stages"][name]["legs"][name]["steps"] for name in ("judge", "clip")] == [4, 2]
    assert set(record["stages"]["clip"]["versions"]) >= {"torch", "diffusers"}


def test_every_stage_that_trains_has_its_checkpoints_in_the_record():
    from tools import train_mini

    assert set(LEGS) == set(train_mini.STAGES) - {"export"}


def test_the_page_of_sister_trainings_shows_each_leg(tmp_path):
    options = Options(seed=1, without=frozenset({0}), share=0.002)
    train_tiny(tmp_path / "judge.pt", 4)
    torch.save({"step": 9}, tmp_path / "clip.pt")
    for stage in ("judge", "clip"):
        record_stage(tmp_path, stage, options)
    text = sister_page.page_text([json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))])
    assert "## `python tools/train_mini.py --out FOLDER --seed 1 --without 0 --share 0.002`" in text
    assert "| judge | judge | 4 | " in text
    assert "| clip | clip | 9 | – | – |" in text


def test_the_log_of_an_older_checkpoint_is_missing_and_its_steps_are_not(tmp_path):
    torch.save({"step": 9}, tmp_path / "text.pt")
    assert leg_of(tmp_path / "text.pt") == {"steps": 9}


def test_the_committed_page_of_sister_trainings_is_what_the_records_make():
    assert sister_page.main(["--check"]) == 0, "run `python tools/sister_page.py --add FOLDER FOLDER`"
