"""Make CLIP's tokenizer without a download, from the byte-pair merges that open_clip ships."""

import gzip
import json
from pathlib import Path

from transformers import CLIPTokenizer

BEGIN_TOKEN, END_TOKEN = "<|startoftext|>", "<|endoftext|>"
END = 49407  # id of the end token, which also pads; the begin token is the one before
POSITIONS = 77
MERGES = 49152 - 256 - 2  # CLIP's vocabulary without bytes and the two marks


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer in `folder`, written there first if it is missing."""
    if not (folder / "tokenizer_config.json").exists():
        _write(folder)
    return CLIPTokenizer.from_pretrained(folder)


def _write(folder: Path) -> None:
    words, merges = _vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    ids = json.dumps({word: place for place, word in enumerate(words)}, ensure_ascii=False)
    (folder / "vocab.json").write_text(ids, encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    CLIPTokenizer(
        vocab=str(folder / "vocab.json"),
        merges=str(folder / "merges.txt"),
        model_max_length=POSITIONS,
        bos_token=BEGIN_TOKEN,
        eos_token=END_TOKEN,
        pad_token=END_TOKEN,
        unk_token=END_TOKEN,
    ).save_pretrained(folder)


def _vocabulary() -> tuple[list[str], list[str]]:
    """Every token in the order of its id, and the merges."""
    from open_clip.tokenizer import bytes_to_unicode, default_bpe

    with gzip.open(default_bpe(), "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1 : MERGES + 1]
    single = list(bytes_to_unicode().values())
    merged = ["".join(merge.split()) for merge in merges]
    return [*single, *(f"{symbol}</w>" for symbol in single), *merged, BEGIN_TOKEN, END_TOKEN], merges
