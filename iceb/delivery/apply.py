"""Apply a saved edit to its base model and write a model folder that plain diffusers loads."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from iceb.base.digest import digest_tensor
from iceb.base.errors import MethodError, ModelError
from iceb.base.files import new_folder, write_atomic
from iceb.delivery.delta import read_delta, read_manifest
from iceb.models.bundle import ModelBundle
from iceb.models.exporting import save_model, weight_digests, weights_digest
from iceb.models.sources import find
from iceb.specs.deltas import Manifest
from iceb.specs.methods import Edit
from iceb.specs.runs import Dtype

LISTED = 20  # requests that the folder's README names


@dataclass(frozen=True)
class WrittenModel:
    """The model folder that was written."""

    manifest: Manifest
    folder: Path
    pipeline: str  # the diffusers class that loads it

    @property
    def load(self) -> str:
        """Return Python code that loads the folder in its weights' dtype."""
        return loading_code(self.pipeline, repr(str(self.folder)), self.manifest.base.dtype)


def apply(base: str, delta: Path, out: Path) -> WrittenModel:
    """Write `base` with the saved edit `delta` applied to the folder `out`, completely or not at all.

    Raises:
        IcebError: the edit is not one of weights, it was made for other weights, a file is missing or damaged, or
            `out` exists already or cannot be written.
    """
    manifest = read_manifest(delta)
    refuse_prompt_edits(manifest)
    bundle = ModelBundle(find(base, manifest.base.dtype), "cpu")
    with new_folder(out) as folder:
        write_model(folder, bundle, Edit(_fitting(manifest, bundle, base, delta)), manifest)
    return WrittenModel(manifest, out, bundle.family.pipeline)


def write_model(folder: Path, bundle: ModelBundle, edit: Edit, manifest: Manifest) -> None:
    """Write the model under an edit, with a README of what the manifest says of it.

    Raises:
        StoreError: the folder cannot be written.
    """
    title = f"{manifest.base.repo} edited by {manifest.method.name}, requests: {len(manifest.requests)}"
    with bundle.applied(edit) as edited:
        save_model(edited, folder, title)
    write_atomic(folder / "README.md", _readme(manifest, bundle.family.pipeline).encode())


def loading_code(pipeline: str, folder: str, dtype: Dtype) -> str:
    """Return Python code that loads a model folder in a dtype.

    >>> loading_code("StableDiffusionPipeline", "folder", "float16")
    'diffusers.StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float16)'
    """
    named = "" if dtype == "float32" else f", torch_dtype=torch.{dtype}"
    return f"diffusers.{pipeline}.from_pretrained({folder}{named})"


def refuse_prompt_edits(manifest: Manifest) -> None:
    """Refuse edits that weights cannot express.

    Raises:
        MethodError: as it says.
    """
    does = "rewrites prompts" if manifest.rewrites else "sets a negative prompt" if manifest.negative_prompt else ""
    if does:
        raise MethodError(
            f"an edit by {manifest.method.name} {does} when images are drawn, which a folder of weights cannot do: "
            "the manifest holds what it writes; apply that to your prompts, or choose a method that edits weights"
        )


def _fitting(manifest: Manifest, bundle: ModelBundle, base: str, delta: Path) -> dict[str, Tensor]:
    """Return the new weights, after comparing base and outcome with the manifest bit for bit."""
    before = base_digests(manifest, bundle, base, delta)
    weights = read_delta(delta, manifest.delta, bundle.parameter) if manifest.delta else {}
    after = {**before, **{name: digest_tensor(value) for name, value in weights.items()}}
    if weights_digest(after) != manifest.edited.weights:
        raise ModelError(
            f"the matrix in {delta} gives other bytes on this machine than where the edit was made: "
            "save the edit there with `form=full`"
        )
    return weights


def base_digests(manifest: Manifest, bundle: ModelBundle, base: str, delta: Path) -> dict[str, str]:
    """Return the digests of the base's weights.

    Raises:
        ModelError: the edit was made for other weights.
    """
    before = weight_digests(bundle)
    if weights_digest(before) != manifest.base.weights:
        recorded = manifest.base
        raise ModelError(
            f"the edit in {delta} was made for other weights than those of {base}: it fits {recorded.repo} at revision "
            f"{recorded.revision[:12]} ({recorded.family}, {recorded.dtype}); name that model as BASE"
        )
    return before


def _readme(manifest: Manifest, pipeline: str) -> str:
    """Make the README of the folder."""
    method, base = manifest.method, manifest.base
    pairs = [f"- {each.source} → {', '.join(each.dests) or '(erased)'}" for each in manifest.requests[:LISTED]]
    more = len(manifest.requests) - LISTED
    paper = f" ({method.paper})" if method.paper else ""
    return "\n".join(
        [
            f"# {base.repo}, edited by {method.name}",
            "",
            f"Base: {base.repo}, revision {base.revision}, {base.dtype}; its licence holds for this folder too.",
            f"Method: {method.name} version {method.version}{paper}, {method.package} {method.package_version}.",
            f"Settings: {', '.join(f'{name}={value}' for name, value in sorted(method.params.items())) or 'none'}.",
            f"Load it with `{loading_code(pipeline, 'folder', base.dtype)}`{_in_float32(base.dtype)}.",
            f"Edits, {len(manifest.requests)}:",
            "",
            *pairs,
            *([f"- and {more} more"] if more > 0 else []),
            "",
        ]
    )


def _in_float32(dtype: Dtype) -> str:
    return "" if dtype == "float32" else "; without `torch_dtype` every part is loaded as float32"
