"""Scale mini's text states to the norm of Stable Diffusion's, without changing what the model draws.

Final states times g and the denoiser's keys and values divided by g give the same images. Methods with an absolute
constant see the difference: a closed form's ridge, a fixed learning rate on keys and values. Their published constants
were chosen for states of this norm.
"""

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from iceb.mini.world import class_names
from tools.mini.tokenizer import POSITIONS

NORM = 28.0  # of Stable Diffusion 1.4's final states: their 768 numbers have a mean square of about 1
AT_ONCE = 100


@torch.no_grad()
def scale_states(encoder: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel) -> float:
    """Scale both models in place; return the factor g."""
    factor = NORM / float(end_states(encoder, tokenizer).norm(dim=-1).mean())
    norm = encoder.final_layer_norm
    norm.weight.mul_(factor)
    norm.bias.mul_(factor)
    for name, weight in unet.named_parameters():
        if "attn2.to_k." in name or "attn2.to_v." in name:
            weight.div_(factor)
    return factor


@torch.no_grad()
def end_states(encoder: CLIPTextModel, tokenizer: CLIPTokenizer) -> Tensor:
    """Final states at the end tokens of "a photo of" every class, (1000, d)."""
    texts = [f"a photo of {name}" for name in class_names()]
    found = []
    for start in range(0, len(texts), AT_ONCE):
        coded = tokenizer(
            texts[start : start + AT_ONCE], padding="max_length", max_length=POSITIONS, return_tensors="pt"
        )
        end = coded.attention_mask.sum(dim=-1) - 1
        states = encoder(coded.input_ids).last_hidden_state
        found.append(states[torch.arange(len(end)), end])
    return torch.cat(found)
