"""Validation of ReFACT's settings; nothing heavy is imported."""

from typing import TYPE_CHECKING, Literal

from iceb.base.errors import MethodError
from iceb.methods.common.validation import Bound

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT

Metric = Literal["l2", "cosine"]
Objective = Literal["contrastive_text", "direct_text", "contrastive", "direct"]
ON_IMAGES = ("contrastive", "direct")
AT_LEAST_2 = Bound("must be at least 2: start and end", lambda count: count >= 2)
ONE_PLACE = Bound(
    "name at least one, each with exactly one {}",
    lambda templates: len(templates) > 0 and all(template.count("{}") == 1 for template in templates),
)


def check_images(method: "ReFACT") -> None:
    """Refuse settings that compare images and name no files for it.

    Raises:
        MethodError: a file is missing that another setting needs.
    """
    if method.kl > 0 and method.kl_texts is None:
        raise MethodError(f"refact kl {method.kl}: needs texts to keep, `kl_texts=FILE`, one a line")
    if method.kl > 0 and method.images is None and method.objective != "contrastive":
        raise MethodError(f"refact kl {method.kl}: needs images to compare, `images=FILE`, a zip archive")
    if method.uses_images:
        clip_files(method)


def clip_files(method: "ReFACT") -> tuple[str, str]:
    """The files of CLIP's image tower that the settings name: weights and configuration.

    Raises:
        MethodError: one of them is not named.
    """
    if method.projection is None or method.clip_config is None:
        raise MethodError(
            f"refact objective {method.objective}, kl {method.kl}: needs CLIP's image tower: `projection=FILE`, "
            "the model.safetensors of the CLIP whose text encoder the model has, and `clip_config=FILE`, its "
            "config.json"
        )
    return method.projection, method.clip_config


def check_encoders(method: "ReFACT", count: int) -> None:
    """Refuse a model with several text encoders where images are looked at.

    Raises:
        MethodError: it is such a model.
    """
    if method.uses_images and count > 1:
        raise MethodError(
            f"refact objective {method.objective}, kl {method.kl}: images are compared with one text encoder's "
            f"features, and this model has {count}: choose contrastive_text or direct_text, and kl=0"
        )
