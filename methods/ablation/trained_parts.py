"""The trained part of the model: denoiser parameters, or embeddings of the concepts' own tokens."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call

from iceb.base.errors import MethodError, ModelError
from iceb.methods.ablation.concepts import Concept
from iceb.methods.ablation.groups import group_names
from iceb.methods.common.denoiser import Condition, Denoiser, join_conditions
from iceb.methods.common.training import TrainedParameters, in_dtype
from iceb.specs.methods import Bundle

Optimiser: TypeAlias = Callable[[list[Tensor]], torch.optim.Optimizer]
TEXTS_HELD = 4096  # texts whose states are kept
TABLE = "token_embedding.weight"


class TrainedPart(Protocol):
    """A part of a model's parameters, trained on copies."""

    trained: TrainedParameters

    def predict(self, noised: Tensor, timesteps: Tensor, texts: Sequence[str]) -> Tensor:
        """The prediction of the model as trained so far, (R, c, h, w)."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """The edit's tensors, by full name."""
        ...


class TrainedDenoiser:
    """A group of the denoiser's parameters; texts are encoded once, since the encoder does not change."""

    def __init__(self, bundle: Bundle, denoiser: Denoiser, group: str, optimiser: Optimiser) -> None:
        from iceb.models.conditioning import TextReader

        self.bundle, self.denoiser = bundle, denoiser
        self.trained = TrainedParameters(denoiser.unet, group_names(denoiser.unet, group), optimiser)
        self._read = TextReader(bundle)
        self._held: OrderedDict[str, Condition] = OrderedDict()

    def predict(self, noised: Tensor, timesteps: Tensor, texts: Sequence[str]) -> Tensor:
        """The prediction of the model as trained so far, (R, c, h, w)."""
        condition = join_conditions([self._condition(text) for text in texts])
        return self.denoiser.output(noised, timesteps, condition, self.trained.values)

    def _condition(self, text: str) -> Condition:
        if text not in self._held:
            with torch.no_grad():
                found = self._read([text])
            self._held[text] = Condition.read(found, self.denoiser.dtype)
            while len(self._held) > TEXTS_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(text)
        return self._held[text]

    def weights(self) -> dict[str, Tensor]:
        """The edit's tensors, by full name."""
        return self.trained.weights("unet", self.bundle.dtype)


class TrainedEmbeddings:
    """Embeddings of the tokens that the concepts' names have and their anchors' prompts lack.

    A definition of ours: in one of the authors' code bases this group crashes, in the other it needs a new token.
    """

    def __init__(self, bundle: Bundle, denoiser: Denoiser, concepts: Sequence[Concept], optimiser: Optimiser) -> None:
        self.bundle, self.denoiser = bundle, denoiser
        pipeline, names = bundle.pipeline, bundle.family.text_encoders
        self.encoders = {name: in_dtype(getattr(pipeline, name), torch.float32) for name in names}
        self.tokenizers = {name: getattr(pipeline, name.replace("text_encoder", "tokenizer")) for name in names}
        self.tables = {name: _table(encoder) for name, encoder in self.encoders.items()}
        self.rows = {name: _own_tokens(self.tokenizers[name], concepts) for name in names}
        chosen = nn.ParameterDict(
            {name: nn.Parameter(self._whole(name).detach()[rows].clone()) for name, rows in self.rows.items()}
        )
        self.trained = TrainedParameters(chosen, list(names), optimiser)

    def predict(self, noised: Tensor, timesteps: Tensor, texts: Sequence[str]) -> Tensor:
        """The prediction of the model as trained so far, (R, c, h, w)."""
        return self.denoiser.output(noised, timesteps, self._condition(texts))

    def weights(self) -> dict[str, Tensor]:
        """The edit's tensors, by full name."""
        dtype = self.bundle.dtype
        return {f"{name}.{self.tables[name]}": self._trained_table(name).detach().to(dtype) for name in self.encoders}

    def _whole(self, name: str) -> Tensor:
        found: Tensor = self.encoders[name].get_parameter(self.tables[name])
        return found

    def _trained_table(self, name: str) -> Tensor:
        rows = self.rows[name].to(self.denoiser.device)
        return self._whole(name).detach().index_copy(0, rows, self.trained.values[name])

    def _condition(self, texts: Sequence[str]) -> Condition:
        """Condition of texts: one encoder's last state, or two encoders' penultimate ones."""
        outputs = [self._run(name, texts) for name in self.encoders]
        if len(outputs) == 1:
            return Condition(outputs[0][0])
        return Condition(torch.cat([each.hidden_states[-2] for each in outputs], dim=-1), None, outputs[1][0])

    def _run(self, name: str, texts: Sequence[str]) -> Any:
        encoder, tokenizer = self.encoders[name], self.tokenizers[name]
        tokens = tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=tokenizer.model_max_length,
            return_tensors="pt",
        )
        device = self.denoiser.device
        masked = getattr(encoder.config, "use_attention_mask", False)
        given = {
            "input_ids": tokens.input_ids.to(device),
            "attention_mask": tokens.attention_mask.to(device) if masked else None,
            "output_hidden_states": True,
        }
        return functional_call(encoder, {self.tables[name]: self._trained_table(name)}, (), given)


def _table(encoder: nn.Module) -> str:
    for name, _ in encoder.named_parameters():
        if name.endswith(TABLE):
            return name
    raise ModelError(f"{type(encoder).__name__} has no parameter named …{TABLE}: expected a CLIP text encoder")


def _own_tokens(tokenizer: Any, concepts: Sequence[Concept]) -> Tensor:
    """(n,) ids, ascending."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, truncation=True).input_ids[1:-1]
        return found

    kept = {token for concept in concepts for prompt in concept.anchor.prompts for token in ids(prompt)}
    own = {token for concept in concepts for token in ids(concept.target)} - kept
    if not own:
        raise MethodError(
            "ablation parameter_group=embedding: every token of the concepts is a token of their anchors' prompts too; "
            "choose another group"
        )
    return torch.tensor(sorted(own))
