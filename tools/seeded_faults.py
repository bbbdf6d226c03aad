"""Break a small run on mini in known ways, and print what each broken run says.

    python tools/seeded_faults.py --write              # all, about a minute on one core, into docs/results.md
    python tools/seeded_faults.py --only noise NaN     # those whose name holds such a word, and no page

Faults: a measure that raises or gives NaN for some images, a method whose model emits noise, an edit without effect,
and handed-in images of exchanged roles or sides, or of which a tenth is missing (`faulty_parts.py` has the parts). Each
run has a line in the table at the end: its exit code, what it says, and whether its row could have a rank, leaving out
of account that these runs have few prompts. Exit code 1 if a run does not say what it should, or prints a traceback.
"""

import argparse
import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.cli.main import run as call_iceb
from iceb.leaderboard.cells import cell
from iceb.leaderboard.collect import refusal
from iceb.leaderboard.failed_images import FAILED, failures_may_decide
from iceb.leaderboard.unranked import why_unranked
from iceb.running.prompt_files import prompt_id
from iceb.runs.folder import RESULT, read_result
from iceb.runs.ledger import ImageRow, read_ledger
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.results import Result
from iceb.stores.images import ImageStore
from iceb.tasks.aice import AICE
from tools.faults_page import HEAD, PAGE, with_table
from tools.faulty_parts import JUDGE, FailingMeasure, register_parts

METRICS = (AICE.headline, "source2dest", "source_forget", "holdout_delta", "dest_kept")
TASK = ("--task", AICE.name, "--num-edits", "10", "--limit", "30", *(f"--metric={name}" for name in METRICS))
METHOD, SETTINGS = "uce", ("--set", "caption_count=300")  # an edit of seconds
SHOWN = 14  # lines of a run's output


@dataclass(frozen=True)
class Said:
    """The exit code of a run, all that it printed, and the result.json that it wrote, if any."""

    code: int
    text: str
    path: Path | None

    @cached_property
    def result(self) -> Result | None:
        """The result."""
        return None if self.path is None else read_result(self.path)

    @property
    def lines(self) -> list[str]:
        """The printed lines that are not empty."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]


@dataclass(frozen=True)
class Workshop:
    """A folder of runs that share a cache."""

    folder: Path

    def iceb(self, *arguments: str) -> Said:
        """Call `iceb` as the command line does."""
        out, text = Path(tempfile.mkdtemp(dir=self.folder)), io.StringIO()
        common = ["--cache", str(self.folder / "cache"), "--out", str(out), "--device", "cpu"]
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            code = call_iceb([*arguments, *common])
        said = re.sub(rf"{re.escape(str(self.folder))}/\w+", "…", text.getvalue())
        return Said(code, said, next(out.rglob(RESULT), None))

    def evaluate(self, method: str = METHOD, judge: str = JUDGE) -> Said:
        """Run a method, judged by a measure."""
        FailingMeasure.seen.clear()
        with register_parts(judge):
            settings = SETTINGS if method == METHOD else ()
            return self.iceb("evaluate", "--method", method, *TASK, *settings, "--workers", "1")

    @cached_property
    def sound(self) -> tuple[Said, list[ImageRow]]:
        """A run without a fault, and its images."""
        said = self.evaluate()
        if said.path is None or said.result is None:
            raise RuntimeError(f"the run without a fault failed: {said.lines[-1]}")
        return said, read_ledger(said.path.parent, said.result.images)

    def score(self, change: Callable[[Path, list[ImageRow]], None], after: str = AFTER) -> Said:
        """Hand in the sound run's images after a change of the files.

        Args:
            change: gets the folder of images, and whose they are.
            after: the side whose images are handed in as those after the edit.
        """
        _, rows = self.sound
        store, folder = ImageStore(self.folder / "cache"), Path(tempfile.mkdtemp(dir=self.folder))
        for row in rows:
            for side, key in ((BEFORE, row.key(BEFORE)), (AFTER, row.key(after))):
                target = image_file(folder, side, row)
                target.parent.mkdir(exist_ok=True)
                shutil.copy(store.path(key or ""), target)
        change(folder, rows)
        return self.iceb("score", "--images", str(folder), *TASK, "--name", "theirs")


def image_file(folder: Path, side: str, row: ImageRow) -> Path:
    """Return the file of a prompt's image in a folder that is handed in."""
    return folder / side / f"{prompt_id(row.prompt)}.png"


def exchange_roles(folder: Path, rows: list[ImageRow]) -> None:
    """Exchange the images after the edit of source and destination prompts."""
    sources, dests = ([row for row in rows if row.prompt.role == role] for role in ("source", "dest"))
    for pair in zip(sources, dests, strict=False):
        first, second = (image_file(folder, AFTER, row) for row in pair)
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)


def exchange_sides(folder: Path, rows: list[ImageRow]) -> None:
    """Exchange the folders of images before and after."""
    (folder / BEFORE).rename(folder / "kept")
    (folder / AFTER).rename(folder / BEFORE)
    (folder / "kept").rename(folder / AFTER)


def remove_tenth(folder: Path, rows: list[ImageRow]) -> None:
    """Remove every tenth image after the edit."""
    for path in sorted((folder / AFTER).glob("*.png"))[::10]:
        path.unlink()


def judged_by(measure: str) -> Callable[[Workshop], Said]:
    """Make a function that runs a sound edit with a broken judge."""
    return lambda shop: shop.evaluate(judge=measure)


@dataclass(frozen=True)
class Fault:
    """A fault, the run that has it, and what the run must say.

    Attributes:
        code: the exit code.
        says: what a line of the run must match.
        rank: whether its row may have a rank.
    """

    name: str
    run: Callable[[Workshop], Said]
    says: str
    code: int = 0
    rank: bool = True

    def line(self, said: Said) -> str | None:
        """Return the line that says what it must; None if none does."""
        return next((line for line in said.lines if re.search(self.says, line)), None)

    def problems(self, said: Said) -> Iterator[str]:
        """Yield what is wrong with what the run says."""
        if said.code != self.code:
            yield f"exit code {said.code}, must be {self.code}"
        if self.line(said) is None:
            yield f"no line says {self.says!r}"
        if "Traceback" in said.text:
            yield "it prints a traceback"
        if (why_no_rank(said.result) == "") != self.rank:
            yield f"its row must have {'a' if self.rank else 'no'} rank, and has: {why_no_rank(said.result) or 'one'}"


FAULTS = (
    Fault("none", lambda shop: shop.sound[0], r"^degenerate: 0 of"),
    Fault("a scorer crashes on under 5 %", judged_by("rarely_failing"), r"could not be measured, left out", rank=False),
    Fault("a scorer crashes on over 5 %", judged_by("often_failing"), r"withheld: .*ValueError", 1, rank=False),
    Fault("NaN features of one image in eight", judged_by("partly_nan"), r"withheld: .*NaN", 1, rank=False),
    Fault("NaN features of all images", judged_by("all_nan"), r"^iceb: no score has a value", 1, rank=False),
    Fault("a model emits noise", lambda shop: shop.evaluate("noise"), r"^degenerate: .*noise", rank=False),
    Fault("an edit without effect", lambda shop: shop.evaluate("idle"), r"changed no image of its", 2, rank=False),
    Fault("a tenth of images is missing", lambda shop: shop.score(remove_tenth), r"^partial, .*missing", rank=False),
    Fault(
        "handed-in folders before/ and after/ swapped",
        lambda shop: shop.score(exchange_sides),
        r"^shown and never ranked",
        rank=False,
    ),
    Fault(
        "handed-in images of source and destination prompts swapped",
        lambda shop: shop.score(exchange_roles),
        r"^marked",
    ),
    Fault(
        "the same swap, of images by the unedited model",
        lambda shop: shop.score(exchange_roles, BEFORE),
        r"are another prompt's before",
    ),
)


def why_no_rank(result: Result | None) -> str:
    """Return why a run's row may have no rank, its `limit` apart; "" if it may."""
    if result is None or result.status == "failed":
        return "the run failed"
    update = {"provenance": result.provenance.model_copy(update={"dirty": False}), "plugins": ()}
    if result.status == "partial" and (result.outside is None or not result.outside.missing):
        update["status"] = "complete"
    whole = result.model_copy(update=update)
    headline = whole.score(AICE.headline)
    why = refusal(whole) or why_unranked(cell([whole]))
    if why or headline is None or headline.value is None:
        return why or f"{AICE.headline} has no value"
    return FAILED if failures_may_decide(headline) else ""


def chosen_faults(words: Sequence[str]) -> list[Fault]:
    """List the faults whose name holds one of some words; all without words."""
    return [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]


def main(arguments: list[str] | None = None) -> int:
    """Make the runs and print what they say; return 1 if one does not say what it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="default: all faults")
    parser.add_argument("--write", action="store_true", help="write the table of all faults into docs/results.md")
    asked, rows, wrong = parser.parse_args(arguments), [], 0
    with tempfile.TemporaryDirectory(prefix="iceb-faults-") as folder:
        shop = Workshop(Path(folder))
        for fault in chosen_faults(asked.only):
            said = fault.run(shop)
            problems = list(fault.problems(said))
            print(f"\n== {fault.name}: exit code {said.code}", *said.lines[-SHOWN:], sep="\n")
            print(*(f"WRONG: {problem}" for problem in problems), sep="\n", flush=True)
            why, wrong = why_no_rank(said.result), wrong + len(problems)
            rank = f"no: {why}" if why else "yes"
            rows.append(f"| {fault.name} | {said.code} | {fault.line(said) or '–'} | {rank} |")
    print(*HEAD, *rows, sep="\n")
    if asked.write and not asked.only and not wrong:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
