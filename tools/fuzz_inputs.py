"""Feed malformed options and files to the command line; list those not answered by one clear line.

    python -m tools.fuzz_inputs [--seconds 600] [--seed 0] [--only WORD]

Every option of every command gets every poisoned value; every file that a command reads is replaced by every poisoned
text, and single values in it by poisoned values, as many as the time allows. A fault is an exit code other than 0, 1
or 2, the word "unexpected", a last line of stderr that is long or holds control characters, or a changed file outside.
All files lie in a temporary folder of the fuzzer's own. Exit code 1 when there are faults.
"""

import argparse
import itertools
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.fuzz_world import VICTIM, Fault, World, attempt
from tools.poisons import TEXTS, VALUES, WORDS


def options(world: World) -> Iterator[tuple[str, list[str]]]:
    """Yield commands that set each option and argument to each malformed word."""
    import typer

    from iceb.cli.main import app

    bases = world.bases()
    for name, command in commands(typer.main.get_command(app)):
        for parameter in command.params:
            if getattr(parameter, "is_flag", False) or not parameter.opts or parameter.name == "help":
                continue
            own = next((opt for opt in parameter.opts if opt.startswith("--")), parameter.name)
            for word in WORDS:
                yield f"{name} {own}", [*name.split(), *argument_list({**bases.get(name, {}), own: word})]


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command below a group, with its words."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def argument_list(arguments: dict[str, str]) -> list[str]:
    """Format arguments as a command line: options first, then "--" and the positional ones."""
    named: list[str] = []
    for name, value in arguments.items():
        if name.startswith("--"):
            named += [name] if name == "--dry-run" else [name, value]
    return [*named, "--", *(value for name, value in arguments.items() if not name.startswith("--"))]


def poisoned_texts(original: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield malformed versions of a file: replaced, cut, extended, or with one value replaced."""
    yield from TEXTS
    size = len(original)
    yield from (original[: size // 2], original[:-1], original * 2, b"\xef\xbb\xbf" + original, original + b"\x00")
    text = original.decode("utf-8", "replace")
    spots = [
        match.span()
        for match in re.finditer(r'"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null|[{}\[\]]', text[:50_000])
    ]
    if not spots:
        return
    pairs = list(itertools.product(spots, VALUES)) if len(spots) < 500 else None
    if pairs:
        chance.shuffle(pairs)
    for index in itertools.count():
        if pairs and index >= len(pairs):
            return
        (start, end), value = pairs[index] if pairs else (chance.choice(spots), chance.choice(VALUES))
        yield (text[:start] + value + text[end:]).encode("utf-8", "replace")


def files(world: World, chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Malform each file in turn, for each command that reads it, and restore it."""
    pending = [(path, argvs, path.read_bytes()) for path, argvs in world.readers()]
    streams = [(path, argvs, whole, poisoned_texts(whole, chance)) for path, argvs, whole in pending]
    while streams:
        for entry in list(streams):
            path, argvs, whole, stream = entry
            poison = next(stream, None)
            if poison is None:
                streams.remove(entry)
                continue
            for arguments in argvs:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(poison)
                yield f"{path.relative_to(world.folder)} = {poison[:60]!r}… ({len(poison)} bytes)", arguments
                path.write_bytes(whole)


def folders(world: World) -> Iterator[tuple[str, list[str]]]:
    """Replace each file in turn by a folder, or remove it, and restore it."""
    for path, argvs in world.readers():
        aside = world.folder / "aside"
        for arguments in argvs:
            for there in (True, False):
                if not path.exists():  # the command removes what is damaged in the cache
                    continue
                path.rename(aside)
                if there:
                    path.mkdir()
                yield f"{path.relative_to(world.folder)} is {'a folder' if there else 'absent'}", arguments
                if path.is_dir():
                    path.rmdir()
                path.unlink(missing_ok=True)
                aside.rename(path)


def main() -> None:
    """Fuzz until time is up or everything was tried; print each kind of fault once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only what has this word in its name")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iceb-fuzz-") as made:
        folder = Path(made) / "work"
        folder.mkdir()
        os.environ["ICEB_CACHE"] = str(folder / "cache")
        world = World(folder)
        victim, end = folder.parent / VICTIM, time.monotonic() + asked.seconds
        kinds: dict[tuple[str, str], Fault] = {}
        count = 0
        for what, arguments in itertools.chain(options(world), folders(world), files(world, random.Random(asked.seed))):
            if time.monotonic() > end:
                break
            if asked.only not in what:
                continue
            count += 1
            fault = attempt(what, arguments)
            if victim.read_text(encoding="utf-8") != "untouched":
                fault = Fault(what, tuple(arguments), f"{VICTIM} was changed")
                victim.write_text("untouched", encoding="utf-8")
            if fault:
                kind = (what.split(" = ")[0], re.sub(r"[\d'\"].*", "", fault.said)[:80])
                if kinds.setdefault(kind, fault) is fault:
                    shown = " ".join(word[:60] for word in fault.arguments)
                    print(f"{fault.what[:120]!r}\n    iceb {shown!r}\n    {fault.said[:300]!r}", flush=True)
    print(f"{count} commands, {len(kinds)} kinds of fault")
    sys.exit(bool(kinds))


if __name__ == "__main__":
    main()
