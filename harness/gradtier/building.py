"""Python environments, each built once and kept: a folder, a stamp that is written last, a lock.

An environment without its stamp was left half made, and is made anew.  Its name has a digest of all
that it is made of, so that what changes makes another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: runs are not kept apart there
    fcntl = None  # type: ignore[assignment]

STAMP = "gradtier-stamp"
POLL = 0.25  # seconds between looks at what pip says
CONFLICT, ADVICE = "The conflict is caused by:", "To fix this you could"  # words of pip
TAIL = 4000  # bytes at the end of a log in which the last words are

#: PYTHONPATH may hold packages, which pip would take for installed ones.
ALONE = "-I"
QUIET = ("--no-input", "--disable-pip-version-check")

Said = Callable[[str], object]
Found = TypeVar("Found")


class NotBuilt(Exception):
    """There is no such environment; the message is one sentence without paths.

    Attributes:
        log: the file with all that was said, if anything was run.
    """

    def __init__(self, why: str, log: Path | None = None) -> None:
        super().__init__(why)
        self.log = log


class Broken(Exception):
    """A finished environment does not start."""


@dataclass(frozen=True)
class Recipe:
    """What an environment is made of.

    Attributes:
        extra: what it is for.
        words: what ``pip install`` is told.
        pins: the constraint file, or None.
        made_of: what else changes it, such as the version of what is installed from a folder.
    """

    extra: str
    words: tuple[str, ...]
    pins: Path | None = None
    made_of: str = ""

    def name(self, place: Path) -> str:
        """The name of its folder in ``place``.

        Raises:
            NotBuilt: the constraint file can't be read.
        """
        try:
            pins = None if self.pins is None else self.pins.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NotBuilt(f"its constraint file can't be read: {error}") from error
        parts = [
            sys.version, sys.base_prefix, platform.machine(), str(place.resolve()), self.extra,
            *self.words, pins, self.made_of,
        ]  # fmt: skip
        return f"{self.extra}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]}"


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def there(folder: Path, ask: Callable[[Path], Found]) -> Found | None:
    """What a finished environment answers, or None where it must be made.

    Args:
        folder: of the environment.
        ask: puts a question to its interpreter; raises :class:`Broken` if that does not start.
    """
    if not (folder / STAMP).is_file():
        return None
    try:
        return ask(interpreter(folder))
    except Broken:
        return None


def built(
    recipe: Recipe, folder: Path, ask: Callable[[Path], Found], now: Said, note: Said
) -> Found:
    """What the environment answers, which is made where it is not there; one at a time.

    Args:
        recipe: what it is made of.
        folder: where it is made.
        ask: as for :func:`there`.
        now: is told what goes on, several times a second.
        note: is told what is unusual.

    Raises:
        NotBuilt: it can't be made, or does not start.
    """
    log = folder.with_name(f"{folder.name}.log")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f"{folder.name}.lock"), note) as lock:
            if (found := there(folder, ask)) is not None:  # whoever held the lock has made it
                return found
            if folder.exists():
                note("what an interrupted build has left is made anew")
                shutil.rmtree(folder)
            with log.open("wb") as out:
                _make(recipe, folder, out, lock, now)
            unfinished = folder / f"{STAMP}.new"
            unfinished.write_text(json.dumps([recipe.words, str(recipe.pins)]) + "\n", "utf-8")
            unfinished.replace(folder / STAMP)  # whole or not at all
    except OSError as error:
        raise NotBuilt(f"its folder can't be written: {error.strerror or error}", log) from error
    try:
        return ask(interpreter(folder))
    except Broken as error:
        raise NotBuilt(f"it does not start: {error}", log) from error


def older(folder: Path, extra: str) -> list[str]:
    """Names of the other environments of an extra, made of something else."""
    other = re.compile(re.escape(extra) + r"-[0-9a-f]{10}")
    names = (f.name for f in folder.parent.iterdir() if f.is_dir() and f.name != folder.name)
    return sorted(name for name in names if other.fullmatch(name))


def _make(recipe: Recipe, folder: Path, out: BinaryIO, lock: BinaryIO, now: Said) -> None:
    python = str(interpreter(folder))
    pins = [] if recipe.pins is None else ["--constraint", str(recipe.pins)]
    steps = (
        _creation(folder),
        [python, ALONE, "-m", "pip", "install", *QUIET, *pins, *recipe.words],
    )
    for command in steps:
        out.write(f"$ {' '.join(command)}\n".encode())
        out.flush()
        status = _ran(command, out, lock, now)
        if status:
            shutil.rmtree(folder, ignore_errors=True)  # the log says all
            raise NotBuilt(_last_words(Path(out.name), status), Path(out.name))


def _creation(folder: Path) -> list[str]:
    """The command that makes an empty environment with pip.

    virtualenv where it is installed: it is faster, brings a newer pip, and needs no ensurepip,
    which Debian has in a package of its own.

    Raises:
        NotBuilt: this Python has no means to.
    """
    if importlib.util.find_spec("virtualenv"):
        return [sys.executable, "-m", "virtualenv", str(folder)]
    if all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        return [sys.executable, "-m", "venv", str(folder)]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    raise NotBuilt(
        "this Python has neither venv with ensurepip nor virtualenv; on Debian and Ubuntu: "
        f"apt install python3-venv (or python{version}-venv), or: pip install virtualenv"
    )


def _ran(command: Sequence[str], out: BinaryIO, lock: BinaryIO, now: Said) -> int:
    """Run a command into a log; its exit status.

    It inherits the lock: when this process is killed, nobody builds beside a pip that goes on.
    """
    inherited = () if os.name == "nt" else (lock.fileno(),)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        pass_fds=inherited,
    ) as process:  # fmt: skip
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(POLL)
                now(next(iter(_lines(Path(out.name))[-1:]), ""))
        except BaseException:
            process.kill()
            raise


def _lines(log: Path) -> list[str]:
    """The last lines of a log that say something."""
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - TAIL))
        text = stream.read().decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _last_words(log: Path, status: int) -> str:
    """Why pip failed, in a sentence: its last error, or what it found in conflict."""
    lines = _lines(log)
    if CONFLICT in lines:
        after = lines[lines.index(CONFLICT) + 1 :]
        causes = itertools.takewhile(lambda line: not line.startswith(ADVICE), after)
        return f"in conflict: {'; '.join(causes)}"
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return next(iter((errors or lines)[-1:]), f"exit status {status}").removeprefix("ERROR: ")


@contextlib.contextmanager
def _locked(file: Path, note: Said) -> Iterator[BinaryIO]:
    """Hold a lock, waiting for whoever holds it; the system frees it when its holder ends."""
    with file.open("ab") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note("another run builds it; waiting for that")
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:
                pass  # a file system without locks: runs are not kept apart there
        yield lock
