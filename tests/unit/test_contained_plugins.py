"""Whatever a plugin does when it is imported, it is reported by name and harms nobody else."""

import os
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from iceb import registry
from iceb.base import torch_state
from iceb.base.contained import Overtime, hold_output, limit_time
from iceb.base.errors import SpecError
from iceb.conformance.check_line import line
from iceb.registry import Registered

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
SOUND = "class Thing:\n    card = 1\n    edit = 2\n    __dataclass_fields__ = {}\n"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Writes a module with this code and registers its `Thing`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"plugin_{abs(hash(request.node.name))}"

    def write(code: str) -> Registered:
        (tmp_path / f"{name}.py").write_text(code)
        return Registered("methods", "thing", "their-package", "0.3", f"{name}:Thing")

    return write


def refusal(entry: Registered) -> str:
    """The message with which it is refused."""
    with pytest.raises(SpecError) as refused:
        entry.load()
    return str(refused.value)


def test_a_sound_plugin_is_loaded(plugin):
    assert plugin(SOUND).load().card == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit('x')", "GeneratorExit: x"),
        ("class Own(BaseException): pass\nraise Own('mine')", "Own: mine"),
        ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
        ("import json; json.loads('{')", "JSONDecodeError"),
    ],
)
def test_a_plugins_exception_is_reported_with_its_file_and_line(plugin, line, words):
    said = refusal(plugin(f"\n{line}\n"))
    assert said.startswith("method thing of their-package 0.3 cannot be imported from plugin_")
    assert words in said
    assert ".py:2, in <module>" in said or ".py:3, in <module>" in said
    assert said.endswith("mend it, or reinstall the package their-package")


def test_an_authors_mistake_is_shown_whole_in_the_refusal_and_in_the_check(plugin):
    message = "task orchestra: kind 'replacing' must be one of " + ", ".join(f"kind{number:03}" for number in range(30))
    entry = plugin(f"from iceb.base.errors import SpecError\nraise SpecError({message!r})\n")
    assert len(message) > 300
    assert message in refusal(entry)
    failed = line("importable", lambda: str(entry.load()))
    assert failed.status == "fail"
    assert message in failed.note
    assert failed.note.endswith("mend it, or reinstall the package their-package")


def test_a_syntax_error_is_reported_with_its_line(plugin):
    assert "line 2" in refusal(plugin("\nthis is no Python\n"))


def test_an_error_that_cannot_say_what_it_is_harms_nobody(plugin):
    said = refusal(plugin("class Bad(Exception):\n    def __str__(self): return 1 / 0\nraise Bad\n"))
    assert "Bad: its message cannot be read" in said
    assert ".py:3" in said


PROGRAM = """
import sys
from iceb.registry import Registered
print("before")
try:
    print(Registered("methods", "thing", "their-package", "0.3", "plugin:Thing").load().card)
except Exception as error:
    print(error)
import logging
logging.getLogger("plugin").warning("heard")
"""


def outcome(folder: Path, code: str) -> tuple[str, str]:
    """What a process writes to stdout and stderr that imports such a plugin, with streams of its own."""
    (folder / "plugin.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    "noise",
    [
        "print('chatter')",
        "import sys; sys.stdout.write('chatter'); sys.stderr.write('chatter')",
        "import os; os.write(1, b'chatter'); os.write(2, b'chatter')",
        "import os; os.system('echo chatter')",
        "import warnings; warnings.warn('chatter')",
    ],
)
def test_a_plugins_output_reaches_neither_stdout_nor_stderr(noise, tmp_path):
    assert outcome(tmp_path, f"{noise}\n{SOUND}") == ("before\n1\n", "heard\n")


def test_a_failed_plugins_output_is_in_the_message(tmp_path):
    said, warned = outcome(tmp_path, "print('no licence\\nbye')\nraise SystemExit\n")
    assert "it printed 'no licence\\nbye'" in said
    assert "SystemExit: (plugin.py:2, in <module>)" in said
    assert warned == "heard\n"


def test_a_plugins_log_handler_works_after_the_import(tmp_path):
    code = "import logging\nlog = logging.getLogger('plugin')\nlog.addHandler(logging.StreamHandler())\n"
    code += "log.warning('chatter')\n"
    assert outcome(tmp_path, f"{code}{SOUND}") == ("before\n1\n", "heard\n")


@posix
@pytest.mark.parametrize(
    "hanging",
    [
        "import time\ntime.sleep(60)\n",
        "while True:\n    pass\n",
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except Exception:\n        pass\n",
        "import threading\nthreading.Event().wait(60)\n",
    ],
)
def test_a_hanging_plugin_is_stopped_and_reported(plugin, hanging, monkeypatch):
    monkeypatch.setenv("ICEB_PLUGIN_SECONDS", "0.2")
    began = time.perf_counter()
    said = refusal(plugin(hanging))
    assert time.perf_counter() - began < 20
    assert "cannot be imported from plugin_" in said
    assert "within 0.2 s: mend it, or set ICEB_PLUGIN_SECONDS to more, 0 for no limit" in said


@posix
def test_the_timer_and_its_handler_are_put_back():
    def mine(*_: Any) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGALRM, mine)
    try:
        with pytest.raises(Overtime), limit_time(0.05):
            time.sleep(10)
        with limit_time(30):
            pass
        assert signal.getsignal(signal.SIGALRM) is mine
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_of_seconds_is_refused(plugin, seconds, monkeypatch):
    monkeypatch.setenv("ICEB_PLUGIN_SECONDS", seconds)
    assert f"ICEB_PLUGIN_SECONDS='{seconds}': must be a number of seconds" in refusal(plugin(SOUND))


def test_outside_the_main_thread_a_plugin_is_loaded_without_a_limit(plugin):
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(plugin(SOUND).load()))
    thread.start()
    thread.join()
    assert found[0].card == 1


@posix
def test_ctrl_c_during_an_import_stays_ctrl_c(plugin):
    code = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            plugin(code).load()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, inherited)


def test_an_object_whose_attributes_raise_is_reported(plugin):
    code = "class Meta(type):\n    @property\n    def card(cls):\n        return 1 / 0\n"
    code += "class Thing(metaclass=Meta): pass\n"
    said = refusal(plugin(code))
    assert "ZeroDivisionError" in said
    assert ".py:4, in card" in said


def test_output_to_a_closed_stream_is_ignored():
    saved = os.dup(2)
    os.close(2)
    try:
        with hold_output() as said:
            os.write(1, b"x")
            assert said() == "x"
    finally:
        os.dup2(saved, 2)
        os.close(saved)


# --- settings of torch

SETTINGS = {
    "torch.set_default_dtype(torch.float64)": "default number format (from torch.float32 to torch.float64)",
    "torch.set_default_device('meta')": "default device (from cpu to meta)",
    "torch.set_grad_enabled(False)": "gradient mode (from True to False)",
    "torch.use_deterministic_algorithms(True)": "deterministic mode (from 0 to 2)",
    "torch.backends.cudnn.deterministic = True": "cudnn.deterministic (from False to True)",
    "torch.backends.cudnn.benchmark = True": "cudnn.benchmark (from False to True)",
    "torch.set_flush_denormal(True)": "rounding of the smallest numbers to zero (from False to True)",
    "torch.set_num_threads(torch.get_num_threads() + 1)": "number of threads (from ",
    "torch.manual_seed(3)": "seed (from ",
}


@pytest.mark.parametrize(("line", "words"), SETTINGS.items(), ids=SETTINGS)
def test_a_plugin_that_changes_torch_settings_is_refused_and_undone(plugin, line, words):
    torch = pytest.importorskip("torch")
    before = {name: setting.read(torch) for name, setting in torch_state.SETTINGS.items()}
    entry = plugin(f"import torch\n{line}\n{SOUND}")
    for _ in range(2):
        said = refusal(entry)
        assert said.startswith(f"method thing of their-package 0.3 changes torch's {words}")
        assert "is imported: set it inside a call alone, and back after it" in said
    assert {name: setting.read(torch) for name, setting in torch_state.SETTINGS.items()} == before


def test_a_failing_plugin_that_changed_torch_leaves_no_change(plugin):
    torch = pytest.importorskip("torch")
    assert "ZeroDivisionError" in refusal(plugin("import torch\ntorch.set_default_dtype(torch.float64)\n1 / 0\n"))
    assert torch.get_default_dtype() == torch.float32


def test_a_plugin_that_restores_torch_itself_is_loaded(plugin):
    code = "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_default_dtype(torch.float32)\n"
    assert plugin(code + SOUND).load().card == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("torch.set_default_dtype(torch.float64)", "changes torch's default number format (from torch.float32"),
        ("pass", "1\n"),
    ],
)
def test_torch_that_the_plugin_itself_brings_in_is_compared_with_its_defaults(tmp_path, line, words):
    said, _ = outcome(tmp_path, f"import torch\n{line}\n{SOUND}")
    assert words in said


def test_a_plugin_without_torch_does_not_import_it(tmp_path):
    said, _ = outcome(tmp_path, f"import sys\n{SOUND}\nThing.card = 'torch' in sys.modules\n")
    assert "False" in said


# --- metadata

HEAD = "Metadata-Version: 2.1\n"
BROKEN = {  # folder of the metadata, entry_points.txt, METADATA
    "a line without a value": ("noeq-1.0", b"[iceb.methods]\njust a line\n", f"{HEAD}Name: noeq\nVersion: 1\n"),
    "not UTF-8": ("bytes-1.0", b"[iceb.methods]\nff = m:\xff\xfe\n", f"{HEAD}Name: bytes\nVersion: 1\n"),
    "no name": ("noname-1.0", b"[iceb.methods]\nthing = m:Thing\n", f"{HEAD}Version: 1\n"),
    "no METADATA": ("nometa-1.0", b"[iceb.methods]\nthing = m:Thing\n", None),
    "no version": ("nover-1.0", b"[iceb.methods]\nthing = m:Thing\n", f"{HEAD}Name: nover\n"),
    "no place": ("noplace-1.0", b"[iceb.methods]\nthing = not a place!\n", f"{HEAD}Name: noplace\nVersion: 1\n"),
}
PARSED = {name: case for name, case in BROKEN.items() if name not in ("a line without a value", "not UTF-8")}


def install(site: Path, folder: str, entries: bytes, metadata: str | None) -> None:
    """A package's metadata, as an installer leaves it."""
    record = site / f"{folder}.dist-info"
    record.mkdir()
    (record / "entry_points.txt").write_bytes(entries)
    if metadata is not None:
        (record / "METADATA").write_text(metadata)


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_broken_metadata_leave_every_other_name_where_it_is(case, tmp_path, monkeypatch):
    install(tmp_path, *case)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert registry.find("methods", "uce").package == "iceb"
    assert len([entry for entry in registry.entries_of("methods") if entry.package == "iceb"]) > 10


@pytest.mark.parametrize("case", [BROKEN[name] for name in BROKEN if name not in PARSED])
def test_a_package_whose_metadata_cannot_be_read_is_named_where_a_name_is_missed(case, tmp_path, monkeypatch):
    install(tmp_path, *case)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SpecError, match=rf"unknown method 'thing'.*cannot be read: .*{case[0]}\.dist-info"):
        registry.find("methods", "thing")


@pytest.mark.parametrize("case", PARSED.values(), ids=PARSED)
def test_a_name_of_broken_metadata_is_refused_in_one_line(case, tmp_path, monkeypatch):
    install(tmp_path, *case)
    monkeypatch.syspath_prepend(str(tmp_path))
    said = refusal(registry.find("methods", "thing"))
    assert said.startswith("method thing of ")
    assert "\n" not in said


def test_a_place_without_an_object_is_refused():
    assert EntryPoint.pattern.match("module:object")
    said = refusal(Registered("methods", "thing", "their-package", "0.3", "not a place!"))
    assert said == "method thing of their-package 0.3 names the place 'not a place!': must be module:object"
