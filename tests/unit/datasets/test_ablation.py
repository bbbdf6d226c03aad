"""Concept Ablation's lists: prompts, texts and counts as the authors' evaluation makes them, from both sources."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.ablation import ANCHOR, NEGATIVE, TARGET, Ablation
from iceb.datasets.ablation_memorized import Memorized
from iceb.mini.styles import style_names
from iceb.mini.world import class_names
from iceb.specs.datasets import DataCard, DataFile, DataSource
from iceb.specs.schedules import edit_batches
from tests.outside import upstream_data

LISTS = {
    "style": {"x": {"target": "some one", "anchor": "painting", "hard_negative": ["other"]}},
    "object": {"y": {"target": "odd pet", "anchor": "pet", "hard_negative": ["big pet", "toy"]}},
}
PROMPTS = {
    "some_one": ["a tree by some one", "some one's sea"],
    "painting": ["a painting", "a tree"],
    "other": ["a tree by other", "sea, other"],
    "pet": ["my pet", "petting a pet"],
}


def card_of(paths: dict[str, Path], counts: dict[str, int]) -> DataCard:
    return DataCard(
        name="small",
        version=1,
        paper="",
        licence="MIT",
        source=DataSource(repository="nobody/nothing", commit="c" * 40),
        files={key: DataFile(path=path.name, sha256=digest_file(path)) for key, path in paths.items()},
        counts=counts,
    )


def small(folder: Path, **changes: int) -> Ablation:
    paths = {"concepts": folder / "eval.json"}
    paths["concepts"].write_text(json.dumps(LISTS), encoding="utf-8")
    for name, lines in PROMPTS.items():
        paths[f"{name}_eval"] = folder / f"{name}_eval.txt"
        paths[f"{name}_eval"].write_text("\n".join(lines), encoding="utf-8")
    counts = {"requests": 2, "negatives": 3, "images": 4, "negative_images": 2, **changes}
    return Ablation(card_of(paths, counts), paths)


def batch_of(dataset, place):
    return edit_batches(dataset.schedule(len(dataset.requests)))[place]


def test_a_target_becomes_its_anchor_and_styles_come_first(tmp_path):
    style, thing = small(tmp_path).requests
    assert (style.source, style.dests, style.templates[0]) == ("some one", ("painting",), "painting by {}")
    assert (thing.source, thing.dests, thing.templates[0]) == ("odd pet", ("pet",), "An image of {}")


def test_a_style_has_its_own_prompts_and_an_instance_is_written_over_its_anchor(tmp_path):
    dataset = small(tmp_path)
    style = [(p.role, p.text, p.seed) for p in dataset.prompts(batch_of(dataset, 0))]
    assert style[:4] == [
        (TARGET, "a tree by some one", 0),
        (TARGET, "a tree by some one", 1),
        (TARGET, "some one's sea", 2),
        (TARGET, "some one's sea", 3),
    ]
    assert style[4:] == [
        *((ANCHOR, text, seed) for seed, text in enumerate(["a painting", "a painting", "a tree", "a tree"])),
        (NEGATIVE, "a tree by other", 0),
        (NEGATIVE, "sea, other", 1),
    ]
    thing = [p.text for p in dataset.prompts(batch_of(dataset, 1)) if p.role != ANCHOR]
    assert thing[:4:2] == ["my odd pet", "odd petting a odd pet"]  # wherever the letters stand, as upstream
    assert thing[4:] == ["my big pet", "big petting a big pet", "my toy", "toyting a toy"]


def test_images_are_compared_with_their_own_text_and_the_anchors(tmp_path):
    dataset = small(tmp_path)
    choices = {(p.role, p.concept): p.choices for place in (0, 1) for p in dataset.prompts(batch_of(dataset, place))}
    assert choices == {
        (TARGET, "small/0000"): ("A photo depicts some one style", "A photo depicts painting"),
        (ANCHOR, "small/0000"): ("A photo depicts painting",),
        (NEGATIVE, "small other"): ("A photo depicts other style", "A photo depicts painting"),
        (TARGET, "small/0001"): ("A photo depicts odd pet", "A photo depicts pet"),
        (ANCHOR, "small/0001"): ("A photo depicts pet",),
        (NEGATIVE, "small big pet"): ("A photo depicts big pet", "A photo depicts pet"),
        (NEGATIVE, "small toy"): ("A photo depicts toy", "A photo depicts pet"),
    }


def test_counts_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="has 3 negatives, its data card declares 4"):
        small(tmp_path, negatives=4)
    with pytest.raises(DataError, match="2 prompts of 'some one' for 5 images"):
        small(tmp_path, images=5)
    with pytest.raises(DataError, match="`num_edits` asked for 3: choose 1 to 2; task artists goes to 1000"):
        small(tmp_path).schedule(3)


def test_a_style_without_its_file_is_refused(tmp_path):
    dataset = small(tmp_path)
    paths = {key: tmp_path / file.path for key, file in dataset.card.files.items() if key != "other_eval"}
    with pytest.raises(DataError, match="no file of prompts other_eval is declared for 'other'"):
        Ablation(dataset.card, paths)


def test_the_embedded_concepts_are_known_to_mini():
    dataset = open_dataset("ablation", EMBEDDED)
    known = {*style_names(), *class_names(), "painting"}
    assert dataset.scored_names() <= known
    drawn = [p for batch in edit_batches(dataset.schedule(11)) for p in dataset.prompts(batch)]
    assert Counter(p.role for p in drawn) == {TARGET: 440, ANCHOR: 440, NEGATIVE: 490}
    assert all("{}" not in p.text for p in drawn)
    assert len({p.cluster for p in drawn if p.role == TARGET}) == 11  # ten at least for a rank


def test_embedded_sentences_have_the_article_of_their_name():
    found = open_dataset("ablation", EMBEDDED)
    texts = {p.text for batch in edit_batches(found.schedule(11)) for p in found.prompts(batch)}
    assert not [text for text in texts if re.search(r"\ba [aeiou]", text, re.IGNORECASE)]
    assert sum(bool(re.search(r"\ban (?!image)", text)) for text in texts) == 8 * 3
    assert "a portrait of an aircraft carrier" in texts


def test_a_hard_negative_of_several_concepts_is_one_cluster_of_replicates():
    dataset = open_dataset("ablation", EMBEDDED)
    drawn = [p for batch in edit_batches(dataset.schedule(11)) for p in dataset.prompts(batch) if p.role == NEGATIVE]
    shared = [p for p in drawn if p.cluster == "ablation_embedded Paul Klee"]
    assert {p.replicate for p in shared} == {0, 1, 2, 3, 4}
    assert len({(p.text, p.seed, p.replicate) for p in shared}) == len(shared) == 50
    assert len({p.cluster for p in drawn}) == 6 + 24  # artists; what is nearly an instance


@pytest.fixture(scope="module")
def upstream_folder(real_folder):
    folder = upstream_data().parent / "concept_ablation"
    if not folder.is_dir():
        pytest.skip(f"Concept Ablation's files are not at {folder}: put them beside the folder that ICEB_DATA names")
    return folder


@pytest.fixture(scope="module")
def upstream(upstream_folder):
    return open_dataset("ablation", str(upstream_folder))


def test_the_upstream_list_holds_nine_concepts_and_38_hard_negatives(upstream):
    assert [concept.type for concept in upstream.concepts] == ["style"] * 4 + ["object"] * 5
    assert [request.source for request in upstream.requests] == [
        *("van gogh", "monet", "greg rutkowski", "salvador dali"),
        *("grumpy cat", "r2d2", "nemo", "snoopy", "kids with guns"),
    ]
    assert [request.dest for request in upstream.requests] == ["painting"] * 4 + ["cat", "robot", "fish", "dog", "kids"]
    assert [len(concept.row.hard_negative) for concept in upstream.concepts] == [5] * 4 + [4] * 4 + [2]


def test_the_upstream_prompts_are_200_200_and_50(upstream):
    for batch in edit_batches(upstream.schedule(9)):
        drawn = Counter((p.role, p.concept) for p in upstream.prompts(batch))
        assert {count for (role, _), count in drawn.items() if role != NEGATIVE} == {200}
        assert {count for (role, _), count in drawn.items() if role == NEGATIVE} == {50}
    assert len(upstream.prompts(batch_of(upstream, 0))) == 650


def test_every_upstream_file_of_prompts_holds_ten(upstream_folder):
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in upstream_folder.glob("eval_prompts/*.txt")
    }
    assert len(lengths) == 15
    assert set(lengths.values()) == {10}


COMMANDS = """
python train.py --concept_type memorization --caption_target "A House, once" --name a --mem_impath ../assets/m/a.png

python train.py --caption_target "<i>B</i>" --mem_impath ../assets/m/b.png --lr 1
"""


def memorized_set(folder: Path, commands: str = COMMANDS, requests: int = 2) -> Memorized:
    paths = {name: folder / f"{name}.png" for name in "ba"}
    for place, path in enumerate(paths.values()):
        path.write_bytes(bytes([place]))
    paths["commands"] = folder / "all.sh"
    paths["commands"].write_text(commands, encoding="utf-8")
    return Memorized(card_of(paths, {"requests": requests, "images": 3}), paths)


def test_captions_and_their_images_come_from_the_training_commands(tmp_path):
    dataset = memorized_set(tmp_path)
    assert [request.source for request in dataset.requests] == ["A House, once", "<i>B</i>"]
    (reference,) = dataset.references()
    assert [path.name for path in reference.paths] == ["a.png", "b.png"]
    second = dataset.prompts(batch_of(dataset, 1))
    assert [(p.text, p.seed, p.label) for p in second] == [("<i>B</i>", seed, 1) for seed in range(3)]


def test_commands_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="has 2 requests, its data card declares 3"):
        memorized_set(tmp_path, requests=3)
    with pytest.raises(DataError, match=r"names the image c\.png, which the data card does not"):
        memorized_set(tmp_path, COMMANDS.replace("b.png", "c.png"))
    with pytest.raises(DataError, match="line 4: a command with caption_target needs mem_impath too"):
        memorized_set(tmp_path, COMMANDS.replace("--mem_impath ../assets/m/b.png", ""))
