"""Runs whose packages have environments of their own, without a network.

The environments hold a wheel made here: a package that is not installed where the tests run, and a
path to the packages that are, gradtier's among them.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from rich.console import Console
from small_world import World, row

import gradtier
from gradtier import building
from gradtier.building import Broken, NotBuilt, Recipe
from gradtier.engine import Engines, Unavailable
from gradtier.environments import Environment
from gradtier.errors import InputError
from gradtier.host import Host
from gradtier.isolating import Kit, ask, isolated, kits, needed, standing
from gradtier.plan import Selection
from gradtier.running import Opened, Order, commit, look, open_matrix, runner, to_do
from gradtier.sources import Source

ADAPTER = """
from gradtier.backends.autograd import Autograd


class Tiny(Autograd):
    distributions = ("tinyad", "numpy")

    def __init__(self):
        import tinyad
        super().__init__()
"""

HERE = Host({"cuda": "no CUDA device on the host"}, {})
NOBODY = Source((), "not-there-at-all", "", "")


def wheel(folder: Path) -> None:
    """Write ``tinyad``, as small as a wheel can be."""
    folder.mkdir()
    packages = Path(metadata.distribution("numpy").locate_file(""))
    path = f"{packages}\n{Path(gradtier.__file__).parents[1]}\n"
    about = "tinyad-1.0.dist-info"
    files = {
        "tinyad.py": "",
        "tinyad_beside.pth": path,
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: tinyad\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / "tinyad-1.0-py3-none-any.whl", "w") as out:
        for name, text in {**files, f"{about}/RECORD": record}.items():
            out.writestr(name, text)


@pytest.fixture
def tiny(world: World) -> World:
    """A row that needs an environment, judged by rows that have none."""
    (world.folder / "tiny_adapter.py").write_text(ADAPTER, encoding="utf-8")
    world.add("tiny", row("tiny_adapter:Tiny", package="tinyad", extra="tiny"))
    return world


def quiet() -> Console:
    return Console(file=io.StringIO(), soft_wrap=True)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def opened(world: World) -> Opened:
    return open_matrix(world.file, HERE)


RUN = """
import sys
from pathlib import Path
from gradtier.measure import Manner, run_trials
from gradtier.sources import Source
wheels, file, resume = sys.argv[1:]
source = Source(("--no-index", "--find-links", wheels), "tinyad", "==1.0", "1")
resumed = resume == "yes"
manner = Manner(0 if resumed else 2, Path(file), resumed, isolate=source)
sys.exit(run_trials(Path("matrix.yaml"), {"nesting": ("none",)}, manner))
"""


@pytest.mark.timeout(300)  # makes a real environment: some seconds, more on a busy machine
def test_a_run_measures_a_package_that_is_installed_in_its_environment_alone(tiny: World) -> None:
    wheel(tiny.folder / "wheels")
    _ = tiny.file

    def run(file: str, resume: str = "no") -> str:
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(tiny.folder / "wheels"), file, resume],
            cwd=tiny.folder, env=tiny.environment(), capture_output=True, text=True, timeout=140,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    words = run("e.jsonl")
    assert "environments needed: tiny; made now, once: tiny" in words
    assert "not pinned: there is no ci/constraints/tiny.txt" in words
    head, *records = map(json.loads, (tiny.folder / "e.jsonl").read_text().splitlines())
    assert head["versions"]["tinyad"] == "1.0"
    assert head["selection"]["isolate"] == ["env"]
    mine = [r for r in records if "@tiny/" in r["trial"]]
    assert len(mine) == 2 and {r["outcome"] for r in mine} == {"agree"}
    assert {r["reference"] for r in mine} == {"exact-reverse"}
    assert all(r["versions"]["tinyad"] == "1.0" for r in mine)
    assert all("tinyad" not in r["versions"] for r in records if r not in mine)

    kept = (tiny.folder / "e.jsonl").read_text().splitlines()
    kept = [line for line in kept if "logs@tiny" not in line]
    (tiny.folder / "e.jsonl").write_text("\n".join(kept) + "\n")
    words = run("e.jsonl", "yes")
    assert "environments needed: tiny; all there" in words
    assert "1 trials, 1 of them can run here" in words
    lines = (tiny.folder / "e.jsonl").read_text().splitlines()[len(kept) :]
    again = [r for r in map(json.loads, lines) if r["kind"] == "trial"]
    assert {r["versions"]["tinyad"] for r in again} == {"1.0"}


def test_an_environment_that_can_not_be_made_makes_its_rows_unavailable_and_the_run_goes_on(
    tiny: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    make = "import os, sys; f = sys.argv[1]; os.makedirs(f + '/bin'); "
    make += "open(f + '/bin/python', 'w').write(sys.argv[2]); os.chmod(f + '/bin/python', 0o755)"
    python = f'#!/bin/sh\nexec {sys.executable} "$@" --no-index\n'
    monkeypatch.setattr(
        building, "_creation", lambda folder: [sys.executable, "-c", make, str(folder), python]
    )
    before, console = opened(tiny), quiet()
    found = isolated(before, before.plan.trials, NOBODY, console)
    why = "its environment can't be made: No matching distribution found for not-there-at-all[tiny]"
    assert {t.unavailable for t in found.plan.trials if t.id.cell.backend == "tiny"} == {why}
    assert {t.unavailable for t in found.plan.trials if t.id.cell.backend != "tiny"} == {""}
    assert "can't be made; its rows are unavailable: No matching" in said(console)
    assert ".log" in said(console)
    (log,) = (tiny.folder / ".gradtier" / "environments").glob("*.log")
    assert "not-there-at-all" in log.read_text()
    own = found.host.environments
    engines = Engines(found.plan.matrix, found.suites, found.loaded.root, own)
    with pytest.raises(Unavailable, match="No matching distribution"):
        engines.get("tiny")


def test_only_environments_of_selected_rows_and_their_witnesses_are_needed(tiny: World) -> None:
    tiny.matrix["axes"]["devices"] = ["cpu", "cuda"]
    for name, block in list(tiny.matrix["backends"].items()):
        if name.startswith("exact"):
            tiny.matrix["backends"][name] = {**block, "extra": "exact"}
    tiny.add("other", row("tiny_adapter:Tiny", package="other", extra="other"))
    tiny.add("card", row(package="card", extra="card", devices=["cuda"]))
    found = opened(tiny)

    def of(*rows: str) -> list[str]:
        return needed(found, [t for t in found.plan.trials if t.id.cell.backend in rows])

    assert of("tiny") == ["tiny", "exact"]
    assert of("exact-forward") == ["exact"]  # nobody vouches for itself
    assert of("card") == []  # there is no card here
    assert of() == []


def test_a_row_is_not_called_missing_here_for_what_is_in_its_environment(tiny: World) -> None:
    adapter = "tiny_adapter:Tiny"
    absent = "the package tinyad is not installed in its environment"
    unlike = "in its environment it breaks"
    for own, why in [
        (Environment("tiny-1", "python", {adapter: {"tinyad": "3"}}), ""),
        (Environment("tiny-1", "python", {adapter: {"numpy": "2.0"}}), absent),
        (Environment("tiny-1", "python", {}, {adapter: "it breaks"}), unlike),
        (Environment("tiny", why="it can't be made"), "it can't be made"),
    ]:  # fmt: skip
        host = replace(HERE, environments={"tiny": own})
        trials = open_matrix(tiny.file, host).plan.trials
        assert {t.unavailable for t in trials if t.id.cell.backend == "tiny"} == {why}
    here = {t.unavailable for t in opened(tiny).plan.trials}
    assert here == {"", "the package tinyad is not installed here"}


def test_the_head_of_a_run_has_the_versions_of_the_environments(
    tiny: World, tmp_path: Path
) -> None:
    adapter = "tiny_adapter:Tiny"
    tiny.add("unused", row(package="autograd", extra="unused"))
    own = Environment("tiny-1", "python", {adapter: {"tinyad": "3", "numpy": "2.0", "scipy": "1"}})
    found = open_matrix(tiny.file, replace(HERE, environments={"tiny": own}))
    order, _ = look(found, Selection(), tmp_path / "e.jsonl")
    commit(found, replace(order, environments={"tiny": own}), "self")
    versions = json.loads((tmp_path / "e.jsonl").read_text())["versions"]
    assert versions["tinyad"] == "3"
    assert versions["numpy"] == metadata.version("numpy"), "finite differences run here"


def test_a_package_has_the_version_of_its_own_environment_where_another_has_it_too(
    tiny: World, tmp_path: Path
) -> None:
    adapter = "tiny_adapter:Tiny"
    for name, block in list(tiny.matrix["backends"].items()):
        if name.startswith("exact"):
            tiny.matrix["backends"][name] = {**block, "extra": "exact"}
    exact = "gradtier.backends.autograd:Autograd"
    own = {
        "exact": Environment("exact-1", "python", {exact: {"autograd": "1", "numpy": "2"}}),
        "tiny": Environment("tiny-1", "python", {adapter: {"tinyad": "3", "autograd": "2"}}),
    }
    found = open_matrix(tiny.file, replace(HERE, environments=own))
    order, _ = look(found, Selection(), tmp_path / "e.jsonl")
    commit(found, order, "self")
    assert json.loads((tmp_path / "e.jsonl").read_text())["versions"]["autograd"] == "1"


def test_pytest_workers_are_handed_the_environments(tiny: World) -> None:
    own = {"tiny": Environment("tiny-1", "python", {"a:A": {"tinyad": "3"}}, {"b:B": "why"}, "")}
    order = Order("r", "e", "f", {}, (), environments=own)
    assert Order.loads(order.dumps()) == order
    found = open_matrix(tiny.file, environments=Order.loads(order.dumps()).environments)
    assert found.host.environments == own


def test_rows_of_one_adapter_in_two_environments_do_not_share_a_process(tiny: World) -> None:
    tiny.add("again", row("tiny_adapter:Tiny", package="tinyad", extra="again"))
    own = {"tiny": Environment("tiny", why="broken"), "again": Environment("again", why="lost")}
    found = open_matrix(tiny.file, replace(HERE, environments=own))
    engines = Engines(found.plan.matrix, found.suites, found.loaded.root, own)
    for name, why in (("tiny", "broken"), ("again", "lost")):
        with pytest.raises(Unavailable, match=why):
            engines.get(name)


def test_a_record_of_what_could_not_be_made_holds_no_path_of_this_machine(
    tiny: World, tmp_path: Path
) -> None:
    own = {"tiny": Environment("tiny", why="can't be made: see /srv/somewhere/tiny.txt")}
    found = open_matrix(tiny.file, replace(HERE, environments=own))
    order = Order("r", str(tmp_path / "e.jsonl"), str(tmp_path), {"backend": ["tiny"]}, ())
    record, _ = runner(found, order).run(to_do(found, order)[0])
    assert (str(record.outcome), record.detail) == ("unavailable", "can't be made: see tiny.txt")


def test_constraints_beside_the_matrix_pin_an_environment(tiny: World) -> None:
    pins = tiny.folder / "ci" / "constraints" / "tiny.txt"
    (without,) = kits(opened(tiny), ["tiny"], NOBODY)
    pins.parent.mkdir(parents=True)
    pins.write_text("tinyad==1.0\n")
    (kit,) = kits(opened(tiny), ["tiny"], NOBODY)
    assert (without.recipe.pins, kit.recipe.pins) == (None, pins)
    assert kit.adapters == ("tiny_adapter:Tiny",)


def test_the_doctor_makes_no_environment_and_says_which_are_missing(tiny: World) -> None:
    found = standing(opened(tiny), NOBODY)
    why = "its environment is not made yet; gradtier run --isolate env makes it"
    assert {t.unavailable for t in found.plan.trials} == {"", why}
    assert not (tiny.folder / ".gradtier").exists()
    done = tiny.gradtier("doctor", "--quick", "--isolate", "env")
    assert why in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"gradtier": "0"}, "gradtier is 0 there and"),
        ({"numpy": "1.26.4"}, "NumPy 1.26.4 is there, and gradtier needs 2 or newer"),
    ],
)
def test_an_environment_that_can_not_speak_with_the_run_is_refused(
    tmp_path: Path, told: dict[str, str], why: str
) -> None:
    whole = {"gradtier": gradtier.__version__, "numpy": "2.0.2", "installed": {}, "faults": {}}
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho noise\necho '{json.dumps({**whole, **told})}'\n")
    python.chmod(0o755)
    with pytest.raises(NotBuilt, match=why):
        ask(tmp_path, Kit("tiny", (), Recipe("tiny", ())), "tiny-1", python)


@pytest.mark.parametrize("script", ["exit 3", "echo no answer", "echo why >&2; exit 1"])
def test_an_interpreter_that_does_not_answer_is_broken(tmp_path: Path, script: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    for file in (python, tmp_path / "absent"):
        with pytest.raises(Broken):
            ask(tmp_path, Kit("tiny", (), Recipe("tiny", ())), "tiny-1", file)


def test_a_run_that_can_not_be_begun_builds_nothing(tiny: World) -> None:
    (tiny.folder / "e.jsonl").write_text("{}\n")
    done = tiny.gradtier("run", "--isolate", "env", "--evidence", "e.jsonl")
    assert done.returncode == 2 and "exists already" in done.stderr
    assert not (tiny.folder / ".gradtier").exists()
    with pytest.raises(InputError, match="exists already"):
        look(opened(tiny), Selection(), tiny.folder / "e.jsonl")


def test_variants_are_not_explored_in_environments(world: World) -> None:
    done = world.gradtier("run", "--explore", "2", "--isolate", "env")
    assert done.returncode == 2 and "leave out --isolate" in done.stderr


def test_pytest_itself_runs_a_matrix_whose_packages_are_isolated(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(world.file), "--gradtier-isolate", "env",
         "--gradtier-nesting", "none", "-p", "no:cacheprovider"],
        cwd=world.folder, env=world.environment(), capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no environment is needed" in done.stderr, "pytest's capture must not swallow it"
    assert "4 passed" in done.stdout
