"""Check a method's edit before it is stored: names, shapes, number formats, finite numbers."""

import fnmatch
from collections.abc import Mapping

import torch

from iceb.base.errors import MethodError
from iceb.models.bundle import ModelBundle
from iceb.models.editable_pipeline import unknown_parameter
from iceb.specs.methods import Edit, MethodCard


def check_edit(edit: object, bundle: ModelBundle, card: MethodCard) -> Edit:
    """The edit itself, if it fits the model and keeps the promise of the method's card.

    Raises:
        MethodError: not an Edit, an unknown or undeclared parameter, another shape or number format, NaN or infinity,
            or a compact form that fits no changed weight.
    """
    if not isinstance(edit, Edit):
        raise MethodError(f"method {card.name} returned a {type(edit).__name__}: edit() must return an iceb.Edit")
    known = bundle.parameters_named() if edit.weights else {}
    for name, value in edit.weights.items():
        problem = _problem(name, value, known, card)
        if problem:
            raise MethodError(f"method {card.name} returned an edit that does not fit: {problem}")
    for pattern, matrix in edit.right.items():
        problem = _compact_problem(pattern, matrix, edit.weights)
        if problem:
            raise MethodError(f"method {card.name} returned right[{pattern!r}] that does not fit: {problem}")
    _check_texts(edit, card)
    return edit


def _problem(name: str, value: object, known: Mapping[str, torch.Tensor], card: MethodCard) -> str | None:
    """The problem with one changed parameter; None if there is none."""
    if name not in known:
        return unknown_parameter(name, known)
    if not any(fnmatch.fnmatchcase(name, pattern) for pattern in card.touches):
        return f"its card declares touches={', '.join(card.touches) or 'nothing'}, and it changed {name}"
    wanted = known[name]
    if not isinstance(value, torch.Tensor):
        return f"{name} is a {type(value).__name__}, must be a torch.Tensor"
    if value.shape != wanted.shape:
        return f"{name} has shape {tuple(value.shape)}, the model's is {tuple(wanted.shape)}"
    if value.dtype != wanted.dtype:
        return f"{name} is {value.dtype}, the model's is {wanted.dtype}: convert it with .to(bundle.dtype)"
    bad = int((~torch.isfinite(value)).sum())
    return f"{name} holds {bad} numbers that are NaN or infinite, of {value.numel()}" if bad else None


def _compact_problem(pattern: str, matrix: object, weights: Mapping[str, torch.Tensor]) -> str | None:
    """The problem with a matrix of `Edit.right`; None if there is none.

    Whether it gives the very bytes is not asked here: whoever saves the edit compares them, weight by weight.
    """
    widths = sorted({value.shape[-1] for name, value in weights.items() if fnmatch.fnmatchcase(name, pattern)})
    if not widths:
        return "no changed parameter has such a name"
    if not isinstance(matrix, torch.Tensor) or matrix.dtype != torch.float64:
        return f"it is {getattr(matrix, 'dtype', type(matrix).__name__)}, must be a torch.Tensor of float64"
    if len(widths) > 1 or tuple(matrix.shape) != (widths[0], widths[0]):
        return f"it has shape {tuple(matrix.shape)}, and the weights have {', '.join(map(str, widths))} columns"
    return None if torch.isfinite(matrix).all() else "it holds numbers that are NaN or infinite"


def _check_texts(edit: Edit, card: MethodCard) -> None:
    if not isinstance(edit.negative_prompt, str):
        raise MethodError(f"method {card.name} returned negative_prompt={edit.negative_prompt!r}: must be text")
    if not isinstance(edit.rewrites, Mapping) or not all(
        isinstance(phrase, str) and isinstance(new, str) for phrase, new in edit.rewrites.items()
    ):
        raise MethodError(f"method {card.name} returned rewrites that are not a mapping of text to text")
    for name, value in edit.log.items():
        if not isinstance(value, int | float) or not abs(value) < float("inf"):
            raise MethodError(f"method {card.name} returned log[{name!r}] = {value!r}: must be a finite number")
