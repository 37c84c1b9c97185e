"""Timing in a worker: every call is waited for, and memory is what one call takes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from gradtier import timing
from gradtier.backends.base import Allocated
from gradtier.backends.numpy import NumPy

MIB = 2**20


class Lazy(NumPy):
    """Computes when it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0

    def synchronize(self, result: Any) -> None:
        self.waited += 1
        time.sleep(0.01)


def ready(adapter: NumPy, derivative: Any, device: str = "cpu") -> timing.Ready:
    return timing.Ready(adapter, derivative, lambda x, seed: (x, ()), (np.ones(3),), (), device)


def test_a_block_waits_for_each_of_its_calls() -> None:
    adapter = Lazy()
    seconds = ready(adapter, lambda x, seed: (x, x)).block(plain=False, calls=5)
    assert adapter.waited == 5 and seconds >= 0.05


def test_the_function_and_its_derivative_are_not_confused() -> None:
    called: list[str] = []

    def of(word: str) -> Any:
        return lambda x, seed: called.append(word)

    both = timing.Ready(NumPy(), of("derivative"), of("plain"), (), (), "cpu")
    both.block(plain=True, calls=2)
    both.block(plain=False, calls=1)
    assert called == ["plain", "plain", "derivative"]


@pytest.mark.skipif(timing._resident() is None, reason="the system does not count from now on")
def test_peak_memory_is_what_a_call_takes_and_gives_back() -> None:
    def hungry(x: Any, seed: Any) -> Any:
        np.ones(64 * MIB // 8).sum()
        return x, x

    np.ones(256 * MIB // 8).sum()  # what was needed before does not count
    peak, who = ready(NumPy(), hungry).peak() or (0, "")
    assert who == "resident set" and 60 * MIB < peak < 80 * MIB
    modest, _ = ready(NumPy(), lambda x, seed: (x, x)).peak() or (MIB, "")
    assert modest < 8 * MIB


def test_a_system_that_does_not_count_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "REFERENCES", timing.STATUS.parent / "no" / "such" / "file")
    assert ready(NumPy(), lambda x, seed: (x, x)).peak() is None


class Apart(NumPy):
    """Computes in another process, whose memory nobody here sees."""

    in_process = False


def test_the_memory_of_a_process_that_does_not_compute_is_not_shown_as_the_backends() -> None:
    assert ready(Apart(), lambda x, seed: (x, x)).peak() is None


class Card(NumPy):
    """An allocator that says what it holds before and after a call."""

    def __init__(self, *said: Allocated | None) -> None:
        super().__init__()
        self.said = list(said)

    def memory(self, device: str, forget: bool = False) -> Allocated | None:
        assert device == "cuda"
        return self.said.pop(0)


@pytest.mark.parametrize(
    ("before", "after", "peak"),
    [
        (Allocated(10, 10), Allocated(10, 70), 60),  # it forgot its peak
        (Allocated(10, 50), Allocated(10, 70), 60),  # it did not, and the call went above it
        (Allocated(10, 50), Allocated(10, 50), None),  # or stayed below: nothing is known
        (Allocated(10, 10), Allocated(10, 10), 0),
        (None, None, None),
    ],
)
def test_an_allocators_peak_counts_where_it_is_that_of_the_call(
    before: Allocated | None, after: Allocated | None, peak: int | None
) -> None:
    found = ready(Card(before, after), lambda x, seed: (x, x), "cuda").peak()
    assert found == (None if peak is None else (peak, "allocator"))
