"""What a backend offers, found by differentiating a small function once.

An adapter says that it lacks a map by raising from it, and a library may refuse, or silently cut,
what an adapter tries; only trying it out tells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from gradtier.backends.base import Adapter, Function, Native
from gradtier.model import Mode, Nesting
from gradtier.operators.maps import Maps, Nested
from gradtier.operators.seeds import one

Trial = Callable[[Maps, Function, Native, Native, Native], Native]


def _cubes(maps: Maps) -> Function:
    return lambda a: (maps.inner.namespace.sum(a * a * a),)


def _forward_over_reverse(m: Maps, f: Function, x: Native, v: Native, w: Native) -> Native:
    if whole := m.inner.whole(f, Mode.REVERSE, Nesting.FORWARD):
        return whole(x, (*w, *v))[1]
    return m.outer_push(lambda *y: m.pull(f, y, w)[1], x, v)[1]


def _reverse_over_reverse(m: Maps, f: Function, x: Native, v: Native, w: Native) -> Native:
    if whole := m.inner.whole(f, Mode.REVERSE, Nesting.REVERSE):
        return whole(x, (*w, *v))[1]
    return m.outer_pull(lambda *y: m.pull(f, y, w)[1], x, v)[1]


def _reverse_over_forward(m: Maps, f: Function, x: Native, v: Native, w: Native) -> Native:
    if whole := m.inner.whole(f, Mode.FORWARD, Nesting.REVERSE):
        return whole(x, (*w, *v))[1]
    return m.outer_pull(lambda *y: m.push(f, y, v)[1], x, w)[1]


def _second_along_w(m: Maps, f: Function, x: Native, v: Native, w: Native) -> Native:
    return m.outer_pull(lambda *c: m.pull(f, x, c)[1], w, v)[1]


#: What is tried: the map, and its result at x = (1/2, -1), v = (1, 2), w = 1 for the sum of cubes.
TRIALS: dict[str, tuple[Trial, Any]] = {
    "pushforward": (lambda m, f, x, v, w: m.push(f, x, v)[1], 6.75),
    "pullback": (lambda m, f, x, v, w: m.pull(f, x, w)[1], [0.75, 3.0]),
    "forward-over-reverse": (_forward_over_reverse, [3.0, -12.0]),
    "reverse-over-reverse": (_reverse_over_reverse, [3.0, -12.0]),
    "reverse-over-forward": (_reverse_over_forward, [3.0, -12.0]),
    "forward-over-forward": (lambda m, f, x, v, w: m.second(f, x, v, v), -21.0),
    "pullback in the cotangent": (_second_along_w, 6.75),
}


class _UnseenError(Exception):
    """The trial ran inside somebody's trace, where no numbers are known."""


def offers(backend: Adapter | Nested, name: str) -> bool:
    """Whether a backend's map of this name (of :data:`TRIALS`) works on a small function.

    It is executed as the backend executes functions: compiled where it does so. The answer is kept.
    """
    try:
        return _tried(backend, name)
    except _UnseenError:  # it ran, at least; and next time, outside of a trace, its numbers count
        return True


@lru_cache(maxsize=512)
def _tried(backend: Adapter | Nested, name: str) -> bool:
    return any(_works(Maps(backend), name, make) for make in (_by_arithmetic, _by_namespace))


def _works(maps: Maps, name: str, make: Callable[[Adapter, list[int]], Any]) -> bool:
    trial, expected = TRIALS[name]
    f = _cubes(maps)
    try:
        x, v = (make(maps.inner, numbers) for numbers in ([1, -2], [2, 4]))
        run = maps.outer.compile(
            lambda x, seed: ((), trial(maps, f, x, seed[:1], seed[1:]))  # as derivatives are
        )
        (found,) = run((x,), (v, one(maps.inner, x)))[1]
    except Exception:  # an adapter, or its library, may say no in any words
        return False
    try:
        numbers = maps.inner.to_numpy(found)
    except Exception as error:
        raise _UnseenError from error
    return np.allclose(numbers, expected, rtol=1e-3, atol=1e-3)


# Arrays for the trial, half of the numbers: ``from_numpy`` of floating-point numbers may change
# defaults of the library, which in a user's process are the user's; of whole ones it does not.


def _by_arithmetic(adapter: Adapter, numbers: list[int]) -> Any:
    return adapter.from_numpy(np.asarray(numbers), "cpu") * 0.5


def _by_namespace(adapter: Adapter, numbers: list[int]) -> Any:
    xp = adapter.namespace
    return xp.asarray(np.asarray(numbers, np.float32) * 0.5, dtype=xp.float32)
