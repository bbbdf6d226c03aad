"""prompt_swap on the real prompts: it draws the destination prompts but for rows that are known by number."""

from collections.abc import Sequence

import pytest

from iceb.base.rewriting import Rewriter
from iceb.baselines.controls import PromptSwap
from iceb.datasets import open_dataset
from iceb.specs.methods import MethodContext
from iceb.specs.prompts import Prompt
from iceb.specs.schedules import edit_batches


@pytest.fixture(scope="module")
def swapped_prompts(real_folder) -> tuple[list[Prompt], list[str]]:
    dataset = open_dataset("aice", str(real_folder))
    (batch,) = edit_batches(dataset.schedule(300))
    prompts = [*dataset.prompts(batch), *dataset.shared_prompts(300)]
    rewriter = Rewriter(PromptSwap().edit(None, batch.requests, context=MethodContext(None)).rewrites)
    return prompts, [rewriter(prompt.text) for prompt in prompts]


def of_role(swapped_prompts: tuple[Sequence[Prompt], Sequence[str]], role: str) -> list[tuple[str, str]]:
    return [(prompt.text, text) for prompt, text in zip(*swapped_prompts, strict=True) if prompt.role == role]


def test_all_but_20_of_1500_source_prompts_become_the_destination_prompt(swapped_prompts):
    source, dest = of_role(swapped_prompts, "source"), of_role(swapped_prompts, "dest")
    different = [(was, now) for (was, now), (goal, _) in zip(source, dest, strict=True) if now != goal]
    assert len(source) == 1500
    assert len(different) == 20
    assert sum("shipwreck" in was for was, _ in different) == 5


def test_14_of_1098_holdout_prompts_name_a_source_or_another_name_of_one(swapped_prompts):
    changed = [(was, now) for was, now in of_role(swapped_prompts, "holdout") if was != now]
    assert len(changed) == 14
    assert not [was for was, _ in changed if "sea lion" in was or "acorn squash" in was or "anemone fish" in was]
