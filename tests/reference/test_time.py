"""TIME: its alignment of two texts, and its closed form against a transcription matrix by matrix."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import MethodError, SpecError
from iceb.methods.common.attention import StateReader, projections
from iceb.methods.time import TIME
from iceb.methods.time.alignment import augment_text, subsequence, substitution
from iceb.methods.time.editing import Rows, texts
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest

LENGTH = 12
subjects = st.lists(st.integers(1, 9), max_size=5)


def request_of(source, *dests) -> EditRequest:
    return EditRequest(f"t/{source}", source, dests, ("{}",), 0)


def frame_ids(*ids):
    return [0, *ids, 99]


# --- alignment


@given(ids=subjects, added=st.lists(st.tuples(st.integers(0, 5), st.integers(10, 19)), max_size=4))
def test_a_text_with_words_added_is_aligned_token_by_token(ids, added):
    longer = list(ids)
    for place, word in added:
        longer.insert(min(place, len(longer)), word)
    old, new = frame_ids(*ids), frame_ids(*longer)
    places = subsequence(old, new, LENGTH)
    assert places is not None
    assert [new[place] for place in places[: len(old)]] == old
    assert places == sorted(places)
    assert len(places) == LENGTH
    assert max(places) == LENGTH - 1


@given(old=subjects, new=subjects, before=subjects, after=subjects)
def test_a_replaced_subject_keeps_what_both_texts_share(old, new, before, after):
    one, other = frame_ids(*before, *old, *after), frame_ids(*before, *new, *after)
    places = substitution(one, other, 30)
    assert len(places) == 30
    assert places == sorted(places)
    assert places[: len(before) + 1] == list(range(len(before) + 1))
    end = len(one) - 1
    assert places[end:] == [min(len(other) - 1 + step, 29) for step in range(30 - end)]


@given(ids=subjects)
def test_a_text_aligned_with_itself_stays_in_place(ids):
    assert substitution(frame_ids(*ids), frame_ids(*ids), LENGTH) == list(range(LENGTH))
    assert subsequence(frame_ids(*ids), frame_ids(*ids), LENGTH) == list(range(LENGTH))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ((5,), (8,), [0, 1, 2, 3, 4, 5]),  # one token for one
        ((5, 6), (8,), [0, 1, 1, 2, 3, 4]),  # a shorter subject: its first token stands for those before
        ((5,), (7, 8), [0, 2, 3, 4, 5, 5]),  # a longer one: its last token has read all of it
        ((5,), (), [0, 0, 1, 2, 3, 4]),  # none: the state just before
        ((4, 5, 3), (4, 3), [0, 1, 1, 2, 3, 4]),
    ],
)
def test_subjects_are_paired_from_their_last_tokens(old, new, wanted):
    assert substitution(frame_ids(*old), frame_ids(*new), 6) == wanted


def test_other_words_or_another_order_are_no_subsequence():
    assert subsequence(frame_ids(5, 6), frame_ids(6, 5), LENGTH) is None
    assert subsequence(frame_ids(5), frame_ids(6), LENGTH) is None


def test_texts_too_long_are_refused():
    with pytest.raises(MethodError, match="more than the 3 positions"):
        subsequence(frame_ids(5, 6), frame_ids(5, 6), 3)


def test_the_article_inside_a_longer_text_is_lower_case():
    assert augment_text("An apple")[2] == "An image of an apple"
    assert augment_text("The singer")[3] == "A picture of The singer"


def test_an_and_a_are_one_article(tiny_sd):
    rows = Rows(tiny_sd.pipeline.tokenizer, strict=True)
    old, new = StateReader(tiny_sd)(["an apple", "a frozen apple"])
    assert rows.places(old, new)[:4] == [0, 1, 3, 4]


# --- the edit


def literal_edit(bundle, requests, method):
    """Every matrix by itself, row after row, as a least-squares problem solved by QR in float64."""
    reader, rows = StateReader(bundle), Rows(bundle.pipeline.tokenizer, strict=False)
    new = {}
    for name, matrix in projections(bundle).items():
        W = matrix.double()
        inputs, wanted = [method.ridge**0.5 * torch.eye(W.shape[1], dtype=torch.float64)], [method.ridge**0.5 * W.T]
        for request in requests:
            for pair in texts(request, augment=method.augment):
                old, dest = rows(*reader(pair))
                inputs.append(old)
                wanted.append(dest @ W.T)
        new[name] = torch.linalg.lstsq(torch.cat(inputs), torch.cat(wanted)).solution.T
    return new


REQUESTS = [request_of("tabby cat", "dog"), request_of("roses", "blue roses"), request_of("tench", "garbage truck")]


@pytest.mark.parametrize("augment", [True, False])
def test_one_factor_is_every_matrix_by_itself(tiny, augment):
    method = TIME(augment=augment)
    edit = method.edit(tiny, REQUESTS, context=MethodContext(None))
    wanted = literal_edit(tiny, REQUESTS, method)
    assert set(edit.weights) == set(wanted)
    for name, matrix in wanted.items():
        assert edit.weights[name].dtype == tiny.dtype
        torch.testing.assert_close(edit.weights[name].double(), matrix, rtol=1e-4, atol=1e-5)


def test_the_source_is_drawn_towards_the_destination(tiny_sd):
    W = next(iter(projections(tiny_sd).values())).double()
    method = TIME(ridge=1e-3, augment=False)
    edited = next(iter(method.edit(tiny_sd, REQUESTS[:1], context=MethodContext(None)).weights.values())).double()
    old, new = StateReader(tiny_sd)(["tabby cat", "dog"])
    source, dest = old.rows[old.last], new.rows[new.last]
    assert (edited @ source - W @ dest).norm() < 0.5 * (W @ source - W @ dest).norm()


def test_the_edit_can_be_saved_as_its_one_factor(tiny_sd):
    edit = TIME().edit(tiny_sd, REQUESTS, context=MethodContext(None))
    ((pattern, M),) = edit.right.items()
    assert set(tiny_sd.parameters_named(pattern)) == set(edit.weights)
    for name, matrix in edit.weights.items():
        assert torch.equal(matrix, (tiny_sd.parameter(name).double() @ M).to(matrix.dtype))


def test_values_alone_leave_the_keys(tiny_sd):
    names = TIME(keys=False).edit(tiny_sd, REQUESTS[:1], context=MethodContext(None)).weights
    assert names
    assert all(name.endswith("attn2.to_v.weight") for name in names)


def test_a_request_for_what_is_there_changes_nothing(tiny_sd):
    edit = TIME().edit(tiny_sd, [request_of("cat", "cat")], context=MethodContext(None))
    for name, matrix in edit.weights.items():
        torch.testing.assert_close(matrix, tiny_sd.parameter(name), rtol=0, atol=1e-7)


def test_no_requests_give_an_empty_edit(tiny_sd):
    assert not TIME().edit(tiny_sd, [], context=MethodContext(None)).weights


def test_unsupported_requests_and_settings_are_refused(tiny_sd):
    with pytest.raises(MethodError, match="'cat' do not stand in 'dog' in this order"):
        TIME(strict=True).edit(tiny_sd, [request_of("cat", "dog")], context=MethodContext(None))
    with pytest.raises(SpecError, match="expected exactly one"):
        TIME().edit(tiny_sd, [request_of("cat")], context=MethodContext(None))
    with pytest.raises(MethodError, match="must be positive"):
        TIME(ridge=0)
