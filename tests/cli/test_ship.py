"""`iceb edit` and `iceb apply`: what is saved, what plain diffusers loads, and what is refused."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import iceb
from iceb.cli.main import run
from iceb.delivery.delta import read_delta, read_manifest
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.sources import find
from iceb.specs.methods import Edit

pytestmark = pytest.mark.usefixtures("plugins")
PAIR = ["--source", "lion", "--dest", "hen"]


def bundle(folder: Path) -> ModelBundle:
    return ModelBundle(find(str(folder)), "cpu")


def edit_of(folder: Path, base: ModelBundle) -> Edit:
    manifest = read_manifest(folder)
    assert manifest.delta is not None
    return Edit(read_delta(folder, manifest.delta, base.parameter))


def error_line(capsys, arguments, code=2) -> str:
    capsys.readouterr()
    assert run(arguments) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("iceb: ")
    assert "Traceback" not in "".join(lines)
    return lines[-1]


@pytest.fixture
def make_edit(model, tmp_path):
    """Makes an edit of the tiny model and returns its folder."""

    def make(*more: str, name: str = "edit", on: Path = model, method: str = "token_swap") -> Path:
        out = tmp_path / name
        arguments = ["edit", "--method", method, "--model", str(on), "--device", "cpu", "--out", str(out), *more]
        assert run(arguments) == 0
        return out

    return make


@pytest.mark.parametrize("layout", ["model", "model_xl"])
def test_plain_diffusers_draws_what_the_bundle_draws_under_the_edit(request, make_edit, tmp_path, layout):
    import diffusers

    base = request.getfixturevalue(layout)
    folder = make_edit(*PAIR, on=base)
    assert run(["apply", str(base), str(folder), "--out", str(tmp_path / "out")]) == 0
    unedited = bundle(base)
    sampling = unedited.family.sampling
    latents = initial_latents(unedited, [3], sampling)
    with unedited.applied(edit_of(folder, unedited)) as edited:
        ours = texts_to_images(edited, ["a lion"], latents, sampling).astype(float)
    before = texts_to_images(unedited, ["a lion"], latents, sampling).astype(float)
    plain = diffusers.DiffusionPipeline.from_pretrained(tmp_path / "out")
    plain.set_progress_bar_config(disable=True)
    plain.scheduler = diffusers.DDIMScheduler.from_config(plain.scheduler.config, clip_sample=False)
    size = {"height": sampling.height, "width": sampling.width, "num_inference_steps": sampling.steps}
    theirs = plain("a lion", latents=latents, guidance_scale=sampling.guidance, output_type="np", **size).images * 255
    assert np.abs(ours - before).max() > 1
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-2  # rounding to bytes, and float error


@pytest.mark.parametrize(("layout", "dtype"), [("model", "float16"), ("model_xl", "bfloat16")])
def test_a_half_precision_folder_loads_as_printed_and_without_a_number_format(
    request, make_edit, tmp_path, capsys, layout, dtype
):
    import diffusers
    from safetensors.torch import load_file

    base, out = request.getfixturevalue(layout), tmp_path / "out"
    folder = make_edit(*PAIR, "--dtype", dtype, on=base)
    capsys.readouterr()
    assert run(["apply", str(base), str(folder), "--out", str(out)]) == 0
    printed = capsys.readouterr().out.partition(": ")[2].strip()
    assert printed.replace(repr(str(out)), "folder") in (out / "README.md").read_text(encoding="utf-8")
    as_printed = eval(printed, {"diffusers": diffusers, "torch": torch})
    assert number_formats(as_printed) == {getattr(torch, dtype)}
    plain = diffusers.DiffusionPipeline.from_pretrained(out)
    assert number_formats(plain) == {torch.float32}
    plain.set_progress_bar_config(disable=True)
    drawn = plain("a lion", height=32, width=32, num_inference_steps=2, output_type="np").images
    assert np.isfinite(drawn).all()
    stored = load_file(next((out / "text_encoder").glob("*.safetensors"))).values()
    assert {tensor.dtype for tensor in stored if tensor.is_floating_point()} == {getattr(torch, dtype)}


def number_formats(pipeline) -> set[torch.dtype]:
    parts = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    return {value.dtype for part in parts for value in part.parameters()}


def test_mini_is_drawn_by_plain_diffusers_as_its_readme_says():
    import diffusers

    text = (Path(iceb.__file__).parent / "mini" / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`(diffusers\..*from_pretrained\(.*\))`", text)
    line = line.replace("iceb/mini/weights/pipeline", str(find("mini").folder))
    plain = eval(line, {"diffusers": diffusers, "torch": torch})
    assert number_formats(plain) == {torch.float32}
    plain.set_progress_bar_config(disable=True)
    assert np.isfinite(plain("a lion", height=32, width=32, num_inference_steps=1, output_type="np").images).all()


def test_the_written_model_has_the_edits_bytes_and_is_drawn_as_its_base(make_edit, model, tmp_path):
    folder = make_edit("--task", "aice", "--num-edits", "2", "--data", "embedded")
    assert run(["apply", str(model), str(folder), "--out", str(tmp_path / "out")]) == 0
    base, written = bundle(model), bundle(tmp_path / "out")
    assert written.family.sampling == base.family.sampling
    assert written.family.measures == base.family.measures
    with base.applied(edit_of(folder, base)) as edited:
        assert edited.digest == read_manifest(folder).edited.digest
        for name, value in edited.parameters_named().items():
            assert written.parameter(name).equal(value), name
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.json"))
    assert str(model) not in text


def test_the_manifest_names_everything_that_makes_the_edit_again(make_edit, model):
    manifest = read_manifest(
        make_edit("--task", "aice", "--num-edits", "2", "--data", "embedded", "--set", "strength=0.5")
    )
    assert dict(manifest.method.params) == {"strength": 0.5}
    assert dict(manifest.method.changed or {}) == {"strength": 0.5}
    assert [request.id for request in manifest.requests] == ["aice_embedded/0000", "aice_embedded/0001"]
    assert (manifest.task, manifest.base.digest) == ("aice", bundle(model).digest)
    assert manifest.delta is not None
    (name,) = manifest.delta.parameters
    assert name.endswith("token_embedding.weight")


def test_the_edit_is_that_of_evaluate_from_the_one_store(make_edit, model, tmp_path, capsys):
    """Evaluated first, then saved from the same cache: nothing is made, and both name the same edited weights."""
    where = ["--model", str(model), "--data", "embedded", "--device", "cpu", "--cache", str(tmp_path / "cache")]
    asked = ["--method", "token_swap", "--task", "aice", "--num-edits", "1"]
    assert run(["evaluate", *asked, *where, "--limit", "1", "--out", str(tmp_path / "runs")]) == 0
    capsys.readouterr()
    assert run(["edit", *asked, *where, "--out", str(tmp_path / "saved")]) == 0
    assert "edit: in the cache" in capsys.readouterr().err
    (path,) = (tmp_path / "runs").rglob("result.json")
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["model"]["edited_digest"] == [read_manifest(tmp_path / "saved").edited.digest]


def test_advice_before_editing_is_printed_with_the_recipes_part(make_edit, tmp_path, capsys):
    make_edit(*PAIR, method="uce", name="bare")
    said = capsys.readouterr().err
    assert "uce: 1 request of your own, recipe uce/aice, published\n" in said
    assert "note: only the empty text is preserved" in said
    assert "keep some with --set retain_file=FILE" in said
    names = tmp_path / "names.txt"
    names.write_text("boat\ncar\n", encoding="utf-8")
    make_edit(*PAIR, "--set", f"retain_file={names}", method="uce", name="kept")
    assert "note:" not in capsys.readouterr().err


def test_own_requests_from_a_file_are_the_typed_ones(make_edit, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("source,dest\nlion,hen\n", encoding="utf-8")
    typed, read = make_edit(*PAIR), make_edit("--requests", str(file), name="read")
    assert read_manifest(typed).requests == read_manifest(read).requests
    assert (typed / "delta.safetensors").read_bytes() == (read / "delta.safetensors").read_bytes()


def test_a_base_in_another_place_serves_and_another_base_is_refused(make_edit, model, tmp_path, capsys):
    folder = make_edit(*PAIR)
    moved = shutil.copytree(model, tmp_path / "moved")
    assert run(["apply", str(moved), str(folder / "manifest.json"), "--out", str(tmp_path / "one")]) == 0
    from safetensors.torch import load_file, save_file

    weights = moved / "vae" / "diffusion_pytorch_model.safetensors"
    save_file({name: tensor + 1e-3 for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    line = error_line(capsys, ["apply", str(moved), str(folder), "--out", str(tmp_path / "two")])
    assert "was made for other weights than those of" in line
    assert f"it fits {model.name} at revision" in line
    assert not [path for path in tmp_path.iterdir() if path.name == "two" or path.name.startswith(".partial")]


@pytest.mark.parametrize(("method", "words"), [("prompt_swap", "rewrites prompts"), ("negative_prompt", "sets a neg")])
def test_an_edit_of_prompts_is_saved_and_no_model_is_made_of_it(make_edit, model, tmp_path, capsys, method, words):
    folder = make_edit(*PAIR, method=method)
    assert os.listdir(folder) == ["manifest.json"]
    manifest = read_manifest(folder)
    assert manifest.delta is None
    assert (manifest.rewrites.get("lion"), manifest.negative_prompt) in [("hen", ""), (None, "lion")]
    assert words in error_line(capsys, ["apply", str(model), str(folder), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_an_edit_of_nothing_gives_the_base(make_edit, model, tmp_path):
    assert run(["apply", str(model), str(make_edit(*PAIR, method="unedited")), "--out", str(tmp_path / "out")]) == 0
    base, written = bundle(model), bundle(tmp_path / "out")
    assert all(written.parameter(name).equal(value) for name, value in base.parameters_named().items())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to edit: give --task and --num-edits, or --requests"),
        (["--task", "aice"], "nothing to edit"),
        ([*PAIR, "--num-edits", "1"], "is for a task's requests"),
        ([*PAIR, "--requests", "mine.csv"], "choose one of them"),
        ([*PAIR, "--dest", "dog"], "1 --source and 2 --dest"),
        (["--source", "lion"], "cannot erase"),
        ([*PAIR, "--task", "aise"], "did you mean aice"),
        ([*PAIR, "--form", "small"], "must be one of full, matrix"),
        ([*PAIR, "--form", "matrix"], "save it with --form full"),
        ([*PAIR, "--set", "strenght=1"], "did you mean strength"),
        ([*PAIR, "--method", "faulty"], "NaN or infinite"),
        (["--requests", "none.json"], "cannot be read"),
        (["--task", "aice", "--num-edits", "301", "--data", "embedded"], "choose 1 to 300"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_leaves_nothing(capsys, model, tmp_path, arguments, words):
    base = ["edit", "--method", "token_swap", "--model", str(model), "--device", "cpu"]
    assert words in error_line(capsys, [*base, "--out", str(tmp_path / "edit"), *arguments])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_ever_overwritten(make_edit, model, tmp_path, capsys):
    folder = make_edit(*PAIR)
    before = (folder / "manifest.json").read_bytes()
    asked = ["edit", "--method", "unedited", "--model", str(model), *PAIR, "--out", str(folder)]
    assert "exists already" in error_line(capsys, asked)
    assert (folder / "manifest.json").read_bytes() == before
    assert "exists already" in error_line(capsys, ["apply", str(model), str(folder), "--out", str(folder)])


def test_what_is_no_saved_edit_is_refused(capsys, make_edit, model, tmp_path):
    out = ["--out", str(tmp_path / "out")]
    assert "name the folder of a saved edit" in error_line(capsys, ["apply", str(model), str(tmp_path), *out])
    folder = make_edit(*PAIR)
    (folder / "manifest.json").write_text('{"schema": 2}', encoding="utf-8")
    assert "not the manifest of a saved edit" in error_line(capsys, ["apply", str(model), str(folder), *out])


@pytest.mark.slow
def test_the_real_commands_ship_a_model(warm_python, model, environment, tmp_path):
    """Two processes as a user starts them, in another folder, and a third one with diffusers alone."""

    def run_command(*arguments: str) -> str:
        finished = subprocess.run(
            [warm_python, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    options = ["--method", "token_swap", "--model", str(model), "--cache", "cache", "--out", "edit"]
    assert f"next: iceb apply {model} edit" in run_command("-m", "iceb", "edit", *options, *PAIR)
    assert "StableDiffusionPipeline.from_pretrained('shipped')" in run_command(
        "-m", "iceb", "apply", str(model), "edit", "--out", "shipped"
    )
    alone = "import diffusers, sys; p = diffusers.StableDiffusionPipeline.from_pretrained('shipped'); "
    alone += "assert 'iceb' not in sys.modules; print(p.text_encoder.dtype)"
    assert run_command("-c", alone).strip() == str(torch.float32)
