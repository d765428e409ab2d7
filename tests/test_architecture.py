"""The shape of the code: who may import whom, no cycles, nothing over its size budget."""

import ast
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from places import ROOT

ORDER = ("cluster", "features", "envs", "train", "serve", "trade", "apps")
ROOMS = {  # the import order inside a package: each imports only from those before it
    "features": (
        *("bars", "lake", "formats", "universe", "simulated", "formulas", "columns", "compute"),
        *("slots", "sources.http", "sources", "quality", "bench"),
    ),
    "train": (
        *("stats", "policy", "scenarios", "market", "learners", "ledger", "bundle", "backtest"),
        *("verdict", "diagnose", "report", "sweep", "judge", "controls", "bench"),
    ),
    "trade": ("orders", "policy", "bars", "risk", "journal", "brokers", "session"),
    "apps": ("cli", "pages", "demo", "doctor", "commands.data", "commands"),
}
FORBIDDEN_STEMS = {"helpers", "helper", "utils", "util", "manager", "engine", "base", "common"}
MAX_FILES_A_FOLDER = 15
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 5

FILES = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def runs_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported: all but function bodies."""
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, Function | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        stack.extend(ast.iter_child_nodes(node))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_package_imports_only_itself_and_those_left_of_it(path: Path) -> None:
    own = ORDER.index(name_of(path).split(".")[0])

    tops = {name.split(".")[0] for node in ast.walk(parse(path)) for name in imported_names(node)}

    later = {top for top in tops if top in ORDER and ORDER.index(top) > own}
    assert not later, f"{name_of(path)} imports {sorted(later)}, which stand to its right"


def room_of(module: str) -> str:
    """The sub-package that a module lies in: `sources.http`; "" for the package itself."""
    package, _, inside = module.partition(".")
    rooms = [room for room in ROOMS[package] if f"{inside}.".startswith(f"{room}.")]
    return max(rooms, key=len, default="")


def modules_imported_by(tree: ast.AST) -> set[str]:
    """Modules of this repository that a file imports at any time, in functions and types too."""
    return {
        target for node in ast.walk(tree) for target in imported_names(node) if target in MODULES
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_package_does_not_import_its_own_public_names(path: Path) -> None:
    package = name_of(path).split(".")[0]

    through_the_door = {
        f"from {package} import {alias.name}"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.module == package
        for alias in node.names
        if f"{package}.{alias.name}" not in MODULES
    }

    assert not through_the_door


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_itself_and_those_before_it(package: str) -> None:
    order = ROOMS[package]
    inside = {name: path for name, path in MODULES.items() if name.startswith(f"{package}.")}

    backwards = {
        f"{name} imports {target}"
        for name, path in inside.items()
        for target in modules_imported_by(parse(path))
        if target.startswith(f"{package}.")
        and order.index(room_of(target)) > order.index(room_of(name))
    }

    assert not backwards
    assert {room_of(name) for name in inside} == set(order)


def test_no_cycle_between_modules_not_even_lazily_or_for_types() -> None:
    graph = {  # the seven packages hand on public names, for those to their right
        name: modules_imported_by(parse(path)) - {name, *ORDER}
        for name, path in MODULES.items()
        if name not in ORDER
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    assert done == set(graph)


def test_no_folder_is_a_warehouse() -> None:
    sizes = Counter(path.parent for path in FILES if path.stem != "__init__")

    assert {folder: size for folder, size in sizes.items() if size > MAX_FILES_A_FOLDER} == {}


def test_a_file_is_told_by_its_name_and_its_folder() -> None:
    names = Counter((path.parent.name, path.stem) for path in FILES)

    assert [name for name, times in names.items() if times > 1 and name[1] != "__init__"] == []


def test_every_folder_says_in_one_sentence_what_it_is_for() -> None:
    folders = {path.parent for path in FILES}

    for folder in sorted(folders):
        first = (ast.get_docstring(parse(folder / "__init__.py")) or "").split("\n")[0]
        assert re.fullmatch(r"[A-Z`].{20,}\.", first), folder


def test_tests_mirror_the_folders_of_the_code() -> None:
    tests = {
        path.parent.relative_to(ROOT / "tests").as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
    }
    code = {path.parent.relative_to(ROOT).as_posix() for path in FILES}

    assert tests - code == {".", "chaos"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_stay_inside_their_budgets(path: Path) -> None:
    tree = parse(path)

    lines = len(path.read_text().splitlines())
    too_long = [node.name for node in functions(tree) if length(node) >= MAX_FUNCTION_LINES]
    too_many = [
        node.name
        for node in functions(tree)
        if len(node.args.posonlyargs + node.args.args)
        - (node.args.args[:1] != [] and node.args.args[0].arg in {"self", "cls"})
        > MAX_POSITIONAL
    ]

    assert lines <= MAX_FILE_LINES
    assert not too_long, f"{MAX_FUNCTION_LINES} lines or more"
    assert not too_many, f"more than {MAX_POSITIONAL} positional parameters"
    assert path.stem not in FORBIDDEN_STEMS


def test_the_whole_keeps_its_proportions() -> None:
    code = [len(path.read_text().splitlines()) for path in FILES if path.stem != "__init__"]
    sizes = sorted(length(node) for path in FILES for node in functions(parse(path)))
    tests = sum(len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py"))

    assert statistics.median(code) < 150
    assert statistics.median(sizes) < 15
    assert sizes[int(0.9 * len(sizes))] < 30
    assert 0.8 * sum(code) <= tests <= sum(code)


@pytest.mark.parametrize("package", ["cluster", "envs", "train", "serve", "trade", "apps"])
def test_ray_is_imported_only_where_ray_is_the_point(package: str) -> None:
    allowed = {
        "cluster.jobs",
        "cluster.ray_runtime",
        "serve.application",
        "serve.host",
        "train.bench.rllib",
        "train.sweep.searcher",
    }

    at_import = {
        name
        for name, path in MODULES.items()
        if name.split(".")[0] == package
        for node in runs_at_import(parse(path))
        if any(target.split(".")[0] == "ray" for target in imported_names(node))
    }

    assert {name for name in at_import if not name.startswith("train.learners.rllib")} <= allowed
