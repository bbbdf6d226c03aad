"""Write what starts the workers of a plan, and start them where that is asked for."""

import shlex
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template

from iceb.base.errors import CheckFailed
from iceb.base.files import explain_errors, write_atomic
from iceb.base.messages import shorten
from iceb.running.workers.cluster_file import Cluster

SHARES, RESULT = "shares.sh", "result.sh"
AGAIN = 75  # the exit code of a worker that was told to stop, and has more to do
UNHEARD = 143  # that of one which was told before it could listen
SCRIPT = Template("""\
#!/bin/bash
#SBATCH --job-name=$name
#SBATCH --output=$log
#SBATCH --requeue
#SBATCH --signal=B:TERM@$grace
$options
stopped=
worker=
trap 'stopped=1; waits=1; [ -z "$$worker" ] || kill -TERM "$$worker" || true' TERM  # the worker finishes its pass
$setup
$command &
worker=$$!
[ -z "$$stopped" ] || kill -TERM "$$worker"
waits=1
while [ -n "$$waits" ]; do  # a signal ends a wait, and the worker goes on
  waits=
  code=0
  wait "$$worker" || code=$$?
done
if [ -n "$$stopped" ] && [ "$$code" -eq $unheard ]; then
  code=$again
fi
if [ "$$code" -eq $again ]; then
  scontrol requeue "$$SLURM_JOB_ID"
fi
exit "$$code"
""")


@dataclass(frozen=True)
class Launch:
    """Scripts and shell lines that start the workers of a plan.

    Attributes:
        plan: the plan's file.
        scripts: the files beside it.
        lines: shell lines that start the workers, all at once.
        result: the command that writes the results when all workers are done; "" where a line has it.
    """

    plan: Path
    scripts: tuple[Path, ...]
    lines: tuple[str, ...]
    result: str


def prepare_launch(cluster: Cluster, plan: Path) -> Launch:
    """Write what starts the workers of a plan, beside its file.

    Raises:
        StoreError: the folder cannot be written.
    """
    if cluster.kind == "command":
        workers = [["iceb", "work", str(plan), "--shard", f"{each}/{cluster.shards}"] for each in range(cluster.shards)]
        lines = tuple(
            cluster.command.format(argv=shlex.join(worker), shard=each, shards=cluster.shards)
            for each, worker in enumerate(workers)
        )
        return Launch(plan, (), lines, _text(["iceb", "work", plan, "--result"]))
    folder = plan.parent
    shares, result = folder / SHARES, folder / RESULT
    array = f"--array=0-{cluster.shards - 1}"
    write_atomic(shares, _script(cluster, ["iceb", "work", plan], folder / "share-%a.log", array).encode())
    write_atomic(result, _script(cluster, ["iceb", "work", plan, "--result"], folder / "result.log").encode())
    array_job = f'"$({_text(["sbatch", "--parsable", shares])} | cut -d";" -f1)"'
    return Launch(plan, (shares, result), (f"sbatch --dependency=afterany:{array_job} {shlex.quote(str(result))}",), "")


def _script(cluster: Cluster, command: Sequence[str | Path], log: Path, *more: str) -> str:
    return SCRIPT.substitute(
        name="iceb",
        log=shlex.quote(str(log.parent).replace("%", "%%") + f"/{log.name}"),
        grace=cluster.grace,
        options="\n".join(f"#SBATCH {option}" for option in (*cluster.options, *more)),
        setup=cluster.setup.strip("\n"),
        command=_text(command),
        again=AGAIN,
        unheard=UNHEARD,
    )


def _text(words: Sequence[str | Path]) -> str:
    return shlex.join(map(str, words))


def submit(launch: Launch) -> list[str]:
    """Run the lines of a launch, all at once, and wait for them; return what each has printed.

    That goes to a file each beside the plan: a pipe that nobody reads would hold a worker up.

    Raises:
        CheckFailed: a line failed; the others are waited for all the same.
        StoreError: the folder cannot be written.
    """
    logs = [launch.plan.with_name(f"submitted-{place}.log") for place in range(len(launch.lines))]
    with ExitStack() as stack:
        begun = [stack.enter_context(_start(line, log)) for line, log in zip(launch.lines, logs, strict=True)]
    said = [log.read_text(encoding="utf-8", errors="replace").strip() for log in logs]
    for line, process, output in zip(launch.lines, begun, said, strict=True):
        if process.returncode:
            last = output.splitlines()[-1] if output else "it said nothing"
            raise CheckFailed(f"{shorten(line)}: exit code {process.returncode} ({last})")
    return said


def _start(line: str, log: Path) -> "subprocess.Popen[bytes]":
    with explain_errors(log):
        stream = log.open("wb")
    with stream:
        return subprocess.Popen(["bash", "-o", "pipefail", "-c", line], stdout=stream, stderr=subprocess.STDOUT)
