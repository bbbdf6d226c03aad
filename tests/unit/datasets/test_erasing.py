"""Lists of names to erase: small made-up files, and the embedded twins against cards and upstream structure."""

import json
import runpy
from collections import Counter
from pathlib import Path

import pytest

from iceb.base.errors import DataError
from iceb.datasets import EMBEDDED, load_card, open_dataset
from iceb.datasets.artists import load_artists
from iceb.datasets.mace_lists import common_words, load_celebrities, load_styles
from iceb.datasets.objects import load_objects
from iceb.datasets.sized_lists import ERASED, DrawnName, Rule, SizedList, SizedLists
from iceb.mini.captions import corpus
from iceb.mini.mentions import captions_naming
from iceb.mini.people import identities
from iceb.mini.styles import style_names
from iceb.mini.world import class_aliases, class_names
from iceb.specs.datasets import DataCard, DataSource
from iceb.specs.meanings import read_meanings
from iceb.specs.schedules import Remove, edit_batches

ROOT = Path(__file__).parents[3]
TASKS = ("artists", "celebrities", "styles", "objects")


def card(**counts):
    source = DataSource(repository="nobody/nothing", commit="c" * 40)
    return DataCard(
        name="small", version=1, paper="", licence="MIT", source=source, files={}, counts=counts, nested=False
    )


def images(*names):
    return tuple(DrawnName(name, f"art by {name}", 7) for name in names)


@pytest.fixture
def small():
    """Lists of one and of three names; "fay" stays and is erased in the larger."""
    lists = {
        3: SizedList(("ann", "bob", "fay"), {ERASED: images("bob", "ann", "fay"), "holdout": images("eve", "fay")}),
        1: SizedList(("cid",), {ERASED: images("cid"), "holdout": images("eve", "fay")}),
    }
    return SizedLists(card(requests=3, names=4, erased_drawn=3, holdout=2), lists, Rule("art", ("{}",), range(9, 12)))


def sources(dataset, num_edits):
    (batch,) = edit_batches(dataset.schedule(num_edits))
    return [request.source for request in batch.requests]


def test_a_number_with_a_list_has_its_names_and_one_between_the_first_of_the_next(small):
    assert [sources(small, count) for count in (1, 2, 3)] == [["cid"], ["ann", "bob"], ["ann", "bob", "fay"]]


@pytest.mark.parametrize("count", [0, -1, 4])
def test_other_numbers_are_refused_with_the_lists_and_a_task_that_goes_further(small, count):
    words = r"the first names of its lists of 1, 3, `num_edits` asked for .*: choose 1 to 3"
    with pytest.raises(DataError, match=words + ("; task artists goes to 1000" if count == 4 else "$")):
        small.schedule(count)


def test_requests_have_the_rules_destination_templates_and_seeds(small):
    (batch,) = edit_batches(small.schedule(2))
    assert [(each.dests, each.templates, each.seed) for each in batch.requests] == [
        (("art",), ("{}",), 9),
        (("art",), ("{}",), 10),
    ]
    assert len({request.id for requests in small.requests.values() for request in requests}) == 4


def test_erased_images_belong_to_their_request_and_others_to_their_name(small):
    (batch,) = edit_batches(small.schedule(2))
    assert [(each.text, each.request) for each in small.prompts(batch)] == [
        ("art by ann", "small/0003-0000"),
        ("art by bob", "small/0003-0001"),
    ]
    assert [(each.role, each.concept, each.request) for each in small.shared_prompts(1)] == [
        ("holdout", "eve", None),
        ("holdout", "fay", None),
    ]


def test_what_is_edited_is_not_among_what_stays(small):
    assert [[prompt.concept for prompt in small.shared_prompts(count)] for count in (2, 3)] == [["eve", "fay"], ["eve"]]


def test_a_list_of_another_length_is_refused():
    with pytest.raises(DataError, match="the list of 2 edits has 1 names"):
        SizedLists(card(), {2: SizedList(("ann", "ann"), {ERASED: ()})}, Rule("art", ("{}",), range(2)))


def test_counts_that_disagree_with_the_card_are_refused(small):
    with pytest.raises(DataError, match="has 4 names, its data card declares 5"):
        SizedLists(card(requests=3, names=5, erased_drawn=3, holdout=2), small.lists, small.rule)


def test_a_drawn_name_that_is_not_erased_is_refused():
    with pytest.raises(DataError, match="'bob' is drawn as erased at 1 edits, and is not"):
        SizedLists(card(), {1: SizedList(("ann",), {ERASED: images("bob")})}, Rule("art", ("{}",), range(2)))


# MACE's layout of celebrities: the name is what a person's sentences have in common


def persons_file(tmp_path, frames, *people):
    rows = [",type,prompt,evaluation_seed"]
    for role, name in people:
        rows += [f"{len(rows)},{role},{frame.format(name)},{seed}" for frame in frames for seed in (1, 2)]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return {"list_1": path}


FRAMES = ("a likeness of {}", "{} in a garden")


def test_names_of_persons_are_found_in_their_sentences(tmp_path):
    paths = persons_file(tmp_path, FRAMES, ("erased", "Ada King"), ("others", "Bo"), ("others", "Cy van Dyk"))
    found = load_celebrities(card(requests=1, names=1, erased_drawn=1, others=2, sentences=2), paths)
    assert sources(found, 1) == ["Ada King"]
    assert [prompt.choices for prompt in found.shared_prompts(1)] == [("Bo",)] * 4 + [("Cy van Dyk",)] * 4
    assert found.requests[1][0].dests == ("a woman",)


def test_persons_with_different_sentences_are_refused(tmp_path):
    paths = persons_file(tmp_path, FRAMES, ("erased", "Ada King"), ("others", "Bo"))
    text = paths["list_1"].read_text(encoding="utf-8").replace("Bo in a garden", "Bo in a town")
    paths["list_1"].write_text(text + "9,others,Bo at sea,1\n10,others,Bo by day,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="not 2 sentences about one person after the other"):
        load_celebrities(card(requests=1, names=1, erased_drawn=1, others=1, sentences=2), paths)


def test_a_persons_row_of_an_unknown_type_is_refused_by_its_row(tmp_path):
    paths = persons_file(tmp_path, FRAMES, ("erased", "Ada King"), ("other", "Bo"))
    with pytest.raises(DataError, match="row 4: 'type'"):
        load_celebrities(card(requests=1, names=1, erased_drawn=1, others=1, sentences=2), paths)


@pytest.mark.parametrize(
    ("texts", "common"), [(["a of b c", "b c of"], "b c"), (["x", "y"], ""), (["of of a", "of a"], "of a")]
)
def test_common_words_are_the_longest_run(texts, common):
    assert common_words(texts) == common


# The layouts of artists, styles and objects


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


ARTIST_ROWS = """,case_number,prompt,evaluation_seed,artist,type
0,0,works of Bo,3,Bo,erased
1,1,scenes by Bo,4,Bo,erased
2,2,works of Cy,5,Cy,preserved
3,3,works of Ada,6,Ada,preserved
4,4,works of Dee,7,Dee,holdout
"""


def test_artists_have_the_lists_order_and_undrawn_ones_the_first_artists_sentences(tmp_path):
    paths = {
        "list_2": write(tmp_path, "names.txt", '["Ada", "Bo"]'),
        "prompts_2": write(tmp_path, "rows.csv", ARTIST_ROWS),
    }
    found = load_artists(card(requests=2, names=2, erased_drawn=1, preserved=2, holdout=1), paths)
    (batch,) = edit_batches(found.schedule(2))
    assert [(each.source, each.seed) for each in batch.requests] == [("Ada", 29239), ("Bo", 71929)]
    assert {each.dests for each in batch.requests} == {("art",)}
    assert [(each.role, each.text, each.seed) for each in found.prompts(batch)] == [
        ("erased_more", "works of Ada", 1_000_000),
        ("erased_more", "scenes by Ada", 1_000_001),
        ("erased", "works of Bo", 3),
        ("erased", "scenes by Bo", 4),
    ]
    assert [each.text for each in found.shared_prompts(2)] == ["works of Cy", "works of Dee"]
    assert "Cy" not in found.scored_names()


@pytest.mark.parametrize(
    ("names", "rows", "words"),
    [
        ('{"a": 1}', ARTIST_ROWS, "is no list of artists' names"),
        ('["Bo"]', ARTIST_ROWS.replace("3,Bo,erased", "3,Bo,gone"), "row 0: 'type'"),
        ('["Bo"]', ARTIST_ROWS.replace(",3,Bo", ",x,Bo"), "row 0: 'evaluation_seed'"),
    ],
)
def test_malformed_files_of_artists_are_refused_by_their_place(tmp_path, names, rows, words):
    paths = {"list_1": write(tmp_path, "names.txt", names), "prompts_1": write(tmp_path, "rows.csv", rows)}
    with pytest.raises(DataError, match=words):
        load_artists(card(requests=1, names=1, erased_drawn=1, preserved=2, holdout=1), paths)


def test_styles_of_type_0_are_erased_and_of_type_1_stay(tmp_path):
    people = [*(f"0,0,A{place},art by A{place},1" for place in range(100)), "9,1,Z,art by Z,2", ""]
    path = write(tmp_path, "art.csv", "\n".join([",type,artist,prompt,evaluation_seed", *people]))
    found = load_styles(card(requests=100, names=100, erased_drawn=100, others=1), {"list_100": path})
    assert sources(found, 3) == ["A0", "A1", "A2"]
    assert [(each.role, each.concept, each.seed) for each in found.shared_prompts(3)] == [("others", "Z", 2)]


def test_objects_of_a_file_are_edited_alone_with_their_other_names(tmp_path):
    path = write(tmp_path, "objects.json", '{"ship": ["boat"], "hat": ["cap"], "cup": ["mug"]}')
    found = load_objects(card(requests=3, aliases=3, images=2), {"objects": path})
    assert [(each.source, each.dest, each.aliases) for each in found.requests] == [
        ("ship", "ground", ("boat",)),
        ("hat", "ground", ("cap",)),
        ("cup", "sky", ("mug",)),
    ]
    batch = edit_batches(found.schedule(2))[1]
    assert [(each.role, each.text, each.seed, each.choices[0]) for each in found.prompts(batch)[::2]] == [
        ("erased", "a photo of the hat", 1, "a photo of the hat"),
        ("alias", "a photo of the cap", 1, "a photo of the hat"),
        ("others", "a photo of the ship", 1, "a photo of the ship"),
        ("others", "a photo of the cup", 1, "a photo of the cup"),
    ]
    with pytest.raises(DataError, match="choose 1 to 3; task artists goes to 1000 at once"):
        found.schedule(4)


@pytest.mark.parametrize("text", ["[]", '{"ship": "boat"}', '{"ship": [1]}'])
def test_a_file_that_gives_objects_no_names_is_refused(tmp_path, text):
    with pytest.raises(DataError, match="does not give each object a list of names"):
        load_objects(card(requests=1, aliases=1, images=1), {"objects": write(tmp_path, "objects.json", text)})


# The embedded twins


@pytest.fixture(scope="module", params=TASKS)
def twin(request):
    return open_dataset(request.param, EMBEDDED)


def test_an_embedded_list_has_the_counts_of_the_upstream_card(twin):
    upstream, embedded = (load_card(name).counts for name in (twin.card.name.removesuffix("_embedded"), twin.card.name))
    own = {"names", "preserved", "images"}  # how the lists overlap, and a tenth of the images
    assert {key: number for key, number in embedded.items() if key not in own} == {
        key: number for key, number in upstream.items() if key in embedded and key not in own
    }


def test_embedded_requests_name_what_mini_draws(twin):
    known = {*style_names(), *(name for names in identities() for name in names), *class_names()}
    most = twin.card.counts["requests"]
    requests = [request for batch in edit_batches(twin.schedule(most)) for request in batch.requests]
    assert len(requests) == most
    assert {request.source for request in requests} <= known
    for request in requests:
        assert set(request.aliases) <= {alias for aliases in class_aliases() for alias in aliases}


def test_embedded_objects_are_erased_and_judged_alone():
    dataset = open_dataset("objects", EMBEDDED)
    schedule = dataset.schedule(10)
    assert sum(isinstance(step, Remove) for step in schedule) == 10
    for batch in edit_batches(schedule):
        prompts = dataset.prompts(batch)
        assert Counter(prompt.role for prompt in prompts) == {"erased": 20, "alias": 60, "others": 180}
        assert {prompt.concept for prompt in prompts} == {batch.id}
        for prompt in prompts:
            shown = (
                batch.requests[0].source
                if prompt.role != "others"
                else prompt.choices[0].removeprefix("a photo of the ")
            )
            assert prompt.choices[0] == f"a photo of the {shown}"
            assert len(set(prompt.choices)) == 10
            assert (prompt.text == prompt.choices[0]) == (prompt.role != "alias")


def test_embedded_artists_are_seven_lists_apart():
    dataset = open_dataset("artists", EMBEDDED)
    names = {size: {request.source for request in requests} for size, requests in dataset.requests.items()}
    assert list(names) == [1, 5, 10, 50, 100, 500, 1000]
    holdout = {prompt.concept for prompt in dataset.shared_prompts(1) if prompt.role == "holdout"}
    assert not holdout & set().union(*names.values())
    for size in (1, 5, 10, 50, 100):
        assert Counter(prompt.role for prompt in dataset.shared_prompts(size)) == {"preserved": 500, "holdout": 500}


def test_no_two_images_of_an_embedded_list_share_a_seed():
    dataset = open_dataset("artists", EMBEDDED)
    (batch,) = edit_batches(dataset.schedule(1000))
    seeds = [prompt.seed for prompt in [*dataset.prompts(batch), *dataset.shared_prompts(1000)]]
    assert len(set(seeds)) == len(seeds)


def test_embedded_celebrities_have_maces_structure():
    dataset = open_dataset("celebrities", EMBEDDED)
    names = {size: [request.source for request in requests] for size, requests in dataset.requests.items()}
    assert (names[5], names[10], names[1]) == (names[100][:5], names[100][:10], names[100][-1:])
    for size, erased in ((1, 250), (5, 250), (10, 250), (100, 2500)):
        (batch,) = edit_batches(dataset.schedule(size))
        assert len(dataset.prompts(batch)) == erased
        assert dataset.shared_prompts(size) == dataset.shared_prompts(1)
        assert len(dataset.shared_prompts(size)) == 1000  # MACE has five images of each sentence, two are drawn


SAID = {  # names of 100, captions: the table of baselines/README.md
    "`celebrities`, others": (66, 503),
    "`celebrities`, erased": (63, 299),
    "`styles`, others": (49, 139),
    "`styles`, erased": (50, 226),
    "`artists`, holdout": (59, 198),
    "`artists`, preserved at 100 edits": (49, 223),
}


def test_the_names_that_preserved_captions_say_are_counted_in_the_readme():
    found = {}
    for said in SAID:
        task, role = said.split("`")[1], said.split(", ")[1].split(" ")[0]
        drawn = open_dataset(task, EMBEDDED).lists[100].drawn[role]
        counts = captions_naming(corpus(), (image.name for image in drawn))
        found[said] = (len(counts), sum(counts.values()))
    assert found == SAID
    readme = (ROOT / "baselines" / "README.md").read_text(encoding="utf-8")
    for said, (names, captions) in SAID.items():
        assert f"| {said} | {names} | {captions} |" in readme
    assert "name 59 of the 100 artists" in read_meanings()["artist_lpips64_holdout"].caveat


@pytest.mark.parametrize(("task", "role"), [("celebrities", "others"), ("styles", "others"), ("artists", "holdout")])
def test_prompts_of_what_stays_are_tagged_by_whether_captions_say_the_name(task, role):
    prompts = [prompt for prompt in open_dataset(task, EMBEDDED).shared_prompts(100) if prompt.role == role]
    said = captions_naming(corpus(), {prompt.concept for prompt in prompts})
    assert {prompt.concept: prompt.tags for prompt in prompts} == {
        prompt.concept: ("seen" if prompt.concept in said else "unseen",) for prompt in prompts
    }


def test_names_of_files_that_say_nothing_of_captions_have_no_tags(small):
    assert {prompt.tags for prompt in small.shared_prompts(1)} == {()}


def test_styles_can_be_drawn_in_disjoint_sets():
    dataset = open_dataset("styles", EMBEDDED)
    part = dataset.only(dataset.requests[100][20:40])
    assert sources(part, 20) == [request.source for request in dataset.requests[100][20:40]]
    assert part.shared_prompts(20) == dataset.shared_prompts(20)


def test_the_embedded_files_are_what_the_tool_makes():
    made = runpy.run_path(str(ROOT / "tools" / "mini" / "make_lists.py"))
    for name, make in made["FILES"].items():
        shipped = json.loads((ROOT / "iceb" / "mini" / "data" / name).read_text(encoding="utf-8"))
        assert shipped == json.loads(json.dumps(make()))
