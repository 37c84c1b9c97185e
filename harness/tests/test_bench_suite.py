"""The benchmarks that ship with gradtier keep what a comparison of times relies on."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from gradtier.backends.numpy import NumPy
from gradtier.cases import Case, load_suite

SUITES = sorted((Path(__file__).resolve().parents[2] / "suites" / "bench").glob("*.py"))
CASES = [case for path in SUITES for case in load_suite(path.stem, path).cases.values()]
KINDS = {"mlp", "convolution", "attention", "recurrence", "gaussian", "scalars"}
SIZES = ("small", "large")
NUMPY = NumPy()

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
small_case = pytest.mark.parametrize(
    "case", [c for c in CASES if "small" in c.tags], ids=lambda case: case.id
)


def value(case: Case, dtype: str) -> list[np.ndarray]:
    free, fixed = case.draw()
    flat = case.bind(NUMPY.extended(case.natives), tuple(a.astype(dtype) for a in fixed))
    return [np.asarray(a) for a in flat(*(a.astype(dtype) for a in free))]


def test_every_kind_of_program_is_there_in_a_small_and_a_large_size() -> None:
    assert {case.name for case in CASES} == {f"{k}_{size}" for k in KINDS for size in SIZES}
    assert all(case.tags & set(SIZES) == {case.name.rpartition("_")[2]} for case in CASES)


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_a_benchmark_imports_no_ad_library(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert modules <= {"math", "gradtier.cases"}


@every_case
def test_a_benchmark_is_finite_and_keeps_its_precision(case: Case) -> None:
    for dtype in ("float64", "float32"):
        for output in value(case, dtype):
            assert output.dtype == dtype and np.isfinite(output).all()


@every_case
def test_a_benchmark_changes_with_each_of_its_inputs(case: Case) -> None:
    free, fixed = case.draw()
    flat = case.bind(NUMPY.extended(case.natives), fixed)
    before = np.concatenate([np.ravel(a) for a in flat(*free)])
    for i in range(len(free)):
        moved = [a + 2.0**-10 if j == i else a for j, a in enumerate(free)]
        after = np.concatenate([np.ravel(a) for a in flat(*moved)])
        assert np.any(after != before), f"input {i} of {case.id} is differentiated for nothing"


@small_case
def test_a_benchmarks_size_is_in_its_inputs_not_in_its_code(case: Case) -> None:
    name = case.name.removesuffix("_small")
    large = next(c for c in CASES if c.name == f"{name}_large")
    assert case.function is large.function and case.digest != large.digest
