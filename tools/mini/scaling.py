"""Scale mini's text states, without changing what the model draws.

Methods with an absolute constant see a scale that the images do not: a closed form's ridge, a fixed learning rate on
keys and values, the step of an optimised state. Their published constants were chosen for the states of Stable
Diffusion 1.4, so that two scales are dials of mini: the norm of the final states, and the norm of the stream before the
final layer norm. docs/mini_dials.md shows what the methods do along both.
"""

from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from iceb.mini.world import class_names

AT_ONCE = 100
STREAM_PARTS = ("token_embedding.", "position_embedding.", "self_attn.out_proj.", "mlp.fc2.")  # what adds to the stream


@dataclass(frozen=True)
class Norms:
    """Mean norms at the end tokens of "a photo of" every class.

    Attributes:
        final: of the final states, which the denoiser reads.
        stream: of the last layer's output, before the final layer norm.
    """

    final: float
    stream: float


SHIPPED = Norms(final=100.0, stream=420.0)


@torch.no_grad()
def scale_states(
    encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    unet: UNet2DConditionModel,
    final: float | None = SHIPPED.final,
    stream: float | None = SHIPPED.stream,
) -> None:
    """Scale both models in place to some norms, None as they are; what they draw stays the same.

    Final states are multiplied, and the denoiser's keys and values divided; all that adds to the stream is multiplied,
    and the layer norms that read it undo that.
    """
    found = measure_norms(encoder, tokenizer)
    of_final, of_stream = (final or found.final) / found.final, (stream or found.stream) / found.stream
    encoder.final_layer_norm.weight.mul_(of_final)
    encoder.final_layer_norm.bias.mul_(of_final)
    for name, weight in unet.named_parameters():
        if "attn2.to_k." in name or "attn2.to_v." in name:
            weight.div_(of_final)
    for name, weight in encoder.named_parameters():
        if any(part in name for part in STREAM_PARTS):
            weight.mul_(of_stream)


@torch.no_grad()
def measure_norms(encoder: CLIPTextModel, tokenizer: CLIPTokenizer) -> Norms:
    """Measure the norms of an encoder's states."""
    texts = [f"a photo of {name}" for name in class_names()]
    starts = range(0, len(texts), AT_ONCE)
    final, stream = zip(*(_end_states(encoder, tokenizer, texts[at : at + AT_ONCE]) for at in starts), strict=True)
    return Norms(*(float(torch.cat(states).norm(dim=-1).mean()) for states in (final, stream)))


def _end_states(encoder: CLIPTextModel, tokenizer: CLIPTokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Final states and the stream before the final layer norm at the end tokens of texts, (N, d) each."""
    coded = tokenizer(texts, padding="longest", return_tensors="pt")  # what follows the end token does not count
    end, rows = coded.attention_mask.sum(dim=-1) - 1, torch.arange(len(texts))
    caught: list[Tensor] = []
    hook = encoder.final_layer_norm.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    try:
        final = encoder(coded.input_ids).last_hidden_state
    finally:
        hook.remove()
    return final[rows, end], caught[0][rows, end]
