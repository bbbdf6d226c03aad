"""Take requests back out of a saved edit, by making the edit of the other requests again.

No method's edit is a sum of its requests' edits, so nothing is subtracted. Methods keep the costly parts of a request
(`context.scratch`), and closed forms take seconds; a method that trains all requests together trains the rest again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iceb.base.cache import cache_root, require_writable
from iceb.base.errors import MethodError, SpecError
from iceb.base.files import new_folder
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.delivery.apply import WrittenModel, base_digests, refuse_prompt_edits, write_model
from iceb.delivery.delta import read_manifest
from iceb.models.opening import open_model
from iceb.models.sources import find
from iceb.running.method_runner import ChosenMethod, choose
from iceb.specs.deltas import Manifest
from iceb.specs.execution import Execution
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Scalar
from iceb.stores.edits import EditStore

SHOWN = 10  # sources that a message names


@dataclass(frozen=True)
class UndoAsk:
    """The requests to take out, and the delta to take them from.

    Attributes:
        base: the model that was edited, as for `apply`.
        delta: the folder of the saved edit.
        without: ids or sources of the requests to take out.
        files: settings that name a file or a model, which the manifest holds by content alone.
        device: where the edit is made.
        cache: the cache's root; None for the default one.
    """

    base: str
    delta: Path
    without: tuple[str, ...]
    files: Mapping[str, Scalar]
    device: str = "auto"
    cache: Path | None = None


@dataclass(frozen=True)
class Undone:
    """A model without some of a delta's requests, and what to know of how it was made."""

    model: WrittenModel
    removed: tuple[EditRequest, ...]
    notes: tuple[str, ...]


def apply_without(ask: UndoAsk, out: Path) -> Undone:
    """Write the base under the delta's edit without some requests, made again as it was.

    Raises:
        IcebError: no such request, or none would be left; the base is another one; the method, or a file that its
            settings name, is not the one of the delta; the method failed; or `out` exists already.
    """
    manifest = read_manifest(ask.delta)
    refuse_prompt_edits(manifest)
    removed, rest = split_requests(manifest, ask.without)
    method = saved_method(manifest, ask.files)
    bundle = open_model(find(ask.base, manifest.base.dtype), ask.device)
    cache = cache_root(ask.cache)
    require_writable(cache)
    with new_folder(out) as folder:
        base_digests(manifest, bundle, ask.base, ask.delta)
        execution = Execution(device=ask.device, precision=manifest.method.precision)
        made = method.get_or_make_edit(bundle, rest, EditStore(cache), cache, execution)
        left = manifest.model_copy(update={"requests": rest})
        write_model(folder, bundle, made.edit, left)
    notes = tuple(_notes(manifest, method, len(rest)))
    return Undone(WrittenModel(left, out, bundle.family.pipeline), removed, notes)


def split_requests(
    manifest: Manifest, without: Sequence[str]
) -> tuple[tuple[EditRequest, ...], tuple[EditRequest, ...]]:
    """Return the requests to take out, and the others in their order.

    Raises:
        SpecError: a name is of no request, or of two, or none would be left.
    """
    removed: list[EditRequest] = []
    for name in without:
        found = [each for each in manifest.requests if name in (each.id, each.source)]
        if len(found) != 1:
            raise SpecError(f"`without` {quote(name, 80)}: {_which_request(found or manifest.requests, bool(found))}")
        removed += found
    rest = tuple(each for each in manifest.requests if each not in removed)
    if not rest:
        raise SpecError("`without`: no request would be left: take the base model itself, or name fewer requests")
    return tuple(removed), rest


def _which_request(choice: Sequence[EditRequest], are_named: bool) -> str:
    """Say that no request, or several, of an edit were named, and which there are."""
    known = ", ".join(each.id if are_named else each.source for each in choice[:SHOWN])
    known += " …" if len(choice) > SHOWN else ""
    if are_named:
        return f"{len(choice)} requests have this source: name one by its id, {known}"
    return f"this edit has no such request: choose among {known}"


def saved_method(manifest: Manifest, files: Mapping[str, Scalar]) -> ChosenMethod:
    """Return the method with the settings of a saved edit.

    Raises:
        SpecError: the method is not installed, or `files` holds what is no file of it.
        MethodError: a file is not named, or is not the one of the saved edit.
    """
    said = manifest.method
    bare = choose(f"{said.package}/{said.name}", {})
    named = {*bare.card.files, *bare.card.models}
    if other := [name for name in files if name not in named]:
        raise SpecError(f"`{other[0]}={files[other[0]]}`: the other settings are those of the saved edit; leave it out")
    kept = {name: value for name, value in said.params.items() if name not in named or value is None}
    for name in named:
        if said.params.get(name) not in (None, "", ()) and name not in files:
            raise MethodError(
                f"the saved edit read {name} ({quote(said.params[name], 40)}), and its manifest holds no more than "
                f"that digest: name it again with `{name}=FILE`"
            )
    chosen = choose(f"{said.package}/{said.name}", {**kept, **files})
    if changed := [name for name, value in said.params.items() if chosen.params.get(name) != value]:
        raise MethodError(
            f"`{changed[0]}={files.get(changed[0], '')}`: its content is not what the saved edit read: name that file"
        )
    return chosen


def _notes(manifest: Manifest, method: ChosenMethod, left: int) -> list[str]:
    """Say how the rest was made, and whether any trace of the removed ones is left."""
    said, count = manifest.method, count_text(left, "request")
    done = "trains, so it trained" if method.card.trains else "edited"
    again = f"{said.name} {done} the other {count} again with the saved settings"
    if method.card.deterministic:
        exact = "the removed ones leave no trace: an edit that never had them gives the same weights on this machine"
    else:
        exact = "it does not give the same bytes twice, so that the others may differ in small things: look at them"
    lines = [f"{again} (all of them took {manifest.edit_seconds:.1f} s when the delta was made); {exact}"]
    if method.code != said.code:
        lines.append(
            f"warning: the code of {said.name} is not that of version {said.package_version} which made the delta: the "
            "others may come out otherwise than they did there"
        )
    return lines
