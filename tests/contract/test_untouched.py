"""What a method's call leaves changed in the model or in the process is refused by name, and nothing is kept of it."""

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from diffusers.models import embeddings
from diffusers.models.attention_processor import AttnProcessor
from tokenizers import models, normalizers, pre_tokenizers
from torch.nn import functional

from iceb.base.errors import MethodError, ModelError, StoreError
from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.models.model_watch import watch_model
from iceb.models.process import Process
from iceb.running.method_context import draw_images
from iceb.specs.methods import Edit
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore

NAME = "text_encoder.*layers.1.mlp.fc2.weight"
CAT = Prompt("a photo of a cat", 0, "source")

CHANGES: dict[str, tuple[Any, str]] = {  # of the model
    "weight": (lambda p: p.unet.conv_in.weight.data.add_(1), "weight of unet.conv_in.weight"),
    "one bit": (lambda p: p.vae.decoder.conv_in.bias.data.view(torch.int32)[0:1].bitwise_xor_(1), "weight of vae"),
    "through NumPy": (lambda p: p.unet.conv_in.bias.data.numpy().fill(3), "weight of unet.conv_in.bias"),
    "number format": (lambda p: p.unet.conv_in.half(), "weight of unet.conv_in.weight"),
    "layout": (lambda p: p.unet.to(memory_format=torch.channels_last), "weight of unet."),
    "buffer": (lambda p: next(p.text_encoder.buffers()).add_(1), "buffer of text_encoder."),
    "same weight, new parameter": (
        lambda p: setattr(p.unet.conv_in, "weight", torch.nn.Parameter(p.unet.conv_in.weight, requires_grad=False)),
        "parameter object of unet.conv_in.weight",
    ),
    "training mode": (lambda p: p.unet.mid_block.train(), "training mode of unet.mid_block"),
    "requires_grad": (lambda p: p.unet.conv_in.requires_grad_(True), "requires_grad of unet.conv_in.weight"),
    "hook": (lambda p: p.unet.conv_in.register_forward_hook(lambda *_: None), "hooks of unet.conv_in"),
    "forward": (lambda p: setattr(p.unet.conv_in, "forward", p.unet.conv_in.forward), "forward of unet.conv_in"),
    "processor": (lambda p: p.unet.set_attn_processor(AttnProcessor()), "attention processor of unet."),
    "layer": (lambda p: setattr(p.unet, "conv_in", torch.nn.Sequential(p.unet.conv_in)), "layer of unet.conv_in"),
    "attribute": (lambda p: setattr(p.unet.conv_in, "padding", (0, 0)), "attributes of unet.conv_in (padding)"),
    "component": (lambda p: setattr(p, "vae", torch.nn.Linear(1, 1)), "component of vae"),
    "configuration": (lambda p: p.scheduler.register_to_config(beta_end=0.5), "configuration of scheduler"),
    "normalizer": (
        lambda p: setattr(p.tokenizer.backend_tokenizer, "normalizer", normalizers.Replace("dog", "cat")),
        "configuration of tokenizer",
    ),
    "words": (
        lambda p: setattr(p.tokenizer.backend_tokenizer, "pre_tokenizer", pre_tokenizers.WhitespaceSplit()),
        "configuration of tokenizer",
    ),
    "vocabulary": (
        lambda p: setattr(p.tokenizer.backend_tokenizer, "model", models.BPE()),
        "configuration of tokenizer",
    ),
}
FACTS: dict[str, tuple[Any, str]] = {  # what the bundle says of the model
    "rewrites": (lambda b: setattr(b, "rewrites", {"dog": "cat"}), "rewrites of the bundle (dog)"),
    "rewrites in place": (lambda b: b.rewrites.update(dog="cat"), "rewrites of the bundle (dog)"),
    "negative prompt": (lambda b: setattr(b, "negative_prompt", "blurry"), "negative_prompt of the bundle"),
    "digest": (lambda b: setattr(b, "digest", "0" * 64), "digest of the bundle"),
    "family": (
        lambda b: setattr(b, "family", replace(b.family, sampling=replace(b.family.sampling, steps=3))),
        "family of the bundle",
    ),
    "ref": (lambda b: setattr(b, "ref", replace(b.ref, revision="1")), "ref of the bundle"),
    "text encoders": (lambda b: setattr(b, "reads_as_loaded", False), "reads_as_loaded of the bundle"),
}
SETTINGS: dict[str, tuple[Any, str]] = {  # of the process
    "number format": (lambda: torch.set_default_dtype(torch.float64), "torch's default number format"),
    "device": (lambda: torch.set_default_device("meta"), "torch's default device"),
    "gradient mode": (lambda: torch.set_grad_enabled(False), "torch's gradient mode"),
    "threads": (lambda: torch.set_num_threads(torch.get_num_threads() + 1), "torch's number of threads"),
    "deterministic": (lambda: torch.use_deterministic_algorithms(True), "torch's deterministic mode"),
    "flush": (lambda: torch.set_flush_denormal(True), "torch's rounding of the smallest numbers to zero"),
    "matmul": (lambda: torch.set_float32_matmul_precision("medium"), "torch's float32_matmul_precision"),
    "tf32": (lambda: setattr(torch.backends.cudnn, "allow_tf32", False), "torch.backends.cudnn.allow_tf32"),
    "tf32 of matmuls": (lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True), "cuda.matmul.fp32_precision"),
    "newer name": (lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "ieee"), "cudnn.conv.fp32_precision"),
    "all": (lambda: setattr(torch.backends, "fp32_precision", "tf32"), "torch.backends.fp32_precision"),
    "cudnn": (lambda: setattr(torch.backends.cudnn, "benchmark", True), "torch.backends.cudnn.benchmark"),
    "attention": (lambda: torch.backends.cuda.enable_flash_sdp(False), "torch.backends.cuda.flash_sdp_enabled"),
    "autocast": (lambda: torch.set_autocast_enabled("cpu", True), "torch's autocast of cpu"),
    "torch seed": (lambda: torch.manual_seed(2), "torch's random state"),
    "torch draw": (lambda: torch.rand(1), "torch's random state"),
    "numpy seed": (lambda: np.random.seed(3), "numpy's random state"),
    "python draw": (random.random, "python's random state"),
    "numpy errors": (lambda: np.seterr(all="raise"), "NumPy's handling of floating-point errors"),
    "global hook": (
        lambda: torch.nn.modules.module.register_module_forward_hook(lambda *_: None),
        "torch's hooks of every module",
    ),
    "class": (lambda: setattr(torch.nn.Linear, "forward", torch.nn.Identity.forward), "Linear (forward)"),
    "added to a class": (lambda: setattr(torch.nn.Linear, "half", torch.nn.Module.float), "Linear (half)"),
    "scheduler": (
        lambda: setattr(DPMSolverMultistepScheduler, "step", DDIMScheduler.step),
        "DPMSolverMultistepScheduler (step)",
    ),
    "torch's function": (lambda: setattr(torch, "randn", torch.rand), "code of torch (randn)"),
    "tensors": (lambda: setattr(torch.Tensor, "chunk", torch.Tensor.split), "code of torch.Tensor (chunk)"),
    "module beside a class": (
        lambda: setattr(embeddings, "get_timestep_embedding", torch.sin),
        "code of diffusers.models.embeddings (get_timestep_embedding)",
    ),
    "mkldnn": (lambda: setattr(torch.backends.mkldnn, "enabled", False), "torch.backends.mkldnn.enabled"),
    "function": (lambda: setattr(functional, "silu", functional.relu), "code of torch.nn.functional (silu)"),
}


def older_names() -> tuple[Any, ...]:
    """Precision under its older names, which raise where it was put back half."""
    backends = torch.backends
    return backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32, torch.get_float32_matmul_precision()


def call(bundle: ModelBundle, change: Any) -> None:
    """A method's call that makes this change."""
    with watch_model(bundle, "method bad"):
        change()


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_changed_model_is_refused_by_name_and_never_used_again(change, words, bundle, tmp_path):
    with pytest.raises(MethodError) as refused:
        call(bundle, lambda: change(bundle.pipeline))
    assert str(refused.value).startswith("method bad changed ")
    assert words in str(refused.value)
    assert "torch.Generator" in str(refused.value)
    with pytest.raises(ModelError, match="method bad changed"):
        Generator(ImageStore(tmp_path)).draw(bundle, [CAT], bundle.family.sampling)
    assert images(tmp_path) == []
    with pytest.raises(ModelError, match="method bad changed"), bundle.applied(Edit()):
        pytest.fail("a changed model was edited")


@pytest.mark.parametrize(("change", "words"), FACTS.values(), ids=FACTS)
def test_a_changed_bundle_is_refused_by_name_and_draws_nothing_more(change, words, bundle, tmp_path):
    with pytest.raises(MethodError) as refused:
        call(bundle, lambda: change(bundle))
    assert words in str(refused.value)
    with pytest.raises(ModelError, match="method bad changed"):
        Generator(ImageStore(tmp_path)).draw(bundle, [CAT], bundle.family.sampling)
    assert images(tmp_path) == []


def test_a_call_that_fills_up_and_cuts_texts_in_its_own_way_is_let_through(bundle):
    with watch_model(bundle, "method good"):
        bundle.pipeline.tokenizer(["a cat", "a very small cat"], padding=True, truncation=True, max_length=5)
    bundle.verify()


@pytest.mark.parametrize(("change", "words"), SETTINGS.values(), ids=SETTINGS)
def test_a_change_of_the_process_is_refused_by_name_and_put_back(change, words, bundle):
    process, older = Process(bundle.pipeline, bundle.device), older_names()
    with pytest.raises(MethodError) as refused:
        call(bundle, change)
    assert words in str(refused.value)
    assert process.changes() == ""
    assert older_names() == older
    bundle.verify()  # the model is still what it was


def test_a_change_of_the_working_folder_is_refused_and_put_back(bundle, tmp_path):
    before = os.getcwd()
    with pytest.raises(MethodError, match="the working folder"):
        call(bundle, lambda: os.chdir(tmp_path))
    assert os.getcwd() == before


def test_an_edit_that_the_call_leaves_applied_is_refused(bundle):
    ((name, weight),) = bundle.parameters_named(NAME).items()
    entered = bundle.applied(Edit({name: weight + 1}))
    with pytest.raises(MethodError, match=f"weight of {name}"):
        call(bundle, entered.__enter__)


def test_a_call_that_changes_nothing_is_let_through(bundle):
    ((name, weight),) = bundle.parameters_named(NAME).items()
    with watch_model(bundle, "method good"), bundle.applied(Edit({name: weight + 1})) as edited:
        assert len(draw_images(edited, ["a cat"], [0])) == 1
    bundle.verify()


# --- a call that fails


def test_a_call_that_fails_and_changes_nothing_gives_its_own_error(bundle):
    with pytest.raises(ZeroDivisionError):
        call(bundle, lambda: 1 / 0)
    bundle.verify()


def test_a_call_that_fails_and_leaves_the_model_changed_is_refused_with_both_words(bundle):
    def change() -> None:
        bundle.pipeline.unet.train()
        raise KeyError("nope")

    with pytest.raises(MethodError, match=r"method bad raised KeyError: 'nope' .*and left changed training mode"):
        call(bundle, change)
    with pytest.raises(ModelError):
        bundle.verify()


def test_a_call_that_fails_leaves_no_setting_of_the_process_behind(bundle):
    def change() -> None:
        torch.set_default_dtype(torch.float64)
        raise KeyError("nope")

    with pytest.raises(KeyError):
        call(bundle, change)
    assert torch.get_default_dtype() == torch.float32


def test_changes_undone_by_closing_a_suspended_generator_are_none(bundle):
    def hook_unet() -> Any:
        handle = bundle.pipeline.unet.register_forward_hook(lambda *_: None)
        try:
            yield
        finally:
            handle.remove()

    def change() -> None:
        for _ in hook_unet():
            raise KeyError("nope")

    with pytest.raises(KeyError):
        call(bundle, change)
    bundle.verify()


def test_an_interrupted_call_stays_an_interruption_and_its_changes_are_remembered(bundle):
    def change() -> None:
        bundle.pipeline.unet.train()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(bundle, change)
    with pytest.raises(ModelError, match="training mode"):
        bundle.verify()


@pytest.mark.parametrize("raised", [None, KeyError("nope"), KeyboardInterrupt()])
def test_what_cannot_be_withdrawn_does_not_hide_what_was_changed(bundle, raised, caplog):
    def withdraw() -> None:
        raise StoreError("no right to delete")

    def change() -> None:
        with watch_model(bundle, "method bad", withdraw):
            bundle.pipeline.unet.train()
            if raised is not None:
                raise raised

    with pytest.raises((MethodError, KeyboardInterrupt)) as refused:
        change()
    said = f"{refused.value} {caplog.text}"
    assert "changed training mode of unet" in said
    assert "no right to delete" in said


# --- the model between a call and a drawing


def test_a_model_changed_outside_a_call_is_detected_before_drawing(bundle, tmp_path):
    generator, sampling = Generator(ImageStore(tmp_path)), bundle.family.sampling
    bundle.verify()
    bundle.pipeline.unet.conv_in.weight.data.mul_(2)
    with pytest.raises(ModelError, match=r"since it was loaded there changed weight of unet\.conv_in\.weight"):
        generator.draw(bundle, [CAT], sampling)
    assert images(tmp_path) == []
    bundle.pipeline.unet.conv_in.weight.data.div_(2)  # exact: the model is what it was
    assert len(generator.draw(bundle, [CAT], sampling)) == 1


def images(folder: Path) -> list[Path]:
    return list(folder.rglob("*.png"))


def test_under_an_edit_the_model_is_compared_with_the_edit(bundle, tmp_path):
    generator, sampling = Generator(ImageStore(tmp_path)), bundle.family.sampling
    ((name, weight),) = bundle.parameters_named(NAME).items()
    edit = Edit({name: weight + 1})
    with bundle.applied(edit) as edited:
        assert len(generator.draw(edited, [CAT], sampling)) == 1
        edit.weights[name].mul_(2)  # its digest was taken when it was applied
        with pytest.raises(ModelError, match=f"weight of {name}"):
            generator.draw(edited, [Prompt("a dog", 1, "source")], sampling)
    assert len(images(tmp_path)) == 1
    bundle.verify()


def test_a_model_that_changed_before_a_call_is_not_blamed_on_the_method(bundle):
    bundle.pipeline.unet.train()
    with pytest.raises(ModelError, match="since it was loaded"):
        call(bundle, lambda: None)
