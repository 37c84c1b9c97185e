"""What every script is made with: finite differences with an error bar, and the words at its end.

Each function is taken as text, with what it reaches, so that it knows NumPy alone.  The names
``pullback``, ``pushforward`` and their like are those of the adapter's own script.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

EPS = 2.0**-53

Arrays = Sequence[Any]


def quiet(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` on NumPy: what it says at the edges of its domain is not the matter here."""

    def called(*x: Any) -> list[Any]:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [np.asarray(a, np.result_type(a, float)) for a in f(*x)]

    return called


def extrapolated(values: Any, h: Any, noise: Any) -> tuple[Any, Any]:
    """The best entry of Richardson's table of central differences, and its error bar.

    Args:
        values: a row for each step, a column for each slope.
        h: the steps, each half of the one before.
        noise: like values, what rounding may do to them.
    """
    best, error, column = values[-1], np.full(values.shape[1], np.inf), values
    for k in (1, 2, 3):
        finer = column[1:] + (column[1:] - column[:-1]) / (4.0**k - 1.0)
        change = np.maximum(abs(finer - column[:-1]), abs(finer - column[1:]))
        bar = np.where(np.isfinite(change), change, np.inf)
        # no row alone can be lucky
        bar[1:] = np.maximum(bar[1:], bar[:-1] / 4.0**k)
        bar[:-1] = np.maximum(bar[:-1], np.where(np.isfinite(bar[1:]), bar[1:], 0.0) / 2.0)
        bar = bar + noise[k:]
        row = bar.argmin(axis=0)
        every = np.arange(bar.shape[1])
        better = bar[row, every] < error
        best = np.where(better, finer[row, every], best)
        error = np.where(better, bar[row, every], error)
        column = finer
    return best, error


def slope(phi: Callable[..., Any]) -> tuple[Any, Any]:
    """D phi/dt at 0 by central differences, with an error bar; at a kink it spans both sides."""
    h = 2.0 ** -np.arange(4.0, 25.0)
    with np.errstate(all="ignore"):
        here = phi(0.0)
        right, left = (np.array([phi(s * t) for t in h]) for s in (1.0, -1.0))
        size = abs(here) + abs(right).max(axis=0)
        value, bar = extrapolated(
            ((right - left).T / (2 * h)).T, h, np.outer(1 / h, 4 * EPS * size)
        )
        bend = (abs(right + left - 2 * here).T / h).T
        still = (bend[-1] > 0.5 * bend[-9]) & (bend[-1] > 64 * EPS * size / h[-1])
        jump = abs(right - left)[-1] > 0.9 * abs(right - left)[-9]
        jump &= abs(right - left)[-1] > 1e4 * EPS * size
        # the middle of a kink, from one side's slope to the other's
        bar = np.where(still, np.maximum(bar, 1.02 * bend[-1] / 16), bar)
        return value, np.where(jump | ~np.isfinite(bar), np.inf, bar)


def mixed(phi: Callable[..., Any]) -> tuple[Any, Any]:
    """d2 phi/(ds dt) at 0, 0 by central differences, with an error bar."""
    h = 2.0 ** -np.arange(3.0, 16.0)
    with np.errstate(all="ignore"):
        found = np.array(
            [
                (phi(t, t) - phi(t, -t) - phi(-t, t) + phi(-t, -t)) / (4 * t * t)
                for t in h
            ]
        )  # fmt: skip
        size = abs(phi(0.0, 0.0)) + abs(phi(h[0], h[0]))
        return extrapolated(found, h, np.outer(1 / h**2, 4 * EPS * size))


def flat(arrays: Arrays) -> Any:
    """All elements in a row."""
    return np.concatenate([np.ravel(a) for a in arrays] or [np.zeros(0)])


def weighted(y: Arrays, w: Arrays) -> Any:
    """Re <w, y>, as an array of one."""
    return np.array([sum(np.sum(np.conj(b) * a).real for a, b in zip(y, w))])


def steps(x: Arrays) -> list[tuple[int, int, Any]]:
    """Leaf, index and step for each number in x; a step has the size of its element."""
    return [
        (i, k, 2.0 ** np.floor(np.log2(abs(e))) if e else 1.0)
        for i, a in enumerate(x)
        for k, e in enumerate(np.ravel(a))
    ]


def beside(x: Arrays, i: int, k: int, t: Any) -> list[Any]:
    """X with one element moved by t."""
    moved = [np.array(a) for a in x]
    if np.iscomplexobj(t) and not np.iscomplexobj(x[i]):
        return moved
    moved[i].flat[k] += t
    return moved


def along(x: Arrays, t: float, v: Arrays) -> list[Any]:
    """X + t v."""
    return [a + t * b for a, b in zip(x, v)]


def each(x: Arrays, differences: Callable[..., Any]) -> tuple[Any, Any]:
    """Differences in every element of x, and their error bars."""
    found = [
        (s, *differences(lambda t: beside(x, i, k, t * s)))  # noqa: B023
        for i, k, s in steps(x)
    ]
    value, bar = ([one[n][0] / one[0] for one in found] for n in (1, 2))
    return np.array(value), np.array(bar)


def both(x: Arrays, differences: Callable[..., Any]) -> tuple[Any, Any]:
    """The same for complex elements, df/d(Re x) + i df/d(Im x); real ones have no second part."""
    real, bar = each(x, differences)
    turned, wide = each(x, lambda at: differences(lambda t: at(1j * t)))
    mask = flat([np.full(np.shape(a), 1.0 * np.iscomplexobj(a)) for a in x])
    return real + 1j * mask * turned, np.maximum(bar, mask * wide)


def vjp_by_differences(f: Callable[..., Any], x: Arrays, w: Arrays) -> tuple[Any, Any]:
    """The gradient of Re <w, f> in every element of x, and an error bar for each."""
    return each(x, lambda at: slope(lambda t: weighted(f(*at(t)), w)))


def hvp_by_differences(f: Callable[..., Any], x: Arrays, w: Arrays, v: Arrays) -> tuple[Any, Any]:
    """The same gradient's derivative along v."""
    return each(x, lambda at: mixed(lambda s, t: weighted(f(*along(at(t), s, v)), w)))


def complex_vjp_by_differences(f: Callable[..., Any], x: Arrays, w: Arrays) -> tuple[Any, Any]:
    """The gradient of Re <w, f>, df/d(Re x) + i df/d(Im x), and an error bar for each element."""
    return both(x, lambda at: slope(lambda t: weighted(f(*at(t)), w)))


def complex_hvp_by_differences(
    f: Callable[..., Any], x: Arrays, w: Arrays, v: Arrays
) -> tuple[Any, Any]:
    """The same gradient's derivative along v."""
    return both(x, lambda at: mixed(lambda s, t: weighted(f(*along(at(t), s, v)), w)))


def jvp_by_differences(f: Callable[..., Any], x: Arrays, v: Arrays) -> tuple[Any, Any]:
    """The derivative of every element of f along v, and an error bar for each."""
    return slope(lambda t: flat(f(*along(x, t, v))))


def second_by_differences(
    f: Callable[..., Any], x: Arrays, u: Arrays, v: Arrays
) -> tuple[Any, Any]:
    """The second derivative of every element of f along u and v."""
    return mixed(lambda s, t: flat(f(*along(along(x, s, u), t, v))))


def filled(answer: Arrays, like: Arrays, numpy: Callable[[Any], Any]) -> list[Any]:
    """A derivative as NumPy's arrays; None, not connected, is zero."""
    pairs = zip(answer, like)
    return [np.zeros(np.shape(b)) if a is None else numpy(a) for a, b in pairs]


def compare(got: Arrays, like: Arrays, told: Any, slack: float) -> list[str]:
    """What finite differences say against a derivative, the worst element first."""
    shapes = [np.shape(a) for a in got], [np.shape(a) for a in like]
    if shapes[0] != shapes[1]:
        return [f"its shapes are {shapes[0]}, not {shapes[1]}"]
    value, bar = told
    flatly = flat(got)
    names = [f"[{i}].flat[{k}]" for i, a in enumerate(like) for k in range(np.size(a))]
    with np.errstate(all="ignore"):
        gap = abs(flatly - value)
        size = np.max(abs(value[np.isfinite(value)]), initial=0.0)
        sharp = (8 * bar < 0.1 * np.fmax(gap, size)) | ~np.isfinite(flatly)
        known = sharp & np.isfinite(bar) & np.isfinite(value) & ~(gap <= 8 * bar + slack * size)
        rank = np.where(np.isfinite(gap), gap, np.inf)
    return [
        f"{names[i]} is {flatly[i]:.12g}, by finite differences {value[i]:.12g} +- {8 * bar[i]:.1g}"
        for i in sorted(np.flatnonzero(known), key=lambda i: -rank[i])
    ]


def together(f: Callable[..., Any], x: Arrays, w: Arrays, got: Arrays, slack: float) -> list[str]:
    """What differences along directions say: at a kink, elements are right or wrong together."""
    found, sign = [], np.random.default_rng(0)
    for n in range(4):
        v = [2.0 ** np.floor(np.log2(np.abs(a) + (a == 0))) for a in x]
        v = [b * sign.choice([-1.0, 1.0], np.shape(b)) for b in v] if n else v
        value, bar = slope(lambda t: weighted(f(*along(x, t, v)), w))  # noqa: B023
        told = sum(np.sum(a * b) for a, b in zip(got, v))
        if not abs(told - value[0]) <= 8 * bar[0] + slack * abs(value[0]):
            found.append(f"along {v[0].tolist()} it is {told:.9g}, by differences {value[0]:.9g}")
    return found


def against(got: Arrays, leaf: int, index: int, reference: Any, allowed: float) -> list[str]:
    """What the recorded reference value says of one element."""
    found = got[leaf].reshape(-1)[index] if index < np.size(got[leaf]) else np.nan
    if abs(found - reference) <= allowed:
        return []
    about = f" +- {allowed:.1g}" if allowed < 1e299 else ""
    return [f"[{leaf}].flat[{index}] is {found:.12g}, the reference {reference:.12g}{about}"]


def unlike(value: Arrays, plain: Callable[..., Any], x: Arrays) -> list[str]:
    """Whether the value beside a derivative is another than the plain call's, beyond rounding."""
    here = plain(x)
    eps = max(np.finfo(a.dtype).eps / 2 for a in here if a.dtype.kind in "fc")
    nearby = [plain([a * (1 + s * eps) for a in x]) for s in (-2, 2, 4)]
    found = []
    for i, (a, b) in enumerate(zip(value, here)):
        noise = max(np.max(abs(m[i] - b), initial=0.0) for m in nearby)
        gap = np.max(abs(a - b) - 8 * np.maximum(noise, 8 * eps * abs(b)), initial=0.0)
        if not gap <= 0:
            found.append(f"the value of output {i} differs by {np.max(abs(a - b))}")
    return found


def ended(what: str, found: Sequence[str]) -> None:
    """Say what was found and leave: 1 while the fault is there, 0 when it is not."""
    shown = [*found[:5], f"... and {len(found) - 5} more"] if len(found) > 6 else found
    print("\n".join([what, *(f"  {line}" for line in shown or ["agrees"])]))
    sys.exit(1 if found else 0)


def versions(*names: str) -> str:
    """What is installed of these distributions."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
