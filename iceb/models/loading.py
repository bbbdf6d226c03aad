"""Load a source as a diffusers pipeline from safetensors, without a safety checker."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from iceb.base.errors import ModelError
from iceb.base.hub import local_first
from iceb.base.messages import reason, shorten
from iceb.models.sources import WEIGHTS, Source

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
HALF_VARIANT = "fp16"
LEFT_OUT: dict[str, dict[str, Any]] = {  # components that neither draw nor can be edited
    "sd": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "sdxl": {"add_watermarker": False},
}


def choose_device(named: str = "auto") -> torch.device:
    """The device to run on: a GPU where there is one, unless another is named.

    Raises:
        ModelError: the name is not a device, or the device is not there.
    """
    if named == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(named)
    except RuntimeError as error:
        raise ModelError(f"`device` {shorten(named)}: not a device: choose auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"`device` {shorten(named)}: torch finds no GPU here: choose cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"`device` {shorten(named)}: there are {torch.cuda.device_count()} GPUs, numbered from 0")
    if device.type not in ("cpu", "cuda"):
        raise ModelError(f"`device` {shorten(named)}: choose auto, cpu, cuda or cuda:N")
    return device


def load_pipeline(source: Source, device: torch.device) -> Any:
    """The pipeline of `source` on `device`, frozen and in evaluation mode.

    Raises:
        ModelError: the files are not there, cannot be fetched, or are not what their configuration says.
    """
    import diffusers

    kind = getattr(diffusers, source.family.pipeline)
    place = str(source.folder) if source.folder else f"{source.ref.repo}@{source.ref.revision}"
    options = {**LEFT_OUT[source.family.layout], **_variant(source)}
    load = partial(kind.from_pretrained, torch_dtype=DTYPES[source.ref.dtype], use_safetensors=True, **options)
    try:
        with silence_libraries(), _without_onnx():
            pipeline = local_first(place, load)
    except Exception as error:  # the libraries raise many kinds for a damaged file or a missing connection
        raise ModelError(_unloadable(source, error)) from error
    return _freeze(pipeline, source, device)


def _variant(source: Source) -> dict[str, str]:
    """Choose half-precision files where a folder holds no others, or the hub has them for SDXL."""
    if source.folder is None:
        half = source.ref.dtype == "float16" and source.family.name in ("sd21", "sdxl")
        return {"variant": HALF_VARIANT} if half else {}
    return {"variant": HALF_VARIANT} if _only_half(source.folder / "unet") else {}


def _only_half(folder: Path) -> bool:
    return all(f".{HALF_VARIANT}." in path.name for path in folder.glob(f"*{WEIGHTS}"))


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Silence the libraries' messages about loading inside the block."""
    import diffusers
    import transformers

    places = (diffusers.utils.logging, transformers.utils.logging)
    before = [(place.get_verbosity(), place.is_progress_bar_enabled()) for place in places]
    for place in places:
        place.set_verbosity_error()
        place.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # deprecation warnings
            yield
    finally:
        for place, (level, bars) in zip(places, before, strict=True):
            place.set_verbosity(level)
            if bars:  # else later loading, of a judge for example, would show a progress bar inside ours
                place.enable_progress_bar()


@contextmanager
def _without_onnx() -> Iterator[None]:
    """Keep diffusers from importing onnxruntime, which it does if that is installed.

    None of ours needs it, and its import leaves a device id and a database of telemetry in the user's home folder.
    """
    from diffusers.utils import import_utils

    before = import_utils._onnx_available
    import_utils._onnx_available = False
    try:
        yield
    finally:
        import_utils._onnx_available = before


def _freeze(pipeline: Any, source: Source, device: torch.device) -> Any:
    for name in source.family.components:
        getattr(pipeline, name).eval().requires_grad_(False)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(device)
    lay_out(pipeline, device)
    if pipeline.vae.config.get("force_upcast") and source.ref.dtype == "float16":
        pipeline.vae.to(torch.float32)  # SDXL's decoder overflows in half precision
    return pipeline


def lay_out(pipeline: Any, device: torch.device) -> None:
    """Put convolutions' weights into the order that a GPU's kernels read; a CPU's stay as they are."""
    if device.type == "cuda":
        for module in (pipeline.unet, pipeline.vae):
            module.to(memory_format=torch.channels_last)


def _unloadable(source: Source, error: Exception) -> str:
    what = f"{type(error).__name__}: {reason(error, 300)}"
    if source.folder is not None:
        return f"cannot load the model in {source.folder} ({what}): is the folder complete, and are its files whole?"
    return (
        f"cannot load {source.ref.repo} at {source.ref.revision[:12]} ({what}): connect to the internet once so that "
        "it is cached, accept its licence on the hub and log in if it asks for that, or name a local folder with "
        "`model=PATH`"
    )
