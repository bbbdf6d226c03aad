"""Measure how far an edit moves unrelated prompts; reported for the author, never a failure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from iceb.conformance.check_line import Info, Line, Outcome, line
from iceb.conformance.methods.edit_checks import PlainEdit
from iceb.models.bundle import ModelBundle
from iceb.running.method_context import draw_images
from iceb.specs.methods import Edit

NOTHING = "a photo"  # a prompt that names nothing
STEPS = 2  # denoising steps of the compared images, enough to show a change
TOKEN_TABLE = "token_embedding.weight"


@dataclass
class UnrelatedPrompts:
    """Measurements on the plain edit."""

    plain_edit: PlainEdit

    def lines(self) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield line("a prompt that names nothing", self._empty_prompt)
        yield line("special tokens", self._special_tokens)

    def _empty_prompt(self) -> Info:
        """Measure how far the image of an empty prompt moves, compared with that of a source concept."""
        edit, bundle = self.plain_edit.require_edit(), self.plain_edit.under_test.bundle
        request = self.plain_edit.requests[0]
        prompts = [NOTHING, request.templates[0].replace("{}", request.source)]
        before = _draw(bundle, prompts)
        with bundle.applied(edit) as edited:
            after = _draw(edited, prompts)
        nothing, source = (np.abs(a - b).mean() for a, b in zip(after, before, strict=True))
        return Info(f"{NOTHING!r} moved by {nothing:.2g} of 255, {prompts[1]!r} by {source:.2g}")

    def _special_tokens(self) -> Outcome:
        """Find changed embeddings of special tokens: they occur in every prompt, so all prompts move."""
        edit, bundle = self.plain_edit.require_edit(), self.plain_edit.under_test.bundle
        tables = [name for name in edit.weights if name.endswith(TOKEN_TABLE)]
        if not tables:
            return "no token table is edited"
        changed = {name: words for name in tables if (words := _changed_words(edit, bundle, name))}
        if not changed:
            return "as they were"
        text = "; ".join(f"{', '.join(words)} of {name.partition('.')[0]}" for name, words in changed.items())
        return Info(f"special tokens changed, which stand in every prompt: {text}")


def _draw(bundle: ModelBundle, prompts: list[str]) -> list[np.ndarray]:
    sampling = replace(bundle.family.sampling, steps=STEPS)
    return [image.astype(np.float64) for image in draw_images(bundle, prompts, [0] * len(prompts), sampling)]


def _changed_words(edit: Edit, bundle: ModelBundle, table: str) -> list[str]:
    """Return the special tokens whose row of an edited embedding table changed."""
    component = table.partition(".")[0]
    tokenizer = getattr(bundle.pipeline, component.replace("text_encoder", "tokenizer"))
    new, old = edit.weights[table].to(bundle.device), bundle.parameter(table)
    ids = [number for number in sorted(set(tokenizer.all_special_ids)) if number < len(old)]
    return [str(tokenizer.convert_ids_to_tokens(number)) for number in ids if not torch.equal(new[number], old[number])]
