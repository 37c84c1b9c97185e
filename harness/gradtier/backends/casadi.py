"""CasADi: ``casadi.jtimes`` in both directions, over scalar expressions (``casadi.SX``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier import trees
from gradtier.backends.base import Adapter, Function, Native, Unsupported


class CasADi(Adapter):
    """Symbolic derivatives of scalar expressions, run by CasADi's virtual machine; CPU only.

    A native array holds numbers as constants; :meth:`compile` calls a function once on symbols of
    the same shapes and makes a ``casadi.Function`` of what it returns.  An input that is not
    connected has a zero derivative: CasADi does not tell the two apart.
    """

    distributions: ClassVar = ("casadi", "numpy")
    stem: ClassVar = "gradtier.backends.casadi"
    modules: ClassVar = ("casadi",)
    environment: ClassVar = {"OMP_NUM_THREADS": "1"}
    refusals: ClassVar = (r"Cannot compute the truth value of a CasADi SXElem symbolic expression",)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import casadi

        from gradtier.backends import casadi_array
        from gradtier.backends.casadi_namespace import namespace

        self._casadi: Any = casadi
        self._arrays, self._namespace = casadi_array, namespace()

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device != "cpu":
            raise Unsupported(f"CasADi has no device '{device}'")
        return self._arrays.constant(array)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        values: NDArray[Any] = array.values()
        return values

    def placement(self, array: Any) -> tuple[str, str]:
        return "cpu", str(array.dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        return self._product(f, x, v, adjoint=False)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        return self._product(f, x, w, adjoint=True)

    def _product(
        self, f: Function, x: Native, seed: Native, adjoint: bool
    ) -> tuple[Native, Native]:
        """The value and the Jacobian's product with a seed, from the right or from the left."""
        pure = all(a.column.is_valid_input() for a in x)
        free = x if pure else tuple(self._symbols(a.shape, a.dtype) for a in x)
        y = f(*map(self._copy, free))
        varying = tuple(t for t in y if _varies(t))
        if adjoint:
            seed = tuple(c for t, c in zip(y, seed, strict=True) if _varies(t))
        columns = (self._arrays.joined([a.column for a in t]) for t in (varying, free, seed))
        found = self._split(self._casadi.jtimes(*columns, adjoint), free if adjoint else varying)
        if not adjoint:
            tangents = iter(found)
            found = tuple(next(tangents) if _varies(t) else self.zeros_like(t) for t in y)
        return (y, found) if pure else (self._at(y, free, x), self._at(found, free, x))

    def _copy(self, array: Any) -> Any:
        # an element may be set in place, as of a CasADi matrix
        return self._arrays.Array(array.column, array.shape, array.dtype)

    def _symbols(self, shape: tuple[int, ...], dtype: Any) -> Any:
        column = self._casadi.SX.sym("x", math.prod(shape), 1)
        return self._arrays.Array(column, shape, dtype)

    def _split(self, column: Any, like: Native) -> Native:
        ends = np.cumsum([0, *(a.size for a in like)]).tolist()
        parts = zip(like, ends[:-1], ends[1:], strict=True)
        return tuple(self._arrays.computed(column[i:j, 0], a.shape, a.dtype) for a, i, j in parts)

    def _at(self, arrays: Native, symbols: Native, x: Native) -> Native:
        """Expressions of the symbols at a point that is itself an expression or a number."""
        columns = [[a.column for a in t] for t in (arrays, symbols, x)]
        found = self._casadi.substitute(*columns)
        return tuple(
            self._arrays.Array(c, a.shape, a.dtype) for c, a in zip(found, arrays, strict=True)
        )

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        kept: dict[Any, Any] = {}

        def run(*args: Any) -> Any:
            given = trees.leaves(args)
            signature = tuple((a.shape, a.dtype) for a in given)
            if signature not in kept:
                kept[signature] = self._built(f, args, signature)
            compiled, structure = kept[signature]
            values = iter(compiled.call([self._casadi.DM(a.values().ravel()) for a in given]))
            return trees.mapped(lambda a: self._number(next(values), a), structure)

        return run

    def _built(self, f: Callable[..., Any], args: Any, signature: Any) -> tuple[Any, Any]:
        """The ``casadi.Function`` of ``f`` at symbolic arguments, and the tree that it returns."""
        inputs = [self._symbols(shape, dtype) for shape, dtype in signature]
        structure = f(*trees.replace(args, map(self._copy, inputs)))
        columns = ([a.column for a in t] for t in (inputs, trees.leaves(structure)))
        return self._casadi.Function("f", *columns), structure

    def _number(self, found: Any, like: Any) -> Any:
        values = found.full().reshape(like.shape).astype(like.dtype)
        return self._arrays.constant(values)

    def settings(self) -> dict[str, str]:
        return {"expressions": "SX", "execution": "virtual machine"}


def _varies(array: Any) -> bool:
    return bool(array.dtype.kind == "f")  # not whole numbers and truth values
