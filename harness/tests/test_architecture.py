"""The house rules, enforced: one-way imports, library names in their adapters, light imports."""

from __future__ import annotations

import ast
import gzip
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PACKAGE = Path(__file__).parents[1] / "gradtier"
ROOT = PACKAGE.parents[1]

#: Rooms from top to bottom; a module may import what stands above it, never below or beside it
#: (files of one package may import each other).
LADDER = [
    ["__init__", "model", "errors", "trees", "meter", "collector", "ledger"],
    ["options", "laps", "profile", "policy", "tally", "bisecting", "direct"],
    ["oracle", "lines"],
    ["inputs", "rules", "records"],
    ["cases", "yamlfile", "points"],
    ["specs", "standard", "beside"],
    ["backends", "precise", "variants"],
    ["derivatives", "operators", "matrix", "messages", "environments", "sources", "building"],
    ["host", "loading", "timing", "boxes", "patterns"],
    ["worker", "inside", "lint", "plan", "claimtext", "tiers", "costs"],
    ["serving", "engine", "evidence", "shards"],
    ["judged", "ratios"],
    ["facts"],
    ["witnesses", "assess", "support", "claimfix", "versions"],
    ["claimed", "speed", "recommend", "difference", "claimdraft"],
    ["checks", "standing", "fitting"],
    ["trial", "footnotes", "comparing", "aging"],
    ["grid", "rows", "recommended", "conventions", "history", "causes"],
    ["table"],
    ["render", "schemas", "running", "explore"],
    ["isolating"],
    ["pytest_plugin", "progress", "sides", "mending", "doctor", "merging", "controls"],
    [
        "front",
        "measure",
        "wandering",
        "bench",
        "linting",
        "since",
        "examining",
        "costing",
        "joining",
        "repro",
        "export",
        "embed",
        "pipelines",
    ],
    ["explaining", "measuring"],
    ["cli"],
    ["__main__"],
]
LEVEL = {name: i for i, names in enumerate(LADDER) for name in names}
LIBRARIES = {
    word.partition("-")[0]
    for row in yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))[
        "backends"
    ].values()
    for word in (row["package"], row.get("adapter", "").split(".")[-1].partition(":")[0])
} - {"numpy", "external", ""}


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_its_place_on_the_ladder() -> None:
    assert {room(m) for m in MODULES} == set(LEVEL)


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_one_way(file: Path) -> None:
    own = room(file)
    for name in imports(file):
        parts = name.split(".")
        if parts[0] != "gradtier" or len(parts) < 2 or parts[1] not in LEVEL:
            continue
        assert parts[1] == own or LEVEL[parts[1]] < LEVEL[own], f"{own} imports {name}"


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_ad_libraries_are_imported_by_their_adapters_alone(file: Path) -> None:
    if room(file) == "backends":
        return
    tops = {name.split(".")[0] for name in imports(file)}
    assert not tops & LIBRARIES, tops & LIBRARIES


@pytest.mark.parametrize(
    "file", [m for m in MODULES if room(m) not in ("backends",)],
    ids=lambda f: str(f.relative_to(PACKAGE)),
)  # fmt: skip
def test_no_code_outside_the_adapters_decides_by_a_librarys_name(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    words = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    }
    assert not words & LIBRARIES, words & LIBRARIES


def test_pytest_is_imported_by_the_plugin_and_by_what_runs_it_alone() -> None:
    users = {room(m) for m in MODULES if any(n.split(".")[0] == "pytest" for n in imports(m))}
    assert users == {"pytest_plugin", "measure"}


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import gradtier",
        "import gradtier.pytest_plugin",
        "import gradtier.front, gradtier.measure, gradtier.running, gradtier.trial, gradtier.table",
        "from gradtier.running import open_matrix; from pathlib import Path;"
        "open_matrix(Path('matrix.yaml'))",
    ],
)
def test_nothing_but_a_worker_imports_an_ad_library(code: str) -> None:
    loaded = run(f"import sys; {code}; print(' '.join(n for n in sys.modules if '.' not in n))")
    assert not set(loaded.split()) & LIBRARIES


def test_a_plain_pytest_run_pays_nothing_for_the_plugin() -> None:
    loaded = run("import sys, gradtier.pytest_plugin; print('numpy' in sys.modules)")
    assert loaded == "False"


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_modules_stay_small(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, "over 400 lines: a room with two purposes?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno
            assert lines <= 60, f"{node.name} has {lines} lines"


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    reports = ROOT / "reports"
    for file in [*reports.glob("*.*"), *reports.glob("evidence/*"), *ROOT.glob("*.md")]:
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
        for folder in ("/home/", "/root/", "/Users/"):
            assert folder not in text, f"{file.name} holds a path under {folder}"
