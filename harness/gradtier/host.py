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
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from gradtier.backends.base import Adapter
from gradtier.environments import Environment
from gradtier.matrix import Backend

#: Where constraint files lie beside a matrix, one for each extra.
CONSTRAINTS = "ci/constraints"


@dataclass(frozen=True)
class Host:
    """A machine as the plan sees it.

    Attributes:
        absent: device -> why it can't be used here; a device that is not named may be there, and
            the backend itself has the last word when its worker starts.
        facts: what a record says of the machine (system, processor, cores, Python, cards).
        packages: whether the packages installed here count.
        environments: extra -> the environment in which its rows run; those of other extras, and
            rows without one, run in the environment of the run itself.
    """

    absent: Mapping[str, str]
    facts: Mapping[str, str]
    packages: bool = True
    environments: Mapping[str, Environment] = field(default_factory=dict)

    def environment(self, backend: Backend) -> Environment | None:
        """The environment of its own that a row has, if any."""
        return self.environments.get(backend.extra) if backend.extra else None

    def installed(self, backend: Backend) -> Mapping[str, str]:
        """Distribution -> version of a row with an adapter, where the row runs."""
        if (own := self.environment(backend)) is not None:
            return own.installed.get(backend.adapter, {})
        return adapter_class(backend.adapter).installed()

    def has(self, backend: Backend) -> bool:
        """Whether the package of a row with an adapter is installed where the row runs."""
        return (
            set(adapter_class(backend.adapter).distributions[:1]) <= self.installed(backend).keys()
        )

    def why_not(self, backend: Backend, device: str) -> str:
        """Why trials of ``backend`` on ``device`` can't run here, or empty."""
        if not self.packages:
            return ""
        adapter, own = adapter_class(backend.adapter), self.environment(backend)
        needed, why = adapter.distributions[:1], ""
        if own is not None:
            why = own.why_not(backend.adapter, needed)
        elif not self.has(backend):
            why = f"the package {needed[0]} is not installed here"
        return why or adapter.lacks() or self.absent.get(device, "")


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
    found = cards()
    absent = {"cuda": found.why_not} if found.why_not else {}
    facts = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count() or 0),
        "python": platform.python_version(),
    }
    if not found.why_not:
        facts["cards"] = "; ".join(f"{c.name}, {c.driver}" for c in found.all) or "unnamed"
    return Host(absent, facts)


@dataclass(frozen=True)
class Card:
    """A CUDA card as the driver names it."""

    uuid: str
    name: str
    driver: str


@dataclass(frozen=True)
class Cards:
    """The CUDA cards of this machine.

    Attributes:
        all: those that the driver names, in the order of the bus.
        why_not: why none can be used, or empty.
    """

    all: tuple[Card, ...] = ()
    why_not: str = ""

    def seen(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Model and driver of the card that a process with this environment uses first.

        CUDA counts cards by speed, the driver's tool by the bus, so that a number says which card
        it is only where all are alike, or where both are told to count in one way.
        """
        if not self.all:
            return {}
        asked = environment.get(VISIBLE, "0").split(",")[0].strip()
        by_bus = environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        mine = [c for c in self.all if asked.startswith("GPU-") and c.uuid.startswith(asked)]
        if not mine and by_bus and asked.isdigit() and int(asked) < len(self.all):
            mine = [self.all[int(asked)]]
        names = " or ".join(dict.fromkeys(c.name for c in mine or self.all))
        drivers = " or ".join(dict.fromkeys(c.driver for c in mine or self.all))
        return {"card": names, "driver": drivers}


#: Which cards CUDA lets a process see.
VISIBLE = "CUDA_VISIBLE_DEVICES"


def cards(patience: float = 20.0) -> Cards:
    """Ask the driver's tool for the CUDA cards.

    Args:
        patience: seconds that it may take.
    """
    visible = os.environ.get(VISIBLE)
    if visible is not None and visible.split(",")[0].strip() in ("", "-1"):
        return Cards(why_not=f"{VISIBLE} hides every CUDA device")
    tool = shutil.which("nvidia-smi")
    if tool is None:
        there = Path("/dev/nvidia0").exists()
        return Cards(why_not="" if there else "no CUDA device on the host")
    query = [tool, "--query-gpu=uuid,name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return Cards(why_not=f"nvidia-smi gives no answer within {patience:g} s")
    except OSError as error:
        return Cards(why_not=f"nvidia-smi can't be run: {error.strerror or error}")
    rows = [[word.strip() for word in line.split(",")] for line in done.stdout.splitlines()]
    found = tuple(Card(*row) for row in rows if len(row) == 3)
    if done.returncode or not found:
        said = " ".join((done.stdout + done.stderr).split())[:120]
        return Cards(why_not=f"nvidia-smi finds no CUDA device: {said or 'it says nothing'}")
    return Cards(found)


def processor_key() -> str:
    """Names the processor and its instructions: code compiled for another one may crash here."""
    instructions = " ".join(sorted(_of_processor("flags", "Features").split()))
    said = [platform.machine(), _processor(), *([instructions] if instructions else [])]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


def _processor() -> str:
    return _of_processor("model name") or platform.processor() or "unknown"


def _of_processor(*names: str) -> str:
    """What Linux says first of a processor under one of these names, or empty."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(names):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""
