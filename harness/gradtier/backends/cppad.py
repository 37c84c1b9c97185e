"""CppAD, a C++ library of operator overloading: a worker compiled here from its headers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from gradtier.backends.external import External

COMPILERS = ("c++", "g++", "clang++")
ENDING = ".dylib" if sys.platform == "darwin" else ".so"
FLAGS = ("-std=c++17", "-O1", "-w")


class CppAD(External):
    """Tapes of scalars: forward and reverse sweeps, nested by a tape of a tape."""

    distributions: ClassVar = ("cmeel-cppad",)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    @classmethod
    def lacks(cls) -> str:
        there = any(map(shutil.which, COMPILERS))
        return "" if there else f"there is no C++ compiler on PATH ({', '.join(COMPILERS)})"

    def command(self, given: str) -> Sequence[str]:
        if given:
            raise TypeError("CppAD takes no option command")
        return [str(_built())]


def _built() -> Path:
    """The worker, compiled unless an equal one is in the cache.

    Raises:
        ImportError: there is no compiler, or it declines the source.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise ImportError(f"there is no C++ compiler on PATH ({', '.join(COMPILERS)})")
    include, library = _found("cppad/cppad.hpp", 1), _found(f"libcppad_lib{ENDING}", 0)
    workers = Path(__file__).parents[1] / "workers"
    sources = [*sorted(workers.glob("*.hpp")), workers / "cppad.cpp"]
    linked = ("-I", str(include), "-L", str(library), f"-Wl,-rpath,{library}", "-lcppad_lib")
    words = [compiler, _said(compiler), metadata.version("cmeel-cppad"), *FLAGS, *linked]
    digest = hashlib.sha256("\n".join(words).encode())
    for source in sources:
        digest.update(source.read_bytes())
    cache = os.environ.get("GRADTIER_CACHE") or Path.home() / ".cache" / "gradtier"
    folder = Path(cache) / "cppad"
    target = folder / f"worker-{digest.hexdigest()[:24]}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _compile([compiler, *FLAGS, str(sources[-1])], list(linked), target)
    return target


def _compile(front: list[str], back: list[str], target: Path) -> None:
    """Compile beside the target and rename: several processes may do so at once."""
    handle, name = tempfile.mkstemp(dir=target.parent)
    os.close(handle)
    try:
        done = subprocess.run(
            [*front, "-o", name, *back], capture_output=True, text=True, check=False
        )
        if done.returncode:
            lines = [t for t in done.stderr.splitlines() if "error" in t] or [done.stderr]
            raise ImportError(f"the worker for CppAD does not compile: {lines[0][:300]}")
        os.chmod(name, 0o755)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _found(ending: str, up: int) -> Path:
    """The folder in which a file of the distribution lies, ``up`` levels above it."""
    for file in metadata.files("cmeel-cppad") or ():
        if str(file).endswith("/" + ending):
            return Path(str(file.locate())).resolve().parents[up]
    raise ImportError(f"the distribution cmeel-cppad has no file {ending}")


def _said(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return done.stdout
