"""How a script asks MyGrad: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

from typing import Any

import mygrad as mg
import numpy as np

from gradtier.backends.mygrad_namespace import namespace

xp = namespace()


def array(a: Any) -> Any:
    return mg.tensor(np.array(a), constant=True)


def numpy(a: Any) -> Any:
    return np.asarray(a.data if isinstance(a, mg.Tensor) else a)


def pullback(f: Any, x: Any, w: Any) -> Any:
    x = [mg.tensor(a.data) for a in x]
    y = f(*x)
    terms = [
        mg.sum(a * c.data) for a, c in zip(y, w) if isinstance(a, mg.Tensor) and not a.constant
    ]
    if len(terms) > 1:
        mg.add_sequence(*terms).backward()
    elif terms:
        terms[0].backward()
    return y, [a.grad for a in x]


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    class Operation(mg.operation_base.Operation):  # type: ignore[misc]
        def __call__(self, *x: Any) -> Any:
            self.variables = x
            with mg.no_autodiff:
                return numpy(primal(*[array(a.data) for a in x]))

        def backward_var(self, grad: Any, index: int, **_: Any) -> Any:
            with mg.no_autodiff:
                dx = pullback(tuple(array(a.data) for a in self.variables), array(grad))
                return numpy(dx[index])

    return lambda *x: mg.execute_op(Operation, *x)
