"""Real AD systems in this process, asked the way the oracle asks: NumPy in, NumPy out.

The engine gives each backend a process of its own.  A benchmark that counts and times evaluations
wants no pipes in between, so here the same adapters are called directly; the packages were seen to
live together in one process.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import scipy.special

from gradtier.backends.base import Adapter
from gradtier.cases import Case
from gradtier.derivatives import conjugations, derivative
from gradtier.host import adapter_class
from gradtier.inputs import in_precision
from gradtier.model import Mode, Nesting
from gradtier.oracle import BatchedPrimal, Leaves, Map, Query, batched

Kind = Literal["vjp", "jvp", "hvp"]
KINDS: tuple[Kind, ...] = ("vjp", "jvp", "hvp")


class Namespace:
    """An array namespace with the special functions of the same library as ``special``."""

    def __init__(self, base: Any, special: Any) -> None:
        self._base, self.special = base, special

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


@dataclass(frozen=True)
class Question:
    """One derivative map of one function of the corpus at one point.

    Attributes:
        case: the function with the declaration of its inputs.
        seed: number of the draw; inputs, directions and cotangents depend on it.
        kind: "vjp", "jvp" or "hvp" (the Hessian of <w, f> times a direction).
    """

    case: Case
    seed: int
    kind: Kind

    @property
    def name(self) -> str:
        """From which the oracle draws everything random."""
        return f"{self.case.id}#{self.seed}:{self.kind}"

    def leaves(self) -> tuple[Leaves, Leaves]:
        """The differentiable and the constant inputs, float64 (float32-representable)."""
        drawn = [
            (spec.constant, spec.draw(f"{self.case.id}#{self.seed}:{path}"))
            for path, spec in self.case.specs()
        ]
        return tuple(a for c, a in drawn if not c), tuple(a for c, a in drawn if c)

    def primal(self) -> Callable[[Leaves], Leaves]:
        """The function on NumPy in float64 (complex128), as finite differences call it."""
        _, constants = self.leaves()
        flat = self.case.bind(Namespace(np, scipy.special), constants)
        return lambda x: tuple(np.asarray(a) for a in flat(*x))

    def fixed(self) -> Leaves:
        """The cotangent w of an HVP; empty for first-order maps."""
        if self.kind != "hvp":
            return ()
        rng = np.random.default_rng(abs(hash_of(self.name)))

        def drawn(shape: tuple[int, ...]) -> Any:
            return np.asarray(
                rng.choice([-1.0, 1.0], shape) * rng.integers(128, 385, shape) / 256.0
            )

        return tuple(
            drawn(y.shape) + 1j * drawn(y.shape) if np.iscomplexobj(y) else drawn(y.shape)
            for y in self.primal()(self.leaves()[0])
        )

    @property
    def modes(self) -> tuple[Mode, Nesting]:
        """Inner mode and outer mode of the map."""
        mode = Mode.FORWARD if self.kind == "jvp" else Mode.REVERSE
        return mode, Nesting.FORWARD if self.kind == "hvp" else Nesting.NONE


def hash_of(text: str) -> int:
    """A number that depends on the text alone, in every process."""
    return zlib.crc32(text.encode())


class System:
    """One AD system: an adapter in this process.

    Args:
        name: how results call it.
        adapter: ``module:Class`` of the adapter.
        special: its special functions, as a module.
        options: the adapter's arguments.
    """

    def __init__(self, name: str, adapter: str, special: Any, **options: Any) -> None:
        self.name = name
        self.adapter: Adapter = adapter_class(adapter)(**options)
        self._xp = Namespace(self.adapter.namespace, special)
        self._built = lru_cache(maxsize=64)(self._build)

    def map(self, question: Question, dtype: str = "float64") -> Map:
        """Its derivative map for a question, in a precision, batched as the oracle wants it."""
        run = self._built(question, dtype)
        turned = (False, False, False)
        if self.adapter.complex_convention == "transpose":
            turned = conjugations(*question.modes)
        fixed = _conjugated(question.fixed(), turned[0])

        def answer(queries: Sequence[Query]) -> list[tuple[Any, ...]]:
            told = []
            for x, seed in queries:
                whole = (*fixed, *_conjugated(seed, turned[1]))
                _, result = run(self._native(x, dtype), self._native(whole, dtype))
                told.append(_conjugated(self._numbers(result), turned[2]))
            return told

        return answer

    def gradient(self, question: Question) -> BatchedPrimal:
        """The gradient of <w, f> as a function of the point: what HVPs are differenced from."""
        first = Question(question.case, question.seed, "vjp")
        pull, fixed = self.map(first), question.fixed()

        def at(x: Leaves) -> Leaves:
            (told,) = pull([(x, fixed)])
            return tuple(np.zeros_like(a) if g is None else g for g, a in zip(told, x, strict=True))

        return batched(at)

    def _build(self, question: Question, dtype: str) -> Any:
        _, constants = question.leaves()
        function = question.case.bind(self._xp, self._native(constants, dtype))
        return derivative(self.adapter, function, *question.modes)

    def _native(self, leaves: Leaves, dtype: str) -> tuple[Any, ...]:
        return tuple(self.adapter.from_numpy(in_precision(a, dtype), "cpu") for a in leaves)

    def _numbers(self, answer: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(None if a is None else np.asarray(self.adapter.to_numpy(a)) for a in answer)


def _conjugated(leaves: tuple[Any, ...], really: bool) -> tuple[Any, ...]:
    return tuple(None if a is None else np.conj(a) for a in leaves) if really else leaves


def systems() -> dict[str, System]:
    """The systems of the benchmark: three packages that share no differentiation code."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    torch = System("torch", "gradtier.backends.torch:TorchFunc", _torch_special())
    jax = System("jax", "gradtier.backends.jax:Jax", _jax_special(), jit=True)
    autograd = System("autograd", "gradtier.backends.autograd:Autograd", _autograd_special())
    return {system.name: system for system in (torch, jax, autograd)}


def _torch_special() -> Any:
    import torch.special

    return torch.special


def _jax_special() -> Any:
    import jax.scipy.special

    return jax.scipy.special


def _autograd_special() -> Any:
    import autograd.scipy.special

    return autograd.scipy.special
