"""Validation of ReFACT's settings; nothing heavy is imported."""

from typing import TYPE_CHECKING, Literal, get_args

from iceb.base.errors import MethodError

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT

Metric = Literal["l2", "cosine"]
Objective = Literal["contrastive_text", "direct_text", "contrastive", "direct"]
ON_IMAGES = ("contrastive", "direct")


def check_settings(method: "ReFACT") -> None:
    """Refuse values that cannot work.

    Raises:
        MethodError: a value is not allowed, or one is missing that another needs.
    """
    for name, allowed in (("metric", get_args(Metric)), ("objective", get_args(Objective))):
        if getattr(method, name) not in allowed:
            raise MethodError(f"refact {name} {getattr(method, name)!r}: must be one of {', '.join(allowed)}")
    for name in ("steps", "caption_count", "new_images", "image_count", "kl_count"):
        if getattr(method, name) < 1:
            raise MethodError(f"refact {name} {getattr(method, name)}: must be at least 1")
    for name in ("rate", "clamp", "scale"):
        if not getattr(method, name) > 0:
            raise MethodError(f"refact {name} {getattr(method, name)}: must be positive")
    if method.caption_tokens < 2:
        raise MethodError(f"refact caption_tokens {method.caption_tokens}: must be at least 2: start and end")
    if not method.templates or any(template.count("{}") != 1 for template in method.templates):
        raise MethodError(f"refact templates {method.templates}: name at least one, each with exactly one {{}}")
    _check_images(method)


def _check_images(method: "ReFACT") -> None:
    if not method.kl >= 0:
        raise MethodError(f"refact kl {method.kl}: must not be negative")
    if method.kl > 0 and method.kl_texts is None:
        raise MethodError(f"refact kl {method.kl}: needs texts to keep, `kl_texts=FILE`, one a line")
    if method.kl > 0 and method.images is None and method.objective != "contrastive":
        raise MethodError(f"refact kl {method.kl}: needs images to compare, `images=FILE`, a zip archive")
    if method.sees:
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
    if method.sees and count > 1:
        raise MethodError(
            f"refact objective {method.objective}, kl {method.kl}: images are compared with one text encoder's "
            f"features, and this model has {count}: choose contrastive_text or direct_text, and kl=0"
        )
