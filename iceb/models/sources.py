"""Resolve a model's name or folder to a checked source, which names its weights; nothing is loaded."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from iceb.base.digest import digest, digest_file
from iceb.base.errors import ModelError
from iceb.base.messages import quote
from iceb.base.readers import is_file, is_folder, read_json, user_path
from iceb.models.families import FAMILIES, LOCAL, MINI_MEASURES, REAL_MEASURES
from iceb.specs.families import PIPELINES, Family, Layout
from iceb.specs.results import first_problem
from iceb.specs.runs import Dtype, ModelRef, Sampling, Scheduler

INDEX = "model_index.json"
DECLARATION = "iceb.json"  # optional, beside model_index.json: the folder's own defaults
WEIGHTS = ".safetensors"
READ = (".json", ".txt", ".model", WEIGHTS)  # what loading a pipeline reads; never a pickle
TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))  # the files of either form
SCHEDULER = (("scheduler_config.json",),)
SCHEDULERS: dict[str, Scheduler] = {"PNDMScheduler": "pndm", "DPMSolverMultistepScheduler": "dpm++"}


class Declaration(BaseModel):
    """A model folder's own defaults of drawing and measuring (iceb.json)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    sampling: Sampling | None = None
    measures: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Source:
    """A model that can be loaded: its family, what names its weights, and the folder if it lies in one."""

    family: Family
    ref: ModelRef
    folder: Path | None  # None: on the hub

    @property
    def digest(self) -> str:
        """Digest of the weights as loaded: a pinned revision or the files' content, and the number format."""
        return digest({"repo": self.ref.repo, "revision": self.ref.revision, "dtype": self.ref.dtype})


def find(model: str, dtype: Dtype = "float32") -> Source:
    """The source that `model` names: a family, or a folder that diffusers can read.

    Raises:
        ModelError: no such family or folder, or the folder is not a text-to-image pipeline of safetensors.
    """
    family = FAMILIES.get(model)
    if family is not None and family.revision is not None:
        return Source(family, ModelRef(family.name, family.repo, family.revision, dtype), None)
    if family is not None:
        return _in_folder(shipped_folder(family), dtype, family)
    return _in_folder(_folder(model), dtype, None)


def shipped_folder(family: Family) -> Path:
    """The folder of a model that ships with the package.

    Raises:
        ModelError: it is not there.
    """
    with as_file(files("iceb").joinpath(family.name, "weights", "pipeline")) as folder:
        if not (folder / INDEX).is_file():
            raise ModelError(f"model {family.name} is not in {folder}: the installation is incomplete; reinstall iceb")
        return folder


def _folder(model: str) -> Path:
    path = user_path(model)
    if is_folder(path):
        return path.resolve()
    if is_file(path):
        raise ModelError(f"`model` {quote(model)} is a file: name the folder that holds {INDEX}")
    if os.sep in model or model.startswith((".", "~")):
        raise ModelError(f"`model` {quote(model)}: there is no such folder: name one that holds {INDEX}")
    near = difflib.get_close_matches(model, FAMILIES, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(FAMILIES)}, or name a folder"
    raise ModelError(f"unknown model {quote(model)}: {hint}")


def _in_folder(folder: Path, dtype: Dtype, family: Family | None) -> Source:
    layout = _layout(folder)
    content = _content_digest(folder)
    found = family or _shipped_copy(content) or _folder_family(folder, layout)
    return Source(found, ModelRef(found.name, found.repo, content, dtype), folder)


def _content_digest(folder: Path) -> str:
    """Digest of every file of a folder that loading reads, 64 hex digits."""
    return digest([(path.relative_to(folder).as_posix(), digest_file(path)) for path in read_files(folder)])


def _shipped_copy(content: str) -> Family | None:
    """The family of a shipped model if the folder is a copy of it, so that its recipes and data fit."""
    shipped = (family for family in FAMILIES.values() if family.revision is None)
    return next((family for family in shipped if _content_digest(shipped_folder(family)) == content), None)


def _layout(folder: Path) -> Layout:
    """The layout of a pipeline folder, after a check that every component is there."""
    index = _json(folder / INDEX, f"{folder} is not a diffusers model: it has no {INDEX}")
    layout: Layout = "sdxl" if "text_encoder_2" in index else "sd"
    if index.get("_class_name") != PIPELINES[layout]:
        allowed = " or ".join(PIPELINES.values())
        raise ModelError(f"{folder / INDEX} declares a {index.get('_class_name')}: iceb draws with {allowed}")
    ends = ("", "_2")[: 2 if layout == "sdxl" else 1]
    for part in (*(f"text_encoder{end}" for end in ends), "unet", "vae"):
        if not (folder / part / "config.json").is_file() or not any((folder / part).glob(f"*{WEIGHTS}")):
            raise ModelError(
                f"{folder / part} lacks config.json or {WEIGHTS} weights: save the pipeline with "
                "save_pretrained(folder, safe_serialization=True); pickled weights are never read"
            )
    for part, choices in [*((f"tokenizer{end}", TOKENIZERS) for end in ends), ("scheduler", SCHEDULER)]:
        if not any(all((folder / part / name).is_file() for name in names) for names in choices):
            wanted = ", or ".join(" and ".join(names) for names in choices)
            raise ModelError(
                f"{folder / part} lacks {wanted}: save the whole pipeline with save_pretrained(folder), or copy "
                f"{part}/ from the model that this one was made of"
            )
    return layout


def read_files(folder: Path) -> Iterator[Path]:
    """The files of a pipeline folder that loading reads, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in READ and path.is_file() and len(path.relative_to(folder).parts) <= 2:
            yield path


def _json(path: Path, absent: str) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(absent)
    found = read_json(path, ModelError, "is the model folder complete?")
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds a {type(found).__name__}: expected one JSON object")
    return found


def _folder_family(folder: Path, layout: Layout) -> Family:
    """The family of a folder, from its configuration and, if it has one, its declaration."""
    said = _declaration(folder)
    sampling = said.sampling or _sampling(folder, layout)
    small = sampling.height <= 64
    family = Family(
        name=LOCAL,
        repo=folder.name,
        revision=None,
        layout=layout,
        sampling=sampling,
        measures=said.measures or (MINI_MEASURES if small else REAL_MEASURES),
        title=said.title or str(folder),
    )
    return replace(family, block=FAMILIES["mini"].block) if small else family


def _declaration(folder: Path) -> Declaration:
    path = folder / DECLARATION
    if not path.is_file():
        return Declaration()
    try:
        return Declaration.model_validate(_json(path, ""))
    except ValidationError as error:
        allowed = ", ".join(Declaration.model_fields)
        raise ModelError(f"{path}: {first_problem(error)}; keys are {allowed}") from error


def _sampling(folder: Path, layout: Layout) -> Sampling:
    """The size the denoiser was trained for; steps and guidance as the layout's published model."""
    unet = _json(folder / "unet" / "config.json", "")
    vae = _json(folder / "vae" / "config.json", "")
    size = unet.get("sample_size")
    if not isinstance(size, int):
        raise ModelError(f"{folder / 'unet' / 'config.json'}: sample_size {size!r} must be a whole number of latents")
    pixels = size * 2 ** (len(vae.get("block_out_channels", ())) - 1)
    named = _json(folder / "scheduler" / "scheduler_config.json", "")
    scheduler = SCHEDULERS.get(str(named.get("_class_name")), "ddim")
    published = FAMILIES["sdxl" if layout == "sdxl" else "sd14"].sampling
    return replace(published, scheduler=scheduler, height=pixels, width=pixels)
