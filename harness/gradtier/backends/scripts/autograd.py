"""How a script asks HIPS autograd: text for :mod:`gradtier.repro`, which is never imported."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp  # noqa: F401 - what scripts call it
import numpy as np
from autograd.builtins import tuple as boxed
from autograd.core import make_jvp, make_vjp

from gradtier.backends.autograd_namespace import namespace

absent = ("_is_autograd_primitive",)  # so that primitives are taken as they are
xp = namespace()
convention = "transpose"


def array(a: Any) -> Any:
    return np.array(a)


def numpy(a: Any) -> Any:
    return np.asarray(a)


def joined(arrays: Any) -> Any:
    return arrays[0] if len(arrays) == 1 else boxed(arrays)


def parts(found: Any) -> Any:
    return [found] if hasattr(found, "shape") else [found[i] for i in range(len(found))]


def pullback(f: Any, x: Any, w: Any) -> Any:
    back, y = make_vjp(lambda z: joined(f(*parts(z))), joined(x))
    return parts(y), parts(back(joined(w)))


def pushforward(f: Any, x: Any, v: Any) -> Any:
    y, dy = make_jvp(lambda z: joined(f(*parts(z))), joined(x))(joined(v))
    return parts(y), parts(dy)


class one_input:
    """Where one array goes in, and one comes out."""

    def pullback(f: Any, x: Any, w: Any) -> Any:
        back, y = make_vjp(lambda x: f(x)[0], x[0])
        return [y], [back(w[0])]

    def pushforward(f: Any, x: Any, v: Any) -> Any:
        y, dy = make_jvp(lambda x: f(x)[0], x[0])(v[0])
        return [y], [dy]


def ruled(primal: Any, pushforward: Any, pullback: Any) -> Any:
    from autograd import extend

    f = extend.primitive(lambda *x: primal(*x))

    def pulled(argnums: Any, y: Any, x: Any, _: Any) -> Any:
        def back(dy: Any) -> Any:
            dx = pullback(x, dy)
            return tuple(dx[i] for i in argnums)

        return back

    def pushed(argnums: Any, tangents: Any, y: Any, x: Any, _: Any) -> Any:
        dx = dict(zip(argnums, tangents))
        zeros = [extend.vspace(t).zeros() for t in x]
        return pushforward(x, tuple(dx.get(i, z) for i, z in enumerate(zeros)))

    extend.defvjp_argnums(f, pulled)
    extend.defjvp_argnums(f, pushed)
    return f
