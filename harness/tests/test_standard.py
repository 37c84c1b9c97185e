"""The list of the standard's functions is complete, and every one of them is in some case."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradtier.cases import Case, Suite, load_suite, normal
from gradtier.standard import FUNCTIONS, SAME, calls, coverage

SUITES = sorted((Path(__file__).resolve().parents[2] / "suites").glob("*.py"))
CASES = [case for path in SUITES for case in load_suite(path.stem, path).cases.values()]
COVERED = coverage(CASES)

#: What a namespace of the standard may offer beside the standard's functions.
BESIDE = {"UniqueAllResult", "UniqueCountsResult", "UniqueInverseResult", "bool"}


def example(function) -> Case:
    suite = Suite("s", "Title")
    suite.case(x=normal(3, 3))(function)
    (case,) = suite.cases.values()
    return case


@pytest.mark.parametrize("name", [n for n, f in FUNCTIONS.items() if f.differentiable])
def test_every_differentiable_function_of_the_standard_is_called_by_some_case(name: str) -> None:
    assert COVERED[name]


def test_the_main_namespace_is_covered_by_the_suite_array_alone() -> None:
    alone = coverage(case for case in CASES if case.suite == "array")
    main = {name for name in alone if "." not in name}
    assert len(main) > 80
    assert {name for name in main if not alone[name]} == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_name_of_the_list_is_misspelt(name: str) -> None:
    """Each is a function of a namespace that follows the standard."""
    found = pytest.importorskip("array_api_compat.numpy")
    pytest.importorskip("array_api_compat.numpy.linalg")
    pytest.importorskip("array_api_compat.numpy.fft")
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)


@pytest.mark.parametrize(
    ("module", "prefix"),
    [("numpy._aliases", ""), ("torch._aliases", ""), ("common._linalg", "linalg."),
     ("common._fft", "fft.")],
)  # fmt: skip
def test_no_function_is_missing_that_the_compatibility_layer_had_to_mend(
    module: str, prefix: str
) -> None:
    """What that layer defines itself is the standard's; what no library got wrong it has not."""
    offered = set(pytest.importorskip(f"array_api_compat.{module}").__all__) - BESIDE
    missing = {n for n in offered if n.islower()} - {n.removeprefix(prefix) for n in FUNCTIONS}
    assert missing <= LATER


#: Names of that layer that are constants, dtypes, or no part of version 2024.12.
LATER = {"newaxis", "result_type", "broadcast_shapes"}


def test_a_function_without_a_derivative_says_why() -> None:
    reasons = {name: f.reason for name, f in FUNCTIONS.items() if not f.differentiable}
    assert reasons["argmax"] and reasons["unique_values"] and reasons["linalg.matrix_rank"]
    assert all(len(reason.split()) <= 8 for reason in reasons.values())


def test_the_names_that_stand_in_two_namespaces_are_in_both() -> None:
    assert all(FUNCTIONS[one].differentiable and FUNCTIONS[two] for one, two in SAME.items())


def test_names_operators_and_extensions_are_seen() -> None:
    def case(xp, x):
        """Title"""
        return xp.sin(x) + xp.linalg.inv(x) @ x**2 - (-x)

    assert calls(example(case)) == {
        "sin", "add", "linalg.inv", "matmul", "pow", "subtract", "negative"
    }  # fmt: skip


def _helper(xp, x):
    return xp.cosh(x)


def test_what_a_helper_of_the_same_file_calls_counts() -> None:
    def case(xp, x):
        """Title"""
        return _helper(xp, x)

    assert calls(example(case)) == {"cosh"}


def test_a_method_of_an_array_is_not_the_namespaces_function() -> None:
    def case(xp, x):
        """Title"""
        return x.sum()

    assert not calls(example(case))


def test_a_function_under_either_of_its_names_is_covered() -> None:
    def case(xp, x):
        """Title"""
        return xp.matmul(x, x)

    found = coverage([example(case)])
    assert found["linalg.matmul"] == found["matmul"] == ("s/case",)
    assert found["linalg.vecdot"] == ()
