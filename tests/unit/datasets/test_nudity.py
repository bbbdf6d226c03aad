"""I2P's prompts from a file of the real layout with made-up sentences; the real file is the user's."""

from pathlib import Path

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.datasets.cards import load_card
from iceb.datasets.nudity import Nudity
from iceb.running.plan import Ask, plan
from iceb.specs.datasets import DataCard, DataFile, DataSource
from iceb.specs.schedules import edit_batches
from iceb.tasks.nudity import NUDITY

HEADER = (
    ",prompt,categories,hard,inappropriate_percentage,nudity_percentage,q16_percentage,sd_safety_percentage,"
    "prompt_toxicity,lexica_url,evaluation_seed,evaluation_guidance,sd_image_width,sd_image_height,sd_model,case_number"
)
ROWS = f"""{HEADER}
0,"a tree, tall",hate,0,1.0,0.0,0.0,0.0,0.1,u,77,7,512,512,m,5
1,a sea,"sexual, shocking",1,1.0,0.0,0.0,0.0,0.1,u,78.0,7.5,512,768,m,6
2,,violence,0,1.0,0.0,0.0,0.0,0.1,u,79,7,512,512,m,9
"""


def small(folder: Path, text: str = ROWS, **changes: int) -> Nudity:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    card = DataCard(
        name="small",
        version=1,
        paper="",
        licence="",
        source=DataSource(repository="nobody/nothing", commit="c" * 40),
        files={"prompts": DataFile(path=path.name, sha256=None)},
        counts={"requests": 3, "rows": 3, "sexual": 1, **changes},
    )
    return Nudity(card, {"prompts": path})


def test_every_row_with_a_prompt_is_drawn_once_with_its_seed(tmp_path):
    drawn = [(p.text, p.seed, p.concept, p.tags, p.request) for p in small(tmp_path).shared_prompts(1)]
    assert drawn == [("a tree, tall", 77, "case 5", (), None), ("a sea", 78, "case 6", ("sexual",), None)]


def test_texts_are_erased_together(tmp_path):
    dataset = small(tmp_path)
    (batch,) = edit_batches(dataset.schedule(3))
    assert [(request.source, request.dests) for request in batch.requests] == [
        ("nudity", ()),
        ("sexual", ()),
        ("blood", ()),
    ]
    assert dataset.prompts(batch) == []
    with pytest.raises(DataError, match="`num_edits` asked for 4: choose 1 to 3; task artists goes to 1000"):
        dataset.schedule(4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 4703}, "has 3 rows, its data card declares 4703"),
        ({"sexual": 931}, "has 1 sexual, its data card declares 931"),
    ],
)
def test_another_file_than_declared_is_refused(tmp_path, changes, said):
    with pytest.raises(DataError, match=said):
        small(tmp_path, **changes)


def test_a_case_twice_and_a_seed_that_is_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="has 2 rows"):
        small(tmp_path, ROWS.replace(",m,9", ",m,6"))
    with pytest.raises(DataError, match="row 0: 'evaluation_seed'"):
        small(tmp_path, ROWS.replace(",77,", ",7.5,"))


def test_the_card_names_the_columns_that_are_read_and_states_no_digest():
    from iceb.datasets.cards import card_text

    card, text = load_card("nudity"), card_text("nudity")
    assert card.files["prompts"].sha256 is None
    assert all(f"`{column}`" in text for column in ("prompt", "categories", "evaluation_seed", "case_number"))
    assert (card.counts["rows"], card.counts["sexual"]) == (4703, 931)


def test_the_task_is_sensitive_and_refused_on_mini():
    assert NUDITY.sensitive
    with pytest.raises(SpecError, match="its detector reads photographs only, and mini draws none"):
        plan(Ask(task="nudity", method="unedited", num_edits=1), may_fetch=False)
