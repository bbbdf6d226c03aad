"""What may import what: the house stands because arrows only go down.

The folders are read where they lie (ast, nothing is imported), so the test holds however the package is installed.
"""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = ("methods", "metrics", "baselines", "data_cards")  # top folders that are imported under iceb

# A part may import itself and what stands here.
ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "statistics": {"base"},
    "specs": {"base", "statistics"},
    "registry": {"base", "specs"},
    "stores": {"base", "specs"},
    "mini": {"base", "specs"},
    "networks": {"base", "specs"},
    "models": {"base", "specs", "stores"},
    "datasets": {"base", "specs", "mini", "registry"},
    "tasks": {"base", "specs"},
    "methods": {"base", "specs", "models", "mini"},
    "metrics": {"base", "statistics", "specs", "mini", "networks"},
    "baselines": {"base", "specs"},
    "data_cards": set(),
    "runs": {"base", "specs", "registry"},
    "running": {"base", "specs", "registry", "stores", "mini", "models", "datasets", "baselines", "runs"},
    "conformance": {
        *("base", "statistics", "specs", "registry", "stores", "mini", "models", "datasets"),
        *("runs", "running", "delivery"),
    },
    "delivery": {"base", "specs", "registry", "stores", "models", "datasets", "runs", "running"},
    "tuning": {
        *("base", "statistics", "specs", "registry", "stores", "mini", "models", "datasets", "baselines"),
        *("runs", "running"),
    },
    "leaderboard": {"base", "statistics", "specs", "registry", "datasets", "baselines", "runs"},
    "report": {
        *("base", "specs", "registry", "stores", "mini", "models", "datasets", "baselines"),
        *("runs", "running", "leaderboard"),
    },
    "export": {
        *("base", "statistics", "specs", "registry", "models", "datasets", "runs", "leaderboard", "report"),
    },
    "api": {
        *("base", "specs", "registry", "models", "datasets", "runs", "running", "conformance", "delivery"),
        *("tuning", "leaderboard", "report", "export"),
    },
    "cli": {
        *("base", "specs", "registry", "stores", "models", "datasets", "baselines", "api"),
        *("runs", "running", "conformance", "delivery", "tuning", "leaderboard", "report", "export"),
    },
}
TORCH = {
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "open_clip",
    "torchmetrics",
    "cleanfid",
    "nudenet",
    "timm",
}
# Parts that may import torch and its relatives when they are imported; all others stay light.
HEAVY = {
    "models",
    "methods",
    "metrics/measures",
    "mini",
    "networks",
    "stores",
    "running",
    "conformance",
    "delivery",
    "report/mini_quality",
}
DRAWING = {"diffusers", "transformers"}  # one door each
DOORS = {"models", "methods", "metrics/measures", "mini"}


def sources() -> Iterator[tuple[str, Path]]:
    """(part, file) of every module; a part is the first folder or module below iceb."""
    for path in sorted((ROOT / "iceb").rglob("*.py")):
        place = path.relative_to(ROOT / "iceb")
        if len(place.parts) > 1 or place.stem not in ("__init__", "__main__"):
            yield place.parts[0].removesuffix(".py"), path
    for folder in MAPPED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield folder, path


def imports(path: Path, *, only_at_import: bool = False) -> Iterator[tuple[int, str]]:
    """(line, module) of every import; `only_at_import` leaves out those inside functions and for types only."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if only_at_import and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write it from iceb"
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names if node.module == "iceb")
        pending.extend(ast.iter_child_nodes(node))


def part_of(module: str) -> str | None:
    """The part a module belongs to; None for the rest of the world and for iceb itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "iceb" and len(parts) > 1 else None


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_a_part_imports_only_what_lies_below_it(part):
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for owner, path in sources()
        if owner == part
        for line, module in imports(path)
        if (target := part_of(module)) in ALLOWED and target not in ALLOWED[part] | {part}
    ]
    assert not wrong, "\n".join(wrong)


def test_every_part_has_its_floor():
    assert {part for part, _ in sources()} <= set(ALLOWED)


def test_methods_never_import_each_other():
    shared = {"common"}
    packages = {path.stem if path.suffix else path.name for path in (ROOT / "methods").iterdir()} - shared
    wrong = []
    for owner, path in sources():
        if owner != "methods" or (path.parent == ROOT / "methods" and path.stem in shared | {"__init__"}):
            continue
        mine = path.relative_to(ROOT / "methods").parts[0].removesuffix(".py")
        for line, module in imports(path):
            parts = module.split(".")
            if parts[:2] == ["iceb", "methods"] and len(parts) > 2 and parts[2] in packages - {mine}:
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def module_name(path: Path) -> str:
    """The dotted name that a file of the checkout has under iceb."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    named = parts if parts[0] == "iceb" else ("iceb", *parts)
    return ".".join(named[:-1] if named[-1] == "__init__" else named)


def used_modules(path: Path, known: set[str], *, with_types: bool) -> set[str]:
    """Modules that a file imports, inside functions too, and for types only where `with_types`."""
    found, pending = set[str](), [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if not with_types and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= named if named <= known else named | {node.module or ""}
        pending.extend(ast.iter_child_nodes(node))
    return found & known - {module_name(path)}


@pytest.mark.parametrize("part", ["the core", "everything"])
def test_no_modules_import_each_other_in_a_circle(part):
    """In the core not even for types; a method's class and its parts may name each other's types."""
    paths = [path for _, path in sources() if part == "everything" or path.is_relative_to(ROOT / "iceb")]
    known = {module_name(path) for path in paths}
    graph = {module_name(path): used_modules(path, known, with_types=part == "the core") for path in paths}
    graphlib.TopologicalSorter(graph).prepare()


def heavy_place(path: Path) -> set[str]:
    place = name_of(path).removeprefix("iceb/").split("/")
    return {place[0], "/".join(place[:2])}


def test_light_parts_do_not_import_torch():
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for _, path in sources()
        if not heavy_place(path) & HEAVY
        for line, module in imports(path, only_at_import=True)
        if module.split(".")[0] in TORCH
    ]
    assert not wrong, "\n".join(wrong)


def test_diffusers_and_transformers_are_imported_in_few_modules():
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for _, path in sources()
        if not heavy_place(path) & DOORS
        for line, module in imports(path)
        if module.split(".")[0] in DRAWING
    ]
    assert not wrong, "\n".join(wrong)
