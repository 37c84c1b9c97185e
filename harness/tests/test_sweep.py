"""The sessions `sweep` and `bisect` without a network: pip and the runs are answered by fakes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from small_world import World

from gradtier import evidence as ev
from gradtier.cli import main as gradtier
from gradtier.errors import InputError
from gradtier.evidence import Record, Run
from gradtier.host import NOWHERE
from gradtier.model import Outcome
from gradtier.running import open_matrix

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "ci" / "sweep"
RELEASES = ("1.5", "1.6", "1.6.1", "1.7.0", "1.8.0", "1.8.1", "1.9.0")
TRIAL = "small/dense@exact-reverse/cpu/none/float64"
PROJECT = """
[project]
dependencies = ["numpy>=2", "click"]
[project.optional-dependencies]
autograd = ["autograd>=1.7", "beside>=1"]
"""


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of ci/sweep, its main one too."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    names = ("environments", "index", "measuring")
    spec = importlib.util.spec_from_file_location("sweep_main", SCRIPTS / "__main__.py")
    assert spec is not None and spec.loader is not None
    main = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(main)
    modules: dict[str, ModuleType] = {name: sys.modules[name] for name in names}
    yield SimpleNamespace(main=main, **modules)
    for name in names:
        sys.modules.pop(name, None)


class Versions:
    """Stands for the index, the environments and the runs in them."""

    def __init__(self, sweep: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.asked = world, list[str]()
        self.ends: dict[str, Outcome] = {}
        self.broken = {"1.6": "can't be installed", "1.6.1": "no run"}
        world.matrix["backends"]["exact-reverse"]["extra"] = "autograd"
        world.matrix["backends"]["exact-forward"]["extra"] = "autograd"
        (world.folder / "pyproject.toml").write_text(PROJECT)
        pins = world.folder / "ci" / "constraints"
        pins.mkdir(parents=True)
        (pins / "autograd.txt").write_text("# pins\nautograd==1.9\nnumpy==2.1\nbeside==1.0\n")
        self.matrix = ["--matrix", str(world.file)]
        monkeypatch.setattr(sweep.main, "released", lambda package: RELEASES)
        monkeypatch.setattr(sweep.measuring.subprocess, "run", self.run)
        monkeypatch.setattr(sweep.environments.Environments, "ready", self.ready(sweep))

    def ready(self, sweep: Any) -> Any:
        def made(homes: Any, recipe: Any, version: str) -> Path:
            self.asked.append(version)
            if self.broken.get(version) == "can't be installed":
                raise sweep.environments.NotInstalled("ERROR: no wheel in /tmp/somewhere/x")
            return Path(homes.folder(recipe.package, version))

        return made

    def run(self, command: list[str], **_: Any) -> Any:
        version = self.asked[-1]
        if version in self.broken:
            return SimpleNamespace(returncode=2, stderr="Traceback\nImportError: gone", stdout="")
        file = Path(command[command.index("--evidence") + 1])
        given = dict(zip(command[2::2], command[3::2], strict=False))
        plan = open_matrix(self.world.folder / "matrix.yaml", NOWHERE).plan
        head = Run(
            run=version, matrix="m", gradtier="1", started="now", host={"system": "x"}, planned=1,
            versions={"autograd": version},
        )  # fmt: skip
        ev.append(file, head)
        for t in plan.trials:
            if f"small/{t.id.case}" in (given.get("--case"), TRIAL.partition("@")[0]):
                outcome = self.ends.get(version, Outcome.AGREE)
                ev.append(
                    file, Record(run=version, trial=str(t.id), digest=t.digest, outcome=outcome)
                )
        return SimpleNamespace(returncode=0, stderr="", stdout="")


@pytest.fixture
def versions(sweep: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Versions:
    return Versions(sweep, world, monkeypatch)


def swept(sweep: Any, versions: Versions, *words: str) -> int:
    return int(sweep.main.main([*versions.matrix, "sweep", "autograd", "--case", "dense", *words]))


def halved(sweep: Any, versions: Versions, good: str, bad: str, trial: str = TRIAL) -> int:
    words = [*versions.matrix, "bisect", trial, "--good", good, "--bad", bad]
    return int(sweep.main.main(words))


# ---------------------------------------------------------------------------- sweep


def test_a_sweep_goes_on_where_a_version_cannot_be_installed_or_run(
    sweep: Any, versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    versions.ends = {"1.7.0": Outcome.WRONG, "1.8.0": Outcome.WRONG}
    assert swept(sweep, versions) == 0
    assert versions.asked == list(RELEASES[-6:]), "the last six, oldest first"
    folder = versions.world.folder / "reports" / "sweep" / "autograd"
    assert {f.stem for f in folder.glob("*.jsonl")} == set(RELEASES[-6:])
    records = ev.read([folder / "1.6.jsonl"]).records.values()
    assert {r.outcome for r in records} == {Outcome.UNAVAILABLE}
    assert {r.detail for r in records} == {
        "autograd 1.6 can't be installed: ERROR: no wheel in x"
    }, "the reason is kept, folders of this machine are not"
    assert "its run can't begin: ImportError: gone" in capsys.readouterr().out
    words = ["since", *versions.matrix, "--evidence", str(folder)]
    said = CliRunner().invoke(gradtier, words).output
    assert "not measured: 1.6: autograd 1.6 can't be installed: ERROR: no wheel in x" in said
    assert "agrees since 1.8.1 (wrong until 1.8.0)" in said


def test_what_was_measured_is_not_measured_again_unless_asked_for(
    sweep: Any, versions: Versions
) -> None:
    assert swept(sweep, versions, "--versions", "1.7,1.8.0") == 0
    assert versions.asked == ["1.7.0", "1.8.0"]
    assert swept(sweep, versions, "--last", "2") == 0
    assert versions.asked[2:] == ["1.8.1", "1.9.0"]
    assert swept(sweep, versions, "--versions", "1.7") == 0 and len(versions.asked) == 4
    assert swept(sweep, versions, "--versions", "1.7", "--again") == 0 and len(versions.asked) == 5


def test_evidence_of_trials_that_are_declared_otherwise_now_is_replaced(
    sweep: Any, versions: Versions
) -> None:
    assert swept(sweep, versions, "--versions", "1.9") == 0
    versions.world.suite((versions.world.folder / "small.py").read_text().replace("tanh", "sin"))
    assert swept(sweep, versions, "--versions", "1.9") == 0
    file = versions.world.folder / "reports" / "sweep" / "autograd" / "1.9.0.jsonl"
    assert versions.asked == ["1.9.0"] * 2 and len(ev.read([file]).runs) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sweep", "autgrad"], "did you mean 'autograd'?"),
        (["sweep", "autograd", "--case", "nothing"], "matches nothing"),
        (["sweep", "autograd", "--backend", "other"], "holds no trial of autograd"),
        (["sweep", "autograd", "--versions", "../../x"], "'../../x' is no version"),
        (["sweep", "autograd", "--versions", "1.6.2"], "'1.6.2' is no release"),
        (["sweep", "autograd", "--versions", ","], "expected some"),
        (["sweep", "autograd", "--last", "0"], "expected 1 at least"),
        (["bisect", "nonsense", "--good", "1.5", "--bad", "1.9"], "is no trial id"),
        (["bisect", TRIAL.replace("dense", "dens"), "--good", "1", "--bad", "2"], "dense@"),
        (["bisect", TRIAL, "--good", "1.7", "--bad", "1.7.0"], "are both 1.7.0"),
        (["bisect", TRIAL, "--good", "0.1", "--bad", "1.9"], "'0.1' is no release"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_sentence_and_nothing_is_installed(
    sweep: Any, versions: Versions, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    versions.world.add("other", {**versions.world.matrix["backends"]["exact-reverse"],
                                 "package": "other"})  # fmt: skip
    _ = versions.world.file
    assert sweep.main.main([*versions.matrix, *words]) == 2
    said = capsys.readouterr().err
    assert says in said and len(said.strip().splitlines()) == 1
    assert not versions.asked


def test_a_row_that_pip_does_not_install_cannot_be_swept(
    sweep: Any, versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    versions.world.add("julia", {**versions.world.matrix["backends"]["exact-reverse"],
                                 "package": "X.jl", "extra": None})  # fmt: skip
    _ = versions.world.file
    assert sweep.main.main([*versions.matrix, "sweep", "X.jl"]) == 2
    assert "can't be swept" in capsys.readouterr().err


def test_named_versions_are_measured_where_the_index_is_out_of_reach(
    sweep: Any, versions: Versions, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def unreachable(package: str) -> tuple[str, ...]:
        raise InputError("the package index can't be reached")

    monkeypatch.setattr(sweep.main, "released", unreachable)
    assert swept(sweep, versions) == 2 and not versions.asked
    assert capsys.readouterr().err.count("can't be reached") == 1
    assert swept(sweep, versions, "--versions", "1.9.0") == 0 and versions.asked == ["1.9.0"]


# ---------------------------------------------------------------------------- bisect


def test_the_first_bad_release_is_found_and_each_step_told(
    sweep: Any, versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    versions.ends = {v: Outcome.WRONG for v in ("1.8.0", "1.8.1", "1.9.0")}
    versions.broken = {"1.7.0": "can't be installed"}
    assert halved(sweep, versions, "1.5", "1.9.0") == 0
    said = capsys.readouterr().out.splitlines()
    assert versions.asked[:3] == ["1.5", "1.9.0", "1.7.0"], "the ends, then the middle"
    assert "autograd 1.7.0: can't tell, its neighbour is next: " in said[2]
    assert "can't be installed" in said[2]
    assert said[-2].startswith(f"{TRIAL}: first bad: 1.8.0; last good: 1.6.1;")
    assert said[-1].startswith("between the two, 1.7.0 could not tell")


def test_a_fix_is_found_where_the_good_version_is_the_newer_one(
    sweep: Any, versions: Versions, capsys: pytest.CaptureFixture[str]
) -> None:
    versions.broken = {}
    versions.ends = {v: Outcome.RAISED for v in RELEASES[:2]}
    assert halved(sweep, versions, "1.9.0", "1.5") == 0
    assert "first good again: 1.6.1; last bad: 1.6;" in capsys.readouterr().out


@pytest.mark.parametrize("outcome", [Outcome.AGREE, Outcome.UNSUPPORTED, Outcome.INCONCLUSIVE])
def test_ends_that_are_not_as_named_are_refused(
    sweep: Any, versions: Versions, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    versions.ends = {"1.9.0": outcome}
    assert halved(sweep, versions, "1.5", "1.9.0") == 2
    assert "autograd 1.9.0 is named as bad, but is not" in capsys.readouterr().err
    assert versions.asked == ["1.5", "1.9.0"]


# ---------------------------------------------------------------------------- pip


def test_prereleases_and_what_is_no_version_are_left_out(sweep: Any) -> None:
    text = "x (1.10)\nAvailable versions: 1.10, 1.9, 2.0rc1, 1.9.1.dev3, junk\n  INSTALLED: 1.9\n"
    assert sweep.index.versions_in("x", text) == ("1.9", "1.10")
    for other in ("", "Available versions: 2.0rc1\n"):
        with pytest.raises(InputError):
            sweep.index.versions_in("x", other)


@pytest.mark.parametrize(
    ("stderr", "says"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by "
            "'NewConnectionError(...)': /simple/x/\nERROR: No matching distribution found for x\n",
            "can't be reached",
        ),
        ("ERROR: No matching distribution found for x\n", "has no release of 'x'"),
        ("", "has no release of 'x'"),
    ],
)
def test_no_index_and_no_such_package_are_told_apart(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, stderr: str, says: str
) -> None:
    done = subprocess.CompletedProcess([], 1, stdout="", stderr=stderr)
    monkeypatch.setattr(sweep.index.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(InputError, match=says) as error:
        sweep.index.released("x")
    assert len(error.value.problems) == 1


@pytest.mark.parametrize(
    ("package", "extra", "family", "free", "beside"),
    [
        ("jax", "jax", ("jax", "jaxlib"), "jax", []),
        ("tensorflow-cpu", "tensorflow", ("tensorflow", "tensorflow-cpu"), "tensorflow", []),
        ("enzyme-ad", "enzyme", ("enzyme-ad", "jax", "jaxlib"), "jax", ["jax>=0.5"]),
        ("autograd", "autograd", ("autograd", "numpy"), "autograd", []),
    ],
)
def test_companions_follow_the_version_and_all_else_stays_pinned(
    sweep: Any, package: str, extra: str, family: tuple[str, ...], free: str, beside: list[str]
) -> None:
    recipe = sweep.environments.recipe(ROOT, package, extra, family)
    names = {pin.partition("==")[0] for pin in recipe.pins}
    assert not [name for name in names if name.startswith((free, package))]
    assert {"numpy", "pytest", "click"} <= names
    assert list(recipe.beside) == beside


class Pip:
    """Stands for every command that makes an environment."""

    def __init__(self, sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands, self.fails = list[list[str]](), list[str | None]()
        monkeypatch.setattr(sweep.environments, "_failed", self.run)

    def run(self, command: list[str]) -> str | None:
        self.commands.append(command)
        if "virtualenv" in command:
            Path(command[-1]).mkdir(parents=True)
            return None
        return self.fails.pop(0) if self.fails else None


def test_an_environment_is_made_once_and_without_pins_where_they_do_not_fit(
    sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    pip = Pip(sweep, monkeypatch)
    homes = sweep.environments.Environments(tmp_path)
    recipe = sweep.environments.Recipe("autograd", ("beside>=1",), ("numpy==2.1",))
    pip.fails = ["ERROR: ResolutionImpossible"]
    folder = homes.ready(recipe, "1.7.0")
    assert folder == tmp_path / ".nox" / "sweep-autograd-1.7.0"
    assert ["--constraint" in c for c in pip.commands] == [False, True, False]
    assert pip.commands[-1][-2:] == ["beside>=1", "autograd==1.7.0"]
    assert homes.ready(recipe, "1.7.0") == folder and len(pip.commands) == 3
    (tmp_path / "pyproject.toml").write_text(PROJECT + "\n# changed")
    homes.ready(recipe, "1.7.0")
    assert len(pip.commands) == 5, "another pyproject.toml, another environment"
    pip.fails = ["ERROR: one", "ERROR: two"]
    with pytest.raises(sweep.environments.NotInstalled, match="two"):
        homes.ready(recipe, "1.6")
    pip.fails = [None]
    homes.ready(recipe, "1.6")  # a failed one is no environment
    hostile = homes.folder("../x", "1/2")
    assert hostile.parent == tmp_path / ".nox"


def test_the_first_error_of_a_command_is_what_is_kept(sweep: Any) -> None:
    failed = sweep.environments._failed
    code = "import sys; print('x', file=sys.stderr); print('ERROR: why'); sys.exit(3)"
    assert failed([sys.executable, "-c", code]) == "ERROR: why"
    assert failed([sys.executable, "-c", "import sys; sys.exit(3)"]) == "exit status 3"
    assert failed([sys.executable, "-c", ""]) is None
    assert "No such file" in failed(["/no/such/program"])


def test_the_list_of_releases_lies_beside_the_evidence(sweep: Any, versions: Versions) -> None:
    assert swept(sweep, versions, "--versions", "1.9") == 0
    file = versions.world.folder / "reports" / "sweep" / "autograd" / "releases.json"
    assert json.loads(file.read_text())["releases"] == list(RELEASES)
