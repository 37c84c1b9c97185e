"""What this machine has: devices, packages, processor.  Imports no AD library."""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gradtier.backends.base import Adapter
from gradtier.matrix import Backend


@dataclass(frozen=True)
class Host:
    """A machine as the plan sees it.

    Attributes:
        absent: device -> why it can't be used here; a device that is not named may be there, and
            the backend itself has the last word when its worker starts.
        facts: what a record says of the machine (system, processor, cores, Python, cards).
        packages: whether the packages installed here count.
    """

    absent: Mapping[str, str]
    facts: Mapping[str, str]
    packages: bool = True

    def why_not(self, backend: Backend, device: str) -> str:
        """Why trials of ``backend`` on ``device`` can't run here, or empty."""
        if not self.packages:
            return ""
        adapter = adapter_class(backend.adapter)
        needed = adapter.distributions[:1]
        if not all(name in adapter.installed() for name in needed):
            return f"the package {needed[0]} is not installed here"
        return self.absent.get(device, "")


#: No machine: reports are planned with it, so that what they say of trials that were not run comes
#: from evidence alone and is the same wherever they are built.
NOWHERE = Host({}, {}, packages=False)


def make_importable(folder: Path) -> None:
    """Let adapters that lie in ``folder``, beside a matrix, be imported.

    Behind everything else on the path, so that a file there shadows no installed module.
    """
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


@cache
def adapter_class(dotted: str) -> type[Adapter]:
    """The adapter class at ``module:Class``; importing its module imports no AD library.

    Raises:
        ImportError: the module does not import (with its own words), or has no such adapter.
    """
    module_name, _, class_name = dotted.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ImportError(
            f"'{module_name}' does not import: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise ImportError(f"'{module_name}' has no adapter class '{class_name}'")
    return found


def probe() -> Host:
    """Look at this machine."""
    cards = _cards()
    absent = {} if cards else {"cuda": "no CUDA device on the host"}
    facts = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count() or 0),
        "python": platform.python_version(),
    }
    if cards:
        facts["cards"] = cards
    return Host(absent, facts)


def _cards() -> str:
    """The CUDA cards as the driver names them, or empty."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "unnamed" if Path("/dev/nvidia0").exists() else ""
    query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "; ".join(done.stdout.strip().splitlines()) if done.returncode == 0 else ""


def processor_key() -> str:
    """Names the processor and its instructions: code compiled for another one may crash here."""
    said = [platform.machine(), _processor()]
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                said.append(" ".join(sorted(line.partition(":")[2].split())))
                break
    except OSError:
        pass
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
