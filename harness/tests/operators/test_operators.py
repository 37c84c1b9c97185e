"""What the operators promise beyond right numbers: structures, messages, preparation, laziness."""

import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtier import operators as op
from gradtier.backends.autograd import Autograd
from gradtier.backends.base import Unsupported
from gradtier.backends.numpy import FiniteDifferences, NumPy
from gradtier.operators.structure import built, matched, result, taken

pytest.importorskip("autograd")
BACKEND = Autograd()
XP = BACKEND.namespace
Pair = namedtuple("Pair", "left right")
VECTOR = np.asarray([0.5, -1.0, 2.0])


def square(x, *contexts):
    return XP.sum(x * x)


class ForwardOnly(Autograd):
    def pullback(self, f, x, w):
        raise Unsupported("forward mode only")

    def outer_pullback(self, f, x, w):
        raise Unsupported("forward mode only")


class ReverseOnly(Autograd):
    def pushforward(self, f, x, v):
        raise Unsupported("reverse mode only")


class Severed(ReverseOnly):
    """A second derivative is cut in silence."""

    def outer_pullback(self, f, x, w):
        y, _ = super().outer_pullback(f, x, w)
        return y, (None,) * len(x)


class Counting(Autograd):
    compiled = 0

    def compile(self, f):
        self.compiled += 1
        return f


class Mine(Exception):
    pass


# Structures


arrays = st.lists(st.floats(-2, 2), min_size=1, max_size=3).map(np.asarray)
leaves = st.one_of(arrays, arrays.map(op.Constant), st.none(), st.text().map(op.Constant))
structures = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
        st.tuples(inner, inner).map(lambda two: Pair(*two)),
    ),
    max_leaves=6,
)


def plain(tree):
    """A tree with what its constants hold in their place."""
    if isinstance(tree, op.Constant):
        return plain(tree.value)
    if isinstance(tree, dict):
        return {k: plain(v) for k, v in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*map(plain, tree))
    return type(tree)(map(plain, tree)) if isinstance(tree, list | tuple) else tree


def same(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and np.array_equal(a, b)
    return a == b and type(a) is type(b)


@given(structures)
@settings(max_examples=60, deadline=None)
def test_a_tree_would_come_back_changed(tree):
    active, fixed = [], []
    node = taken(tree, "x", active, fixed)
    assert same(built(node, iter(active), iter(fixed)), plain(tree))
    again, constants = [], []
    matched(node, tree, "x", again, constants)
    assert list(map(id, again)) == list(map(id, active))
    assert list(map(id, constants)) == list(map(id, fixed))


def numbers(tree):
    active = []
    taken(tree, "x", active, [])
    return active


def total(tree):
    """The sum of the squares of all arrays of a tree, constant ones too."""
    if isinstance(tree, dict):
        return sum(map(total, tree.values()), 0.0)
    if isinstance(tree, list | tuple):
        return sum(map(total, tree), 0.0)
    return XP.sum(tree * tree) if hasattr(tree, "shape") else 0.0


@given(structures.filter(lambda tree: numbers(tree)))
@settings(max_examples=25, deadline=None)
def test_a_gradient_would_be_of_another_structure_than_x(tree):
    value, found = op.value_and_gradient(total, BACKEND, tree)
    node = taken(tree, "x", [], [])
    assert same(found, result(node, iter([2 * a for a in numbers(tree)])))
    assert value == pytest.approx(total(plain(tree)))
    direction = result(node, iter([np.ones_like(a) for a in numbers(tree)]))
    pushed = op.pushforward(total, BACKEND, tree, direction)
    assert pushed == pytest.approx(sum(2 * a.sum() for a in numbers(tree)))
    twice = result(node, iter([2 * np.ones_like(a) for a in numbers(tree)]))
    assert same(op.hvp(total, BACKEND, tree, direction), twice)


def test_a_jacobian_of_trees_would_be_of_another_structure():
    def f(x):
        return {"s": x["a"] * x["b"][0], "t": [XP.sum(x["a"])]}

    x = {"a": VECTOR, "b": [np.asarray(3.0), op.Constant("x")]}
    found = op.jacobian(f, BACKEND, x)
    assert same(found["s"]["a"], 3.0 * np.eye(3))
    assert same(found["s"]["b"], [VECTOR, None])
    assert same(found["t"], [{"a": np.ones(3), "b": [np.asarray(0.0), None]}])


def test_complex_gradients_would_be_in_the_librarys_own_convention():
    z = np.asarray([1.0 + 2.0j, -0.5j])
    assert BACKEND.complex_convention == "transpose"
    found = op.gradient(lambda z: XP.sum(XP.real(z * XP.conj(z))), BACKEND, z)
    np.testing.assert_allclose(found, 2 * z)
    w = np.asarray([1.0j, 2.0 + 0j])
    np.testing.assert_allclose(op.pullback(lambda z: z * z, BACKEND, z, w), np.conj(2 * z) * w)
    with pytest.raises(TypeError, match=r"complex128 is complex: .* use pushforward or pullback"):
        op.jacobian(lambda z: z * z, BACKEND, z)


# What a backend lacks is composed


def test_a_gradient_of_a_forward_backend_would_be_missing():
    backend = ForwardOnly()
    np.testing.assert_allclose(op.gradient(square, backend, VECTOR), 2 * VECTOR)
    np.testing.assert_allclose(
        op.pullback(lambda x: x * x, backend, VECTOR, VECTOR), 2 * VECTOR * VECTOR
    )
    found = op.value_gradient_and_hvp(square, backend, VECTOR, VECTOR)
    for got, wanted in zip(found, (np.sum(VECTOR**2), 2 * VECTOR, 2 * VECTOR), strict=True):
        np.testing.assert_allclose(got, wanted)
    assert op.support(backend)["hvp"] == op.Support("composed", "forward-over-forward")


def test_a_second_derivative_that_is_cut_in_silence_would_be_given():
    backend = Severed()
    assert op.support(backend)["hvp"].status == "unsupported"
    assert op.support(backend)["pushforward"] == op.Support("composed", "rows of pullbacks")
    np.testing.assert_allclose(
        op.pushforward(lambda x: x * x, backend, VECTOR, np.ones(3)), 2 * VECTOR
    )
    with pytest.raises(Unsupported, match="Severed can't do hvp: it needs forward-over-reverse or"):
        op.hvp(square, backend, VECTOR, VECTOR)


def test_another_way_would_not_be_tried_where_the_library_lacks_a_rule():
    def f(x):
        return XP.linalg.norm(XP.linalg.solve(XP.eye(3) * x, VECTOR)) ** 2

    ready = op.prepare(op.hvp, f, BACKEND, VECTOR, VECTOR)
    assert ready.how != "forward-over-reverse"
    np.testing.assert_allclose(ready(VECTOR, np.ones(3)), 6 * VECTOR**2 / VECTOR**4)
    with pytest.raises(NotImplementedError, match="JVP of"):
        op.hvp(f, BACKEND, VECTOR, VECTOR, order="forward-over-reverse")


def test_an_error_of_the_users_would_be_taken_for_a_lack_of_the_backend():
    def f(x):
        raise Mine("here")

    for operator in (op.gradient, op.jacobian, op.derivative, op.hessian):
        x = np.asarray(1.0) if operator is op.derivative else VECTOR
        with pytest.raises(Mine, match="here"):
            operator(f, BACKEND, x)


def test_switch_would_leave_reverse_over_reverse():
    cut = Severed()
    with pytest.raises(Unsupported):
        op.hvp(square, cut, VECTOR, VECTOR, order="reverse-over-reverse")
    order = {"order": "reverse-over-reverse", "switch": True}
    assert op.support(BACKEND, **order)["hvp"] == op.Support("direct", "forward-over-reverse")
    assert op.prepare("hvp", square, BACKEND, VECTOR, VECTOR, **order).how == "forward-over-reverse"
    nested = op.Nested(BACKEND, cut)
    np.testing.assert_allclose(op.hvp(square, nested, VECTOR, VECTOR, **order), 2 * VECTOR)
    assert op.support(ReverseOnly(), **order)["hvp"].how == "reverse-over-reverse"


def test_nesting_two_libraries_would_be_tried():
    with pytest.raises(ValueError, match="expected two adapters of one library"):
        op.Nested(BACKEND, type("Other", (NumPy,), {"distributions": ("other",)})())
    nested = op.Nested(ForwardOnly(), ReverseOnly())
    assert op.support(nested)["hvp"].how == "forward-over-reverse"
    assert op.support(nested, "reverse-over-reverse")["hvp"].status == "unsupported"
    np.testing.assert_allclose(op.hessian(square, nested, VECTOR), 2 * np.eye(3))


def test_an_operator_inside_another_derivative_would_lose_the_outer_one():
    def slope(x):
        return XP.sum(op.gradient(lambda y: XP.sum(y * y * y), BACKEND, x))

    np.testing.assert_allclose(op.gradient(slope, BACKEND, VECTOR), 6 * VECTOR)


# Batches


def test_a_batch_that_is_mixed_would_be_answered():
    x = np.arange(12.0).reshape(4, 3) / 7
    with pytest.raises(op.BatchMixed, match="mixes the elements"):
        op.batched_jacobian(lambda x: x - XP.mean(x, axis=0), BACKEND, x)
    ready = op.prepare(op.batched_jacobian, lambda x: XP.sin(x), BACKEND, x)
    assert ready(2 * x).shape == (4, 3, 3)


def test_a_mixing_that_shows_at_a_later_point_only_would_be_answered():
    def f(x):
        return x * XP.where(XP.sum(x) > 100, XP.sum(x), 1.0)

    x = np.ones((4, 3))
    ready = op.prepare(op.batched_jacobian, f, BACKEND, x)
    with pytest.raises(op.BatchMixed):
        ready(100 * x)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_mixing_would_be_missed_if_it_were_small_or_the_batch_unevenly_scaled(size):
    x = np.random.default_rng(0).standard_normal((5, 2)) * np.asarray(
        [[1], [1e6], [1], [1e-6], [1]]
    )

    def f(x):
        return XP.concat([x[:1] + 1e-6 * x[4:], x[1:]], axis=0) * size

    with pytest.raises(op.BatchMixed):
        op.batched_jacobian(f, BACKEND, x)
    op.batched_jacobian(lambda x: x * x * x * size, BACKEND, x)


# Preparation


def test_prepare_would_compile_more_than_once():
    backend = Counting()
    ready = op.prepare(op.value_and_gradient, square, backend, VECTOR, op.Constant(3))
    for scale in (1.0, 2.0, 3.0):
        np.testing.assert_allclose(ready(scale * VECTOR, op.Constant(3))[1], 2 * scale * VECTOR)
    assert backend.compiled == 1


def test_a_prepared_operator_would_take_what_it_was_not_prepared_for():
    def f(x, k):
        return XP.sum(x["a"] * k)

    ready = op.prepare("gradient", f, BACKEND, {"a": VECTOR}, op.Constant(VECTOR))
    k = op.Constant(VECTOR)
    for arguments, words in (
        (({"a": VECTOR[:2]}, k), "shape (2,) and dtype float64, expected shape (3,)"),
        (({"a": VECTOR.astype("float32")}, k), "dtype float32, expected shape (3,)"),
        (({"b": VECTOR}, k), "x is a dict with the keys b, expected a dict with the keys a"),
        ((VECTOR, k), "x is an array of shape (3,)"),
        (({"a": op.Constant(VECTOR)}, k), "x.a is an array marked Constant, expected an array to"),
        (({"a": VECTOR}, op.Constant(2)), "context 0 is a int, expected an array marked Constant"),
        (({"a": VECTOR},), "0 contexts, expected 1 as when prepared"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            ready(*arguments)
    ready = op.prepare("pullback", lambda x: x * x, BACKEND, VECTOR, VECTOR)
    with pytest.raises(
        ValueError, match=r"cotangent has the shapes \[\(2,\)\]; expected \[\(3,\)\]"
    ):
        ready(VECTOR, VECTOR[:2])
    ready = op.prepare("gradient", lambda x, n: XP.sum(x**n), BACKEND, VECTOR, op.Constant(2))
    with pytest.raises(ValueError, match="prepare again"):
        ready(VECTOR, op.Constant(3))


def test_prepare_would_take_what_is_no_operator():
    with pytest.raises(TypeError, match="'grad' is no operator; did you mean 'gradient'"):
        op.prepare("grad", square, BACKEND, VECTOR)
    with pytest.raises(TypeError, match="'square' is no operator"):
        op.prepare(square, square, BACKEND, VECTOR)
    with pytest.raises(TypeError, match="gradient takes no option order"):
        op.prepare("gradient", square, BACKEND, VECTOR, order="x")
    for name in op.operators():
        assert name in op.__all__


# Messages


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: op.gradient(square, BACKEND, VECTOR, 3), TypeError, "context 0 is a int; what"),
        (lambda: op.gradient(lambda x: x, BACKEND, VECTOR), ValueError, "shapes [(3,)]; expected"),
        (lambda: op.gradient(lambda x: XP.sum(x) * 1j, BACKEND, VECTOR), TypeError, "is complex;"),
        (lambda: op.gradient(lambda x: "y", BACKEND, VECTOR), TypeError, "f returned a str;"),
        (lambda: op.gradient(square, BACKEND, 3.0), TypeError, "x is a float, expected an array"),
        (lambda: op.gradient(square, BACKEND, {"a": [1]}), TypeError, "x.a.0 is a int"),
        (lambda: op.gradient(square, BACKEND, np.arange(3)), TypeError, "int64, which can't be"),
        (lambda: op.gradient(square, BACKEND, None), ValueError, "x has no array"),
        (lambda: op.gradient(square, "autograd", VECTOR), TypeError, "backend is a str, expected"),
        (lambda: op.gradient(3, BACKEND, VECTOR), TypeError, "f is a int, expected a function"),
        (lambda: op.derivative(square, BACKEND, VECTOR), ValueError, "shapes [(3,)]; expected one"),
        (
            lambda: op.prepare("jvp", square, BACKEND, VECTOR),
            TypeError,
            "expected x, a tangent and",
        ),
        (
            lambda: op.pushforward(square, BACKEND, VECTOR, VECTOR[:2]),
            ValueError,
            "where x has the shape (3,)",
        ),
        (
            lambda: op.pullback(square, BACKEND, VECTOR, VECTOR),
            ValueError,
            "the cotangent has the shapes [(3,)]; expected [()], those of f(x)",
        ),
        (
            lambda: op.batched_jacobian(square, BACKEND, VECTOR),
            ValueError,
            "f returned an array of shape (); expected the leading axis 3",
        ),
        (
            lambda: op.batched_jacobian(square, BACKEND, [VECTOR, VECTOR[:2]]),
            ValueError,
            "expected one leading axis",
        ),
        (
            lambda: op.hvp(square, BACKEND, VECTOR, VECTOR, order="up"),
            ValueError,
            "order is 'up', expected one of forward-over-reverse",
        ),
        (lambda: op.jacobian(lambda x: x, BACKEND, VECTOR[:0]), ValueError, "arrays are empty"),
    ],
)
def test_a_mistake_would_be_answered_in_the_librarys_words(call, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call()


# Backends by name


def test_a_backend_would_not_be_found_by_its_name():
    assert isinstance(op.backend("autograd"), Autograd)
    assert isinstance(op.backend("gradtier.backends.autograd:Autograd"), Autograd)
    assert type(op.backend("numpy:FiniteDifferences")) is FiniteDifferences
    for name, words in (
        ("torch", "has 3 adapters; expected 'torch:TorchAutograd', "),
        ("autogard", "no module gradtier.backends.autogard; did you mean 'autograd'"),
        ("autograd:Auto", "has no adapter 'Auto'; did you mean 'Autograd'"),
        ("no.such.module:X", "there is no module no.such.module"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            op.backend(name)
    with pytest.raises(TypeError, match="takes no option turbo"):
        op.backend("autograd", turbo=True)


def test_the_users_environment_would_be_changed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    op.backend("autograd")
    import os

    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_importing_the_operators_would_import_a_library():
    code = "import sys, gradtier.operators; print(*(n for n in sys.modules if '.' not in n))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert not {"autograd", "jax", "torch", "tensorflow"} & set(done.stdout.split())
