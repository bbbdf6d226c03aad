"""Work by several workers: plans, shares, counts, cluster files, a fake SLURM, and SIGTERM."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

import iceb
from iceb.base.errors import CheckFailed, SpecError, UnreachableError
from iceb.cli.main import run
from iceb.running.plan import Ask
from iceb.running.workers import local
from iceb.running.workers.cluster_file import parse_cluster
from iceb.running.workers.launching import prepare_launch, submit
from iceb.running.workers.plan_file import PlannedRun, read_plan, write_plan
from iceb.running.workers.shares import ShareRun
from iceb.runs.folder import read_result
from iceb.specs.execution import Execution
from iceb.specs.shards import Shard
from iceb.stores.images import ImageStore

SLURM = 'kind = "slurm"\nshards = 2\noptions = ["--gres=gpu:1", "--time=04:00:00"]\nsetup = "export READY=1"\n'
SBATCH = """#!/bin/bash
echo "$@" >> "$LOG"
script="${@: -1}"
case "$(grep -- --array "$script")" in
  *0-1) for task in 0 1; do
          SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=0 bash "$script" >&2 &
          tasks="$tasks $!"
        done
        for task in $tasks; do wait "$task" || exit 9; done; echo "41;cluster" ;;
  *) bash "$script" >&2 || exit 9; echo "Submitted batch job 42" ;;
esac
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a program of this text on the PATH; the words that it was called with go to the log."""
    folder, log = tmp_path / "bin", tmp_path / "called.log"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(log))

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return log

    return put


def files(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (cache / "images").rglob("*.png")}


def counts(capsys, plan: Path) -> dict:
    capsys.readouterr()
    assert run(["status", str(plan), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("plugins")
def test_shares_are_counted_and_the_same_command_writes_the_result(capsys, arguments, tmp_path):
    cluster = tmp_path / "cluster.toml"
    cluster.write_text('kind = "command"\nshards = 2\ncommand = "on node{shard} of {shards}: {argv}"\n')
    assert run(arguments("--launch", str(cluster))) == 0
    captured = capsys.readouterr()
    (plan,) = (tmp_path / "runs" / "plans").rglob("plan.json")
    assert captured.out.splitlines() == [f"on node{each} of 2: iceb work {plan} --shard {each}/2" for each in range(2)]
    assert f"when all workers are done: iceb work {plan} --result" in captured.err
    assert not (tmp_path / "cache").exists()
    found = counts(capsys, plan)
    (one,) = found["runs"]
    assert (one["edits_made"], one["made"], one["result"], found["per_second"]) == (False, 0, None, None)
    whole = found["missing"]

    assert run(["work", str(plan), "--shard", "0/2"]) == 0
    found = counts(capsys, plan)
    assert found["runs"][0]["edits_made"]
    assert 0 < found["made"] < whole
    assert found["made"] + found["missing"] == whole
    assert run(["work", str(plan), "--shard", "1/2"]) == 0
    capsys.readouterr()
    assert run(["status", str(plan)]) == 0
    assert f"in all: {whole} of {whole} images made, 0 missing; iceb work" in capsys.readouterr().out

    assert run(arguments()) == 0
    (path,) = (tmp_path / "runs").rglob("result.json")
    result = read_result(path)
    assert result.cost.images_drawn == 0
    assert run([*arguments(), "--cache", str(tmp_path / "alone"), "--out", str(tmp_path / "other")]) == 0
    (path,) = (tmp_path / "other").rglob("result.json")
    assert read_result(path).scores == result.scores
    assert files(tmp_path / "alone") == files(tmp_path / "cache")
    assert counts(capsys, plan)["runs"][0]["result"] == "partial"


def test_a_job_array_makes_the_run_and_a_second_job_its_result(
    capsys, arguments, tmp_path, fake, warm_python, environment, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    log = fake("sbatch", SBATCH)
    fake("iceb", f'#!/bin/bash\n[ "$READY" = 1 ] && exec {warm_python} -m iceb "$@"\n')
    cluster = tmp_path / "cluster.toml"
    cluster.write_text(SLURM)
    command = [warm_python, "-m", "iceb", *arguments("--launch", str(cluster), "--submit")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Submitted batch job 42"
    (plan,) = (tmp_path / "runs" / "plans").rglob("plan.json")
    assert log.read_text().splitlines() == [
        f"--parsable {plan.with_name('shares.sh')}",
        f"--dependency=afterany:41 {plan.with_name('result.sh')}",
    ]
    text = plan.with_name("shares.sh").read_text()
    assert "#SBATCH --gres=gpu:1\n#SBATCH --time=04:00:00\n#SBATCH --array=0-1\n" in text
    (path,) = (tmp_path / "runs").rglob("result.json")
    result = read_result(path)
    assert result.cost.images_drawn == 0
    assert "--launch" not in result.provenance.command
    assert "evaluate --method token_swap" in result.provenance.command
    alone = ["--cache", str(tmp_path / "alone"), "--out", str(tmp_path / "other")]
    done = subprocess.run([warm_python, "-m", "iceb", *arguments(), *alone], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "other").rglob("result.json")
    assert read_result(path).scores == result.scores
    assert files(tmp_path / "cache") == files(tmp_path / "alone")


@contextmanager
def begun_job(tmp_path: Path, marks: str, setup: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """The job of a share, once it has made the file that `marks` names."""
    text = f'kind = "slurm"\nshards = 1\nsetup = {json.dumps(setup)}'
    launch = prepare_launch(parse_cluster(text, "c.toml"), tmp_path / "plan.json")
    own = {"env": {**os.environ, "SLURM_JOB_ID": "7"}, "start_new_session": True}
    with subprocess.Popen(["bash", str(launch.scripts[0])], **own) as job:
        try:
            await_file(tmp_path / marks)
            yield job
        finally:
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)  # the worker too, where a test has failed


def await_file(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


@pytest.fixture
def queue(fake) -> Path:
    """The log of a stand-in for `scontrol`."""
    return fake("scontrol", '#!/bin/bash\necho "$@" >> "$LOG"\n')


def test_a_job_that_is_told_to_stop_is_queued_again(tmp_path, fake, queue):
    fake("iceb", f"#!/bin/bash\ntrap 'exit 75' TERM\ntouch {tmp_path}/begun\nwhile true; do sleep 0.05; done\n")
    with begun_job(tmp_path, "begun") as job:
        job.send_signal(signal.SIGTERM)
        assert job.wait(20) == 75
    assert queue.read_text() == "requeue 7\n"


def test_a_job_that_is_told_twice_waits_for_its_worker(tmp_path, fake, queue):
    trap = f"trap 'n=$((n+1)); touch {tmp_path}/told$n' TERM"
    loop = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    fake("iceb", f"#!/bin/bash\n{trap}\ntouch {tmp_path}/begun\n{loop}\nexit 75\n")
    with begun_job(tmp_path, "begun") as job:
        for time_told in (1, 2):
            job.send_signal(signal.SIGTERM)
            await_file(tmp_path / f"told{time_told}")
        with pytest.raises(subprocess.TimeoutExpired):
            job.wait(0.5)
        (tmp_path / "go").touch()
        assert job.wait(20) == 75
    assert queue.read_text() == "requeue 7\n"


@pytest.mark.parametrize("setup", ["touch {begun}; sleep 0.5", "set -e"])
def test_a_job_that_is_told_before_its_worker_listens_is_queued_again(tmp_path, fake, queue, setup):
    """During the lines of `setup`, or while the worker still imports its libraries."""
    begun = tmp_path / "begun"
    fake("iceb", f"#!/bin/bash\ntouch {begun}\nexec sleep 20\n")
    with begun_job(tmp_path, "begun", setup.format(begun=begun)) as job:
        job.send_signal(signal.SIGTERM)
        assert job.wait(10) == 75
    assert queue.read_text() == "requeue 7\n"


def test_a_job_of_which_nothing_is_asked_keeps_its_workers_exit_code(tmp_path, fake, queue):
    fake("iceb", f"#!/bin/bash\ntouch {tmp_path}/begun\nexit 3\n")
    with begun_job(tmp_path, "begun") as job:
        assert job.wait(20) == 3
    assert not queue.exists()


def test_the_log_of_a_job_may_lie_in_any_folder(tmp_path):
    """sbatch takes quotes in these lines as a shell does, and a percent sign that is written twice."""
    (folder := tmp_path / "my runs at 50%").mkdir()
    launch = prepare_launch(parse_cluster('kind = "slurm"\nshards = 1', "c.toml"), folder / "plan.json")
    line = next(each for each in launch.scripts[0].read_text().splitlines() if "--output" in each)
    assert line == f"#SBATCH --output='{tmp_path}/my runs at 50%%/share-%a.log'"


@pytest.mark.usefixtures("plugins")
def test_sigterm_ends_a_run_after_its_pass_and_the_same_command_goes_on(capsys, arguments, tmp_path, monkeypatch):
    real = ImageStore.save

    def save_and_be_told(*given) -> None:
        signal.raise_signal(signal.SIGTERM)
        real(*given)

    monkeypatch.setattr(ImageStore, "save", save_and_be_told)
    assert run(arguments("--images-per-pass", "2")) == 75
    assert "stopped after a whole pass; the same command goes on: iceb evaluate" in capsys.readouterr().err
    assert len(files(tmp_path / "cache")) == 2
    assert not list(tmp_path.rglob("result.json"))
    monkeypatch.setattr(ImageStore, "save", real)
    assert run(arguments("--images-per-pass", "2")) == 0
    (path,) = tmp_path.rglob("result.json")
    assert read_result(path).cost.images_found == 2


@pytest.mark.usefixtures("plugins")
def test_a_failed_share_is_noted_until_it_is_made(capsys, arguments, tmp_path, monkeypatch):
    """Also one whose method leaves with the exit code of success; what the run's own command makes is made."""

    def leave(*_):
        raise SystemExit(0)

    plan = launch(arguments, tmp_path)
    share = ["work", str(plan), "--shard", "0/1"]
    with monkeypatch.context() as faulty:
        faulty.setattr(ShareRun, "make", leave)
        assert run(share) == 2
    assert "unexpected SystemExit: 0" in capsys.readouterr().err
    ((shard, error),) = (tuple(each.values()) for each in counts(capsys, plan)["failed"])
    assert (shard, error.partition(" (")[0]) == ("0/1", "unexpected SystemExit: 0")
    assert run(arguments()) == 0
    assert counts(capsys, plan)["failed"] == []
    assert list(plan.parent.glob("failed-*"))
    assert run(share) == 0
    assert not list(plan.parent.glob("failed-*"))


@pytest.mark.usefixtures("plugins")
def test_a_share_whose_cache_could_not_be_reached_has_not_failed(capsys, arguments, tmp_path, monkeypatch):
    def lose(*_):
        raise UnreachableError("the cache's URL does not answer")

    plan = launch(arguments, tmp_path)
    monkeypatch.setattr(ShareRun, "make", lose)
    assert run(["work", str(plan), "--shard", "0/1"]) == 75
    assert "does not answer" in capsys.readouterr().err
    assert not list(plan.parent.glob("failed-*"))


@pytest.mark.usefixtures("plugins")
def test_what_another_kind_of_machine_made_is_not_passed_over_in_silence(capsys, caplog, arguments, tmp_path):
    plan = launch(arguments, tmp_path)
    assert run(["work", str(plan), "--shard", "0/2"]) == 0
    (note,) = plan.parent.glob("machine-*.json")
    assert counts(capsys, plan)["elsewhere"] == []
    there = {**json.loads(note.read_text()), "device": "cuda", "processor": "NVIDIA H200", "modes": {}}
    note.with_name("machine-of-another.json").write_text(json.dumps(there))
    note.with_name("machine-damaged.json").write_text("{")
    here = json.loads(note.read_text())["processor"]
    difference = f"device cuda (here cpu), processor NVIDIA H200 (here {here})"
    assert counts(capsys, plan)["elsewhere"] == [difference]
    assert run(["status", str(plan)]) == 0
    assert f"not counted: what was made on a machine with {difference}" in capsys.readouterr().out
    assert run(["work", str(plan), "--result"]) == 0
    assert [each for each in caplog.messages if difference in each]


def launch(arguments, tmp_path: Path) -> Path:
    """The plan of a run that was launched."""
    cluster = tmp_path / "cluster.toml"
    cluster.write_text('kind = "command"\nshards = 1\ncommand = "{argv}"\n')
    assert run(arguments("--launch", str(cluster))) == 0
    (plan,) = (tmp_path / "runs" / "plans").rglob("plan.json")
    return plan


@pytest.mark.usefixtures("plugins")
def test_a_share_of_a_run_that_is_another_here_is_refused(capsys, arguments, tmp_path):
    plan = launch(arguments, tmp_path)
    text = plan.read_text()
    plan.write_text(text.replace('"num_edits": 1', '"num_edits": 2'))
    assert run(["work", str(plan), "--shard", "0/1"]) == 2
    assert "has changed since; write the plan anew" in capsys.readouterr().err
    ((shard, error),) = (tuple(each.values()) for each in counts(capsys, plan)["failed"])
    assert shard == "0/1"
    assert "write the plan anew" in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind = 1", "c.toml: kind is '1'|c.toml: kind is 1: must be one of slurm, command"),
        ('kind = "slurm"', "lacks shards"),
        ('kind = "slurm"\nshards = 0', "`shard` 0/0"),
        ('kind = "slurm"\nshards = "4"', "must be a whole number"),
        ('kind = "slurm"\nshards = 4\nshard = 4', "unknown key 'shard': did you mean shards"),
        ('kind = "slurm"\nshards = 4\ncommand = "{argv}"', "command is not of kind slurm"),
        ('kind = "slurm"\nshards = 4\noptions = "--gres=gpu:1"', "must be a list of texts"),
        ('kind = "command"\nshards = 4\ncommand = "ssh node"', "lacks {argv}"),
        (
            'kind = "command"\nshards = 4\ncommand = "{argv} {host}"',
            "holds {host}: allowed are {argv}, {shard}, {shards}",
        ),
        ('kind = "command"\nshards = 4\ncommand = "{argv} {"', "write a brace of its own twice"),
        ('kind = "command"\nshards = 4\ncommand = "{argv!x}"', "cannot be filled in"),
        ('kind = "command"\nshards = 4\ncommand = "{argv} {shard:q}"', "cannot be filled in"),
        ('kind = "command"\nshards = 4\ncommand = "{argv:{zz}}"', "cannot be filled in"),
    ],
)
def test_a_wrong_cluster_file_is_refused(text, message):
    with pytest.raises(SpecError) as caught:
        parse_cluster(text, "c.toml")
    assert any(part in str(caught.value) for part in message.split("|"))


def test_shares_are_found_where_schedulers_name_them():
    assert Shard.of_environment({"RANK": "1", "WORLD_SIZE": "4"}) == Shard(1, 4)
    steps = {"SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_MIN": "2", "SLURM_ARRAY_TASK_STEP": "2"}
    assert Shard.of_environment({**steps, "SLURM_ARRAY_TASK_COUNT": "3", "RANK": "0", "WORLD_SIZE": "1"}) == Shard(2, 3)
    assert Shard.of_environment({"SLURM_ARRAY_TASK_ID": "6"}) is None
    for wrong in ("3/3", "1", "-1/2", "a/b", "0/0"):
        with pytest.raises(SpecError, match="`shard`"):
            Shard.parse(wrong)
    with pytest.raises(SpecError, match="RANK is 'one'"):
        Shard.of_environment({"RANK": "one", "WORLD_SIZE": "4"})


def test_a_worker_without_a_share_or_a_plan_is_refused(capsys, tmp_path, monkeypatch):
    for name in ("SLURM_ARRAY_TASK_ID", "RANK"):
        monkeypatch.delenv(name, raising=False)
    assert run(["work", "plan.json"]) == 2
    assert "name the share, as in --shard 0/8" in capsys.readouterr().err
    (tmp_path / "plan.json").write_text("{}")
    assert run(["work", str(tmp_path / "plan.json"), "--shard", "0/1"]) == 2
    assert "its schema is not iceb/plan@1" in capsys.readouterr().err
    assert run(["work", "plan.json", "--shard", "0/1", "--result"]) == 2
    assert run(["evaluate", "--submit", "--method", "uce", "--task", "aice", "--num-edits", "1"]) == 2
    assert "--submit: starts what --launch writes" in capsys.readouterr().err


def test_a_line_that_fails_is_an_error_with_its_last_words(tmp_path):
    cluster = parse_cluster('kind = "command"\nshards = 2\ncommand = "echo {shard} {argv}; exit {shard}"', "c.toml")
    with pytest.raises(CheckFailed, match=r"exit code 1 \(1 iceb work .*--shard 1/2\)"):
        submit(prepare_launch(cluster, tmp_path / "plan.json"))


def test_workers_that_say_much_are_not_held_up(tmp_path):
    both = f"[ -e {tmp_path}/0.done ] && [ -e {tmp_path}/1.done ]"
    say = f"head -c 200000 /dev/zero | tr '\\0' x; touch {tmp_path}/{{shard}}.done"
    command = f"{say}; for each in $(seq 100); do {both} && exit 0; sleep 0.1; done; exit 3  # {{argv}}"
    cluster = parse_cluster(f'kind = "command"\nshards = 2\ncommand = {json.dumps(command)}', "c.toml")
    assert submit(prepare_launch(cluster, tmp_path / "plan.json")) == ["x" * 200000] * 2
    assert (tmp_path / "submitted-1.log").stat().st_size == 200000


def test_a_number_may_be_written_with_zeros(tmp_path):
    cluster = parse_cluster('kind = "command"\nshards = 2\ncommand = "ssh node{shard:02d} {argv}"', "c.toml")
    assert prepare_launch(cluster, tmp_path / "plan.json").lines[1].startswith("ssh node01 iceb work")


def test_plans_of_one_run_with_another_cache_or_device_are_other_files(tmp_path):
    asks = [Ask("aice", "uce", 1, cache=tmp_path / name) for name in "aab"]
    asks.append(replace(asks[0], execution=Execution("cuda")))
    paths = [write_plan([PlannedRun("aice/uce/x", ask)], tmp_path / "runs") for ask in asks]
    assert [paths.index(path) for path in paths] == [0, 0, 2, 3]
    assert all(path.parent.name.startswith("aice_uce_x-") for path in paths)
    assert read_plan(paths[0]).runs[0].ask.cache == tmp_path / "a"


def test_one_process_on_each_gpu_and_threads_on_a_cpu(monkeypatch):
    monkeypatch.setattr(local.torch.cuda, "device_count", lambda: 4)
    assert local.gpu_workers(Execution()) == 4
    assert local.gpu_workers(Execution(workers=2)) == 2
    assert local.gpu_workers(Execution(workers=9)) == 4
    assert local.gpu_workers(Execution("cpu", workers=9)) == local.gpu_workers(Execution("cuda:1")) == 1
    monkeypatch.setattr(local.torch.cuda, "device_count", lambda: 0)
    assert local.gpu_workers(Execution(workers=9)) == 1


def test_each_process_has_a_gpu_of_its_own_and_a_failed_one_is_named(caplog, tmp_path, fake, monkeypatch):
    log = fake(
        "python", '#!/bin/bash\necho "$CUDA_VISIBLE_DEVICES" "${@: -1}" >> "$LOG"\nexit "$CUDA_VISIBLE_DEVICES"\n'
    )
    monkeypatch.setattr(local.sys, "executable", str(log.parent / "bin" / "python"))
    local.work_in_processes(tmp_path / "plan.json", 2)
    assert sorted(log.read_text().splitlines()) == ["0 0/2", "1 1/2"]
    assert [record.getMessage() for record in caplog.records] == [
        f"worker 1 ended with exit code 1: {tmp_path / 'worker-1.log'} says why"
    ]


def test_a_method_that_no_other_process_can_find_is_refused(tmp_path):
    from iceb.baselines.controls import PromptSwap

    (tmp_path / "c.toml").write_text(SLURM)
    with pytest.raises(SpecError, match="register it as a package's entry point"):
        iceb.launch(method=PromptSwap(), task="aice", num_edits=1, launch=tmp_path / "c.toml", out=tmp_path)
