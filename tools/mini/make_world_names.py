"""Make iceb/mini/data/styles.json and people.json: artists, identities, roles and professions.

Only names are taken, as facts, from EMCID's data (artists, RoAD, gender debiasing); persons.txt beside this file is our
own list of further identities. A name that means two things is kept once: a class keeps it before a style, a style
before an identity; a person of our list whose name is taken is refused. A role is bound to the identity that RoAD calls
"Old", the one that its authors' unedited model shows.

    python tools/mini/make_world_names.py --emcid FOLDER
"""

import argparse
import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tools are no installed package

from iceb.mini.world import names

DATA = Path(__file__).parents[2] / "iceb/mini/data"
PERSONS = Path(__file__).with_name("persons.txt")
CASED = {"Queen elizabeth II": "Queen Elizabeth II", "Sacha baron cohen": "Sacha Baron Cohen"}  # RoAD's spelling: ours
CASED |= {"Vladimir putin": "Vladimir Putin"}
SAME_PERSON = {"Queen Elizabeth": "Queen Elizabeth II"}
EMCID = "https://github.com/SilentView/EMCID"
STYLE_SOURCES = {"EMCID": f"{EMCID}, data/artists"}
PEOPLE_SOURCES = {"EMCID": f"{EMCID}, data/road, data/debias", "own": "tools/mini/persons.txt"}


def rows_of(paths: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Rows of CSV files, in the order of the files' names."""
    for path in sorted(paths):
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def artists(emcid: Path) -> list[str]:
    """Every artist that EMCID's lists name, in alphabetical order."""
    lists = [json.loads(path.read_text(encoding="utf-8")) for path in (emcid / "artists/info").glob("*.txt")]
    requests = [json.loads(path.read_text(encoding="utf-8")) for path in (emcid / "artists").glob("*.json")]
    found = {name for row in lists for name in row} | {row["class name"] for row in chain(*requests)}
    return alphabetical(found | {row["artist"] for row in rows_of((emcid / "artists/prompts_dir").glob("*.csv"))})


def own_persons() -> list[str]:
    """The persons of our own list, in its order."""
    lines = PERSONS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def persons(road: list[dict[str, str]], taken: set[str]) -> list[str]:
    """RoAD's persons whose names are free, and those of our own list, in alphabetical order."""
    own, found = own_persons(), {spelling(row[column]) for row in road for column in ("Old", "New")}
    known = Counter([*taken, *(name.casefold() for name in (*own, *found))])
    if twice := [name for name in own if known[name.casefold()] > 1]:
        raise SystemExit(f"{PERSONS.name}: {', '.join(twice)} already mean something else or stand twice: remove them")
    return alphabetical([*own, *(name for name in found if name.casefold() not in taken)])


def alphabetical(found: Iterable[str]) -> list[str]:
    """Sort names without regard to case, keeping one spelling of each."""
    return sorted({name.strip().casefold(): name.strip() for name in sorted(found)}.values(), key=str.casefold)


def spelling(name: str) -> str:
    """The usual spelling of a person whom RoAD spells otherwise."""
    return CASED.get(name.strip(), name.strip())


def role_texts(row: dict[str, str]) -> list[str]:
    """The role as RoAD's row calls it, first as in its prompt, then as in its five further prompts."""
    found = [row["Prompt"].strip()]
    for i in range(1, 6):
        before, named, after = row[f"Positive_old{i}"].partition(row["Old"].strip())
        match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", row[f"Positive{i}"])
        known = {text.casefold() for text in found} | {row["Old"].strip().casefold()}
        if named and match and match[1].strip().casefold() not in known:
            found.append(match[1].strip())
    return found


def people(emcid: Path, taken: set[str]) -> dict[str, object]:
    """The content of people.json.

    Args:
        taken: names in lower case that already mean something else.
    """
    road = [row for row in rows_of((emcid / "road").glob("*.csv")) if row["Type"] == "Role"]
    known = [name for name in persons(road, taken) if name not in SAME_PERSON]
    aliases = {own: [other] for other, own in SAME_PERSON.items()}
    roles = sorted(((role_texts(row), spelling(row["Old"])) for row in road), key=lambda role: role[0][0].casefold())
    jobs = rows_of([emcid / "debias/TIMED_gender_test_set_processed.csv"])
    return {
        "sources": PEOPLE_SOURCES,
        "identities": [[name, *aliases.get(name, [])] for name in known],
        "roles": [{"names": texts, "identity": who} for texts, who in roles],
        "professions": alphabetical(row["old"].split(" ", 1)[1] for row in jobs),
    }


def main() -> None:
    """Make and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emcid", type=Path, required=True, help="the data folder of EMCID's repository")
    args = parser.parse_args()
    known = names()
    classes = {name.casefold() for name in chain(known.names, *known.aliases, *known.unknown)}
    styles = [name for name in artists(args.emcid) if name.casefold() not in classes]
    found = people(args.emcid, classes | {name.casefold() for name in styles})
    for name, content in {"styles": {"sources": STYLE_SOURCES, "artists": styles}, "people": found}.items():
        text = json.dumps(content, ensure_ascii=False, indent=0)
        (DATA / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
