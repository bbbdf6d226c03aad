"""What names a method's code: its own package and what that is built on, no more and no less."""

import importlib
import sys
from importlib.metadata import version

import pytest

from iceb.base import code
from iceb.base.code import reachable_modules
from iceb.base.errors import SpecError
from iceb.registry import entries_of
from iceb.running import code_digest as code_digests
from iceb.running import measuring
from iceb.running.code_digest import _filed_digest, code_digest, own_modules

METHODS = [entry for entry in entries_of("methods") if entry.package == "iceb"]
PACKAGE = {
    "some_plugin/__init__.py": "",
    "some_plugin/adapters/__init__.py": "",
    "some_plugin/adapters/one.py": "class M:\n    rate = 1\n",
    "some_plugin/core.py": "STEPS = 10\n",
    "some_plugin/words.txt": "cat\n",
    "some_plugin/data/notes.md": "plans\n",
    "beside_it.py": "SCALE = 2\n",
    "not_its_own.py": "A = 1\n",
}
SUFFIXES = (".pt", ".pth", ".bin", ".pkl", ".parquet", ".onnx", ".gz", ".json", "")


@pytest.fixture
def install_package(tmp_path, monkeypatch):
    """Installs a package in a folder of its own, some files changed; returns the digest of its class."""

    def install(requires="numpy", **changes):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        metadata = f"Metadata-Version: 2.1\nName: some-plugin\nVersion: 1\nRequires-Dist: {requires}\n"
        dist = {"METADATA": metadata, "top_level.txt": "some_plugin\nbeside_it\n"}
        files = PACKAGE | changes | {f"some_plugin-1.dist-info/{name}": text for name, text in dist.items()}
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        monkeypatch.syspath_prepend(str(root))
        for name in [name for name in sys.modules if name.partition(".")[0] == "some_plugin"]:
            monkeypatch.delitem(sys.modules, name)
        return code_digest(importlib.import_module("some_plugin.adapters.one").M, "some-plugin")

    return install


def test_the_same_package_elsewhere_has_the_same_digest(install_package):
    assert install_package() == install_package()


@pytest.mark.parametrize(
    "change",
    [
        {"some_plugin/adapters/one.py": "class M:\n    rate = 2\n"},
        {"some_plugin/core.py": "STEPS = 11\n"},
        {"some_plugin/words.txt": "dog\n"},
        {"some_plugin/more.py": "A = 1\n"},
        {"some_plugin/data/notes.md": "other plans\n"},
        *({f"some_plugin/data/weights{suffix}": "1"} for suffix in SUFFIXES),
        {"beside_it.py": "SCALE = 3\n"},
        {"requires": "pillow"},
        {"some_plugin/core.py": "STEPS = 10\nfrom iceb.models import drawing\n"},
    ],
)
def test_everything_of_another_package_counts(install_package, change):
    assert install_package(**change) != install_package()


@pytest.mark.parametrize(
    "change",
    [
        {"some_plugin/core.py": '"""The core."""\n\nSTEPS = (10)  # steps\n'},
        {"not_its_own.py": "A = 2\n"},
        {"requires": 'numpy\nRequires-Dist: pytest; extra == "dev"'},
        {"some_plugin/__pycache__/core.cpython-311.opt-1.pyc": "x"},
        {"some_plugin/core.py~": "x"},
        {"some_plugin/.core.py.swp": "x"},
        {"some_plugin/.git/HEAD": "x"},
        {"some_plugin/.idea/workspace.xml": "x"},
        {"some_plugin/data/.DS_Store": "x"},
    ],
)
def test_comments_leftovers_and_what_is_not_of_the_package_do_not_count(install_package, change):
    assert install_package(**change) == install_package()


def test_a_file_is_read_once_for_all_classes_of_a_package_and_again_when_it_changes(
    install_package, monkeypatch, tmp_path
):
    install_package(**{"some_plugin/data/weights.pt": "1"})
    module, read = sys.modules["some_plugin.adapters.one"], []
    weights = next(tmp_path.rglob("weights.pt"))
    real = code_digests.digest_file
    monkeypatch.setattr(code_digests, "digest_file", lambda path: read.append(path) or real(path))
    others = [type(name, (), {"__module__": module.__name__}) for name in ("N", "O")]
    before = code_digest(others[0], "some-plugin")
    assert read == []
    weights.write_text("22")
    assert code_digest(others[1], "some-plugin") != before
    assert read == [weights]


def test_the_files_of_a_linked_folder_count_and_a_link_upwards_ends(tmp_path):
    package, elsewhere = tmp_path / "p", tmp_path / "elsewhere"
    for folder in (package, elsewhere):
        folder.mkdir()
    (elsewhere / "weights.pt").write_text("1")
    (package / "__init__.py").write_text("")
    (package / "data").symlink_to(elsewhere)
    (package / "up").symlink_to(package)
    assert sorted(name for name, _ in code_digests._files(package)) == ["p/__init__.py", "p/data/weights.pt"]


def test_a_file_that_cannot_be_read_is_one_clear_error(install_package, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(code_digests, "digest_file", refuse)
    with pytest.raises(SpecError, match=r"cannot be read \(Permission denied\): every file of a plug-in"):
        install_package()


def test_another_version_of_a_requirement_counts(install_package, monkeypatch):
    before = install_package()
    monkeypatch.setattr(code_digests, "version", lambda name: "99" if name == "numpy" else version(name))
    assert install_package() != before


def test_modules_of_iceb_that_a_package_imports_count(install_package, monkeypatch):
    uses = {"some_plugin/core.py": "def f():\n    from iceb.models import drawing\n"}
    before, plain = install_package(**uses), install_package()
    changed = code.module_file("iceb.models.threads")  # which drawing imports
    real = code.file_digest
    monkeypatch.setattr(code_digests, "file_digest", lambda path: "new" if path == changed else real(path))
    assert install_package(**uses) != before
    assert install_package() == plain


def test_code_defined_in_an_interpreter_is_identified_by_its_name():
    one, other = (type(name, (), {"__module__": "no_such_module"}) for name in ("M", "N"))
    assert code_digest(one, "p") != code_digest(other, "p")


@pytest.mark.parametrize("entry", METHODS, ids=lambda entry: entry.name)
def test_a_method_of_ours_counts_its_folder_and_what_it_imports_and_no_other_method(entry):
    found = reachable_modules(own_modules(entry.load().__module__))
    methods = {name.split(".")[2] for name in found if name.startswith("iceb.methods.")}
    own = entry.place.split(":")[0].split(".")[2]
    assert methods <= {"common", own}


def test_the_modules_of_a_folder_share_its_digest():
    emcid, null_space = (next(e for e in METHODS if e.name == name).load() for name in ("emcid", "emcid-ns"))
    assert code_digest(emcid, "iceb") == code_digest(null_space, "iceb")


def test_each_file_is_parsed_once_for_all_methods():
    kinds = [entry.load() for entry in METHODS]
    for cached in (code._read, code.modules_digest, _filed_digest):
        cached.cache_clear()
    for kind in kinds:
        code_digest(kind, "iceb")
    every = set().union(*(reachable_modules(own_modules(kind.__module__)).values() for kind in kinds))
    assert code._read.cache_info().misses == len(every)


class Mean:
    id, revision, inputs = "mean@1", "1", "image"


def test_measured_rows_are_keyed_by_weights_code_libraries_and_dtype(monkeypatch):
    measure, found = Mean(), set()
    found.add(measuring.stored_revision(measure, "cpu"))
    monkeypatch.setattr(measure, "revision", "2", raising=False)
    found.add(measuring.stored_revision(measure, "cpu"))
    monkeypatch.setattr(measuring, "libraries", lambda: {"torch": "99"})
    found.add(measuring.stored_revision(measure, "cpu"))
    monkeypatch.setattr(measuring, "code_digest", lambda kind: "other code")
    found.add(measuring.stored_revision(measure, "cpu"))
    monkeypatch.setattr(measuring.torch, "get_default_dtype", lambda: measuring.torch.float64)
    found.add(measuring.stored_revision(measure, "cpu"))
    assert len(found) == 5


def test_the_package_of_a_class_is_found_by_its_module(install_package):
    install_package()
    kind = sys.modules["some_plugin.adapters.one"].M
    assert code_digest(kind) == code_digest(kind, "some-plugin")
