"""Timing inside a backend's own process: what is timed is the call, no pipe and no conversion.

Inputs are made native once.  A block is some calls in a row, each waited for; the time between two
blocks, in which other backends have their turn, is nobody's.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradtier.backends.base import Adapter, Derivative, Native

STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_HIGH_WATER = "5"  # proc(5): reset the peak of the resident set to what is resident now


class Ready:
    """One derivative map, and the function itself, with the inputs to call them on.

    Args:
        adapter: the backend's adapter.
        derivative: ``(x, seed) -> (value, answer)``, not called before.
        plain: ``(x, ()) -> (value, ())``.
        x: the point, native.
        seed: a cotangent or tangent, native.
        device: where they are.
    """

    def __init__(
        self, adapter: Adapter, derivative: Derivative, plain: Derivative, x: Native, seed: Native,
        device: str,
    ) -> None:  # fmt: skip
        self._adapter, self._device = adapter, device
        self._calls: dict[bool, Callable[[], Any]] = {
            False: lambda: derivative(x, seed),
            True: lambda: plain(x, ()),
        }

    def block(self, plain: bool, calls: int) -> float:
        """Seconds that ``calls`` calls took; results are dropped as they come."""
        call, wait = self._calls[plain], self._adapter.synchronize
        gc.collect()
        start = time.perf_counter()
        for _ in range(calls):
            wait(call())
        return time.perf_counter() - start

    def peak(self) -> tuple[int, str] | None:
        """What one derivative call needs at its peak beyond what was there before, in bytes.

        Returns:
            the number with who says so: the library's allocator on the device, or the system of
            the process's resident set; None where neither does.
        """
        gc.collect()
        if self._device != "cpu":
            return self._allocated()
        if not self._adapter.in_process:
            return None
        _trim()
        before = _resident()
        if before is None:
            return None
        self._adapter.synchronize(self._calls[False]())
        after = _status("VmHWM")
        return None if after is None else (max(0, after - before), "resident set")

    def _allocated(self) -> tuple[int, str] | None:
        before = self._adapter.memory(self._device, forget=True)
        if before is None:
            return None
        self._adapter.synchronize(self._calls[False]())
        after = self._adapter.memory(self._device)
        # An allocator that can't forget its peak says nothing of a call that stays below it.
        if after is None or (after.peak <= before.peak and before.peak > before.now):
            return None
        return max(0, after.peak - before.now), "allocator"


def settle() -> None:
    """Collect what is garbage, and have later collections pass over what is left.

    With a large library loaded a collection takes a tenth of a second, and each block begins with
    one.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _resident() -> int | None:
    """Bytes resident now, once the high-water mark was set back to that."""
    try:
        REFERENCES.write_text(RESET_HIGH_WATER, encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return 1024 * int(found[0]) if found else None


def _trim() -> None:
    """Give freed memory back to the system, where the C library can: else it would not grow."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
