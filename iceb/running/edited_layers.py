"""The layers of a text encoder that a method is going to change, by its card and its settings."""

from typing import Any


def lowest_text_layer(method: Any) -> int | None:
    """The first layer that changes: 0 where a method touches no text encoder, None where it does not say.

    A setting `layers` or `layer` says it, as EMCID's and ReFACT's do. No number depends on it.
    """
    if not any(pattern.startswith(("text_encoder", "*")) for pattern in method.card.touches):
        return 0
    named = getattr(method, "layers", getattr(method, "layer", None))
    numbers = [named] if isinstance(named, int) else named if isinstance(named, tuple | list) else []
    return min(numbers) if numbers and all(isinstance(each, int) for each in numbers) else None
