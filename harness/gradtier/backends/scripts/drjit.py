"""How a script asks Dr.Jit: text for :mod:`gradtier.repro`, which is read and never imported."""

from __future__ import annotations

from typing import Any

import drjit as dr
import drjit.llvm.ad
import numpy as np

from gradtier.backends.drjit_namespace import Arrays, namespace

dr.set_thread_count(1)

arrays = Arrays(drjit.llvm.ad)
xp = namespace(arrays)


def array(a: Any) -> Any:
    a = np.array(a, order="C")
    if a.dtype.kind == "c":
        raise NotImplementedError("there are no tensors of complex numbers")
    arrays.use(drjit.llvm.ad, a.dtype)
    return arrays.kind(a.dtype)(a)


def numpy(a: Any) -> Any:
    return np.array(dr.detach(a).numpy())


def gradient(a: Any) -> Any:
    return dr.grad(a) if dr.grad_enabled(a) else dr.zeros(type(a), a.shape)


def variables(x: Any) -> Any:
    if any(map(dr.grad_enabled, x)):
        raise NotImplementedError("there are no derivatives of derivatives")
    x = [dr.detach(a) for a in x]
    for a in x:
        dr.enable_grad(a)
    return x


def pushforward(f: Any, x: Any, v: Any) -> Any:
    x = variables(x)
    y = f(*x)
    for a, tangent in zip(x, v):
        dr.set_grad(a, tangent)
        dr.enqueue(dr.ADMode.Forward, a)
    dr.traverse(dr.ADMode.Forward, dr.ADFlag.ClearNone)
    return y, [gradient(a) for a in y]


def pullback(f: Any, x: Any, w: Any) -> Any:
    x = variables(x)
    y = f(*x)
    for a, cotangent in zip(y, w):
        if dr.grad_enabled(a):
            dr.accum_grad(a, cotangent)
            dr.enqueue(dr.ADMode.Backward, a)
    dr.traverse(dr.ADMode.Backward, dr.ADFlag.ClearNone)
    return y, [gradient(a) for a in x]


def settled(y: Any, got: Any) -> None:
    dr.eval([dr.detach(a) for a in y], got)  # as one kernel


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    class Stated(dr.CustomOp):  # type: ignore[misc, unused-ignore]
        def eval(self, x: Any) -> Any:
            self.x = x
            return primal(*x)

        def forward(self) -> None:
            self.set_grad_out(pushforward(self.x, self.grad_in("x")))

        def backward(self) -> None:
            self.set_grad_in("x", pullback(self.x, self.grad_out()))

    return lambda *x: dr.custom(Stated, x)
