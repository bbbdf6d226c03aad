"""The fuzzer's files, made by real commands in its own folder, and the check of a command's answer."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 1000  # characters of the complaint
PATIENCE = 60  # seconds that one command may take before it counts as hanging
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
VICTIM = "victim.txt"  # stands beside the working folder; nothing may change it


@dataclass(frozen=True)
class Fault:
    """A command that did not answer with one clear line."""

    what: str
    arguments: tuple[str, ...]
    said: str


class Hangs(BaseException):
    """A command took longer than PATIENCE."""


def alarm(*_: object) -> None:
    """Raise Hangs inside the command."""
    raise Hangs


def attempt(what: str, arguments: Sequence[str]) -> Fault | None:
    """Run one command in this process; return its fault, or None."""
    from iceb.cli.main import run

    stdout, stderr = strict_stream(), io.StringIO()
    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(PATIENCE)
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = run(list(arguments))
    except BaseException as error:  # the command must never raise
        if isinstance(error, KeyboardInterrupt):
            raise
        return Fault(what, tuple(arguments), f"raised {type(error).__name__}: {str(error)[:200]!r}")
    finally:
        signal.alarm(0)
    problem = describe_fault(code, stderr.getvalue())
    return Fault(what, tuple(arguments), problem) if problem else None


def strict_stream() -> io.TextIOWrapper:
    """Make a stdout that refuses what UTF-8 cannot encode, as a real one does."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def describe_fault(code: int, stderr: str) -> str:
    """Describe the fault in a command's answer; "" if there is none."""
    last = stderr.rstrip("\n").rpartition("\n")[2]
    if code not in (0, 1, 2):
        return f"exit code {code}: {last[:300]!r}"
    if last.startswith("iceb: unexpected") or "Traceback" in stderr:
        return last[:400]
    if code and not last.startswith("iceb: "):
        return f"exit code {code} without a complaint: {last[:200]!r}"
    if code and len(last) > LONGEST:
        return f"{len(last)} characters: {last[:200]!r}"
    if code and (found := CONTROL.search(last)):
        return f"control character {found[0]!r} in {last[:300]!r}"
    return ""


class World:
    """Files that the commands read, made by real commands in the fuzzer's own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache, self.out = folder, folder / "cache", folder / "runs"
        (folder.parent / VICTIM).write_text("untouched", encoding="utf-8")
        os.chdir(folder)
        run = ["--num-edits", "1", "--limit", "1", "--steps", "1", "--out", str(self.out), *self.cache_option]
        self.make(["evaluate", "--method", "unedited", "--task", "aice", *run])
        (self.run_folder,) = (path.parent for path in self.out.rglob("result.json"))
        self.edit = folder / "saved"
        options = ["--source", "dog", "--dest", "cat", "--out", str(self.edit), *self.cache_option]
        self.make(["edit", "--method", "embedding_swap", *options])
        self.write_own_files()

    @property
    def cache_option(self) -> list[str]:
        """The option that selects this folder's cache."""
        return ["--cache", str(self.cache)]

    def make(self, arguments: list[str]) -> None:
        """Run a command that must succeed."""
        if fault := attempt("preparation", arguments):
            raise SystemExit(f"preparation failed: {fault}")

    def write_own_files(self) -> None:
        """Write requests, a recipe, results, times, and a copy of the embedded model and data."""
        import iceb

        package = Path(iceb.__file__).parent
        (self.folder / "own.json").write_text('[{"source": "dog", "dest": "cat", "seed": 3}]', encoding="utf-8")
        (self.folder / "own.csv").write_text("source,dest,seed\ndog,cat,3\n", encoding="utf-8")
        (self.folder / "recipe.toml").write_text('how = "by hand"\n[params]\nprompt = "x"\n', encoding="utf-8")
        shutil.copytree(package / "mini" / "weights" / "pipeline", self.folder / "model")
        declared = {
            "sampling": {"steps": 1, "height": 32, "width": 32},
            "measures": {"imagenet_classifier": "vit_mini"},
        }
        (self.folder / "model" / "iceb.json").write_text(json.dumps(declared), encoding="utf-8")
        shutil.copytree(package / "mini" / "data", self.folder / "data")
        self.write_board(self.folder / "board" / "results")
        (self.folder / "times").mkdir()
        times = {"machine": "m", "model": "iceb/mini", "rows": [{"method": "uce", "num_edits": 1, "seconds": 1.0}]}
        (self.folder / "times" / "a.json").write_text(json.dumps(times), encoding="utf-8")

    def write_board(self, results: Path) -> None:
        """Write the run as a complete result of a leaderboard."""
        document = json.loads((self.run_folder / "result.json").read_text(encoding="utf-8"))
        document |= {"status": "complete", "limit": None}
        document["provenance"]["dirty"] = False
        path = results / f"{document['id']}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for table in self.run_folder.glob("*.parquet"):
            shutil.copy(table, path.with_suffix(".parquet"))

    def bases(self) -> dict[str, dict[str, str]]:
        """Cheap arguments for each command, by name; a name without dashes is positional."""
        common = {"--model": "mini", "--cache": str(self.cache)}
        short = {"--limit": "1", "--steps": "1", "--dry-run": ""}
        board, docs = str(self.folder / "board"), str(self.folder / "docs")
        return {
            "evaluate": {"--method": "unedited", "--task": "aice", "--num-edits": "1", **short, **common},
            "edit": {"--method": "prompt_swap", "--source": "dog", "--dest": "cat", **common},
            "apply": {"base": "mini", "delta": str(self.edit), "--out": "model-out"},
            "score": {"run": str(self.run_folder), "--cache": str(self.cache)},
            "grid": {"run": str(self.run_folder), "--cache": str(self.cache)},
            "list": {"kind": "methods"},
            "show": {"kind": "result", "name": str(self.run_folder / "result.json")},
            "leaderboard": {"--folder": board},
            "check method": {"name": "unedited", "--sizes": "1"},
            "docs": {"--folder": docs, "--leaderboards": board, "--benchmarks": str(self.folder / "times")},
            "data fetch": {"name": "aice_embedded", "--cache": str(self.cache)},
            "data list": {"--cache": str(self.cache)},
            "data verify": {"name": "aice_embedded", "--cache": str(self.cache)},
            "data show": {"name": "aice_embedded", "--rows": "1", "--cache": str(self.cache)},
            "explain": {"name": "edit_score"},
            "cache": {"--cache": str(self.cache), "--runs": str(self.out)},
        }

    def readers(self) -> list[tuple[Path, list[list[str]]]]:
        """Each file with the commands that read it."""
        return [*self.readers_of_run(), *self.readers_of_inputs(), *self.readers_of_cache()]

    @property
    def again(self) -> list[str]:
        """The command that repeats the run, without the option that names the cache."""
        short = ["--num-edits", "1", "--limit", "1", "--steps", "1", "--out", str(self.out)]
        return ["evaluate", "--method", "unedited", "--task", "aice", *short]

    @property
    def look(self) -> list[str]:
        """The command that lists the cache."""
        return ["cache", *self.cache_option, "--runs", str(self.out)]

    @property
    def prune(self) -> list[str]:
        """A prune command that removes nothing, because nothing is old enough."""
        return [*self.look, "--prune", "--older-than", "1000"]

    def readers_of_run(self) -> list[tuple[Path, list[list[str]]]]:
        """Files of a run and of a saved edit, with the commands that read them."""
        run, result = str(self.run_folder), self.run_folder / "result.json"
        score, grid = (["score", run, *self.cache_option], ["grid", run, *self.cache_option])
        add = ["leaderboard", "--folder", "board", "--add", str(result)]
        show, again = ["show", "result", str(result)], [*self.again, *self.cache_option]
        apply = ["apply", "mini", str(self.edit), "--out", "applied"]
        return [
            (result, [show, score, grid, self.look, self.prune, add, again]),
            (self.run_folder / "images.jsonl", [score, grid, self.look, self.prune]),
            (self.run_folder / "requests.jsonl", [grid]),
            (self.edit / "manifest.json", [apply]),
            (self.edit / "delta.safetensors", [apply]),
        ]

    def readers_of_inputs(self) -> list[tuple[Path, list[list[str]]]]:
        """Files that users write, with the commands that read them."""
        at, ask = self.folder, ["edit", "--method", "prompt_swap", "--task", "aice", *self.cache_option]
        rest = ["--task", "aice", "--num-edits", "1", "--dry-run", *self.cache_option]
        plan = ["evaluate", "--method", "unedited", *rest]
        model, data = [*plan, "--model", "model", "--limit", "1"], [*plan, "--data", "data"]
        board, docs = ["leaderboard", "--folder", "board"], ["docs", "--folder", "pages", "--leaderboards", "board"]
        parts = [f"{name}/config.json" for name in ("unet", "vae")] + ["scheduler/scheduler_config.json"]
        parts += ["iceb.json", "model_index.json"]
        return [
            (at / "own.json", [[*ask, "--requests", "own.json", "--out", "o1"]]),
            (at / "own.csv", [[*ask, "--requests", "own.csv", "--out", "o2"]]),
            (at / "recipe.toml", [["evaluate", "--method", "negative_prompt", *rest, "--recipe", "recipe.toml"]]),
            *((at / "model" / name, [model]) for name in parts),
            *((path, [data]) for path in sorted((at / "data").glob("aice*.json"))),
            *((path, [board, docs]) for path in sorted((at / "board" / "results").rglob("*.json"))[:1]),
            (at / "times" / "a.json", [[*docs, "--benchmarks", "times"]]),
        ]

    def readers_of_cache(self) -> list[tuple[Path, list[list[str]]]]:
        """Files of the cache other than images, with the commands that read them."""
        again = [*self.again, *self.cache_option]
        notes = [(path, [self.look, self.prune]) for path in sorted((self.cache / "runs").rglob("*.txt"))]
        paces = [(path, [again]) for path in sorted((self.cache / "pace").rglob("*.json"))[:1]]
        edits = [(path, [self.look, again]) for path in sorted((self.cache / "edits").rglob("*.safetensors"))[:1]]
        return [*notes, *paces, *edits]
