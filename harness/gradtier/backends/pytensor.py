"""PyTensor: ``pullback``, ``pushforward`` and ``grad`` of ``pytensor.gradient``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier import trees
from gradtier.backends.base import Adapter, Function, Native, Rule, Unsupported


class PyTensor(Adapter):
    """Symbolic derivatives, each run as one ``pytensor.function``; CPU only.

    A native array is a constant of PyTensor; :meth:`compile` calls a function once on symbolic
    inputs of the same static shapes and dtypes, and compiles the graph that it returns.  PyTensor's
    Python linker runs it: the default, Numba, compiles for seconds or minutes.

    Args:
        scalar: pull back by ``grad`` of the scalar product with the cotangents, in place of
            ``pullback``.
    """

    distributions: ClassVar = ("pytensor", "numpy", "scipy")
    stem: ClassVar = "gradtier.backends.pytensor"
    modules: ClassVar = ("pytensor",)
    environment: ClassVar = {
        "OMP_NUM_THREADS": "1",
        # The Python linker needs no compiler, and the import is faster without looking for one.
        "PYTENSOR_FLAGS": "floatX=float64,linker=py,optimizer=merge,cxx=",
    }
    refusals: ClassVar = (
        r"TensorVariables? cannot be converted to Python (boolean|integer|float)",
        r"TensorVariable does not support item assignment",
        r"^NullTypeGradError: .* is not implemented",
        r"^TypeError: complex argument not supported$",
        r"^AssertionError: Gradient of qr not implemented for",
        r"^MethodNotDefined: \('pullback'",
    )

    def __init__(self, scalar: bool = False, **options: Any) -> None:
        super().__init__(**options)
        if cache := os.environ.get("GRADTIER_CACHE"):
            flags = os.environ.get("PYTENSOR_FLAGS", "")
            place = os.path.join(cache, "pytensor")
            os.environ["PYTENSOR_FLAGS"] = f"{flags},base_compiledir={place}".lstrip(",")
        import pytensor
        import pytensor.gradient
        import pytensor.tensor

        from gradtier.backends.pytensor_array import Array
        from gradtier.backends.pytensor_namespace import namespace

        self._pt: Any = pytensor
        # Of the default rewrites, some make sums of many terms that the Python linker can't run.
        self._mode = pytensor.compile.mode.Mode("py", "merge")
        self._scalar, self._array = scalar, Array
        self._namespace = namespace()

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device != "cpu":
            raise Unsupported(f"PyTensor has no device '{device}'")
        return self._array(self._pt.tensor.constant(np.array(array)))

    def to_numpy(self, array: Any) -> NDArray[Any]:
        if isinstance(array.variable, self._pt.tensor.TensorConstant):
            return np.array(array.variable.data)
        return np.array(array.variable.eval(mode=self._mode))

    def placement(self, array: Any) -> tuple[str, str]:
        return "cpu", str(array.dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        y = f(*x)
        outputs = [t for t in y if self._varies(t)]
        tangents = self._pt.gradient.pushforward(
            [t.variable for t in outputs],
            [t.variable for t in x],
            [t.variable for t in v],
            disconnected_outputs="ignore",
            return_disconnected="zero",
        )
        found = iter(map(self._array, tangents))
        return y, tuple(next(found) if self._varies(t) else self.zeros_like(t) for t in y)

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        y, gradient = f(*x), self._pt.gradient
        pairs = [(t.variable, c.variable) for t, c in zip(y, w, strict=True) if self._varies(t)]
        wrt = [t.variable for t in x]
        options = {"disconnected_inputs": "ignore", "return_disconnected": "none"}
        if self._scalar and pairs:
            cost = sum(self._pt.tensor.sum(t * c) for t, c in pairs)
            found = gradient.grad(cost, wrt, **options)
        else:
            found = gradient.pullback([t for t, _ in pairs], wrt, [c for _, c in pairs], **options)
        return y, tuple(None if g is None else self._array(g) for g in found)

    def _varies(self, array: Any) -> bool:
        if array.dtype.kind == "c":
            raise Unsupported("PyTensor differentiates real numbers only")
        return bool(array.dtype.kind == "f")  # it takes no cotangent for whole numbers

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        wrap = self._array

        def pushed(inputs: Any, tangents: Any) -> list[Any]:
            return [rule.pushforward(tuple(map(wrap, inputs)), tuple(map(wrap, tangents))).variable]

        def pulled(inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
            found = rule.pullback(tuple(map(wrap, inputs)), wrap(cotangents[0]))
            return [g.variable for g in found]

        def function(*x: Any) -> Any:
            inputs = [t.variable.type() for t in x]
            output = rule.primal(*map(wrap, inputs)).variable
            op = self._pt.compile.builders.OpFromGraph(
                inputs, [output], pullback=pulled, pushforward=pushed
            )
            return wrap(op(*(t.variable for t in x)))

        return function

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        kept: dict[Any, Any] = {}

        def run(*args: Any) -> Any:
            given = [a.variable for a in trees.leaves(args)]
            signature = tuple(a.type for a in given)
            if signature not in kept:
                kept[signature] = self._built(f, args, signature)
            compiled, structure = kept[signature]
            values = iter(compiled(*(a.data for a in given)))
            return trees.mapped(
                lambda a: None if a is None else self.from_numpy(np.asarray(next(values)), "cpu"),
                structure,
            )

        return run

    def _built(self, f: Callable[..., Any], args: Any, types: tuple[Any, ...]) -> tuple[Any, Any]:
        """The compiled graph of ``f`` at symbolic arguments, and the tree that it returns."""
        inputs = [kind() for kind in types]
        structure = f(*trees.replace(args, iter(map(self._array, inputs))))
        outputs = [a.variable for a in trees.leaves(structure) if a is not None]
        compiled = self._pt.function(inputs, outputs, mode=self._mode, on_unused_input="ignore")
        return compiled, structure

    def settings(self) -> dict[str, str]:
        return {"rewrites": "merge", "linker": "py", "floatX": self._pt.config.floatX}
