"""Run Python programs in forks of one process that has imported the heavy libraries already.

Each program is a process of its own (folder, environment, arguments, streams, exit code) that saves the five seconds of
importing torch, diffusers and transformers. `warm_python` in tests/conftest.py gives the executable to start instead of
`sys.executable`; it takes `-m MODULE`, `-c CODE` or `FILE`. Not for tests about signals, imports or the network, nor
about what is fixed when Python or a library starts: the seed of hashes, HF_HOME and the like.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

HEAVY = ("torch", "torchvision", "scipy.stats", "pyarrow.parquet", "pydantic", "rich.progress", "typer")
CLASSES = {
    "transformers": ("CLIPTextModel", "CLIPTokenizer", "ViTForImageClassification", "ViTImageProcessor"),
    "diffusers": ("StableDiffusionPipeline", "AutoencoderKL", "UNet2DConditionModel", "DDIMScheduler"),
}
SIZE = 8  # bytes that hold a request's length
CLIENT = """#!{python} -SE
import json, os, socket, sys
request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as line:
    line.connect({door!r})
    socket.send_fds(line, [len(request).to_bytes({size}, "big")], [0, 1, 2])
    line.sendall(request)
    code = line.recv(1)
sys.exit(code[0] if code else "the program ended without an exit code")
"""


@contextmanager
def warm_process(folder: Path) -> Iterator[Path]:
    """Start the process; yields an executable that runs programs in forks of it."""
    from iceb.cli.quiet import QUIET  # not imported by the process itself: some programs do without iceb

    door, client = folder / "door", folder / "python"
    client.write_text(CLIENT.format(python=sys.executable, door=str(door), size=SIZE), encoding="utf-8")
    client.chmod(0o755)
    command = [sys.executable, __file__, str(door)]
    environment = {**os.environ, **QUIET, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield client
        process.stdin.close()  # its end is what the process waits for


def serve(door: str) -> None:
    """Fork for every request, until the standard input ends."""
    import_heavy_libraries()
    gc.freeze()  # forks share what is there now
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door)
        listener.listen()
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            line, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                answer(line)
            line.close()


def import_heavy_libraries() -> None:
    """Import what any command that draws or measures imports."""
    for name in HEAVY:
        importlib.import_module(name)
    for name, classes in CLASSES.items():
        for each in classes:
            getattr(importlib.import_module(name), each)


def answer(line: socket.socket) -> None:
    """Become the program that the request names; send its exit code and end."""
    head, streams, *_ = socket.recv_fds(line, SIZE, 3)
    size, request = int.from_bytes(head, "big"), b""
    while len(request) < size:
        request += line.recv(size - len(request))
    arguments, folder, environment = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()
    code = run(arguments) & 255
    threading._shutdown()  # waits for threads, as Python does at the end of a program
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    line.sendall(bytes([code]))
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Carry out a Python command line as a new interpreter does; its exit code."""
    places = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:0] = places
    try:
        for place in places:
            if (Path(place) / "sitecustomize.py").is_file():
                runpy.run_path(str(Path(place) / "sitecustomize.py"))
        start(*arguments)
    except SystemExit as end:
        if not isinstance(end.code, str):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def start(what: str, *rest: str) -> None:
    """Run a file, `-m MODULE` or `-c CODE` as the main program."""
    if what == "-m":
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif what == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [what, *rest]
        sys.path.insert(0, str(Path(what).resolve().parent))
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))  # where a script lies comes first, and tests are no modules of programs
    serve(sys.argv[1])
