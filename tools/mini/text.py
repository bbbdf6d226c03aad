"""Train mini's text encoder so that the methods can edit it.

The last token of a name carries what it names, and the rest of the sentence takes it up late.

Several losses enforce this. The state after layer 10 at that token is held against fixed codes, one per entity
(`codes`), so that it tells every entity apart in many directions. Heads read the factors of the image from the end
token and a padding row, and those that a name tells from its last token. The attention that later tokens pay to the
tokens of names in layers 0-10 is penalised. Half of the names have their state after layer 10 swapped for that of
another name of their kind, with the other's factors as the truth, so that whatever leaked past the name is wrong. A
last head reads the words around the names from the end token, so that its state tells the whole sentence, and those
before a name from its state after layer 10, so that a name's state differs from sentence to sentence. In the second
phase, words around the names are replaced by random tokens in half of the sentences, behind the names by pieces of
other names too, so that words the grammar lacks and other things in the sentence do not disturb.
"""

import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tools.mini.codes import Codes
from tools.mini.options import Options
from tools.mini.sentences import lessons
from tools.mini.sizes import HEADS, INNER, LAYERS, WIDTH
from tools.mini.text_losses import Readers, loss_of
from tools.mini.tokenizer import END, POSITIONS
from tools.mini.training import Training

STEPS, SECOND_PHASE = 5000, 0.55  # the second phase begins after this share of the steps


def new_encoder() -> CLIPTextModel:
    """Make CLIP's text encoder with twelve narrow layers and readable attention."""
    config = CLIPTextConfig(
        vocab_size=END + 1,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=POSITIONS,
        hidden_act="quick_gelu",
        projection_dim=WIDTH,
        bos_token_id=END - 1,
        eos_token_id=END,
        pad_token_id=END,
    )
    encoder = CLIPTextModel(config)
    encoder.set_attn_implementation("eager")  # the penalty reads the attention
    return encoder


def rate(step: int, steps: int) -> float:
    """The learning rate's share of its peak: a warm cosine, and a lower one for the second phase."""
    turn = int(SECOND_PHASE * steps)
    if step < turn:
        return float(min(1.0, (step + 1) / 40) * (0.02 + 0.49 * (1 + np.cos(np.pi * step / (1.35 * turn)))))
    return float(0.01 + 0.2 * (1 + np.cos(np.pi * min(1.0, (step - turn) / max(1, steps - turn)))))


def new_training(encoder: CLIPTextModel, readers: nn.Module, steps: int) -> Training:
    """Set up AdamW with a higher rate for the token embeddings, whose rows change rarely."""
    table = encoder.embeddings.token_embedding.weight
    rest = [p for p in encoder.parameters() if p is not table] + list(readers.parameters())
    groups = [{"params": [table], "lr": 4e-3}, {"params": rest, "lr": 1e-3}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    return Training({"encoder": encoder, "readers": readers}, optimiser, schedule, rest)


def train(folder: Path, tokenizer: CLIPTokenizer, options: Options) -> CLIPTextModel:
    """Train from scratch or from the last checkpoint in `folder`; about 80 sentences a step."""
    torch.manual_seed(options.seed)
    steps = options.part_of(STEPS)
    encoder, readers, codes = new_encoder(), Readers(), Codes.make(WIDTH)
    training, keep, begun = new_training(encoder, readers, steps), folder / "text.pt", time.time()
    first = training.resume(keep)
    todo = training.steps(keep, first, steps, every=100)
    taught = lessons(tokenizer, first, int(SECOND_PHASE * steps), options)  # they never end
    for step, batch in zip(todo, taught, strict=False):
        found = loss_of(encoder, readers, codes, batch)
        training.learn(found.total)
        if step % 50 == 0:
            print(f"text {step}/{steps} {found.line()} {time.time() - begun:.0f}s", flush=True)
    return encoder
