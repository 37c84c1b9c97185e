"""The suites that ship with gradtier keep the promises that backends and oracle rely on."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import numpy as np
import pytest

from gradtier.backends.numpy import NumPy
from gradtier.cases import Case, load_suite

NUMPY = NumPy()
SUITES = sorted((Path(__file__).resolve().parents[2] / "suites").glob("*.py"))
CASES = [case for path in SUITES for case in load_suite(path.stem, path).cases.values()]
ALLOWED_IMPORTS = {"gradtier.cases", "gradtier.specs", "math"}
#: The dtype of complex numbers beside one of real ones.
COMPLEX = {np.float64: np.complex128, np.float32: np.complex64}

every_suite = pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def _primal(case: Case, dtype: type = np.float64) -> tuple[np.ndarray, ...]:
    """The case on NumPy, with its real inputs in ``dtype`` and its complex ones in its pair."""

    def cast(array):
        array = np.asarray(array)
        wanted = {"f": dtype, "c": COMPLEX[dtype]}.get(array.dtype.kind)
        return array if wanted is None else array.astype(wanted)

    free, fixed = case.draw()
    flat = case.bind(NUMPY.extended(case.natives), tuple(map(cast, fixed)))
    return tuple(map(np.asarray, flat(*map(cast, free))))


def test_there_are_enough_cases_for_a_table_to_mean_something():
    assert len(CASES) >= 60


def test_no_two_cases_share_an_id():
    assert len({case.id for case in CASES}) == len(CASES)


@every_suite
def test_a_suite_has_cases_and_a_title_of_one_line(path):
    suite = load_suite(path.stem, path)
    assert suite.cases
    assert suite.title and "\n" not in suite.title


@every_suite
def test_a_suite_imports_no_ad_library(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    assert found <= ALLOWED_IMPORTS


@every_suite
def test_a_suite_makes_no_assertion(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert not [node.lineno for node in nodes if isinstance(node, ast.Assert)]


@every_suite
def test_a_suite_file_stays_readable_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@every_suite
def test_no_function_of_a_suite_is_left_undeclared(path):
    """A function without ``_`` that is no case was meant to be one: its decorator is missing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"}
    cases = load_suite(path.stem, path).cases.values()
    files = {case.name: case.function.__code__.co_filename for case in cases}
    assert public == {name for name, file in files.items() if Path(file) == path}


@every_case
def test_a_case_has_a_docstring_for_its_title(case):
    doc = (case.function.__doc__ or "").strip()
    assert doc and case.title == doc.splitlines()[0].rstrip(".")
    assert len(case.title) <= 80


def test_titles_tell_the_cases_of_a_suite_apart():
    assert len({(case.suite, case.title) for case in CASES}) == len(CASES)


@every_case
def test_the_primal_is_finite_float64_and_repeats_to_the_bit(case):
    first, second = _primal(case), _primal(case)
    assert first, "a case returns at least one array"
    for a, b in zip(first, second, strict=True):
        assert a.dtype in (np.float64, np.complex128)
        assert np.isfinite(a).all()
        assert a.shape == b.shape and a.tobytes() == b.tobytes()


#: Cases whose primal holds numbers in float64: in float32 they say so, and are not measured there.
WIDE = {
    f"rules/{name}" for name in ("sine", "sine_inside", "sine_twice", "product", "implicit_root")
}


@every_case
def test_float32_inputs_give_float32_outputs_near_the_float64_ones(case):
    low, high = _primal(case, np.float32), _primal(case)
    for a, b in zip(low, high, strict=True):
        wide = np.float64 if case.id in WIDE else np.float32
        assert a.dtype == (COMPLEX[wide] if b.dtype.kind == "c" else wide)
        assert a.shape == b.shape
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * (1 + np.abs(b).max(initial=0)))


@every_case
def test_the_primal_writes_into_none_of_its_inputs(case):
    free, fixed = case.draw()
    before = [np.array(array) for array in (*free, *fixed)]
    case.bind(NUMPY.extended(case.natives), fixed)(*free)
    for array, kept in zip((*free, *fixed), before, strict=True):
        assert np.array_equal(array, kept)


@every_case
def test_some_output_depends_on_some_input(case):
    """A case that is constant everywhere would make an all-zero derivative look right."""
    free, fixed = case.draw()
    flat = case.bind(NUMPY.extended(case.natives), fixed)
    with np.errstate(all="ignore"):  # a step from a domain's end leads out of it
        moved = flat(*[np.asarray(x + _turned(x) * 2.0**-8 * (1.0 + np.abs(x))) for x in free])
    assert any(np.any(a != b) for a, b in zip(flat(*free), moved, strict=True))


@every_case
def test_inputs_are_drawn_the_same_again_and_float32_holds_them(case):
    for a, b in zip(sum(case.draw(), ()), sum(case.draw(), ()), strict=True):
        assert np.array_equal(a, b)
        if np.asarray(a).dtype.kind == "f":
            assert np.array_equal(np.float64(np.float32(a)), a)


def test_the_order_of_drawing_changes_no_input():
    forward = {case.id: case.draw() for case in CASES}
    backward = {case.id: case.draw() for case in reversed(CASES)}
    for name, drawn in forward.items():
        for a, b in zip(sum(drawn, ()), sum(backward[name], ()), strict=True):
            assert np.array_equal(a, b), name


def test_loading_a_suite_again_changes_no_digest():
    again = [case for path in SUITES for case in load_suite(path.stem, path).cases.values()]
    assert [case.digest for case in again] == [case.digest for case in CASES]


def test_every_primal_is_cheap_enough_for_hundreds_of_evaluations():
    """The oracle evaluates a primal some 200 times: 5 ms here would be a second there."""

    def best(case):
        free, fixed = case.draw()
        flat, times = case.bind(NUMPY.extended(case.natives), fixed), []
        for _ in range(5):
            start = time.perf_counter()
            flat(*free)
            times.append(time.perf_counter() - start)
        return min(times)

    slow = {case.id: seconds for case in CASES if (seconds := best(case)) > 5e-3}
    assert not slow


@every_case
def test_a_case_stands_on_a_kink_exactly_if_it_is_tagged_so(case):
    """Slopes from the left and from the right along a direction differ at a kink only."""
    free, fixed = case.draw()
    flat = case.bind(NUMPY.extended(case.natives), fixed)
    rng = np.random.default_rng(7)
    signs = [rng.choice([-1, 1], x.shape) for x in free]
    along = [
        _size(x) * sign * _turned(x) * rng.uniform(0.5, 1.5, x.shape)
        for x, sign in zip(free, signs, strict=True)
    ]

    def value(h):
        moved = [np.asarray(x + h * v) for x, v in zip(free, along, strict=True)]
        return np.concatenate([np.ravel(y) for y in flat(*moved)])

    h = 2.0**-17
    right, left = (value(h) - value(0.0)) / h, (value(0.0) - value(-h)) / h
    smooth = np.allclose(right, left, rtol=1e-2, atol=1e-3 * (1.0 + np.abs(right).max()))
    assert smooth == ("kink" not in case.tags)


def _turned(x):
    """For complex numbers, a direction that is neither real nor imaginary."""
    return 0.75 + 0.5j if x.dtype.kind == "c" else 1.0


def _size(x):
    """The size of each element; for a zero, the mean size of its array."""
    size = np.abs(x)
    return np.where(size > 0.0, size, size.mean() if size.any() else 1.0)
