"""Lines of pages that no test carries out as printed: the reason, and the test that does it in small."""

from typing import NamedTuple


class Listed(NamedTuple):
    """Why a line is not carried out here."""

    reason: str
    instead: str = ""  # file::test that shows the same with less


SETS_UP = "installs packages: minutes of network and 6 GB of disk"
SUITE = "runs the tests, of which this is one"
CI = "a step of .ci/run, which takes minutes"
REAL = "needs the network or real weights"
MAIN = "five to seven minutes: 300 edits and 8 926 images"

RAY = "needs Ray, an extra, and a cluster"
RAY_TEST = "tests/cli/test_ray.py::test_tasks_of_ray_make_what_one_process_makes_and_nothing_twice"
MAIN_TEST = "tests/end_to_end/test_mini.py::test_the_main_job_edits_mini_and_says_so"
FETCH_TEST = "tests/unit/datasets/test_files.py::test_missing_files_are_fetched_from_the_pinned_commit"
LISTED = {
    (
        "README.md",
        "python3 -m venv .venv && .venv/bin/pip install -q -e . && "
        ".venv/bin/iceb evaluate --method emcid --task aice --num-edits 300",
    ): Listed(f"{SETS_UP}; {MAIN}", MAIN_TEST),
    (
        "README.md",
        'python3 -m venv .venv && .venv/bin/pip install -q -e ".[dev]" && OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 -q',
    ): Listed(f"{SETS_UP}; {SUITE}"),
    ("docs/clusters.md", "pip install -q 'iceb[ray]'"): Listed(SETS_UP),
    (
        "docs/clusters.md",
        "iceb evaluate --method emcid,uce --task aice --num-edits 1,10,100 --ray auto",
    ): Listed(RAY, RAY_TEST),
    ("docs/data.md", "iceb data fetch aice"): Listed(REAL, FETCH_TEST),
    (
        "README.md",
        "iceb data fetch aice            # the authors' files, pinned commit, sha256 checked",
    ): Listed(REAL, FETCH_TEST),
    (
        "README.md",
        "iceb evaluate --method emcid --task aice --num-edits 300 --model sd14 --dtype float16 "
        "--set captions=captions.txt",
    ): Listed(REAL, "tests/gpu/test_gpu.py"),
    ("CONTRIBUTING.md", 'python3 -m venv .venv && .venv/bin/pip install -q -e ".[dev]"'): Listed(SETS_UP),
    ("CONTRIBUTING.md", "OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 -q            # all of it"): Listed(SUITE),
    ("CONTRIBUTING.md", "OMP_NUM_THREADS=1 .venv/bin/pytest -q tests/unit      # one folder of it"): Listed(SUITE),
    (
        "CONTRIBUTING.md",
        ".ci/run                                               # all of this in one go, with the types",
    ): Listed(SUITE),
    ("CONTRIBUTING.md", 'root="$PWD"'): Listed(CI),
    (
        "CONTRIBUTING.md",
        ".venv/bin/pip install -q --no-deps -e . --config-settings editable_mode=strict",
    ): Listed(CI),
    (
        "CONTRIBUTING.md",
        '(cd "$(mktemp -d)" && "$root/.venv/bin/mypy" --strict -p iceb --config-file "$root/pyproject.toml")',
    ): Listed(CI),
    (
        "CONTRIBUTING.md",
        ".venv/bin/pip install -q --no-deps -e .               # the ordinary install again, which the tests want",
    ): Listed(CI),
}
