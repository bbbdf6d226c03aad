"""A registered method with its settings: found, filled in, and asked for an edit through the store."""

import ast
import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from iceb import registry
from iceb.base.digest import digest, digest_bytes, digest_file
from iceb.base.errors import IcebError, MethodError, SpecError
from iceb.base.progress import stage
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.models.generator import environment
from iceb.running.cost import peak_bytes, peak_gpu_bytes
from iceb.specs.methods import MethodCard
from iceb.specs.requests import EditRequest
from iceb.specs.results import first_problem
from iceb.specs.runs import Scalar
from iceb.stores.edits import EditKey, EditStore, MadeEdit
from iceb.stores.scratch import ScratchStore


@dataclass(frozen=True)
class ChosenMethod:
    """A method, its settings, and where both come from."""

    entry: registry.Registered
    method: Any  # an EditMethod
    recipe: str  # "emcid/aice", a file, or "" for the method's own defaults

    @property
    def card(self) -> MethodCard:
        """What the method says about itself."""
        card: MethodCard = self.method.card
        return card

    @property
    def params(self) -> dict[str, Scalar]:
        """Every hyperparameter, those left at their default too."""
        fields = dataclasses.fields(self.method)
        return {field.name: _scalar(self.card.name, field.name, getattr(self.method, field.name)) for field in fields}

    def key(self, bundle: ModelBundle, requests: Sequence[EditRequest]) -> EditKey:
        """What names the edit of `requests`: method, code, settings, files they name, model, ordered requests."""
        return digest({**self._identity(bundle), "params": self._settings(), "requests": list(requests)})

    def _identity(self, bundle: ModelBundle) -> dict[str, Any]:
        return {
            "method": self.card.name,
            "version": self.card.version,
            "package": self.entry.package,
            "package_version": self.entry.package_version,
            "code": code_digest(type(self.method).__module__, type(self.method).__qualname__),
            "model": bundle.digest,
            "environment": environment(bundle),  # it trains on pictures and on floats of this machine
        }

    def _settings(self) -> dict[str, Any]:
        """The hyperparameters; one that names a file counts by the file's content."""
        named = {name: Path(value).expanduser() for name, value in self.params.items() if isinstance(value, str)}
        contents = {name: digest_file(path) for name, path in named.items() if _is_file(path)}
        return {"values": self.params, "files": contents}

    def made(self, bundle: ModelBundle, requests: Sequence[EditRequest], edits: EditStore, cache: Path) -> MadeEdit:
        """The edit of `requests`, from the store or made now; checked before it is kept.

        Raises:
            MethodError: the method failed, or what it returned does not fit the model.
            StoreError: the cache cannot be written.
        """
        key = self.key(bundle, requests)
        found = edits.read(key)
        return found if found is not None else edits.publish(key, self._make(bundle, requests, cache))

    def _make(self, bundle: ModelBundle, requests: Sequence[EditRequest], cache: Path) -> MadeEdit:
        name = self.card.name
        scratch = ScratchStore(cache, self._identity(bundle))
        began = time.perf_counter()
        try:
            with stage(f"editing: {name}"):
                edit = self.method.edit(bundle, requests, scratch=scratch)
        except IcebError:
            raise
        except Exception as error:  # a method of others may raise anything
            what = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            raise MethodError(f"method {name} failed on {len(requests)} requests ({what})") from error
        checked = check_edit(edit, bundle, self.card)
        about = {"method": name, "version": self.card.version, "params": self.params, "model": bundle.ref.repo}
        seconds = time.perf_counter() - began
        return MadeEdit(checked, seconds, peak_bytes(), peak_gpu_bytes(), {**about, "requests": len(requests)})


def choose(name: str, settings: Mapping[str, Any], recipe: str = "") -> ChosenMethod:
    """The registered method with these settings; what is not set keeps the method's default.

    Raises:
        SpecError: no such method, no such hyperparameter, or a value of the wrong kind.
        MethodError: the method refuses the settings.
    """
    entry = registry.find("methods", name)
    kind = entry.load()
    names = [field.name for field in dataclasses.fields(kind) if field.init]
    for setting in settings:
        if setting not in names:
            raise SpecError(registry.unknown(f"setting of method {name}", setting, names, f"iceb show method {name}"))
    try:
        made = kind(**{key: _fitting(name, kind, key, value) for key, value in settings.items()})
    except IcebError:
        raise
    except (TypeError, ValueError) as error:
        raise MethodError(f"method {name} refuses its settings: {error}") from error
    return ChosenMethod(entry, made, recipe)


def _fitting(method: str, kind: type, name: str, value: Any) -> Any:
    """`value` as the field's annotation wants it: a list as a tuple, a whole number as a float."""
    try:
        return TypeAdapter(get_type_hints(kind)[name]).validate_python(value)
    except ValidationError as error:
        reason = first_problem(error).removeprefix("the whole: ")
        raise SpecError(f"method {method}: {name}={value!r}: {reason} (iceb show method {method})") from error
    except (PydanticSchemaGenerationError, NameError):
        return value  # an annotation that says nothing to us: the method checks it itself


def _scalar(method: str, name: str, value: Any) -> Scalar:
    plain = tuple(value) if isinstance(value, list | tuple) else value
    parts = plain if isinstance(plain, tuple) else (plain,)
    if not all(part is None or isinstance(part, bool | int | float | str) for part in parts):
        raise MethodError(f"method {method}: setting {name} is {value!r}: settings must be scalars or flat tuples")
    return plain


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a long text is no path
        return False


@cache
def code_digest(module: str, name: str) -> str:
    """What names the code of the class `name` of `module`: its package's modules, apart from comments and layout.

    A stored edit must not outlive the code that made it, and version numbers do not change while code is written.
    """
    file = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    if not file.is_file():
        return digest(name)  # typed into an interpreter
    parent = module.rpartition(".")[0]
    is_package = file.name == "__init__.py"
    if not parent and not is_package:
        return digest([(file.name, _parsed(file))])
    folder = file.parent.parent if parent and is_package else file.parent
    return digest([(path.relative_to(folder).as_posix(), _parsed(path)) for path in sorted(folder.rglob("*.py"))])


def _parsed(path: Path) -> str:
    return digest_bytes(ast.dump(ast.parse(path.read_bytes())).encode())
