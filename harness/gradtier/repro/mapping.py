"""``derivative(x, seed)``: the map that a trial asks for, made of the library's two."""

from __future__ import annotations

from collections.abc import Callable

from gradtier.model import Mode, Nesting
from gradtier.repro.drafts import Written


def maps(made: Written) -> list[str]:
    """``derivative(x, seed)``: the value and the derivative, as the backend takes it."""
    q = made.asked
    pairs: dict[tuple[Mode, Nesting], Callable[[Written], list[str]]] = {
        (Mode.REVERSE, Nesting.NONE): lambda m: [f"return {m.role('pullback')}(f, x, seed)"],
        (Mode.FORWARD, Nesting.NONE): lambda m: [f"return {m.role('pushforward')}(f, x, seed)"],
        (Mode.REVERSE, Nesting.FORWARD): lambda m: _over_gradient(m, "pushforward"),
        (Mode.REVERSE, Nesting.REVERSE): lambda m: _over_gradient(m, "pullback"),
        (Mode.FORWARD, Nesting.REVERSE): _over_tangent,
        (Mode.FORWARD, Nesting.FORWARD): _second,
    }
    lines = pairs[q.mode, q.nesting](made)
    return ["def derivative(x, seed):", *(f"    {line}".rstrip() for line in lines)]


def _outer(made: Written, name: str) -> str:
    return made.role(f"outer_{name}" if made.has(f"outer_{name}") else name)


def _over_gradient(made: Written, outer: str) -> list[str]:
    w = len(made.asked.fixed)
    inner = f"{made.role('pullback')}(f, x, seed[:{w}])[1]"
    if made.has("zeros"):
        inner = f"tuple({made.role('zeros')}(a) if g is None else g for a, g in zip(x, {inner}))"
    return [
        "def gradient(*x):", f"    return {inner}", "",
        f"return {_outer(made, outer)}(gradient, x, seed[{w}:])",
    ]  # fmt: skip


def _over_tangent(made: Written) -> list[str]:
    w = len(made.asked.fixed)
    return [
        "def tangent(*x):", f"    return {made.role('pushforward')}(f, x, seed[{w}:])[1]", "",
        f"return {_outer(made, 'pullback')}(tangent, x, seed[:{w}])",
    ]  # fmt: skip


def _second(made: Written) -> list[str]:
    n = len(made.asked.x)
    if made.has("second_pushforward"):
        return [f"return {made.role('second_pushforward')}(f, x, seed[:{n}], seed[{n}:])"]
    return [
        "def tangent(*x):", f"    return {made.role('pushforward')}(f, x, seed[:{n}])[1]", "",
        f"return {_outer(made, 'pushforward')}(tangent, x, seed[{n}:])",
    ]  # fmt: skip
