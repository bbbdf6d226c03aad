"""Names are chosen from scores by the authors' rule; their list comes out of their files exactly."""

import ast
import csv
import json
import re
from collections import Counter

import pytest

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.datasets import open_dataset
from iceb.datasets.aice import OF_DEST
from iceb.datasets.cards import card_text, load_card, package_folder
from iceb.datasets.rectification import (
    UNNAMED,
    NameScore,
    Rectification,
    best_name,
    choose_names,
    read_scores,
    training_seeds,
    wrong_names,
)
from iceb.metrics.change import DEST_FORGET, HOLDOUT_DELTA, HOLDOUT_UNNAMED
from iceb.mini.world import taught_names, unknown_names
from iceb.specs.datasets import DataCard, DataFile, DataSource
from iceb.specs.schedules import edit_batches
from tests.unit.datasets.conftest import holdout_rows

MINI = package_folder("iceb") / "mini/data"
SCORES = {
    8: {"hen": 0.9, "biddy": 0.01, "brood hen": 0.3},
    17: {"jay": 0.6, "biddy": 0.02, "whisky jack": 0.0999},
    909: {"wok": 0.4, "frying bowl": 0.0},
    915: {"whisky jack": 0.8, "yurt": 0.7},
}


def scores(table):
    return {label: {name: NameScore(mean=mean) for name, mean in names.items()} for label, names in table.items()}


def choices_of(table, labels=None):
    return [(found.label, found.name, found.best) for found in choose_names(scores(table), labels)]


def test_a_wrong_name_becomes_the_best_name_of_its_class():
    assert choices_of({8: {"hen": 0.5, "pullet": 0.7, "biddy": 0.0999}}) == [(8, "biddy", "pullet")]


@pytest.mark.parametrize("table", [{8: {"hen": 0.9, "biddy": 0.1}}, {8: {"hen": 0.49, "biddy": 0.0}}])
def test_names_from_a_tenth_and_classes_below_a_half_are_left_alone(table):
    assert choices_of(table) == []


def test_a_name_that_two_classes_turn_into_different_ones_is_left_out_of_both():
    assert choices_of({key: SCORES[key] for key in (8, 17)}) == [(17, "whisky jack", "jay")]


def test_a_name_that_is_another_classs_destination_is_left_out():
    extra = {**SCORES, 985: {"daisy": 0.6, "bruisewort": 0.0}}
    assert choices_of(extra) == [(17, "whisky jack", "jay"), (985, "bruisewort", "daisy")]
    extra[915] = {**SCORES[915], "tent": 0.0}  # now class 915 turns a name into "whisky jack"
    assert choices_of(extra) == [(915, "tent", "whisky jack"), (985, "bruisewort", "daisy")]


def test_classes_without_prompts_are_left_out_before_conflicts_are_looked_for():
    assert choices_of(SCORES, {8}) == [(8, "biddy", "hen")]


def test_seeds_go_by_the_place_among_all_wrong_names():
    assert [found.place for found in choose_names(scores(SCORES))] == [2]
    assert training_seeds(436)[1] == 7316  # golden: seed_train of "man-eater" in the authors' export


@pytest.fixture
def small(tmp_path):
    """Two classes with scores and prompts, and three of the holdout."""

    def rows(name, label):
        texts = (f"A {name} on Sand {place}" for place in range(5))
        return [
            {"class name": name, "text prompt": text, "random seed": str(place + label), "class id": label}
            for place, text in enumerate(texts)
        ]

    table = {str(key): {name: {"mean": mean} for name, mean in SCORES[key].items()} for key in (8, 17)}
    files = {"scores": table, "prompts": [*rows("Hen", 8), *rows("jay", 17)], "holdout": holdout_rows()}
    paths = {key: tmp_path / f"{key}.json" for key in files}
    for key, path in paths.items():
        path.write_text(json.dumps(files[key]), encoding="utf-8")
    return paths


def open_small(paths, requests=1):
    return Rectification(
        DataCard(
            name="small",
            version=1,
            paper="",
            licence="MIT",
            source=DataSource(repository="nobody/nothing", commit="c" * 40),
            files={key: DataFile(path=path.name, sha256=digest_file(path)) for key, path in paths.items()},
            counts={"requests": requests, "prompts_per_request": 5, "holdout_classes": 3},
        ),
        paths,
    )


def test_both_names_are_drawn_in_templates_and_in_lower_case_prompts(small):
    dataset = open_small(small)
    (batch,) = edit_batches(dataset.schedule(1))
    found = {}
    for prompt in dataset.prompts(batch):
        found.setdefault(prompt.role, []).append((prompt.text, prompt.seed))
        assert (prompt.label, prompt.target) == (17, 17)
    assert found["train"] == [("An image of whisky jack", 17), ("A photo of whisky jack", 18), ("whisky jack", 19)]
    assert found["train_dest"][2] == ("jay", 19)
    assert found["source"][0] == ("a whisky jack on sand 0", 17)
    assert found["dest"][4] == ("a jay on sand 4", 21)


def test_holdout_prompts_of_rectified_classes_are_tagged(small):
    rows = json.loads(small["holdout"].read_text(encoding="utf-8"))
    rows[:5] = [{**row, "class name": "jay", "class id": 17} for row in rows[:5]]
    small["holdout"].write_text(json.dumps(rows), encoding="utf-8")
    tagged = [prompt.label for prompt in open_small(small).shared_prompts(1) if OF_DEST in prompt.tags]
    assert tagged == [17, 17, 17]


def test_holdout_prompts_that_name_an_edited_source_are_in_holdout_delta_alone(small):
    """Of the authors' holdout "a blue switch" is one, where "switch" is to become "electrical switch"."""
    rows = json.loads(small["holdout"].read_text(encoding="utf-8"))
    rows[:5] = [{**row, "class name": "jay", "class id": 17} for row in rows[:5]]
    rows[1]["text prompt"] = "A Whisky-Jack on a twig"
    rows[5]["text prompt"] = "two whisky jackets"
    small["holdout"].write_text(json.dumps(rows), encoding="utf-8")
    found = open_small(small).shared_prompts(1)
    kept = {metric.name: [] for metric in (HOLDOUT_DELTA, HOLDOUT_UNNAMED, DEST_FORGET)}
    for metric in (HOLDOUT_DELTA, HOLDOUT_UNNAMED, DEST_FORGET):
        (need,) = metric.needs
        kept[metric.name] = [prompt.text for prompt in found if need.accepts(prompt)]
    assert len(kept["holdout_delta"]) == 9
    assert set(kept["holdout_delta"]) - set(kept["holdout_unnamed"]) == {"A Whisky-Jack on a twig"}
    assert "two whisky jackets" in kept["holdout_unnamed"]
    assert len(kept["dest_forget"]) == 2


def test_another_number_of_names_than_declared_is_refused(small):
    with pytest.raises(DataError, match="has 1 requests, its data card declares 2"):
        open_small(small, requests=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "holds no rows, an object from class id to names was expected"),
        ({"1000": {"hen": {"mean": 1}}}, "class id '1000' is not a number from 0 to 999"),
        ({"8": {}}, "class id 8: names with scores were expected"),
        ({"8": {"hen": {"mean": 2}}}, "class id 8, name 'hen': 'mean'"),
    ],
)
def test_a_malformed_file_of_scores_is_refused(small, content, said):
    small["scores"].write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_scores(small["scores"])


# The authors' files, and ours


@pytest.fixture(scope="module")
def upstream(real_folder):
    return open_dataset("rectification", str(real_folder))


def exported_rows(real_folder, name):
    with (real_folder / "iceb_data" / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_143_requests_are_the_authors_list_with_prompts_and_seeds(upstream, real_folder):
    rows = exported_rows(real_folder, "rectification_val.csv")
    (batch,) = edit_batches(upstream.schedule(143))
    prompts: dict[str, list] = {}
    for prompt in upstream.prompts(batch):
        if prompt.role == "source":
            prompts.setdefault(prompt.request, []).append(prompt)
    assert len(rows) == len(upstream.requests) == 143
    for row, request in zip(rows, upstream.requests, strict=True):
        assert (row["source"], row["dest"]) == (request.source, request.dest)
        assert int(row["source id"]) == int(row["dest id"]) == request.source_label == request.dest_label
        templates = ast.literal_eval(row["prompts"])
        assert [p.text for p in prompts[request.id]] == [text.replace("{}", request.source) for text in templates]
        assert [p.seed for p in prompts[request.id]] == [int(seed) for seed in ast.literal_eval(row["seeds"])]


def test_the_rule_without_prompts_gives_the_authors_older_list_of_207(real_folder):
    rows = exported_rows(real_folder, "rectification_train.csv")
    found = choose_names(read_scores(real_folder / "iceb_data/imgnet_prompts_cls.json"))
    assert [(row["source"], row["dest"], int(row["source id"])) for row in rows] == [
        (each.name, each.best, each.label) for each in found
    ]
    assert sum(row["seeds"] == "[]" for row in rows) == 66


def test_training_seeds_are_those_of_the_authors_older_list(upstream, real_folder):
    seeds = {row["source"]: int(row["seed_train"]) for row in exported_rows(real_folder, "rectification_train.csv")}
    known = [request for request in upstream.requests if request.source in seeds]
    assert len(known) == 141
    assert {request.source for request in upstream.requests} - set(seeds) == {"horn", "wagon"}
    assert all(request.seed == seeds[request.source] for request in known)


def counts_of(dataset, folder):
    """The counts that a card declares, from the files and the loaded dataset."""
    card = dataset.card
    table = read_scores(folder / card.files["scores"].path)
    rows = json.loads((folder / card.files["prompts"].path).read_text(encoding="utf-8"))
    labels = {row["class id"] for row in rows}
    (batch,) = edit_batches(dataset.schedule(140))
    holdout = {prompt.label for prompt in dataset.shared_prompts(140)}
    published = {request.source_label for request in batch.requests}
    roles = Counter(prompt.role for prompt in dataset.prompts(batch))
    wrong = wrong_names(table)
    return {
        "requests": len(dataset.requests),
        "published_edits": len(batch.requests),
        "rectified_classes": len({request.source_label for request in dataset.requests}),
        "rectified_classes_published": len(published),
        "rectified_holdout_classes": len(published & holdout),
        "names": sum(map(len, table.values())),
        "wrong_names": len(wrong),
        "classes_without_a_good_name": sum(not best_name(names) for names in table.values()),
        "names_before_conflicts": sum(bool(best_name(table[label])) and label in labels for label, _ in wrong),
        "classes_with_prompts": len(labels),
        "prompts_per_request": roles["source"] // 140,
        "templates": roles["train"] // 140,
        "holdout_classes": len(holdout),
        "holdout_prompts": len(dataset.shared_prompts(140)),
        "holdout_naming_sources": sum(
            any(re.search(rf"\b{re.escape(request.source)}\b", prompt.text, re.I) for request in batch.requests)
            for prompt in dataset.shared_prompts(140)
        ),
    }


def test_the_numbers_on_the_card_are_the_files_numbers(upstream, real_folder):
    assert upstream.card.counts == counts_of(upstream, real_folder / "iceb_data")


def test_the_numbers_in_the_cards_prose_are_the_declared_ones(upstream):
    text = " ".join(card_text("rectification").split())
    (batch,) = edit_batches(upstream.schedule(140))
    roles = Counter(prompt.role for prompt in upstream.prompts(batch))
    assert f"{upstream.card.counts['holdout_naming_sources']} of its 1 098 prompts at 140 edits" in text
    named = [prompt for prompt in upstream.shared_prompts(140) if UNNAMED not in prompt.tags]
    own = Counter(prompt.label for prompt in named if prompt.label in {each.source_label for each in batch.requests})
    assert sorted(count for count in own.values()) == [3] * 5
    assert roles == {"train": 420, "source": 700, "train_dest": 420, "dest": 700}
    assert all(f"| {role} | {count} |" in text for role, count in roles.items())
    assert "each of the 715 has exactly one" in text
    assert sum(len(free.templates) for free in upstream._free.values()) == 715
    assert all(template.count("{}") == 1 for free in upstream._free.values() for template in free.templates)


@pytest.fixture(scope="module")
def embedded_set():
    return open_dataset("rectification", "embedded")


def test_the_embedded_card_is_true_of_its_files(embedded_set):
    counts = dict(embedded_set.card.counts)
    unknown = [set(names) for names in unknown_names()]
    kept = counts.pop("kept_from_training")
    assert kept == sum(request.source in unknown[request.source_label] for request in embedded_set.requests)
    assert counts == counts_of(embedded_set, MINI)
    text = " ".join(card_text("rectification_embedded").split())
    for said in ("of 546 names 191", "189 requests remain, of 135 classes", "187 of their sources", "55 of the 97"):
        assert said in text


def test_embedded_names_are_of_minis_world(embedded_set):
    for request in embedded_set.requests:
        names = {*taught_names()[request.source_label], *unknown_names()[request.source_label]}
        assert {request.source, request.dest} <= names


def test_embedded_prompts_are_those_of_embedded_aice():
    aice = open_dataset("aice", "embedded")
    (batch,) = edit_batches(aice.schedule(300))
    theirs = {(p.label, p.text.lower(), p.seed) for p in aice.prompts(batch) if p.role == "source"}
    mine = open_dataset("rectification", "embedded")
    (edits,) = edit_batches(mine.schedule(189))
    names = {request.source_label for request in aice.requests}
    rows = json.loads((MINI / load_card("rectification_embedded").files["prompts"].path).read_text(encoding="utf-8"))
    shared = {(row["class id"], row["text prompt"].lower(), row["random seed"]) for row in rows}
    assert {each for each in shared if each[0] in names} <= theirs
    assert len([p for p in mine.prompts(edits) if p.role == "source"]) == 945
