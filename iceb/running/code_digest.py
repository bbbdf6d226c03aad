"""Digest the code of a registered class, so that stored results are not reused after the code changed.

Version numbers do not change while code is written. Of iceb, a class's own module counts (of a method its whole folder)
and every module of iceb that it imports; a change in one method leaves the others alone. Of another package everything
counts: its Python files, every other file beside them, the versions of what it requires, and what it imports of iceb.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

from iceb.base.code import (
    ROOT,
    affects_numbers,
    file_digest,
    imported_modules,
    module_file,
    modules_digest,
    reachable_modules,
)
from iceb.base.digest import digest, digest_file
from iceb.base.errors import SpecError
from iceb.base.readers import explain_reading
from iceb.running.interpreted_code import interpreted_digest

METHODS = f"{ROOT}.methods"
# Files of a package that are not hashed: caches, editor backups and version control.
LEFT_FOLDERS = {"__pycache__", ".git", ".hg", ".svn", ".idea", ".vscode", ".ipynb_checkpoints"}
LEFT_FOLDERS |= {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
LEFT_FILES = ("*.pyc", "*.pyo", "*~", ".#*", "#*#", ".*.sw[a-p]", ".DS_Store", "Thumbs.db", ".git*")


def code_digest(kind: type, package: str = "") -> str:
    """Digest the code of a class.

    Args:
        kind: the class; of one that was typed into an interpreter its functions as they are now.
        package: the distribution that registers it; one that is not installed adds nothing. "": whichever brings the
            class's module.

    Raises:
        SpecError: a file of its package cannot be read.
    """
    if kind.__module__.partition(".")[0] != ROOT and _outermost(kind.__module__) is None:
        return interpreted_digest(kind)
    return _filed_digest(kind, package)


@cache
def _filed_digest(kind: type, package: str) -> str:
    """Digest the code of a class whose module lies in a file."""
    module = kind.__module__
    return modules_digest(own_modules(module)) if module.partition(".")[0] == ROOT else _of_others(kind, package)


def own_modules(module: str) -> tuple[str, ...]:
    """List the modules of a class of iceb: its own, or all modules of a method's folder.

    >>> own_modules("iceb.methods.time.editing")
    ('iceb.methods.time', 'iceb.methods.time.alignment', 'iceb.methods.time.editing')
    >>> own_modules("iceb.baselines.controls")
    ('iceb.baselines.controls',)
    """
    folder = ".".join(module.split(".")[:3])
    file = module_file(folder)
    if not folder.startswith(f"{METHODS}.") or file is None or file.name != "__init__.py":
        return (module,)
    inside = (path.relative_to(file.parent).with_suffix("").parts for path in sorted(file.parent.rglob("*.py")))
    return tuple(".".join([folder, *(part for part in parts if part != "__init__")]) for parts in inside)


def _of_others(kind: type, package: str) -> str:
    """Digest the code of a third-party class."""
    bases = {base.__module__ for base in kind.__mro__ if base.__module__.startswith(f"{ROOT}.")}
    return package_digest((kind.__module__,), package or _package_of(kind.__module__), bases)


def package_digest(modules: Iterable[str], package: str, used: Iterable[str] = ()) -> str:
    """Digest the code of a third-party distribution.

    Args:
        modules: imported modules of it, which metadata may not name.
        package: the distribution; one that is not installed adds nothing.
        used: modules of iceb that count beside those that its files import.

    Raises:
        SpecError: a file of it cannot be read.
    """
    installed = _find_installed(package)
    files = {name: path for top in code_places(modules, package) for name, path in _files(top)}
    ours = {name for path in files.values() if path.suffix == ".py" for name in imported_modules(path)} | set(used)
    return digest(
        {
            "files": {name: _content(path) for name, path in files.items()},
            "requires": _requirements(installed),
            ROOT: {name: file_digest(path) for name, path in reachable_modules(filter(affects_numbers, ours)).items()},
        }
    )


def code_places(modules: Iterable[str], package: str) -> set[Path]:
    """Return the folders and files of a distribution's top-level modules and of imported ones."""
    imported = {place for module in modules if (place := _outermost(module)) is not None}
    return imported | set(_tops(_find_installed(package)))


def _outermost(module: str) -> Path | None:
    """Return the folder of a module's outermost regular package, or the module's file."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        file = Path(getattr(sys.modules.get(".".join(parts[:count])), "__file__", None) or "")
        if file.is_file():
            return file.parent if file.name == "__init__.py" else file
    return None


def _package_of(module: str) -> str:
    """Return the first distribution that provides a module; "" if none does."""
    return next(iter(packages_distributions().get(module.partition(".")[0], ())), "")


def _find_installed(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except (PackageNotFoundError, ValueError):
        return None


def _tops(found: Distribution | None) -> Iterator[Path]:
    """List the files and folders of a distribution's top-level modules, as named in its metadata."""
    if found is None:
        return
    listed = {file.parts[0].removesuffix(".py") for file in found.files or () if file.suffix == ".py"}
    for name in sorted({*listed, *(found.read_text("top_level.txt") or "").split()}):
        spec = None if name.startswith("__editable__") or not name.isidentifier() else find_spec(name)
        if spec is not None and spec.origin:
            origin = Path(spec.origin)
            yield origin.parent if origin.name == "__init__.py" else origin


def _files(top: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, file) of everything that is hashed of a module or package."""
    if top.is_file():
        yield top.name, top
        return
    walked = set[str]()
    for folder, inner, names in os.walk(top, followlinks=True):
        inner[:] = sorted(name for name in inner if name not in LEFT_FOLDERS)
        if (real := os.path.realpath(folder)) in walked:  # a link to a folder above
            inner.clear()
            continue
        walked.add(real)
        for path in (Path(folder, name) for name in names if not any(fnmatchcase(name, each) for each in LEFT_FILES)):
            if path.is_file():
                yield path.relative_to(top.parent).as_posix(), path


def _content(path: Path) -> str:
    if path.suffix == ".py":
        return file_digest(path)
    with explain_reading(str(path), SpecError, "every file of a plug-in's package is in its keys; make it readable"):
        known = path.stat()
        return _digest_of(path, known.st_size, known.st_mtime_ns)


@cache
def _digest_of(path: Path, size: int, modified: int) -> str:
    """Digest a file, which may be large: read once per process unless its size or time changes."""
    return digest_file(path)


def _requirements(found: Distribution | None) -> dict[str, str]:
    """Map each requirement of a distribution, without extras, to its installed version; leave out iceb."""
    lines = [] if found is None else [line for line in found.requires or () if "extra ==" not in line]
    names = {match.group().lower() for line in lines if (match := re.match(r"[\w.-]+", line))}
    return {name: _version(name) for name in sorted(names - {ROOT})}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
