"""What every adapter owes the engine, as plain functions; run as a script, one process a library.

Prints one JSON object: check -> why it failed, empty where it held, "skip" where the adapter
does not offer what is checked.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.model import Mode, Nesting

LIBRARIES = {
    *("jax", "jaxlib", "torch", "tensorflow", "autograd", "array_api_compat", "keras"),
    *("enzyme_ad", "mlx", "pytensor", "casadi", "tinygrad", "mygrad", "paddle", "drjit"),
}
RNG = np.random.default_rng(3)
X = (RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3)))
U = (RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3)))
V = (RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3)))
W = (np.asarray(1.5), RNG.standard_normal((2, 2)))


def two_outputs(xp):
    """A scalar and a matrix, so that neither stands for the other.

    Of tanh, because some library computes sin and exp of float64 in single precision, and some
    other has no second derivative of sinh.
    """
    return lambda a, b: (
        xp.sum(xp.tanh(a) * xp.tanh(b)),
        0.5 * xp.matmul(a, xp.matrix_transpose(b)),
    )


def expected(x=X):
    """The derivatives of ``two_outputs``, by hand."""
    (a, b), (ua, ub), (va, vb), (c, w) = x, U, V, W
    s, t = np.tanh(a), np.tanh(b)
    k, m = 1 - s**2, 1 - t**2  # their derivatives; those of these are -2 s k and -2 t m
    cross = k * m
    second = np.sum(
        -2 * s * k * t * ua * va + cross * (ua * vb + ub * va) - 2 * s * t * m * ub * vb
    )
    hvp = (
        c * (-2 * s * k * t * va + cross * vb) + 0.5 * w @ vb,
        c * (cross * va - 2 * s * t * m * vb) + 0.5 * w.T @ va,
    )
    return {
        "vjp": (c * k * t + 0.5 * w @ b, c * s * m + 0.5 * w.T @ a),
        "jvp": (np.sum(k * t * ua + s * m * ub), 0.5 * (ua @ b.T + a @ ub.T)),
        "hvp": hvp,
        "second": (second, 0.5 * (ua @ vb.T + va @ ub.T)),
    }


class Bench:
    """An adapter with the conversions and nested maps that the checks share."""

    def __init__(self, path, options):
        module, _, name = path.partition(":")
        kind = getattr(importlib.import_module(module), name)
        os.environ.update(kind.environment)
        # As in a worker: an adapter must do without whatever it does not name.
        sys.modules.update(dict.fromkeys(LIBRARIES - set(kind.modules)))
        self.adapter = kind(**options)
        self.xp = self.adapter.namespace

    def native(self, arrays, dtype="float64"):
        return tuple(self.adapter.from_numpy(np.asarray(a, dtype), "cpu") for a in arrays)

    def call(self, f, x):
        """The compiled map at ``x`` as NumPy arrays; None leaves stay."""
        result = self.adapter.compile(f)(*x)
        self.adapter.synchronize(result)
        return [None if r is None else self.adapter.to_numpy(r) for r in result]

    def second(self, f, name, x, seed):
        """The nested map ``outer/inner`` as one piece; None where the two maps compose."""
        outer, _, inner = name.partition("/")
        run = self.adapter.whole(f, Mode(inner), Nesting(outer))
        return run and [r if r is None else self.adapter.to_numpy(r) for r in run(x, seed)[1]]

    def filled(self, found, x):
        return tuple(
            self.adapter.zeros_like(t) if d is None else d for d, t in zip(found, x, strict=True)
        )

    def gradient(self, f, w):
        return lambda *x: self.filled(self.adapter.pullback(f, x, w)[1], x)

    def tangent(self, f, u):
        return lambda *x: self.adapter.pushforward(f, x, u)[1]

    def nested(self, name, dtype="float64"):
        """The nested map ``outer/inner`` of ``two_outputs``."""
        a, f = self.adapter, two_outputs(self.xp)
        u, v, w = (self.native(t, dtype) for t in (U, V, W))
        one = self.native([1.0], dtype)
        gradient, tangent = self.gradient(f, w), self.tangent(f, u)

        def weighted(*x):
            dy = a.pushforward(f, x, v)[1]
            return (sum(self.xp.sum(c * d) for c, d in zip(w, dy, strict=True)),)

        return {
            "forward/reverse": lambda *x: a.outer_pushforward(gradient, x, v)[1],
            "reverse/reverse": lambda *x: a.outer_pullback(gradient, x, v)[1],
            "reverse/forward": lambda *x: a.outer_pullback(weighted, x, one)[1],
            "forward/forward": lambda *x: a.outer_pushforward(tangent, x, v)[1],
        }[name]


def close(found, wanted, dtype="float64"):
    tolerance = 1e-11 if dtype == "float64" else 2e-5
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted, strict=True):
        assert f is not None, "a leaf is not connected"
        assert str(f.dtype) == dtype, f"{f.dtype}, not {dtype}"
        assert f.shape == np.shape(w), f"shape {f.shape}, not {np.shape(w)}"
        np.testing.assert_allclose(f, w, tolerance, tolerance)


def both(b, f, x, u, w):
    """VJP and JVP of ``f``, each where the adapter offers it; at least one."""
    found = {}
    for name, derivative in (
        ("vjp", lambda *t: b.adapter.pullback(f, t, w)[1]),
        ("jvp", lambda *t: b.adapter.pushforward(f, t, u)[1]),
    ):
        try:
            found[name] = b.call(derivative, x)
        except Unsupported:
            continue
    if not found:
        raise Unsupported("neither mode is offered")
    return found


def check_derivatives_of_two_outputs_are_right(b, dtype="float64"):
    native = [b.native(t, dtype) for t in (X, U, W)]
    for name, found in both(b, two_outputs(b.xp), *native).items():
        close(found, expected()[name], dtype)


def check_float32_stays_float32(b):
    check_derivatives_of_two_outputs_are_right(b, "float32")


def check_values_come_with_the_derivative(b):
    x, u, w = (b.native(t) for t in (X, U, W))
    f, wanted = two_outputs(b.xp), two_outputs(np)(*X)
    for derivative in (
        lambda *t: b.adapter.pullback(f, t, w)[0],
        lambda *t: b.adapter.pushforward(f, t, u)[0],
    ):
        try:
            close(b.call(derivative, x), wanted)
        except Unsupported:
            continue


def nesting(b, name, want):
    x = b.native(X)
    try:
        seed = b.native(U if name == "forward/forward" else W) + b.native(V)
        found = b.second(two_outputs(b.xp), name, x, seed) or b.call(b.nested(name), x)
    except Exception as error:
        assert b.adapter.declines(error), f"an error that is no refusal: {error!r}"
        return "skip"
    close(found, expected()[want])
    return None


def check_forward_over_reverse_is_right(b):
    return nesting(b, "forward/reverse", "hvp")


def check_reverse_over_reverse_is_right(b):
    return nesting(b, "reverse/reverse", "hvp")


def check_reverse_over_forward_is_right(b):
    return nesting(b, "reverse/forward", "hvp")


def check_forward_over_forward_is_right(b):
    return nesting(b, "forward/forward", "second")


def check_a_compiled_derivative_is_right_at_a_second_point(b):
    x, u, w = (b.native(t) for t in (X, U, W))
    f, other = two_outputs(b.xp), tuple(2.0 * t for t in X)
    for name, derivative in (
        ("vjp", lambda *t: b.adapter.pullback(f, t, w)[1]),
        ("jvp", lambda *t: b.adapter.pushforward(f, t, u)[1]),
    ):
        try:
            ready = b.adapter.compile(derivative)
            ready(*x)
            again = [b.adapter.to_numpy(d) for d in ready(*b.native(other))]
        except Unsupported:
            continue
        close(again, expected(other)[name])


def check_an_unused_input_is_none_or_zero(b):
    found = both(b, lambda a, _: (a * 2.0,), *(b.native(t) for t in (X, U)), b.native(V[:1]))
    if "vjp" in found:
        used, unused = found["vjp"]
        close([used], [2.0 * V[0]])
        assert unused is None or not unused.any()
    if "jvp" in found:
        close(found["jvp"], [2.0 * U[0]])


def check_a_constant_function_has_no_derivative_and_no_error(b):
    constant = b.native(X[:1])
    found = both(b, lambda a, c: constant, *(b.native(t) for t in (X, U)), b.native(V[:1]))
    for leaf in (d for leaves in found.values() for d in leaves):
        assert leaf is None or not leaf.any()


def check_an_integer_output_beside_a_real_one_does_no_harm(b):
    def f(a, c):  # as many arguments as outputs: one backend counts the ones for the others
        return b.xp.argmax(a), b.xp.sum(a * c)

    w = (b.adapter.from_numpy(np.asarray(0), "cpu"), *b.native([1.0]))
    x, u = (np.asarray([0.5, 2.0, -1.0]),) * 2, (np.asarray([1.0, 0.0, 1.0]), np.zeros(3))
    try:
        found = both(b, f, b.native(x), b.native(u), w)
    except Exception as error:
        assert b.adapter.declines(error), f"an error that is no refusal: {error!r}"
        return "skip"
    if "vjp" in found:
        close(found["vjp"], x)
    if "jvp" in found:
        close(found["jvp"][1:], [0.5 - 1.0])
    return None


def check_a_second_derivative_that_vanishes_is_none_or_zero(b):
    def linear(a):
        return (b.xp.sum(a * 3.0),)

    w, v = b.native([1.0]), b.native(V[:1])

    def outer(*x):
        return b.adapter.outer_pullback(b.gradient(linear, w), x, v)[1]

    x, seed = b.native(X[:1]), w + v
    try:
        (found,) = b.second(linear, "reverse/reverse", x, seed) or b.call(outer, x)
    except Unsupported:
        return "skip"
    assert found is None or not found.any()
    return None


def check_scalars_keep_their_shape(b):
    found = both(b, lambda a: (a * a,), *(b.native([t]) for t in (3.0, 1.0, 1.0)))
    for leaves in found.values():
        close(leaves, [np.asarray(6.0)])


def check_empty_arrays_keep_their_shape(b):
    empty = [np.zeros((0, 3))]
    for leaves in both(b, lambda a: (b.xp.sin(a),), *(b.native(empty) for _ in "xuw")).values():
        close(leaves, empty)


def check_inputs_are_copied_and_left_alone(b):
    given = np.asarray(X[0]).copy()
    x = b.adapter.from_numpy(given, "cpu")
    given[:] = 7.0
    assert np.array_equal(b.adapter.to_numpy(x), X[0]), "an alias of the NumPy array"
    out = b.adapter.to_numpy(x)
    out[:] = 7.0
    both(b, lambda a: (b.xp.sin(a),), (x,), b.native(U[:1]), b.native(V[:1]))
    assert np.array_equal(b.adapter.to_numpy(x), X[0]), "the input changed"


def check_dtypes_and_strides_survive_the_way_there_and_back(b):
    for given in (
        *(np.arange(6, dtype=d).reshape(2, 3) for d in ("float64", "float32", "int64", "int32")),
        np.asarray([True, False]),
        np.arange(6.0).reshape(2, 3)[::-1, ::-1],
        np.asarray(2.5),
        np.zeros((0, 2)),
    ):
        there = b.adapter.from_numpy(given, "cpu")
        back = b.adapter.to_numpy(there)
        assert b.adapter.placement(there) == ("cpu", str(given.dtype))
        assert back.dtype == given.dtype
        assert back.shape == given.shape
        assert np.array_equal(back, given)


def check_python_numbers_do_not_change_the_dtype(b):
    xp = b.xp
    for dtype in ("float64", "float32"):
        (x,) = b.native(X[:1], dtype)
        try:
            mixed = (0.5 * x, x + 1, xp.maximum(x, 0.1), xp.where(x > 0.1, x, 0.1), 1 / x, x**2)
        except Unsupported:
            assert dtype == "float32", "float64 is declined"
            continue
        for y in mixed:
            assert b.adapter.placement(y) == ("cpu", dtype)
        found = b.adapter.to_numpy(xp.maximum(x, 0.1))
        np.testing.assert_array_equal(found, np.maximum(np.asarray(X[0], dtype), 0.1))


def check_a_constant_made_without_a_dtype_is_as_precise_as_the_inputs(b):
    (x,) = b.native([[3.0]])
    assert b.adapter.to_numpy(x * b.xp.asarray(0.1))[0] == 3.0 * 0.1
    assert b.adapter.to_numpy(x * b.xp.linspace(0.1, 0.2, 2))[0] == 3.0 * 0.1


def check_a_missing_function_is_declined(b):
    for name in ("frobnicate", "linalg"):
        try:
            space = b.xp if name == "frobnicate" else b.xp.linalg
            space.frobnicate  # noqa: B018 - the lookup is what is checked
        except Exception as error:
            assert b.adapter.declines(error), f"{error!r} is not declined"
            assert not hasattr(space, "frobnicate")
        else:
            raise AssertionError("the namespace has a function that nobody wrote")


def check_faults_are_not_taken_for_refusals(b):
    def wrong_type(a):
        return (a + None,)

    def own(a):
        raise ValueError("a mistake in the case")

    def wrong_shape(a):
        return (b.xp.matmul(a, a),)

    def wrong_axis(a):
        return (b.xp.sum(a, axis=7),)

    for f in (wrong_type, own, wrong_shape, wrong_axis):
        try:
            both(b, f, b.native(X[:1]), b.native(U[:1]), b.native(V[:1]))
        except Exception as error:
            assert not b.adapter.declines(error), f"{f.__name__}: {error!r} is declined"
        else:
            raise AssertionError(f"{f.__name__} ran")


def check_a_branch_on_values_is_run_or_declined(b):
    def branch(a):
        y = a * 3.0
        if b.xp.sum(a) > 1000.0:
            y = a * 2.0
        return (y,)

    try:
        found = both(b, branch, b.native(X[:1]), b.native(U[:1]), b.native(V[:1]))
    except Exception as error:
        assert b.adapter.declines(error), f"an error that is no refusal: {error!r}"
        return "skip"
    for name, seed in (("vjp", V[0]), ("jvp", U[0])):
        if name in found:
            close(found[name], [3.0 * seed])
    return None


def check_indexing_is_differentiated(b):
    def f(a):
        i = b.xp.asarray([1, 0, 1])
        return (a[i] * a[i, b.xp.asarray([0, 2, 2])][:, None] + a.T[1, ..., 0],)

    w = RNG.standard_normal((3, 3))
    found = both(b, f, b.native(X[:1]), b.native(U[:1]), b.native([w]))
    step = 1e-6
    slope = (_indexed(X[0] + step * U[0]) - _indexed(X[0] - step * U[0])) / (2 * step)
    if "vjp" in found:
        np.testing.assert_allclose(np.sum(found["vjp"][0] * U[0]), np.sum(slope * w), 1e-7)
    if "jvp" in found:
        np.testing.assert_allclose(found["jvp"][0], slope, 1e-6, 1e-8)


def _indexed(a):
    i = np.asarray([1, 0, 1])
    return a[i] * a[i, np.asarray([0, 2, 2])][:, None] + a.T[1, ..., 0]


def check_a_complex_pullback_is_in_the_declared_convention(b):
    z = (np.asarray([1.0 + 2.0j, -0.5 + 0.25j]),)
    v, w = (np.asarray([0.5 - 1.0j, 2.0 + 1.0j]),), (np.asarray([1.5 + 0.5j, -1.0 + 2.0j]),)
    try:
        native = [b.native(t, "complex128") for t in (z, v, w)]
        found = both(b, lambda a: (a * a * b.xp.conj(a),), *native)
    except Exception as error:
        assert b.adapter.declines(error), f"an error that is no refusal: {error!r}"
        return "skip"
    if "jvp" in found:
        dy = 2 * z[0] * np.conj(z[0]) * v[0] + z[0] ** 2 * np.conj(v[0])
        np.testing.assert_allclose(found["jvp"][0], dy, 1e-12)
    if "vjp" in found:
        # Re conj(g) dz = Re conj(w) dy; the other convention has both cotangents conjugated
        turned = b.adapter.complex_convention == "transpose"
        c = np.conj(w[0]) if turned else w[0]
        g = np.conj(2 * z[0] * np.conj(z[0])) * c + z[0] ** 2 * np.conj(c)
        np.testing.assert_allclose(found["vjp"][0], np.conj(g) if turned else g, 1e-12)
    return None


def check_bfloat16_is_computed_in_or_declined(b):
    try:
        x, u, w = (
            (b.adapter.to_bfloat16(b.native([t], "float32")[0]),) for t in ([2.0], [1.5], [0.5])
        )
    except Unsupported:
        return "skip"
    assert b.adapter.placement(x[0]) == ("cpu", "bfloat16")
    for name, slope in both(b, lambda a: (a * a,), x, u, w).items():
        assert b.adapter.to_numpy(x[0]).astype("float64")[0] == 2.0
        assert slope[0].astype("float64")[0] == {"vjp": 2.0, "jvp": 6.0}[name]
    return None


def check_an_absent_device_is_declined(b):
    assert b.adapter.devices()[0] == "cpu"
    try:
        b.adapter.from_numpy(X[0], "abacus")
    except Unsupported:
        return
    raise AssertionError("an array was put on a device that does not exist")


def check_settings_are_words(b):
    settings = b.adapter.settings()
    assert all(isinstance(t, str) for item in settings.items() for t in item)


def main(path, options="{}"):
    try:
        bench, found = Bench(path, json.loads(options)), {}
    except ImportError as error:  # a compiler or a system's library is missing
        print("\n" + json.dumps({"unavailable": str(error)}))
        return
    for name, check in sorted(globals().items()):
        if name.startswith("check_"):
            try:
                found[name] = check(bench) or ""
            except Unsupported:  # what may be declined stands in test_adapters.py
                found[name] = "skip"
            except Exception:
                found[name] = traceback.format_exc(limit=-4)
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
