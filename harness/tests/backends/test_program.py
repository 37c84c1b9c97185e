"""A recorded program computes what the function did, and never loses a part of the graph."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gradtier.backends.base import MissingName, Unsupported
from gradtier.backends.numpy import NumPy
from gradtier.backends.program import plain, record
from gradtier.backends.program_array import Array, wrapped
from gradtier.backends.program_lower import LOWERINGS
from gradtier.backends.program_namespace import namespace
from gradtier.backends.program_values import CORE, evaluate
from gradtier.cases import load_suite

ROOT = Path(__file__).parents[3]
XP = namespace()
FEW = frozenset(CORE) - set(LOWERINGS)


def numbers(said):
    return np.array([float(t) for t in said])


def interpreted(text, x):
    """What a worker computes that reads a program as PROTOCOL.md says."""
    program = json.loads(text)
    values = [a.numpy().reshape(-1) for a in x]
    for node in program["nodes"][len(x) :]:
        static = {k: v for k, v in node.items() if k not in ("op", "size", "args", "data")}
        if node["op"] == "constant":
            values.append(numbers(node["data"]))
        else:
            args = [values[i] for i in node["args"]]
            if node["op"] == "where":
                args[0] = args[0].astype(bool)
            found = evaluate(node["op"], args, static, node["size"])
            values.append(found.astype(float))
        assert values[-1].size == node["size"]
    return [values[o["node"]].reshape(o["shape"]) for o in program["outputs"]]


def concrete(*arrays):
    return tuple(wrapped(np.asarray(a, dtype=np.float64)) for a in arrays)


def check(f, *arrays, ops=CORE):
    """The program of ``f`` against ``f`` on NumPy itself."""
    x = concrete(*arrays)
    found = interpreted(record(lambda *a: (f(XP, *a),), x).program(ops).text, x)
    with np.errstate(all="ignore"):
        wanted = f(NumPy().namespace, *(a.numpy() for a in x))
    assert found[0].shape == np.shape(wanted)
    np.testing.assert_allclose(found[0], wanted, 1e-13, 1e-14)


SUITES = sorted((ROOT / "suites").glob("*.py"))
CASES = [case for file in SUITES for case in load_suite(file.stem, file).cases.values()]


@pytest.mark.parametrize("ops", [frozenset(CORE), FEW], ids=["all operations", "few operations"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_the_program_of_a_case_computes_what_the_case_does(case, ops):
    x, constants = case.draw()
    if case.natives:
        pytest.skip("it is written over functions that no recorded program has")
    if case.is_complex:
        pytest.skip("a program holds no complex numbers")
    wanted = case.bind(NumPy().namespace, constants)(*x)
    native = tuple(map(wrapped, x))
    try:
        recording = record(case.bind(XP, tuple(map(wrapped, constants))), native)
    except Unsupported as error:
        if not isinstance(error, MissingName):
            raise
        pytest.skip(str(error))
    found = interpreted(recording.program(ops).text, native)
    for place, got in zip(recording.real, found, strict=True):
        np.testing.assert_allclose(got, wanted[place], 1e-11, 1e-12)
        assert got.shape == np.shape(wanted[place])


A = np.array([[0.5, -1.5, 2.0], [1.25, 0.75, -0.25]])
FUNCTIONS = {
    "getitem": lambda xp, x: x[1, ::-1] * x[..., None, :2][0].T[1, 0],
    "mask": lambda xp, x: x[x > 0.0] * 2.0,
    "clip": lambda xp, x: xp.clip(x, min=-1.0) + xp.clip(x, -1.0, 1.0),
    "xor": lambda xp, x: xp.where(xp.logical_xor(x > 0.0, x > 1.0), x, -x),
    "or": lambda xp, x: xp.where((x > 1.0) | (x < -1.0), x, x * x),
    "not": lambda xp, x: xp.where(~(x == 0.5), x, 7.0),
    "isfinite": lambda xp, x: xp.where(xp.isfinite(1.0 / (x - 0.5)), x, 3.0 * x),
    "isnan": lambda xp, x: xp.where(xp.isnan(xp.log(x)), x, xp.log(xp.abs(x))),
    "remainder": lambda xp, x: x % 0.37 + x // 0.37,
    "comparisons": lambda xp, x: xp.where(x >= 0.75, x, -x) + xp.where(x != 0.5, x, 0.0),
    "mask as number": lambda xp, x: x * (x > 0.0),
    "astype": lambda xp, x: xp.astype(x > 0.0, xp.float64) * x,
    "power": lambda xp, x: 2.0**x + x**2 + xp.abs(x) ** 0.5,
    "integer powers": lambda xp, x: x**0 + x**1 + x**7 * x**-3 + x**-1 + x**12,
    "right operators": lambda xp, x: 1.0 - x + 2.0 / x + np.asarray(3.0) * x,
    "full": lambda xp, x: xp.full((2, 2), x[0, 0]) + xp.full_like(x[:, :2], 2.0),
    "asarray": lambda xp, x: xp.asarray([x[0, 0], x[1, 2]]) if xp is XP else x[[0, 1], [0, 2]],
    "meshgrid": lambda xp, x: xp.meshgrid(x[0], x[1])[0] * xp.meshgrid(x[0], x[1])[1],
    "diff": lambda xp, x: xp.diff(x, n=2),
    "sort down": lambda xp, x: xp.sort(x, axis=0) if xp is not XP else XP.sort(x, axis=0),
    "argmax": lambda xp, x: x[:, int(xp.argmax(x[0]))],
    "cumulative": lambda xp, x: xp.cumulative_sum(x, axis=1, include_initial=True),
    "var": lambda xp, x: xp.var(x, axis=1, correction=1) + xp.std(x, axis=1),
    "concat flat": lambda xp, x: xp.concat([x, x[0]], axis=None),
    "concat last": lambda xp, x: xp.concat([x, x * x], axis=-1),
    "broadcast": lambda xp, x: xp.broadcast_arrays(x, x[0])[1] * x,
    "trunc": lambda xp, x: xp.trunc(x) + xp.round(x) + xp.floor(x) + xp.ceil(x),
    "moveaxis": lambda xp, x: xp.moveaxis(x[None], 0, 2) * 2.0,
    "cross": lambda xp, x: xp.linalg.cross(x[0], x[1]),
    "norms": lambda xp, x: xp.linalg.matrix_norm(x, ord=1) + xp.linalg.matrix_norm(x, ord=2),
    "vecdot": lambda xp, x: xp.vecdot(x, x[0], axis=-1),
    "matmul": lambda xp, x: x[0] @ x.T @ x,
    "constant": lambda xp, x: xp.ones((2,)) * 3.0,
    "logspace": lambda xp, x: xp.logaddexp(x, x[0]) * xp.hypot(x, x[1]),
    "prod of none": lambda xp, x: xp.prod(x[:, :0], axis=1) + xp.sum(x[:, :0], axis=1),
}


@pytest.mark.parametrize("ops", [frozenset(CORE), FEW], ids=["all operations", "few operations"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_would_be_recorded_as_another_if_this_failed(name, ops):
    check(FUNCTIONS[name], A, ops=ops)


@pytest.mark.parametrize("descending", [False, True])
def test_sorts_keep_the_order_of_equals(descending):
    (x,) = concrete([1.0, 3.0, 1.0, 3.0])
    found = record(lambda a: (XP.argsort(a, descending=descending),), (x,)).outputs[0]
    assert found.numpy().tolist() == ([1, 3, 0, 2] if descending else [0, 2, 1, 3])


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: math.sin(x[0]),
        lambda x: float(x[0]),
        lambda x: int(x[0]),
        lambda x: complex(x[0]),
        lambda x: np.asarray(x),
        lambda x: np.stack([x, x]),
        lambda x: XP.asarray([1.0, 2.0])[x],
        lambda x: XP.arange(x[0]),
        lambda x: XP.linspace(0.0, x[0], 3),
    ],
)
def test_a_conversion_to_numbers_would_cut_the_graph(cut):
    with pytest.raises(Unsupported, match="cut"):
        record(lambda x: (x * 0.0 + cut(x),), concrete([0.5, 1.5]))


def test_numpy_functions_do_not_take_recorded_arrays_for_constants():
    with pytest.raises(TypeError, match="operand 'Array' does not support ufuncs"):
        record(lambda x: (np.sin(x),), concrete([0.5]))
    (y,) = record(lambda x: (np.ones(1) * x,), concrete([0.5])).outputs
    assert isinstance(y, Array) and y.recorded


def test_writing_into_an_array_is_declined():
    def f(x):
        x[0] = 1.0
        return (x,)

    with pytest.raises(Unsupported, match="immutable"):
        record(f, concrete([0.5]))


def test_precisions_do_not_mix_in_silence():
    (x,) = concrete([0.5])
    with pytest.raises(Unsupported, match="one precision"):
        record(lambda a: (XP.astype(a, XP.float32),), (x,))
    half = wrapped(np.ones(1, np.float32))
    with pytest.raises(Unsupported, match="one precision"):
        record(lambda a: (a + x,), (half,))
    recording = record(lambda a: (a * 0.1,), (half,))
    assert json.loads(recording.program(CORE).text)["dtype"] == "float32"


def test_only_what_was_looked_at_binds_a_program_to_its_point():
    x = concrete(A)
    assert not record(lambda a: (XP.where(a > 0.0, a, -a),), x).resolved
    assert record(lambda a: (a if a[0, 0] > 0.0 else -a,), x).resolved
    assert record(lambda a: (XP.sort(a),), x).resolved
    assert record(lambda a: (a > 0.0,), x).resolved  # an output that is no real number
    assert not record(lambda a: (XP.tril(a),), x).resolved


def test_what_no_input_stands_behind_is_computed_while_recording():
    text = record(lambda a: (a * XP.exp(XP.asarray(0.5)),), concrete([1.0])).program(CORE).text
    ops = [node["op"] for node in json.loads(text)["nodes"]]
    assert ops == ["input", "constant", "multiply"]


def test_inputs_stand_first_used_or_not():
    text = record(lambda a, b, c: (c * c, a), concrete([1.0], [2.0, 3.0], [4.0])).program(CORE).text
    program = json.loads(text)
    assert [node["op"] for node in program["nodes"]] == ["input"] * 3 + ["multiply"]
    assert [o["node"] for o in program["outputs"]] == [3, 0]


def test_an_operation_that_is_no_composition_is_declined_by_its_name():
    recording = record(lambda a: (XP.linalg.inv(XP.sinh(a)),), concrete(np.eye(2)))
    with pytest.raises(Unsupported, match="no operation sinh"):
        recording.program(FEW - {"sinh"})
    with pytest.raises(Unsupported, match="no operation inv"):
        recording.program(FEW - {"inv"})


def test_a_deep_program_is_no_deep_recursion():
    def f(x):
        for _ in range(5000):
            x = XP.hypot(x, 0.5)
        return (x,) if XP.sum(x) > 0.0 else (-x,)

    recording = record(f, concrete([1.0]))
    assert len(json.loads(recording.program(FEW).text)["nodes"]) > 5000


def test_numbers_that_json_has_not_are_words():
    assert plain(np.array([1.5, np.nan, np.inf, -np.inf])) == [1.5, "nan", "inf", "-inf"]
    assert plain(np.array([True, False])) == [1, 0]
    (x,) = np.float32([0.1]).tolist()
    assert plain(np.float32([0.1])) == [x]


def test_names_that_are_not_there_are_missing():
    for name in ("frobnicate", "complex128"):
        assert not hasattr(XP, name)
        with pytest.raises(MissingName, match=name):
            getattr(XP, name)
    assert not hasattr(XP.linalg, "expm")
