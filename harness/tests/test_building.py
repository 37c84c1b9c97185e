"""Environments that are made once: interrupted, failing, asked for by two runs at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradtier import building
from gradtier.building import Broken, NotBuilt, Recipe, built, older, there

#: A Python that stands for pip: notes that it was called, waits while there is a file `wait`, and
#: fails with what is in a file `fail`.
PYTHON = """#!/bin/sh
echo called >> {world}/calls
while [ -e {world}/wait ]; do sleep 0.02; done
if [ -e {world}/fail ]; then cat {world}/fail; exit 1; fi
"""
CREATION = "import os, sys; f = sys.argv[1]; os.makedirs(f + '/bin'); "
CREATION += "p = f + '/bin/python'; open(p, 'w').write(sys.argv[2]); os.chmod(p, 0o755)"
RECIPE = Recipe("tiny", ("tiny==1",))


def quiet(line: str) -> None:
    """What goes on at the moment, several times a second."""


def creation(world: Path, folder: Path, script: str = PYTHON) -> list[str]:
    return [sys.executable, "-c", CREATION, str(folder), script.format(world=world)]


def answer(python: Path) -> str:
    if not python.exists():
        raise Broken("there is no interpreter")
    return f"answer of {python.parents[1].name}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(building, "_creation", lambda folder: creation(tmp_path, folder))
    monkeypatch.setattr(building, "POLL", 0.02)
    return tmp_path / "place"


def calls(place: Path) -> int:
    file = place.parent / "calls"
    return len(file.read_text().splitlines()) if file.exists() else 0


def until(true: object) -> None:
    end = time.monotonic() + 20
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_what_is_there_is_not_made_again(place: Path) -> None:
    folder = place / "tiny-1"
    assert there(folder, answer) is None
    assert built(RECIPE, folder, answer, quiet, print) == "answer of tiny-1"
    assert (
        there(folder, answer) == built(RECIPE, folder, answer, quiet, print) == "answer of tiny-1"
    )
    assert calls(place) == 1


def test_an_environment_whose_python_is_gone_is_made_anew(place: Path) -> None:
    folder = place / "tiny-1"
    built(RECIPE, folder, answer, quiet, print)
    (folder / "bin" / "python").unlink()
    assert there(folder, answer) is None
    assert built(RECIPE, folder, answer, quiet, print) == "answer of tiny-1"
    assert calls(place) == 2


def test_a_failed_build_gives_the_installers_last_error_and_leaves_no_stamp(place: Path) -> None:
    folder = place / "tiny-1"
    place.mkdir()
    (place.parent / "fail").write_text("Looking\nERROR: No matching distribution\nnotice: old\n")
    with pytest.raises(NotBuilt, match=r"^No matching distribution$") as caught:
        built(RECIPE, folder, answer, quiet, print)
    assert caught.value.log is not None and "Looking" in caught.value.log.read_text()
    assert there(folder, answer) is None
    (place.parent / "fail").unlink()
    assert not folder.exists()
    assert built(RECIPE, folder, answer, quiet, print) == "answer of tiny-1"


def test_a_conflict_of_requirements_is_named_and_not_where_to_read_about_conflicts(
    place: Path,
) -> None:
    place.mkdir()
    (place.parent / "fail").write_text(
        "ERROR: Cannot install a because these package versions have conflicting dependencies.\n"
        "\nThe conflict is caused by:\n    The user requested a>=2\n"
        "    The user requested (constraint) a==1\n\n"
        "To fix this you could try to:\n1. loosen it\n\n"
        "ERROR: ResolutionImpossible: for help visit https://example.org/\n"
    )
    why = r"^in conflict: The user requested a>=2; The user requested \(constraint\) a==1$"
    with pytest.raises(NotBuilt, match=why):
        built(RECIPE, place / "tiny-1", answer, quiet, print)


def test_what_is_finished_but_does_not_start_is_no_environment(place: Path) -> None:
    def silent(python: Path) -> str:
        raise Broken("no module named gradtier")

    with pytest.raises(NotBuilt, match="it does not start: no module named gradtier"):
        built(RECIPE, place / "tiny-1", silent, quiet, print)


def test_a_folder_that_can_not_be_written_is_said(place: Path) -> None:
    place.write_text("a file")
    with pytest.raises(NotBuilt, match="its folder can't be written"):
        built(RECIPE, place / "tiny-1", answer, quiet, print)


def test_two_runs_at_once_build_once(place: Path) -> None:
    folder, wait = place / "tiny-1", place.parent / "wait"
    wait.touch()
    found: list[str] = []
    said: list[str] = []

    def run() -> None:
        found.append(built(RECIPE, folder, answer, quiet, said.append))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: any(line.startswith("another run builds it") for line in said))
    until(lambda: calls(place))
    wait.unlink()
    for thread in threads:
        thread.join(20)
    assert found == ["answer of tiny-1"] * 2
    assert calls(place) == 1


BUILDER = """
import sys
from pathlib import Path
from gradtier import building
world, command = Path(sys.argv[1]), sys.argv[2:]
building._creation = lambda folder: command
building.built(building.Recipe("tiny", ("tiny==1",)), world / "place" / "tiny-1", str, print, print)
"""


def test_a_killed_build_is_made_anew_and_not_beside_an_installer_that_goes_on(
    place: Path,
) -> None:
    folder, wait = place / "tiny-1", place.parent / "wait"
    wait.touch()
    words = creation(place.parent, folder)
    first = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(place.parent), *words], stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: calls(place))
    finally:
        first.kill()
        first.wait()
    said: list[str] = []
    second = threading.Thread(target=built, args=(RECIPE, folder, answer, quiet, said.append))
    second.start()
    until(lambda: said)
    assert said == ["another run builds it; waiting for that"]
    assert calls(place) == 1
    wait.unlink()
    second.join(20)
    assert said[1] == "what an interrupted build has left is made anew"
    assert there(folder, answer) == "answer of tiny-1"
    assert calls(place) == 2


def test_an_interrupt_ends_the_installer(place: Path) -> None:
    (place.parent / "wait").touch()

    def interrupt(line: str) -> None:
        if calls(place):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # at once, while the installer would wait for ever
        built(RECIPE, place / "tiny-1", answer, interrupt, print)
    assert there(place / "tiny-1", answer) is None


def test_all_that_an_environment_is_made_of_changes_its_name(tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("tiny==1\n")
    first = replace(RECIPE, pins=pins)
    names = [first.name(tmp_path), RECIPE.name(tmp_path), first.name(tmp_path / "elsewhere")]
    names += [replace(first, words=("tiny==2",)).name(tmp_path)]
    names += [replace(first, made_of="another version").name(tmp_path)]
    names += [replace(first, extra="other").name(tmp_path)]
    assert first.name(tmp_path) == names[0]
    pins.write_text("tiny==2\n")
    names += [first.name(tmp_path)]
    assert len(set(names)) == len(names)


def test_a_constraint_file_that_can_not_be_read_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match="constraint file can't be read"):
        replace(RECIPE, pins=tmp_path).name(tmp_path)


def test_environments_made_of_something_else_are_named_and_no_others(tmp_path: Path) -> None:
    for name in ("jax-0123456789", "jax-aaaaaaaaaa", "jax-gpu-0123456789", "torch-0123456789"):
        (tmp_path / name).mkdir()
    (tmp_path / "jax-bbbbbbbbbb.log").touch()
    assert older(tmp_path / "jax-0123456789", "jax") == ["jax-aaaaaaaaaa"]


def test_a_python_without_the_means_to_make_environments_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fake(*there: str) -> SimpleNamespace:
        find = SimpleNamespace(find_spec=lambda name: name in there or None)
        return SimpleNamespace(util=find)

    monkeypatch.setattr(building, "importlib", fake("venv", "virtualenv"))
    assert "virtualenv" in building._creation(tmp_path)
    monkeypatch.setattr(building, "importlib", fake("venv", "ensurepip"))
    assert "venv" in building._creation(tmp_path)
    monkeypatch.setattr(building, "importlib", fake("venv"))
    with pytest.raises(NotBuilt, match="apt install python3-venv"):
        building._creation(tmp_path)
