"""Every operator on one backend against closed forms; run as a script, one process a library.

Prints one JSON object: check -> why it failed, empty where it held, "unsupported" where the backend
does not offer it, and what ``support`` says of it.
"""

from __future__ import annotations

import json
import sys
import traceback
import warnings

import numpy as np

from gradtier import operators as op

ORDERS = (
    *("forward-over-reverse", "reverse-over-reverse"),
    *("reverse-over-forward", "forward-over-forward"),
)
RNG = np.random.default_rng(5)
A, B = RNG.standard_normal((2, 3)), RNG.standard_normal(3)
TA, TB = RNG.standard_normal((2, 3)), RNG.standard_normal(3)
WS, WT = np.asarray(0.7), RNG.standard_normal((2, 3))
BATCH = RNG.standard_normal((4, 3))
S, K = np.sin(A), np.cos(A)


def grown(xp):
    """Two results of a dict of arrays and a context."""
    return lambda x, k: {"s": k * xp.sum(x["a"] * x["a"]), "t": [xp.sin(x["a"]) * x["b"]]}


def height(xp):
    """One real number, of both arrays."""
    return lambda x: xp.sum(xp.sin(x["a"]) * x["b"]) + xp.sum(x["a"] * x["a"] * x["a"])


def gradient_of_height(a=A, b=B):
    return {"a": np.cos(a) * b + 3 * a * a, "b": np.sin(a).sum(0)}


def product_with_hessian(a=A, b=B, u=TA, v=TB):
    return {"a": (6 * a - np.sin(a) * b) * u + np.cos(a) * v, "b": (np.cos(a) * u).sum(0)}


def tangent_of_grown(k=2.0):
    return {"s": k * 2 * np.sum(A * TA), "t": [K * B * TA + S * TB]}


class Bench:
    """A backend with conversions and what the checks compare with."""

    def __init__(self, name, options):
        self.backend = op.backend(name, **options)
        self.xp = self.backend.namespace

    def native(self, tree):
        if isinstance(tree, dict):
            return {k: self.native(v) for k, v in tree.items()}
        if isinstance(tree, list):
            return [self.native(v) for v in tree]
        return None if tree is None else self.backend.from_numpy(np.asarray(tree, float), "cpu")

    def close(self, found, wanted, path=""):
        if isinstance(wanted, dict | list | tuple):
            assert type(found) is type(wanted), f"{path}: {type(found)}"
            assert len(found) == len(wanted), f"{path}: {len(found)} parts"
            for key in wanted if isinstance(wanted, dict) else range(len(wanted)):
                self.close(found[key], wanted[key], f"{path}.{key}")
        elif wanted is None:
            assert found is None, f"{path}: not None"
        else:
            got = self.backend.to_numpy(found)
            assert got.shape == np.shape(wanted), f"{path}: shape {got.shape}"
            np.testing.assert_allclose(got, wanted, 1e-6, 1e-7, err_msg=path)

    @property
    def x(self):
        return self.native({"a": A, "b": B})

    @property
    def v(self):
        return self.native({"a": TA, "b": TB})

    @property
    def k(self):
        return op.Constant(self.native(2.0))


def check_gradient(b):
    b.close(op.gradient(height(b.xp), b.backend, b.x), gradient_of_height())
    value, found = op.value_and_gradient(height(b.xp), b.backend, b.x)
    b.close(value, np.sum(S * B) + np.sum(A**3))
    b.close(found, gradient_of_height())


def check_derivative(b):
    def f(t, k):
        return {"p": b.xp.sin(t * k), "q": t * t}

    value, found = op.value_and_derivative(f, b.backend, b.native(0.3), op.Constant(b.native(B)))
    b.close(value, {"p": np.sin(0.3 * B), "q": 0.09})
    b.close(found, {"p": B * np.cos(0.3 * B), "q": 0.6})


def check_pushforward(b):
    value, found = op.value_and_pushforward(grown(b.xp), b.backend, b.x, b.v, b.k)
    b.close(value, {"s": 2 * np.sum(A * A), "t": [S * B]})
    b.close(found, tangent_of_grown())
    b.close(op.jvp(grown(b.xp), b.backend, b.x, b.v, b.k), tangent_of_grown())


def check_pullback(b):
    w = b.native({"s": WS, "t": [WT]})
    wanted = {"a": WS * 4 * A + WT * K * B, "b": (WT * S).sum(0)}
    value, found = op.value_and_pullback(grown(b.xp), b.backend, b.x, w, b.k)
    b.close(value, {"s": 2 * np.sum(A * A), "t": [S * B]})
    b.close(found, wanted)
    b.close(op.vjp(grown(b.xp), b.backend, b.x, w, b.k), wanted)


def check_jacobian(b):
    eye = np.eye(3)
    t_a = np.einsum("ij,ik,jl->ijkl", K * B, np.eye(2), eye)
    wanted = {"s": {"a": 4 * A, "b": 0 * B}, "t": [{"a": t_a, "b": S[:, :, None] * eye}]}
    value, found = op.value_and_jacobian(grown(b.xp), b.backend, b.x, b.k)
    b.close(found, wanted)
    b.close(value, {"s": 2 * np.sum(A * A), "t": [S * B]})
    b.close(op.jacobian(grown(b.xp), b.backend, b.x, b.k, vectorize=False), wanted)

    def tall(t):
        return b.xp.reshape(t, (3, 1)) * b.xp.reshape(t, (1, 3))

    found = op.jacobian(tall, b.backend, b.native(B))
    b.close(found, np.einsum("ik,j->ijk", eye, B) + np.einsum("jk,i->ijk", eye, B))


def check_batched_jacobian(b):
    def wide(x, scale):
        return {"m": b.xp.sin(x) * scale, "n": b.xp.sum(x * x, axis=1)}

    scale = op.Constant(b.native(B))
    wanted = {"m": (np.cos(BATCH) * B)[:, :, None] * np.eye(3), "n": 2 * BATCH}
    value, found = op.value_and_batched_jacobian(wide, b.backend, b.native(BATCH), scale)
    b.close(found, wanted)
    b.close(value, {"m": np.sin(BATCH) * B, "n": np.sum(BATCH**2, 1)})

    def narrow(x):
        return b.xp.sum(x["p"] * x["p"], axis=1) * x["q"]

    x = {"p": BATCH, "q": BATCH[:, 0]}
    found = op.batched_jacobian(narrow, b.backend, b.native(x))
    b.close(found, {"p": 2 * BATCH * BATCH[:, :1], "q": np.sum(BATCH**2, 1)})


def check_batched_jacobian_of_what_mixes_is_refused(b):
    shift = np.roll(np.eye(4), 1, 0)
    for f in (
        lambda x: x - b.xp.mean(x, axis=0),
        lambda x: b.xp.sum(x * x, axis=1) + 1e-4 * b.xp.sum(x),
        lambda x: b.xp.matmul(b.native(shift), x),
    ):
        op.batched_jacobian(f, b.backend, b.native(BATCH), check=False)
        try:
            op.batched_jacobian(f, b.backend, b.native(BATCH))
        except op.BatchMixed:
            continue
        raise AssertionError("nobody noticed")


def check_hvp(b):
    value = np.sum(S * B) + np.sum(A**3)
    b.close(op.hvp(height(b.xp), b.backend, b.x, b.v), product_with_hessian())
    found = op.value_gradient_and_hvp(height(b.xp), b.backend, b.x, b.v)
    b.close(found, (value, gradient_of_height(), product_with_hessian()))
    found = op.value_and_hvp(height(b.xp), b.backend, b.x, b.v)
    b.close(found, (value, product_with_hessian()))


def check_hessian(b):
    aa = np.einsum("ij,ik,jl->ijkl", 6 * A - S * B, np.eye(2), np.eye(3))
    ab = K[:, :, None] * np.eye(3)
    wanted = {"a": {"a": aa, "b": ab}, "b": {"a": np.moveaxis(ab, 2, 0), "b": np.zeros((3, 3))}}
    b.close(op.hessian(height(b.xp), b.backend, b.x), wanted)
    found = op.value_gradient_and_hessian(height(b.xp), b.backend, b.x, vectorize=False)
    b.close(found, (np.sum(S * B) + np.sum(A**3), gradient_of_height(), wanted))


def check_laplacian(b):
    b.close(op.laplacian(height(b.xp), b.backend, b.x), np.sum(6 * A - S * B))
    found = op.value_and_laplacian(height(b.xp), b.backend, b.x)
    b.close(found, (np.sum(S * B) + np.sum(A**3), np.sum(6 * A - S * B)))


def check_second_derivative(b):
    def f(t, k):
        return {"p": b.xp.sin(t * k), "q": t * t}

    args = (f, b.backend, b.native(0.3), op.Constant(b.native(B)))
    wanted = {"p": -B * B * np.sin(0.3 * B), "q": 2.0}
    b.close(op.second_derivative(*args), wanted)
    first = {"p": B * np.cos(0.3 * B), "q": 0.6}
    found = op.value_derivative_and_second_derivative(*args)
    b.close(found, ({"p": np.sin(0.3 * B), "q": 0.09}, first, wanted))


def check_prepared_is_right_at_other_points_and_contexts(b):
    w = {"s": WS, "t": [WT]}
    ready = op.prepare("vjp", grown(b.xp), b.backend, b.x, b.native(w), b.k)
    other = b.native({"a": 2 * A, "b": 3 * B})
    found = ready(other, b.native({"s": 2 * WS, "t": [-WT]}), op.Constant(b.native(5.0)))
    a = 2 * A
    da = 2 * WS * 10 * a - WT * np.cos(a) * 3 * B
    b.close(found, {"a": da, "b": -(WT * np.sin(a)).sum(0)})
    ready = op.prepare(op.value_and_gradient, height(b.xp), b.backend, b.x)
    value, found = ready(other)
    b.close(value, np.sum(np.sin(a) * 3 * B) + np.sum(a**3))
    b.close(found, gradient_of_height(a, 3 * B))
    b.close(ready(b.x)[1], gradient_of_height())


def check_prepared_hvp(b):
    ready = op.prepare(op.hvp, height(b.xp), b.backend, b.x, b.v)
    found = ready(b.native({"a": 2 * A, "b": 3 * B}), b.native({"a": TB * TA, "b": TB}))
    b.close(found, product_with_hessian(2 * A, 3 * B, TB * TA, TB))


def check_prepared_jacobian(b):
    ready = op.prepare(op.jacobian, lambda t: b.xp.sin(t) * t[0], b.backend, b.native(B))
    c = 2 * B
    wanted = np.diag(np.cos(c) * c[0])
    wanted[:, 0] += np.sin(c)
    b.close(ready(b.native(c)), wanted)


def check_constant_leaves_of_x_are_none_in_results(b):
    x = b.x
    x["b"] = op.Constant(x["b"])
    x["name"] = op.Constant("any")

    def f(x):
        assert x["name"] == "any"
        return height(b.xp)(x)

    found = op.gradient(f, b.backend, x)
    b.close(found, {"a": gradient_of_height()["a"], "b": None, "name": None})


def check_an_input_that_is_not_used_has_zeros(b):
    found = op.gradient(lambda x: b.xp.sum(x["a"] * x["a"]), b.backend, b.x)
    b.close(found, {"a": 2 * A, "b": 0 * B})


def check_a_vector_is_no_scalar(b):
    for f, error in ((lambda x: x["a"], ValueError), (lambda x: 1.0, TypeError)):
        try:
            op.gradient(f, b.backend, b.x)
        except error as found:
            words = "shapes [(2, 3)]; expected one" if error is ValueError else "returned a float"
            assert words in str(found), found
            continue
        raise AssertionError("nobody noticed")


def orders(bench):
    """What ``support`` says of each order of a product with the Hessian, and what came out."""
    found = {}
    for order in ORDERS:
        says = op.support(bench.backend, order)["hvp"].status
        try:
            got = op.hvp(height(bench.xp), bench.backend, bench.x, bench.v, order=order)
            bench.close(got, product_with_hessian())
            found[order] = [says, "right"]
        except op.Unsupported:
            found[order] = [says, "unsupported"]
        except Exception as error:
            found[order] = [says, f"raised {error}"]
    return found


def check_an_operator_inside_a_compiled_function(b):
    fresh = type(b.backend)()  # one of which nothing is known yet

    def inside(a, c):
        found = op.value_gradient_and_hvp(height(b.xp), fresh, {"a": a, "b": c}, b.v)
        return found[1]["a"], found[2]["b"]

    found = b.backend.compile(inside)(*b.native([A, B]))
    b.close(list(found), [gradient_of_height()["a"], product_with_hessian()["b"]])
    assert op.support(fresh) == op.support(b.backend)


def outcome(bench, check):
    try:
        check(bench)
    except op.Unsupported as error:
        return f"unsupported: {error}"
    except Exception:
        return traceback.format_exc(limit=-6)
    return ""


def examined(name, options, checks):
    """One backend: what the checks found, what it says of itself, what its orders give."""
    bench = Bench(name, options)
    known = {k: check for k, check in sorted(globals().items()) if k.startswith("check_")}
    # not every backend can be asked anything while it builds a program, so that is asked by name
    wanted = [f"check_{c}" for c in checks] or [k for k in known if "inside_a_compiled" not in k]
    return {
        "checks": {k: outcome(bench, known[k]) for k in wanted},
        "support": {k: [s.status, s.how] for k, s in op.support(bench.backend).items()},
        "orders": orders(bench),
    }


def main(*rows):
    """Each row: ``[name, options, checks]`` as JSON; no checks means all of them."""
    warnings.simplefilter("ignore")
    print("\n" + json.dumps([examined(*json.loads(row)) for row in rows]))


if __name__ == "__main__":
    main(*sys.argv[1:])
