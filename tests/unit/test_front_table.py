"""A README gets the columns that its comment asks for, from the folder that it names; nothing else of it changes."""

import pytest

from iceb.base.errors import CheckFailed, ResultError
from iceb.leaderboard.front_table import FRONT
from iceb.leaderboard.pages import check, render_pages, write

PAGE = """# Front

<!-- table of board/aice.md: source2dest, edit_score at 2, 10 edits; written by a command -->
anything
<!-- end of table -->

The rest.
"""


@pytest.fixture
def board(tmp_path):
    (tmp_path / "README.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


@pytest.fixture
def made_pages(result, task):
    some = [
        result("emcid", 10, {"edit_score": 0.2, "source2dest": 0.5}),
        result("far", 10, {"edit_score": 0.1, "source2dest": 0.25}, package="far-away"),
        result("unedited", 10, {"edit_score": 0.0, "source2dest": 0.0}, stderr=0.0, paper=""),
    ]
    return lambda folder, **named: render_pages(folder, lambda name: task, some, **named)


def test_the_table_has_the_columns_and_counts_that_the_comment_names(board, made_pages):
    assert board.parent / "README.md" in write(board, made_pages(board))
    assert (board.parent / "README.md").read_text(encoding="utf-8") == PAGE.replace(
        "anything\n",
        """
| method | source2dest ↑ 2 | edit_score ↑ 2 | source2dest ↑ 10 | edit_score ↑ 10 |
| --- | --: | --: | --: | --: |
| [emcid](docs/methods/emcid.md) | – | – | 0.500 ± 0.010 | 0.200 ± 0.010 (1) |
| far (far-away) | – | – | 0.250 ± 0.010 | 0.100 ± 0.010 (2) |
| [unedited (control)](docs/methods/unedited.md) | – | – | 0.000 | 0.000 |

""",
    )
    check(board, made_pages(board))


def test_a_number_changed_by_hand_is_found(board, made_pages):
    write(board, made_pages(board))
    page = board.parent / "README.md"
    page.write_text(page.read_text(encoding="utf-8").replace("0.500", "0.900"), encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"README\.md differs from its results"):
        check(board, made_pages(board))


def test_another_folder_leaves_the_readme_alone(board, made_pages):
    (board.parent / "mine").mkdir()
    assert FRONT in made_pages(board)
    assert FRONT not in made_pages(board.parent / "mine")


def test_another_tasks_pages_leave_the_readme_alone(board, made_pages):
    assert made_pages(board, only="other") == {}


def test_a_table_without_an_end_is_refused(board, made_pages):
    (board.parent / "README.md").write_text(PAGE.replace("<!-- end of table -->\n", ""), encoding="utf-8")
    with pytest.raises(ResultError, match="has no '<!-- end of table -->' below it: add that line"):
        made_pages(board)


def test_a_column_that_no_result_has_is_refused(board, made_pages):
    (board.parent / "README.md").write_text(PAGE.replace("source2dest,", "fid,"), encoding="utf-8")
    with pytest.raises(ResultError, match=r"asks for a column 'fid' of aice\.md: choose among edit_score, source2dest"):
        made_pages(board)
