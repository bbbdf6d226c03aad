"""The benchmark that counts denoiser evaluations counts them right."""

import pytest
import torch
from denoiser_calls import Row, count, count_calls, run

from iceb.specs.execution import Execution

ALONE = Execution(images_per_pass=1)  # nothing is filled up
ESD_FIELDS = {"variant": "2025", "sampling_steps": 4, "precision": "float32"}


def test_a_row_counts_one_and_its_backward_pass_two_more(tiny_sd):
    unet = tiny_sd.pipeline.unet
    noised, text = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 32)
    with count_calls(unet) as calls:
        with torch.no_grad():
            unet(noised, 5, text)
        unet(noised.requires_grad_(), 5, text, return_dict=False)
    assert calls == [2, 6]
    with torch.no_grad():
        unet(noised, 5, text)
    assert len(calls) == 2


def test_a_count_is_that_of_the_arithmetic(tiny_sd):
    evaluations = run(tiny_sd, "esd", {**ESD_FIELDS, "iterations": 6}, execution=ALONE)
    from denoiser_calls import CONCEPT

    from iceb.methods.esd import ESD
    from iceb.methods.esd.training_steps import plan_training

    (jobs,) = plan_training([CONCEPT], ESD(**ESD_FIELDS, iterations=6).settings(False))
    assert evaluations == sum(2 * job.sampled_to + 2 + 3 for job in jobs)


@pytest.mark.parametrize("small", [{}, {"iterations": 6}, {"iterations": 3, "batch": 1}])
def test_a_scaled_count_is_near_the_true_one(tiny_sd, small):
    full = {**ESD_FIELDS, "sampling_steps": 1, "iterations": 12, "batch": 1}
    assert count(tiny_sd, Row("esd", 0, full, small), ALONE) == 12 * 5


def test_concepts_of_one_anchor_cost_its_images_once(tiny_sd):
    quick = {"augment": False, "images": 16, "draw_steps": 3, "steps": 2, "batch": 2}
    drawing, training = (
        16 * 2 * 3,
        2 * 2 * (1 + 3),
    )  # images × guidance × steps; steps × rows × (anchor + trained row)
    assert run(tiny_sd, "ablation", quick) == drawing + training
    assert run(tiny_sd, "ablation", quick, concepts=3) == drawing + 3 * training
