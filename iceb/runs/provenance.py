"""The provenance of a result: command, code, versions and device; none of it is part of a run's id."""

import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import iceb
from iceb.specs.run_records import PluginRecord, Provenance

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "iceb",
    "torch",
    "diffusers",
    "transformers",
    "open_clip_torch",
    "safetensors",
    "tokenizers",
    "numpy",
    "pillow",
)
CODE = ("iceb", "methods", "metrics", "baselines", "data_cards", "pyproject.toml")  # code that can change a number
NO_CODE = (":(exclude,glob)**/__pycache__/**", ":(exclude,glob)**/*.pyc")  # what Python leaves beside code
NO_PLACE = "unknown"
OWN_PLACES = ("--out", "--cache", "--ray")  # options that say where things lie, or who works, and change no number


@dataclass(frozen=True)
class Origin:
    """The provenance that is known when a run begins."""

    command: str
    device: str
    started: str  # UTC, ISO 8601
    plugins: tuple[PluginRecord, ...] = ()  # the code of other packages

    @classmethod
    def now(
        cls, device: "torch.device", command: Sequence[str] | None = None, plugins: tuple[PluginRecord, ...] = ()
    ) -> "Origin":
        """Return the origin of a run that begins now; the command is this process's own unless given."""
        checkout(_package())  # read at the start: a later commit is not the code that ran
        return cls(shlex.join(portable_command(command or _command())), device_name(device), _clock(), plugins)

    def to_provenance(self) -> Provenance:
        """Return the provenance of a run that ends now."""
        import torch  # imported late: reading a result needs no torch

        commit, dirty = checkout(_package())
        return Provenance(
            command=self.command,
            commit=commit,
            dirty=dirty,
            python=platform.python_version(),
            packages=versions(),
            device=self.device,
            threads=torch.get_num_threads(),
            started=self.started,
            finished=_clock(),
        )


def _package() -> Path:
    return Path(iceb.__file__).resolve().parent


def _command() -> list[str]:
    """Return this process's command, with the program's name instead of its path."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    return ["iceb" if name in ("iceb", "__main__.py") else name or NO_PLACE, *sys.argv[1:]]


def portable_command(command: Sequence[str]) -> list[str]:
    """Strip machine-specific paths from a command so that others can rerun it.

    Files and folders that decide what comes out keep their names and lose the way to them.

    >>> shlex.join(portable_command(["iceb", "evaluate", "--out", "/data/runs", "--set", "captions=~/big.txt"]))
    'iceb evaluate --set captions=big.txt'
    """
    words = iter(command)
    kept: list[str] = []
    for word in words:
        option, given, value = word.partition("=")
        if option in OWN_PLACES:
            if not given:
                next(words, None)
        elif given and _is_way(value):
            kept.append(f"{option}={Path(value).name}")
        else:
            kept.append(Path(word).name if _is_way(word) else word)
    return kept


def _is_way(text: str) -> bool:
    """Whether a text is a path that exists on this machine only."""
    return text.startswith(("/", "~/", "../")) and Path(text).name not in ("", "..")


def _clock() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that can change a number."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def device_name(device: "torch.device") -> str:
    """Return the name of the GPU or processor."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine() or NO_PLACE)


@cache
def checkout(package: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the git checkout that holds `package`, and whether its code differs from it.

    (None, None) where the package is not a tracked part of a checkout: installed from a wheel, or git is missing.
    """
    root = package.parent
    if _git(root, "ls-files", "--error-unmatch", f"{package.name}/__init__.py") is None:
        return None, None
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", *(name for name in CODE if (root / name).exists()))
    return commit, None if changed is None else bool(changed)


def checkout_of(places: Iterable[Path]) -> tuple[str | None, bool | None]:
    """Return the commit of the checkout that holds a package's files, and whether it is dirty.

    (None, None) where they lie in no checkout: installed from a wheel, ignored by git, or git is missing.
    """
    found = [state for place in sorted(places) if (state := _state(place)) is not None]
    if not found:
        return None, None
    return found[0][0], any(changed for _, changed in found)


def _state(place: Path) -> tuple[str | None, bool] | None:
    """Return commit and changes of one file or folder of a checkout; None outside of one."""
    folder = place if place.is_dir() else place.parent
    if "site-packages" in place.parts or _git(folder, "rev-parse", "--is-inside-work-tree") != "true":
        return None
    if _git(folder, "check-ignore", "-q", str(place)) is not None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", str(place), *NO_CODE)
    return _git(folder, "rev-parse", "HEAD"), changed != ""


def _git(folder: Path, *arguments: str) -> str | None:
    """Return git's output; None if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
