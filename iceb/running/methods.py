"""A registered method with its settings: found, filled in, and asked for an edit through the store."""

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from iceb import registry
from iceb.base.digest import digest
from iceb.base.errors import IcebError, MethodError, SpecError
from iceb.base.frames import described
from iceb.base.messages import quoted
from iceb.base.progress import stage
from iceb.base.shortage import SMALLER, out_of_memory
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.models.environment import environment
from iceb.models.untouched import untouched
from iceb.running.code_digest import code_digest
from iceb.running.context import judge_identity, method_context
from iceb.running.cost import peak_bytes, peak_gpu_bytes
from iceb.running.kinds import refuse_requests
from iceb.running.packaged import packaged_digest
from iceb.running.params import params_of
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import MethodCard, MethodContext, Scratch
from iceb.specs.records import MethodRecord
from iceb.specs.requests import EditRequest
from iceb.specs.results import first_problem
from iceb.specs.runs import ModelRef, Scalar
from iceb.specs.texts import check_setting
from iceb.stores.edits import EditKey, EditStore, MadeEdit
from iceb.stores.scratch import ScratchStore

LISTS = ("tuple_type", "list_type")  # pydantic's words for "this should be a list"


@dataclass(frozen=True)
class ChosenMethod:
    """A method, its settings, and where both come from."""

    entry: registry.Registered
    method: Any  # an EditMethod
    recipe: str  # "emcid/aice", a file, or "" for the method's own defaults
    part: str = ""  # of the recipe, for people: "part mini", "published settings"
    changed: tuple[str, ...] = ()  # settings that are not as in the recipe that ships, or the method's defaults

    @property
    def card(self) -> MethodCard:
        """What the method says about itself."""
        card: MethodCard = self.method.card
        return card

    def against(self, settings: Mapping[str, Any]) -> "ChosenMethod":
        """The same, knowing which of its settings differ from these and, where these name none, from its defaults."""
        kind = type(self.method)
        shipped = {field.name: _default(field) for field in dataclasses.fields(kind)}
        shipped.update({name: _fitting(self.card.name, kind, name, value) for name, value in settings.items()})
        changed = [name for name, value in shipped.items() if getattr(self.method, name) != value]
        return replace(self, changed=tuple(changed))

    @cached_property
    def params(self) -> dict[str, Scalar]:
        """Every hyperparameter, those left at their default too; files and models by what they hold (`params_of`).

        Read once, so that a run keeps its name. A file that was moved gives the same name, a changed one another.

        Raises:
            MethodError, DataError: as `params_of`.
        """
        return params_of(self.method)

    @cached_property
    def judges(self) -> dict[str, dict[str, str]]:
        """The measures that settings name, by registered name: what pins each of them.

        Raises:
            MethodError: the card's `judges` names no setting, or one that holds no name.
            SpecError: no such measure.
        """
        found: dict[str, dict[str, str]] = {}
        for setting in self.card.judges:
            if not hasattr(self.method, setting):
                raise MethodError(f"method {self.card.name}: its card's judges name {setting!r}, no setting of it")
            for name in _names(self.card.name, setting, getattr(self.method, setting)):
                found[name] = judge_identity(name)
        return found

    @cached_property
    def code(self) -> str:
        """What names the method's code and the packaged data that it reads, 64 hex digits.

        Raises:
            MethodError: as `packaged_digest`.
        """
        reads = {name: packaged_digest(self.card.name, name) for name in self.card.reads}
        return digest({"code": code_digest(type(self.method), self.entry.package), "reads": reads})

    @property
    def record(self) -> MethodRecord:
        """What a result or a saved edit says of it."""
        return MethodRecord(
            name=self.card.name,
            version=self.card.version,
            package=self.entry.package,
            package_version=self.entry.package_version,
            code=self.code,
            paper=self.card.paper,
            recipe=self.recipe,
            params=self.params,
            changed={name: self.params[name] for name in self.changed},
            reaches_dest=self.card.reaches_dest,
        )

    def check(self, ref: ModelRef) -> None:
        """Ask the method, where it has a `check`, whether these settings can work on this model; nothing is loaded.

        Raises:
            IcebError: they cannot.
        """
        _ = self.judges  # one that is not registered is refused here
        asked = getattr(self.method, "check", None)
        if asked is None:
            return
        try:
            asked(ref)
        except IcebError:
            raise
        except Exception as error:  # a method of others may raise anything
            raise MethodError(f"method {self.card.name} raised {described(error)} in its check of settings") from error

    def advice(self, ref: ModelRef) -> list[str]:
        """What the method, where it has such a word, says to know before editing with these settings on this model.

        Raises:
            MethodError: the method failed.
        """
        asked = getattr(self.method, "advice", None)
        try:
            return [str(line) for line in asked(ref)] if asked is not None else []
        except IcebError:
            raise
        except Exception as error:  # a method of others may raise anything
            raise MethodError(f"method {self.card.name} raised {described(error)} in its advice") from error

    @property
    def origin(self) -> str:
        """Where the settings come from, for people."""
        if not self.recipe:
            return "the method's own settings"
        return f"recipe {self.recipe}, {self.part}" if self.part else f"recipe {self.recipe}"

    def key(self, bundle: ModelBundle, requests: Sequence[EditRequest]) -> EditKey:
        """What names the edit of `requests`: method, code, settings, files they name, model, ordered requests."""
        return digest({**self._identity(bundle), "params": self.params, "requests": list(requests)})

    def _identity(self, bundle: ModelBundle) -> dict[str, Any]:
        return {
            "method": self.card.name,
            "version": self.card.version,
            "package": self.entry.package,
            "package_version": self.entry.package_version,
            "code": self.code,
            "model": bundle.digest,
            "environment": environment(bundle),  # it trains on pictures and on floats of this machine
            "sampling": bundle.family.sampling,  # how it draws unless it says otherwise
            "judges": self.judges,
        }

    def _scratch_owner(self, bundle: ModelBundle) -> dict[str, Any]:
        """Whose kept parts the method uses: its own, or those of the method that its card names."""
        return choose(self.card.scratch_of, {})._identity(bundle) if self.card.scratch_of else self._identity(bundle)

    def made(
        self,
        bundle: ModelBundle,
        requests: Sequence[EditRequest],
        edits: EditStore,
        cache: Path,
        execution: Execution = DEFAULT,
    ) -> MadeEdit:
        """The edit of `requests`, from the store or made now; checked before it is kept.

        Raises:
            MethodError: the method's card does not name such requests' kind, the method failed, or what it returned
                does not fit the model.
            StoreError: the cache cannot be written.
        """
        refuse_requests(self.card, requests)
        key = self.key(bundle, requests)
        found = edits.read(key)
        return found if found is not None else edits.publish(key, self._make(bundle, requests, cache, execution))

    def context(self, bundle: ModelBundle, scratch: Scratch, execution: Execution = DEFAULT) -> MethodContext:
        """What `edit` is given beside the model and the requests."""
        return method_context(self.card.name, self.judges, str(bundle.device), scratch, execution)

    def _make(
        self, bundle: ModelBundle, requests: Sequence[EditRequest], cache: Path, execution: Execution
    ) -> MadeEdit:
        name = self.card.name
        scratch = ScratchStore(cache, self._scratch_owner(bundle))
        context = self.context(bundle, scratch, execution)
        try:
            with stage(f"editing: {name}"), untouched(bundle, name, scratch.withdraw):  # loads the model, untimed
                began = time.perf_counter()
                edit = self.method.edit(bundle, requests, context=context)
                checked = check_edit(edit, bundle, self.card)
                seconds = time.perf_counter() - began
        except IcebError:
            raise
        except Exception as error:  # a method of others may raise anything
            if out_of_memory(error):
                raise MethodError(f"method {name}: out of memory on {len(requests)} requests: {SMALLER}") from error
            raise MethodError(f"method {name} raised {described(error)} on {len(requests)} requests") from error
        how = {"precision": execution.precision, **bundle.pass_sizes.in_use}
        about = {
            "method": name,
            "version": self.card.version,
            "params": self.params,
            "model": bundle.ref.repo,
            "how": how,
        }
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


def _default(field: "dataclasses.Field[Any]") -> Any:
    """A field's default; MISSING, which equals no setting, where it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _fitting(method: str, kind: type, name: str, value: Any) -> Any:
    """`value` as the field's annotation wants it: a list as a tuple, a whole number as a float."""
    try:
        made = TypeAdapter(get_type_hints(kind)[name]).validate_python(value)
        for part in made if isinstance(made, tuple) else (made,):
            check_setting(part, f"method {method}: {name}={quoted(value)}")
        return made
    except ValidationError as error:
        reason = first_problem(error).removeprefix("the whole: ") + _as_list(name, value, error)
        raise SpecError(f"method {method}: {name}={quoted(value)}: {reason} (iceb show method {method})") from error
    except (PydanticSchemaGenerationError, NameError):
        return value  # an annotation that says nothing to us: the method checks it itself


def _as_list(name: str, value: Any, error: ValidationError) -> str:
    """How a shell is to write the list that was wanted; "" where none was."""
    if isinstance(value, tuple | list) or not any(each["type"] in LISTS for each in error.errors()):
        return ""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    return f""": write --set '{name}={json.dumps(parts, ensure_ascii=False, separators=(",", ":"))}'"""


def _names(method: str, setting: str, value: Any) -> list[str]:
    """The measures that a setting names; none where it is None or empty."""
    names = list(value) if isinstance(value, list | tuple) else [value]
    if not all(name is None or isinstance(name, str) for name in names):
        raise MethodError(f"method {method}: {setting}={value!r}: must name a registered measure (iceb list measures)")
    return [name for name in names if name]
