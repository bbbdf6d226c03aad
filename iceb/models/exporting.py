"""Export a model: a digest of its weights wherever they came from, and a folder that diffusers loads."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from iceb.base.digest import digest, digest_tensor
from iceb.base.files import explain_errors, write_atomic
from iceb.base.progress import stage
from iceb.models.bundle import ModelBundle
from iceb.models.loading import silence_libraries
from iceb.models.sources import DECLARATION

PLACE = "_name_or_path"  # the entry in which libraries record a part's folder
TEXT_ENCODERS = "text_encoder*/config.json"


def weight_digests(bundle: ModelBundle) -> dict[str, str]:
    """The digest of every parameter by name; the model is loaded for it."""
    found = bundle.parameters_named()
    with stage("reading the weights", len(found)) as advance:
        digests = {}
        for name, value in found.items():
            digests[name] = digest_tensor(value)
            advance(1)
    return digests


def weights_digest(digests: Mapping[str, str]) -> str:
    """Digest of a whole model's weights by nothing but their bytes, 64 hex digits."""
    return digest(dict(digests))


def save_model(bundle: ModelBundle, folder: Path, title: str) -> None:
    """Write the model as a diffusers folder, with an iceb.json of its sampling and measures.

    Raises:
        StoreError: the folder cannot be written.
    """
    with stage("writing the model"), explain_errors(folder), silence_libraries():
        bundle.pipeline.save_pretrained(folder, safe_serialization=True)
        for path in (*folder.glob("*.json"), *folder.glob("*/*.json")):
            _forget_place(path)
        load_as_float32(folder)
    family = bundle.family
    said = {"title": title, "sampling": dataclasses.asdict(family.sampling), "measures": dict(family.measures)}
    write_atomic(folder / DECLARATION, f"{json.dumps(said, indent=2)}\n".encode())


def load_as_float32(folder: Path) -> None:
    """Make `from_pretrained(folder)` load every part in one number format.

    diffusers loads its own parts as float32 unless told otherwise, transformers as their configuration says: of a
    half-precision folder the text encoder would be float16 and the denoiser float32, and nothing could be drawn.
    """
    for path in folder.glob(TEXT_ENCODERS):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("dtype", "float32") != "float32":
            _write(path, {**document, "dtype": "float32"})


def _forget_place(path: Path) -> None:
    """Take this machine's folder out of a configuration."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(document, dict) and document.pop(PLACE, None) is not None:
        _write(path, document)


def _write(path: Path, document: Mapping[str, object]) -> None:
    write_atomic(path, f"{json.dumps(document, indent=2, sort_keys=True)}\n".encode())
