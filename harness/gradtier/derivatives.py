"""The derivative map that a trial asks for, composed from an adapter's two maps.

| inner mode | outer mode | map                        | answer                            |
|------------|------------|----------------------------|-----------------------------------|
| reverse    | none       | (x; w) -> Df(x)* w         | shaped like x                     |
| forward    | none       | (x; v) -> Df(x) v          | shaped like f(x)                  |
| reverse    | forward    | (x; w, v) -> D(Df(.)* w) v | Hessian of <w, f> times v, like x |
| reverse    | reverse    | the same by a second VJP   | like x                            |
| forward    | reverse    | (x; w, v) -> D(Df(.) v)* w | the same Hessian, like x          |
| forward    | forward    | (x; u, v) -> D(Df(.) u) v  | second derivative along u and v   |

A seed is the tuple of arrays after the semicolon, w shaped like f(x), u and v like x.  With the
answer comes the value of what was differentiated: f(x), or the inner derivative.
"""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Adapter, Derivative, Function, Native
from gradtier.model import Mode, Nesting


def derivative(adapter: Adapter, f: Function, mode: Mode, nesting: Nesting) -> Derivative:
    """The map ``(x, seed) -> (value, answer)`` of the table above.

    It is compiled where the backend does so, and the library's own where its maps do not compose.

    Args:
        adapter: the backend's adapter.
        f: a function of flat native arrays that returns a flat tuple of them.
        mode: the backend's own, inner mode.
        nesting: the outer mode.
    """
    whole = adapter.whole(f, mode, nesting)
    return whole or adapter.compile(_MAPS[mode, nesting](adapter, f))


def plain(adapter: Adapter, f: Function) -> Derivative:
    """``(x, seed) -> (f(x), ())``: the function as the backend executes it, not differentiated."""
    return adapter.compile(lambda x, seed: (adapter.evaluate(f, x), ()))


def conjugations(mode: Mode, nesting: Nesting) -> tuple[bool, bool, bool]:
    """What to conjugate for a map between the two conventions of complex pullbacks.

    Of a question's fixed part, its seed, and the answer. A cotangent w and what is pulled back
    change; tangents do not, and neither does the direction of a Hessian's product.
    """
    if nesting is Nesting.NONE:
        reverse = mode is Mode.REVERSE
        return False, reverse, reverse
    hessian = mode is not Mode.FORWARD or nesting is not Nesting.FORWARD
    return hessian, False, hessian


def _filled(adapter: Adapter, answer: Native, x: Native) -> Native:
    """An inner gradient with "not connected" leaves as the zeros that they mean."""
    pairs = zip(answer, x, strict=True)
    return tuple(adapter.zeros_like(a) if g is None else g for g, a in pairs)


def _reverse(adapter: Adapter, f: Function) -> Derivative:
    return lambda x, w: adapter.pullback(f, x, w)


def _forward(adapter: Adapter, f: Function) -> Derivative:
    return lambda x, v: adapter.pushforward(f, x, v)


def _gradient(adapter: Adapter, f: Function, w: Native) -> Function:
    return lambda *x: _filled(adapter, adapter.pullback(f, x, w)[1], x)


def _forward_over_reverse(adapter: Adapter, f: Function) -> Derivative:
    def hvp(x: Native, seed: Native) -> tuple[Native, Native]:
        w, v = _split(seed, len(x))
        return adapter.outer_pushforward(_gradient(adapter, f, w), x, v)

    return hvp


def _reverse_over_reverse(adapter: Adapter, f: Function) -> Derivative:
    def hvp(x: Native, seed: Native) -> tuple[Native, Native]:
        w, v = _split(seed, len(x))
        return adapter.outer_pullback(_gradient(adapter, f, w), x, v)

    return hvp


def _reverse_over_forward(adapter: Adapter, f: Function) -> Derivative:
    def hvp(x: Native, seed: Native) -> tuple[Native, Native]:
        w, v = _split(seed, len(x))
        return adapter.outer_pullback(lambda *y: adapter.pushforward(f, y, v)[1], x, w)

    return hvp


def _forward_over_forward(adapter: Adapter, f: Function) -> Derivative:
    def second(x: Native, seed: Native) -> tuple[Native, Native]:
        u, v = _split(seed, len(x))
        return adapter.second_pushforward(f, x, u, v)

    return second


def _split(seed: Native, count: int) -> tuple[Native, Native]:
    """The last ``count`` arrays of a seed are shaped like x; what stands before is the rest."""
    return seed[:-count], seed[-count:]


_MAPS: dict[tuple[Mode, Nesting], Any] = {
    (Mode.REVERSE, Nesting.NONE): _reverse,
    (Mode.FORWARD, Nesting.NONE): _forward,
    (Mode.REVERSE, Nesting.FORWARD): _forward_over_reverse,
    (Mode.REVERSE, Nesting.REVERSE): _reverse_over_reverse,
    (Mode.FORWARD, Nesting.REVERSE): _reverse_over_forward,
    (Mode.FORWARD, Nesting.FORWARD): _forward_over_forward,
}
