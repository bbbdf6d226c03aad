"""Edit mini's text encoder alone, and read its states by the heads it was trained with.

A cheap measure before a denoiser is trained. EMCID's closed form gets ideal value vectors, the destinations' own
states; UCE, TIME and ReFACT run as they are. What the denoiser would draw is replaced by what linear heads read of the
final states, so a figure here is a lead.

Sizes: N prompts, T tokens, d features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTextModel

from iceb.datasets import open_dataset
from iceb.methods.common.second_moments import second_moments
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.common.tokens import last_subject_token
from iceb.methods.emcid import EMCID
from iceb.methods.emcid.concepts import Concept, EditedPrompts, Rows, concepts_of
from iceb.methods.emcid.settings import Stage2
from iceb.methods.emcid.stage2 import write_values
from iceb.mini.captions import corpus
from iceb.mini.factors import factors_of
from iceb.mini.world import class_look, class_names
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.running.method_runner import choose
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches
from tools.mini.sizes import GATHER, LAYERS
from tools.mini.text import new_encoder
from tools.mini.text_losses import Readers

CAPTIONS = 6000  # of the embedded corpus, for second moments
CLAMP = 1.5  # EMCID's bound on the shift, in norms of the state
PUBLISHED = Stage2(layers=tuple(range(GATHER)), moment_weight=4000.0, edit_weight=0.6)
ROWS = {"name": 0.5, "end": 0.25, "padding": 0.25}  # weights of what the heads read
AT_ONCE = 128


@dataclass(frozen=True)
class Reading:
    """Mean probabilities that the heads give."""

    dest: float
    source: float
    holdout: float


@dataclass(frozen=True)
class TextOnly:
    """A trained text encoder with its heads, and AICE's prompts, one a class.

    Args:
        folder: `--out` of tools/train_mini.py.
    """

    folder: Path

    @cached_property
    def checkpoint(self) -> Mapping[str, Any]:
        """The checkpoint of the text stage."""
        found: Mapping[str, Any] = torch.load(self.folder / "text.pt", weights_only=True)
        return found

    @cached_property
    def encoder(self) -> CLIPTextModel:
        """The encoder as trained so far."""
        encoder = new_encoder()
        encoder.load_state_dict(self.checkpoint["encoder"])
        return encoder.eval()

    @cached_property
    def readers(self) -> Readers:
        """The heads."""
        readers = Readers()
        readers.load_state_dict(self.checkpoint["readers"])
        return readers.eval()

    @cached_property
    def bundle(self) -> ModelBundle:
        """The shipped model with this text encoder; its denoiser is not asked."""
        pipeline = ModelBundle(find("mini"), "cpu").pipeline
        pipeline.text_encoder = self.encoder
        return ModelBundle.of_pipeline(pipeline)

    @cached_property
    def tower(self) -> TextTower:
        """The encoder, layer by layer."""
        return TextTower(self.encoder, self.bundle.pipeline.tokenizer)

    @cached_property
    def requests(self) -> Sequence[EditRequest]:
        """AICE's 300 requests."""
        return self._batch.requests

    @cached_property
    def _batch(self) -> Any:
        return edit_batches(open_dataset("aice", "embedded").schedule(300))[0]

    def prompts(self, role: str, count: int = 300) -> list[Prompt]:
        """One prompt of a role for each of the first `count` requests, or for each holdout class."""
        data, first = open_dataset("aice", "embedded"), dict[Any, Prompt]()
        for prompt in (*data.prompts(self._batch), *data.shared_prompts(300)):
            if prompt.role == role:
                first.setdefault(prompt.request if role == "source" else prompt.label, prompt)
        return list(first.values())[: count if role == "source" else None]

    @torch.no_grad()
    def probabilities(self, prompts: Sequence[Prompt], weights: Mapping[int, Tensor], factor: Tensor | None) -> Tensor:
        """Probabilities of all classes, (N, 1000), under edited fc2 weights or a right factor."""
        tokens = self.tower.tokens([prompt.text for prompt in prompts], extra=2)
        found = []
        for start in range(0, len(prompts), AT_ONCE):
            ids = tokens.ids[start : start + AT_ONCE]
            length = ids.shape[1]
            causal = torch.full((length, length), torch.finfo(torch.float32).min).triu(1).expand(len(ids), 1, -1, -1)
            state = self.tower.advance(self.encoder.embeddings(input_ids=ids), causal, 0, LAYERS, weights)
            found.append(self.encoder.final_layer_norm(state))
        states = torch.cat(found)  # (N, T, d)
        states = states if factor is None else (states.double() @ factor.T).float()
        return self._classes(states, tokens.ends, self._last_tokens(prompts, tokens.ids.tolist()))

    def _last_tokens(self, prompts: Sequence[Prompt], ids: list[list[int]]) -> Tensor:
        names = class_names()
        sources = {request.id: request.source for request in self.requests}
        said = [sources.get(str(prompt.request)) or names[prompt.label or 0] for prompt in prompts]
        rows = zip(ids, said, strict=True)
        return torch.tensor([last_subject_token(self.tower.tokenizer, row, name) for row, name in rows])

    def _classes(self, states: Tensor, end: Tensor, last: Tensor) -> Tensor:
        """Products of the heads' probabilities for shape, colour and pattern, (N, 1000)."""
        looks = torch.tensor([factors_of(class_look(label))[:3] for label in range(1000)])
        every = torch.arange(len(states))
        places = {"name": last, "end": end, "padding": (end + 1).clamp(max=states.shape[1] - 1)}
        total = torch.zeros(len(states), 1000)
        for row, at in places.items():
            for column, head in enumerate(self.readers.factors[:3]):
                total += ROWS[row] * head(states[every, at]).log_softmax(dim=-1)[:, looks[:, column]]
        return total.softmax(dim=-1)

    def reading(self, count: int, weights: Mapping[int, Tensor] | None = None, factor: Tensor | None = None) -> Reading:
        """Mean probabilities for `count` requests' sources and for the holdout."""
        asked, held = self.prompts("source", count), self.prompts("holdout")
        found = self.probabilities(asked, weights or {}, factor)
        kept = self.probabilities(held, weights or {}, factor)
        dests, sources = zip(*((r.dest_label, r.source_label) for r in self.requests[:count]), strict=True)
        return Reading(
            dest=_mean(found, dests), source=_mean(found, sources), holdout=_mean(kept, [p.label for p in held])
        )

    @cached_property
    def moments(self) -> dict[int, Tensor]:
        """Second moments of the keys of layers 0 to 10."""
        return second_moments(self.tower, list(corpus())[:CAPTIONS], range(GATHER))

    def emcid(self, count: int) -> Reading:
        """EMCID's published closed form with ideal value vectors."""
        concepts = [concepts_of(request, EMCID())[0] for request in self.requests[:count]]
        values = self._ideal_values(concepts)
        return self.reading(count, write_values(self.tower, concepts, values, self.moments, PUBLISHED).weights)

    @torch.no_grad()
    def _ideal_values(self, concepts: Sequence[Concept]) -> Tensor:
        """The sources' states after layer 10 shifted to the destinations', at most by CLAMP norms, (N, d)."""
        source, dest = (
            self.name_states(EditedPrompts(self.tower, concepts, side), concepts) for side in ("source", "dest")
        )
        shift = dest - source
        most = CLAMP * source.norm(dim=-1, keepdim=True)
        return source + shift * (most / shift.norm(dim=-1, keepdim=True)).clamp(max=1)

    def name_states(self, placed: EditedPrompts, concepts: Sequence[Concept]) -> Tensor:
        """Mean states after layer 10 at the last subject token, (N, d)."""
        state = self.tower.advance(self.tower.embed(placed.tokens), self.tower.bias(placed.tokens), 0, GATHER)
        return Rows.of(concepts, self.tower.device).mean(state[torch.arange(len(state)), placed.at[:, 0]])

    def method(self, name: str, count: int, settings: Mapping[str, Any], scratch: Path) -> Reading:
        """A registered method as it is; `scratch` keeps its parts."""
        chosen = choose(name, dict(settings))
        context = chosen.context(self.bundle, chosen.scratch(self.bundle, scratch / self.folder.name))
        edit = chosen.method.edit(self.bundle, self.requests[:count], context=context)
        if edit.right:
            return self.reading(count, factor=next(iter(edit.right.values())))
        layers = {int(name.split("layers.")[1].split(".")[0]): weight.float() for name, weight in edit.weights.items()}
        return self.reading(count, layers)


def _mean(found: Tensor, labels: Sequence[int | None]) -> float:
    rows = [label for label in labels if label is not None]
    return float(found[torch.arange(len(rows)), rows].mean())
