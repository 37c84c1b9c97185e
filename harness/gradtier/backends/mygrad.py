"""MyGrad: ``Tensor.backward`` over tensors that record the NumPy operations done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import Adapter, Function, Native, Rule, Unsupported


class MyGrad(Adapter):
    """Reverse mode, first order, CPU: gradients are NumPy arrays, which carry no graph."""

    distributions: ClassVar = ("mygrad", "numpy")
    stem: ClassVar = "gradtier.backends.mygrad"
    modules: ClassVar = ("mygrad",)
    environment: ClassVar = {"OMP_NUM_THREADS": "1"}
    refusals: ClassVar = (
        r"cannot involve non-constant mygrad tensors",
        r"no implementation found for 'numpy\.[\w.]+' on types .*mygrad",
        r"(?s)all returned NotImplemented from __array_ufunc__\(.*'Tensor'",
        r"bad operand type for (abs\(\)|unary ~): 'Tensor'",
        r"unsupported operand type\(s\) for (%|<<|>>|&|\||\^): .*'Tensor'",
        r"^AttributeError: 'Tensor' object has no attribute",
        r"Tensor data must be of an floating type, .* received <class 'numpy\.complex",
        r"Stride and kernel dimensions are incompatible",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import mygrad

        from gradtier.backends.mygrad_namespace import namespace

        self._mg, self._namespace = mygrad, namespace()

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device != "cpu":
            raise Unsupported(f"MyGrad has no device '{device}'")
        if array.dtype.kind == "c":
            raise Unsupported("MyGrad has no complex numbers")
        return self._mg.tensor(np.array(array), constant=True)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(self._values(array))

    def placement(self, array: Any) -> tuple[str, str]:
        return "cpu", str(self._values(array).dtype)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        raise Unsupported("MyGrad has no forward mode")

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        if any(isinstance(a, self._mg.Tensor) and not a.constant for a in x):
            raise Unsupported("MyGrad does not differentiate its own gradients")
        leaves = tuple(self._mg.tensor(self._values(a)) for a in x)
        y = f(*leaves)
        # MyGrad forgets the graph after one pass, so there is one pass for all the outputs.
        terms = [
            self._mg.sum(a * self._values(c))
            for a, c in zip(y, w, strict=True)
            if self._is_tracked(a)
        ]
        if terms:
            self._mg.add_sequence(*terms).backward() if len(terms) > 1 else terms[0].backward()
        return tuple(map(self._array, y)), tuple(
            None if a.grad is None else self._array(a.grad) for a in leaves
        )

    def outer_pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        raise Unsupported("MyGrad does not differentiate its own gradients")

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        mg, values, array = self._mg, self._values, self._array

        class Operation(mg.operation_base.Operation):  # type: ignore[misc, name-defined]
            """MyGrad's own way to a new primitive: NumPy arrays in and out."""

            def __call__(self, *x: Any) -> Any:
                self.variables = x
                with mg.no_autodiff:
                    return values(rule.primal(*map(array, x)))

            def backward_var(self, grad: Any, index: int, **_: Any) -> Any:
                with mg.no_autodiff:
                    dx = rule.pullback(tuple(map(array, self.variables)), array(grad))
                    return values(dx[index])

        return lambda *x: mg.execute_op(Operation, *x)

    def _is_tracked(self, output: Any) -> bool:
        return isinstance(output, self._mg.Tensor) and not output.constant

    def _values(self, array: Any) -> NDArray[Any]:
        return np.asarray(array.data if isinstance(array, self._mg.Tensor) else array)

    def _array(self, array: Any) -> Any:
        """The values as a tensor of its own, out of every graph."""
        return self._mg.tensor(np.array(self._values(array)), constant=True)
