"""``ci/bootstrap.py`` without a network: its commands are answered by fakes."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "ci" / "bootstrap.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with nothing but what the bootstrap reads."""
    (tmp_path / "ci" / "constraints").mkdir(parents=True)
    (tmp_path / "ci" / "constraints" / "bootstrap.txt").write_text("nox==1.0\n")
    shutil.copy(SOURCE, tmp_path / "ci" / "bootstrap.py")
    return tmp_path


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Commands:
    """Stands for the commands that make the environment; ``break_at`` fails one of them."""

    def __init__(self, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bootstrap, self.seen = bootstrap, list[str]()
        self.break_at: dict[str, BaseException] = {}
        monkeypatch.setattr(bootstrap, "run", self.run)

    def run(self, command: list[str]) -> None:
        step = command[2]  # PYTHON -m STEP ...
        self.seen.append(step)
        if step == "venv":
            python = Path(command[3], "Scripts/python.exe" if os.name == "nt" else "bin/python")
            python.parent.mkdir(parents=True)
            python.touch()
        if step in self.break_at:
            raise self.break_at.pop(step)


@pytest.fixture
def commands(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(bootstrap, monkeypatch)


def stamp(root: Path) -> Path:
    return root / ".gradtier" / "bootstrap" / "stamp"


# ------------------------------------------------------------------- what stands in the way


def test_an_old_python_can_parse_the_file():
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_gets_one_line_and_status_2(monkeypatch, capsys, bootstrap):
    old = namedtuple("Version", "major minor micro releaselevel serial")(3, 6, 15, "final", 0)
    monkeypatch.setattr(sys, "version_info", old)
    with pytest.raises(SystemExit) as ended:
        exec(compile(SOURCE.read_text(encoding="utf-8"), str(SOURCE), "exec"), {})
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "needs Python 3.11 or newer; this is Python 3.6.15" in said
    assert said.count("\n") == 1


def test_only_the_standard_library_is_imported():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_python_without_ensurepip_is_told_which_package_to_install(
    root, bootstrap, commands, monkeypatch, capsys
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        bootstrap.importlib.util,
        "find_spec",
        lambda name: None if name == "ensurepip" else find(name),
    )
    assert bootstrap.main(["-l"], root) == 2
    said = capsys.readouterr().err
    assert "ensurepip" in said and "python3-venv" in said
    assert commands.seen == []


def test_a_failed_install_shows_what_pip_said_last_and_ends_with_2(
    root, bootstrap, commands, capsys
):
    commands.break_at["pip"] = bootstrap.Failed("  ERROR: no matching distribution")
    assert bootstrap.main(["-l"], root) == 2
    assert "ERROR: no matching distribution" in capsys.readouterr().err
    assert not stamp(root).exists()


def test_of_a_long_output_only_the_end_is_kept(bootstrap):
    program = "for i in range(100): print('line', i)\nraise SystemExit(1)"
    with pytest.raises(bootstrap.Failed) as failed:
        bootstrap.run([sys.executable, "-c", program])
    lines = str(failed.value).splitlines()
    assert len(lines) == bootstrap.TAIL and lines[-1].strip() == "line 99"


def test_missing_pins_are_named_and_the_process_ends_with_2(root):
    (root / "ci" / "constraints" / "bootstrap.txt").unlink()
    done = subprocess.run(
        [sys.executable, root / "ci" / "bootstrap.py"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "bootstrap.txt" in done.stderr and "Traceback" not in done.stderr


# ------------------------------------------------------------------- when it installs


def test_the_first_call_installs_and_the_second_does_not(root, bootstrap, commands):
    first = bootstrap.environment(root)
    assert commands.seen == ["venv", "pip"]
    assert bootstrap.environment(root) == first
    assert commands.seen == ["venv", "pip"]


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_an_interrupted_install_is_done_anew(root, bootstrap, commands, step):
    commands.break_at[step] = KeyboardInterrupt()
    assert bootstrap.main([], root) == 130
    left_over = root / ".gradtier" / "bootstrap" / "left-over"
    left_over.touch()
    bootstrap.environment(root)
    assert stamp(root).is_file()
    assert not left_over.exists(), "a half-made environment was kept"


def test_changed_pins_are_installed(root, bootstrap, commands):
    bootstrap.environment(root)
    (root / "ci" / "constraints" / "bootstrap.txt").write_text("nox==2.0\n")
    bootstrap.environment(root)
    assert commands.seen == ["venv", "pip"] * 2


def test_another_python_gets_an_environment_of_its_own(root, bootstrap, commands, monkeypatch):
    bootstrap.environment(root)
    monkeypatch.setattr(sys, "version", "3.99.0 (another one)")
    bootstrap.environment(root)
    assert commands.seen == ["venv", "pip"] * 2


def test_an_environment_that_lost_its_python_is_made_anew(root, bootstrap, commands):
    bootstrap.environment(root).unlink()
    bootstrap.environment(root)
    assert commands.seen == ["venv", "pip"] * 2


def test_a_moved_repository_is_installed_again(root, bootstrap, commands, tmp_path_factory):
    bootstrap.environment(root)
    moved = tmp_path_factory.mktemp("elsewhere") / "repository"
    root.rename(moved)
    bootstrap.environment(moved)
    assert commands.seen == ["venv", "pip"] * 2


# ------------------------------------------------------------------- what it hands on


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
@pytest.mark.parametrize("status", [0, 1, 7])
def test_arguments_folder_and_exit_status_are_those_of_nox(root, bootstrap, commands, status):
    """Runs the real file, over an environment whose Python is a script that reports and exits."""
    python = bootstrap.environment(root)
    python.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            pwd
            for word in "$@"; do echo "<$word>"; done
            exit {status}
        """)
    )
    python.chmod(0o755)
    done = subprocess.run(
        [sys.executable, root / "ci" / "bootstrap.py", "-s", "matrix", "--", "--case", "a b", ""],
        cwd="/",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    folder, *words = done.stdout.splitlines()
    assert done.returncode == status
    assert Path(folder).resolve() == root.resolve()
    assert words == ["<-m>", "<nox>", "<-s>", "<matrix>", "<-->", "<--case>", "<a b>", "<>"]
