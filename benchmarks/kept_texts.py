"""Compare drawing after an edit with and without what is known of texts from the unedited model.

    python benchmarks/kept_texts.py [--count 64] [--rounds 5] [--threads 1]

Two edits of the embedded model are drawn: one of cross-attention, which leaves all texts as they were, and one of the
text encoder's layer 10 of 12, after which two layers are run again. Each round draws the same images, each of a text of
its own, in three ways, one after the other:

    plain   each text is read alone and wholly, and both halves of guidance are computed from the start
    shared  texts are read in groups, and what the halves of guidance have in common is computed once
    kept    also, texts' states are those that the unedited model has left

What is printed are CPU milliseconds an image of each way's best round, and ratios of the sums over all rounds; only the
ratios carry over to another machine.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

import numpy as np
import torch

from iceb.models import conditioning, drawing
from iceb.models.bundle import ModelBundle, weight_digests
from iceb.models.conditioning import TextReader
from iceb.models.drawing import seeded_images
from iceb.models.sources import find
from iceb.models.text_memory import KeptTexts, TextMemory
from iceb.models.threads import single_threaded
from iceb.specs.methods import Edit

EDITS = {
    "cross-attention": ("unet.*.attn2.to_k.weight", "unet.*.attn2.to_v.weight"),
    "text encoder, layer 10": ("text_encoder.*layers.10.mlp.fc2.weight",),
}


def main() -> None:
    """Draw after both edits in the three ways, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=64, help="images to draw, each of another text")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    bundle = ModelBundle(find("mini"), "cpu")
    texts = [f"a photo of thing number {number} on a table" for number in range(asked.count)]
    for name, patterns in EDITS.items():
        print(f"after an edit of: {name}; {asked.count} images, {asked.threads} threads")
        show(times(bundle, edit_of(bundle, patterns), texts, asked.rounds))


def edit_of(bundle: ModelBundle, patterns: Sequence[str]) -> Edit:
    """An edit that makes the weights of these names a little larger."""
    return Edit({name: 1.01 * W for pattern in patterns for name, W in bundle.parameters_named(pattern).items()})


def times(bundle: ModelBundle, edit: Edit, texts: list[str], rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds an image of each way in each round."""
    changes = {name: value for name, value in weight_digests(edit).items() if name.startswith("text_encoder")}
    found: dict[str, list[float]] = {"plain": [], "shared": [], "kept": []}
    images: dict[str, Any] = {}
    for place in range(rounds + 1):  # the first one warms up
        memory = TextMemory()
        read(bundle, KeptTexts(memory), texts)
        ways: dict[str, KeptTexts | None] = {"plain": None, "shared": None, "kept": KeptTexts(memory, changes)}
        with bundle.applied(edit) as edited:
            for way, kept in ways.items():
                with as_before() if way == "plain" else nullcontext():
                    began = time.process_time()
                    images[way] = seeded_images(edited, texts, range(len(texts)), bundle.family.sampling, "", kept)
                    spent = (time.process_time() - began) / len(texts) * 1000
                if place:
                    found[way].append(spent)
    assert np.array_equal(images["shared"], images["kept"])
    return found


@torch.inference_mode()
def read(bundle: ModelBundle, kept: KeptTexts, texts: list[str]) -> None:
    """Read texts as drawing with the unedited model does."""
    with single_threaded():
        TextReader(bundle, kept=kept)(["", *texts])


@contextmanager
def as_before() -> Iterator[None]:
    """Within the block, texts are read one by one and both halves of guidance are computed from the start."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(conditioning, "GROUP", 1))
        stack.enter_context(mock.patch.object(drawing, "halves_computed_once", nullcontext))
        yield


def show(found: dict[str, list[float]]) -> None:
    """Print the table."""
    for way, spent in found.items():
        slower = [other for other in ("plain", "shared") if list(found).index(other) < list(found).index(way)]
        ratios = [f"{sum(found[other]) / sum(spent):.2f} times as fast as {other}" for other in slower]
        print(f"  {way:6} {min(spent):7.2f}  {', '.join(ratios)}".rstrip())


if __name__ == "__main__":
    main()
