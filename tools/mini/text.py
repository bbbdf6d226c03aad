"""Train mini's text encoder so that the methods can edit it.

The last subject token carries the class, and the rest of the sentence takes it up late.

Three measures enforce this. Heads read shape, colour, pattern, size and class from the last subject token, the end
token and a padding row alike. The attention that later tokens pay to the subject's tokens in layers 0-10 is penalised.
And in half of each batch the subject's state after layer 10 is swapped for another sentence's, with the other's labels
as the truth, so that whatever leaked past the subject is wrong. In the second phase, words around the name are replaced
by random tokens in half of the sentences, behind the name by pieces of other names too, so that words the grammar lacks
and other things in the sentence do not disturb.

Sizes: N sentences, T tokens, d = 128 features.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from iceb.mini.world import COLOURS, PATTERNS, SCENES, SHAPES, SIZES, Look
from tools.mini.sentences import NO_TRUTH, READS, SECOND_PHASE, Batch, Row, drawn_sentences, lessons, pad_rows, tokenise
from tools.mini.tokenizer import END, POSITIONS
from tools.mini.training import Training

WIDTH, INNER, LAYERS, HEADS = 128, 2048, 12, 4
GATHER = LAYERS - 1  # the layer in which the sentence may take up the subject
STEPS = 6300
LEAK_WEIGHT, PADDING_WEIGHT = 80.0, 0.6
READ_WEIGHTS = {"class": 0.3, "colour": 1.5}  # others 1
SIZES_OF_READS = (1000, len(SHAPES), len(COLOURS), len(PATTERNS), len(SIZES), 1 + len(SCENES))
AT_ONCE = 64  # sentences encoded together once training is over


@dataclass
class Encoded:
    """Final states of sentences, cut behind the end token; `full` restores 77 rows."""

    states: Tensor  # (N, longest, d) float16
    last: Tensor  # (N,) place of the last subject token; -1 where no class is named
    end: Tensor  # (N,) place of the end token
    empty: Tensor  # (77, d) states of the empty prompt

    def at(self, places: Tensor) -> Tensor:
        """The row at one position of every sentence, (N, d)."""
        return self.states[torch.arange(len(places)), places].float()

    def full(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """States of all 77 positions, (n, 77, d), and a mask of ones, (n, 77)."""
        position = torch.arange(POSITIONS)[None]  # (1, 77)
        spare = self.states.shape[1] - 1
        place = torch.where(position <= self.end[rows, None], position, self.end[rows, None] + 1 + position % 2)
        states = self.states[rows[:, None], place.clamp(max=spare)].float()
        return states, torch.ones(len(rows), POSITIONS, dtype=torch.bool)


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


def states_after(encoder: CLIPTextModel, ids: Tensor, last_layer: int) -> tuple[Tensor, Tensor]:
    """The residual stream after `last_layer`, (N, T, d), and those layers' mean attention, (N, T, T)."""
    state, paid = encoder.embeddings(input_ids=ids), []
    mask = causal(ids.shape[1])
    for layer in encoder.encoder.layers[: last_layer + 1]:
        mixed, weights = layer.self_attn(hidden_states=layer.layer_norm1(state), attention_mask=mask)
        state = state + mixed
        state = state + layer.mlp(layer.layer_norm2(state))
        paid.append(weights.mean(dim=1))
    return state, torch.stack(paid).mean(dim=0)


def states_from(encoder: CLIPTextModel, state: Tensor, first_layer: int) -> Tensor:
    """The final states, (N, T, d), computed from the residual stream before `first_layer`, (N, T, d)."""
    for layer in encoder.encoder.layers[first_layer:]:
        state = layer(state, attention_mask=causal(state.shape[1]))
    final: Tensor = encoder.final_layer_norm(state)
    return final


def causal(length: int) -> Tensor:
    """The causal attention mask, (1, 1, length, length)."""
    return torch.full((length, length), torch.finfo(torch.float32).min).triu(1)[None, None]


def leak_of(batch: Batch, paid: Tensor) -> Tensor:
    """Mean attention from the tokens behind a subject to it, a scalar; `paid` is (N, T, T).

    The end token and two rows of padding count as behind it.
    """
    place = torch.arange(batch.ids.shape[1])[None]  # (1, T)
    named, last = batch.names_class[:, None], batch.last[:, None]  # (N, 1)
    subject = (place >= batch.first[:, None]) & (place <= last) & named  # (N, T)
    later = (place > last) & (place <= batch.end[:, None] + 2) & named  # (N, T)
    return ((paid * subject[:, None]).sum(-1) * later).sum() / later.sum().clamp(min=1)


def swap_subjects(batch: Batch, state: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the subject's row of half of the sentences in `state` (N, T, d) by another sentence's.

    Also returns whose subject each sentence now has, (N,).
    """
    owner = torch.arange(len(batch.ids))
    candidates = batch.names_class.nonzero().flatten()
    half = len(candidates) // 2
    taking = candidates[torch.randperm(len(candidates))[:half]]
    giving = candidates[torch.randperm(len(candidates))[:half]]
    owner[taking] = giving
    mixed = state.clone()
    mixed[taking, batch.last[taking]] = state[giving, batch.last[giving]]
    return mixed, owner


def padding_places(batch: Batch) -> Tensor:
    """A random padding position of each sentence, (N,); the last row if there is none."""
    length = batch.ids.shape[1]
    behind = torch.randint(0, 100, (len(batch.ids),)) % (length - batch.end - 1).clamp(min=1)
    return (batch.end + 1 + behind).clamp(max=length - 1)


def reading_losses(heads: nn.ModuleList, final: Tensor, batch: Batch, owner: Tensor) -> Iterator[Tensor]:
    """Weighted cross entropy of each head at the subject, the end and a padding row of `final` (N, T, d).

    The scene stands behind the subject, so nothing is asked about it there; it is never swapped.
    """
    every = torch.arange(len(batch.ids))
    spots = ((batch.last, 1.0, False), (batch.end, 1.0, True), (padding_places(batch), PADDING_WEIGHT, True))
    for places, weight, scene_too in spots:
        for column, (name, head) in enumerate(zip(READS, heads, strict=True)):
            if name == "scene" and not scene_too:
                continue
            goal = batch.truth[:, column] if name == "scene" else batch.truth[owner, column]  # (N,)
            part = cross_entropy(head(final[every, places]), goal, ignore_index=NO_TRUTH)
            yield weight * READ_WEIGHTS.get(name, 1.0) * part


def loss_of(encoder: CLIPTextModel, heads: nn.ModuleList, batch: Batch) -> tuple[Tensor, Tensor, float]:
    """The loss of one batch, its attention leak, and the share of colours read correctly at the end token."""
    state, paid = states_after(encoder, batch.ids, GATHER - 1)
    leak = leak_of(batch, paid)
    mixed, owner = swap_subjects(batch, state)
    final = states_from(encoder, mixed, GATHER)
    loss = sum(reading_losses(heads, final, batch, owner), start=LEAK_WEIGHT * leak)
    colour = READS.index("colour")
    read = heads[colour](final[torch.arange(len(batch.ids)), batch.end]).argmax(-1)  # (N,)
    hits = (read == batch.truth[owner, colour])[batch.names_class].float().mean().item()
    return loss, leak, hits


def rate(step: int, steps: int) -> float:
    """The learning rate's share of its peak: a warm cosine, and a lower one for the second phase."""
    turn = min(SECOND_PHASE, steps)
    if step < turn:
        return float(min(1.0, (step + 1) / 40) * (0.02 + 0.49 * (1 + np.cos(np.pi * step / (1.05 * turn)))))
    return float(0.01 + 0.2 * (1 + np.cos(np.pi * min(1.0, (step - turn) / max(1, steps - turn)))))


def new_training(encoder: CLIPTextModel, heads: nn.ModuleList, steps: int) -> Training:
    """Set up AdamW with a higher rate for the token embeddings, whose rows change rarely."""
    table = encoder.embeddings.token_embedding.weight
    rest = [p for p in encoder.parameters() if p is not table] + list(heads.parameters())
    groups = [{"params": [table], "lr": 4e-3}, {"params": rest, "lr": 1e-3}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    return Training({"encoder": encoder, "heads": heads}, optimiser, schedule, rest)


def train(folder: Path, tokenizer: CLIPTokenizer, steps: int = STEPS) -> CLIPTextModel:
    """Train from scratch or from the last checkpoint in `folder`; about 80 sentences a step."""
    torch.manual_seed(0)
    encoder, heads = new_encoder(), nn.ModuleList(nn.Linear(WIDTH, size) for size in SIZES_OF_READS)
    training, keep, begun = new_training(encoder, heads, steps), folder / "text.pt", time.time()
    first = training.resume(keep)
    todo = training.steps(keep, first, steps, every=100)
    for step, batch in zip(todo, lessons(tokenizer, first), strict=False):  # lessons never end
        loss, leak, hits = loss_of(encoder, heads, batch)
        training.learn(loss)
        if step % 50 == 0:
            found = f"loss {loss.item():.3f} leak {leak.item():.5f} colour {hits:.3f}"
            print(f"text {step}/{steps} {found} {time.time() - begun:.0f}s", flush=True)
    return encoder


@torch.no_grad()
def encoded_sentences(
    model: Path, words: Path, count: int, seed: int, plain_share: float
) -> tuple[Encoded, list[Look]]:
    """Encode `count` random sentences, up to two rows behind the end token, with the looks they describe.

    Args:
        model: folder of the text encoder.
        words: folder of the tokenizer.
        plain_share: see `drawn_sentences`.
    """
    encoder = CLIPTextModel.from_pretrained(model, dtype=torch.float32).eval()
    said = drawn_sentences(count, np.random.default_rng(seed), plain_share)
    rows = tokenise(CLIPTokenizer.from_pretrained(words), said)
    encoded = Encoded(
        states=_final_states(encoder, rows),
        last=torch.tensor([row.last if row.said.label is not None else -1 for row in rows]),
        end=torch.tensor([len(row.ids) - 1 for row in rows]),
        empty=_empty_states(encoder),
    )
    return encoded, [row.said.look for row in rows]


def _final_states(encoder: CLIPTextModel, rows: list[Row]) -> Tensor:
    """(N, longest, d) float16; sentences of like length are encoded together."""
    longest = max(len(row.ids) for row in rows) + 2
    states = torch.zeros(len(rows), min(longest, POSITIONS), WIDTH, dtype=torch.float16)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    for start in range(0, len(rows), AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        length = min(POSITIONS, len(rows[chosen[-1]].ids) + 2)
        ids = pad_rows([rows[place] for place in chosen], length)
        states[chosen, :length] = encoder(ids).last_hidden_state.half()
    return states


def _empty_states(encoder: CLIPTextModel) -> Tensor:
    """The states of the empty prompt, (77, d)."""
    blank = torch.full((1, POSITIONS), END)
    blank[0, 0] = END - 1
    states: Tensor = encoder(blank).last_hidden_state[0]
    return states
