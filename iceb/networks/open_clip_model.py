"""CLIP models of open_clip: embeddings of images and texts, on one sphere.

A model is a folder that open_clip wrote, or a repository of the hub at a pinned commit: `open_clip_config.json` beside
`open_clip_model.safetensors`. Images are prepared here, as published numbers had them prepared by Pillow: a library's
own preparation may change its resampling between versions, and a judge must not change with the library.

Sizes: N images, M texts, d features of the common space.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from iceb.base.errors import ModelError
from iceb.base.hub import local_first
from iceb.base.messages import first_line

CONFIGURATION = "open_clip_config.json"
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
BATCH = 64  # images or texts in one forward pass
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of each channel, on [0, 1]; where a configuration names none
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class OpenClip:
    """An open_clip model, evaluated in float32.

    Attributes:
        network: an open_clip.CLIP.
        tokenize: M texts → token ids (M, context length); longer texts are cut.
        size: pixels of an image's sides.
        mean: of each channel, on [0, 1].
        std: likewise.
        device: where the network runs.
    """

    network: Any
    tokenize: Callable[[list[str]], Tensor]
    size: int
    mean: tuple[float, float, float] = OPENAI_MEAN
    std: tuple[float, float, float] = OPENAI_STD
    device: str = "cpu"

    @classmethod
    def load(cls, source: str | Path, device: str = "cpu", revision: str | None = None) -> "OpenClip":
        """Load a model from a folder or a repository of the hub, its cached files first.

        Args:
            revision: the hub commit; None for a folder.

        Raises:
            ModelError: the files are not there and cannot be fetched, or are no such model.
        """
        place = f"{source}@{revision}" if revision else str(source)
        try:
            return cls._of_folder(local_first(place, find_folder), device)
        except (OSError, ValueError, RuntimeError, KeyError, AssertionError) as error:
            raise ModelError(
                f"cannot load the CLIP model {source} ({first_line(error)}): needs {CONFIGURATION} and {WEIGHTS[0]} as "
                "open_clip writes them; connect to the internet once so that they are cached, or set HF_HOME to a "
                "cache that holds them"
            ) from error

    @classmethod
    def _of_folder(cls, folder: Path, device: str) -> "OpenClip":
        import open_clip

        mean, std = read_preparation(folder)
        name = f"local-dir:{folder}"
        with torch.random.fork_rng(devices=[]):  # weights are drawn before those of the folder replace them
            network = open_clip.create_model(name, precision="fp32", device=device, require_pretrained=True)
        height, width = _both_sides(network.visual.image_size)
        if height != width:
            raise ValueError(f"its images are {height}×{width}: needs a square")
        return cls(network.eval().requires_grad_(False), open_clip.get_tokenizer(name), height, mean, std, device)

    @torch.inference_mode()
    def image_embeddings(self, images: Sequence[Pixels]) -> Floats:
        """Embeddings of images (H, W, 3) uint8, (N, d) of norm 1."""
        starts = range(0, len(images), BATCH)
        ready = (np.stack([self.prepare(each) for each in images[start : start + BATCH]]) for start in starts)
        return _stack([self.network.encode_image(self._move(torch.from_numpy(each)), normalize=True) for each in ready])

    @torch.inference_mode()
    def text_embeddings(self, texts: Sequence[str]) -> Floats:
        """Embeddings of texts, (M, d) of norm 1."""
        starts = range(0, len(texts), BATCH)
        ids = (self._move(self.tokenize(list(texts[start : start + BATCH]))) for start in starts)
        return _stack([self.network.encode_text(each, normalize=True) for each in ids])

    def prepare(self, image: Pixels) -> Floats:
        """Prepare an image (H, W, 3) uint8 for the network: (3, size, size) float32, normalised."""
        cut = np.asarray(fit_shorter_side(Image.fromarray(image), self.size), np.float32) / 255
        centred = (cut - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(centred.transpose(2, 0, 1), dtype=np.float32)

    def _move(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device)


def find_folder(name: str, revision: str | None = None, local_files_only: bool = False) -> Path:
    """The folder of a model's files: the one named, or that of a cached repository, which may be fetched.

    Raises:
        OSError: files are missing.
    """
    if (folder := Path(name)).is_dir():
        if not any((folder / weights).is_file() for weights in WEIGHTS):
            raise FileNotFoundError(f"{folder} has no {' or '.join(WEIGHTS)}")
        return folder
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    fetch = partial(hf_hub_download, name, revision=revision, local_files_only=local_files_only)
    found = Path(fetch(CONFIGURATION))
    for weights in WEIGHTS:
        try:
            return Path(fetch(weights)).parent
        except EntryNotFoundError:  # a repository has one of them
            continue
    raise FileNotFoundError(f"{found.parent} has no {' or '.join(WEIGHTS)}")


def read_preparation(folder: Path) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The mean and standard deviation of channels that a model's configuration names.

    Raises:
        OSError: there is no configuration.
        ValueError: it is damaged, or asks for another resizing than the shorter side by bicubic interpolation.
    """
    said = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8")).get("preprocess_cfg", {})
    wanted = {"interpolation": "bicubic", "resize_mode": "shortest"}
    if other := [f"{key} {said[key]!r:.40}" for key, value in wanted.items() if said.get(key, value) != value]:
        raise ValueError(f"{CONFIGURATION} asks for {', '.join(other)}: only {wanted} is carried out here")
    mean, std = ([float(number) for number in said.get(key) or default] for key, default in _CHANNELS.items())
    if len(mean) != 3 or len(std) != 3:
        raise ValueError(f"{CONFIGURATION} has {len(mean)} means and {len(std)} deviations: must be 3 of each")
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


_CHANNELS = {"mean": OPENAI_MEAN, "std": OPENAI_STD}


def fit_shorter_side(image: Image.Image, size: int) -> Image.Image:
    """Resize an image's shorter side by bicubic interpolation and cut out the square in the middle.

    >>> fit_shorter_side(Image.new("RGB", (40, 30)), 15).size
    (15, 15)
    """
    width, height = image.size
    short = min(width, height)
    if short != size:
        width, height = (int(size * side / short) for side in (width, height))
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _both_sides(size: Any) -> tuple[int, int]:
    return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _stack(parts: Sequence[Tensor]) -> Floats:
    if not parts:
        return np.zeros((0, 0), np.float32)
    return np.asarray(torch.cat(list(parts)).float().cpu().numpy(), dtype=np.float32)
