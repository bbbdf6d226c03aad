"""Libraries, device, modes and code that can change a model's last bits; see docs/keys.md."""

from functools import cache
from importlib.metadata import version
from typing import Any

import torch

from iceb.base.code import modules_digest
from iceb.models.bundle import ModelBundle
from iceb.specs.methods import Bundle

LIBRARIES = ("diffusers", "transformers")
DRAWING = ("iceb.models.conditioning", "iceb.models.drawing", "iceb.models.generator")  # with all that they import


def environment(bundle: Bundle) -> dict[str, Any]:
    """Libraries, device, modes and code that decide the last bit of an image; part of every image's key.

    The number of threads is not: every pass computes with one. How many images share a pass is not either, though it
    can change the last bit: see iceb/models/README.md.
    """
    kind = bundle.device.type
    return {
        **libraries(),
        "device": kind,
        "processor": _processor(bundle.device),
        "modes": modes(kind),
        "drawing": modules_digest(DRAWING),
    }


def model_key(bundle: ModelBundle) -> dict[str, Any]:
    """A model's part of keys of what is computed from its images: weights, rewrites, negative prompt.

    An edit that was applied before may have left the weights alone and changed what is drawn all the same.
    """
    return {"model": bundle.digest, "rewrites": list(bundle.rewrites.items()), "negative": bundle.negative_prompt}


@cache
def libraries() -> dict[str, str]:
    """Exact versions of the libraries that compute; of torch with the build, "2.14.1+cu130"."""
    return {"torch": torch.__version__, **{name: version(name) for name in LIBRARIES}}


def _processor(device: torch.device) -> str:
    """The instruction set of the CPU, or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()


def modes(kind: str) -> dict[str, Any]:
    """Torch's modes that change bits on a kind of device.

    Read through torch's newer names, which know what was set through the older ones (allow_tf32,
    set_float32_matmul_precision) and, unlike these, can be read whichever were used.
    """
    backends = torch.backends
    common = {
        "default_dtype": str(torch.get_default_dtype()),  # the default dtype, which libraries use implicitly
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "fp32_precision": backends.fp32_precision,  # type: ignore[attr-defined]
    }
    if kind != "cuda":
        precisions = {f"mkldnn_{name}": getattr(backends.mkldnn, name).fp32_precision for name in ("matmul", "conv")}
        return {**common, **precisions, "mkldnn": backends.mkldnn.enabled}
    cudnn, matmul = backends.cudnn, backends.cuda.matmul
    return {
        **common,
        "cudnn": cudnn.version() if cudnn.enabled else None,  # type: ignore[no-untyped-call]
        "cudnn_deterministic": cudnn.deterministic,
        "cudnn_benchmark": cudnn.benchmark,
        "cudnn_conv": cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
        "matmul": matmul.fp32_precision,
        "matmul_fp16_sums": matmul.allow_fp16_reduced_precision_reduction,
        "matmul_bf16_sums": matmul.allow_bf16_reduced_precision_reduction,
        "attention": [name for name in ATTENTION if getattr(backends.cuda, f"{name}_sdp_enabled")()],
    }


ATTENTION = ("cudnn", "flash", "math", "mem_efficient")  # the kernels torch may choose from
