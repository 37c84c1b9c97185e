"""Cases: a digest that changes when the answer could, and inputs that are the same anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradtier import trees
from gradtier.cases import Suite, constant, integers, load_suite, normal, values

BASE = """
from gradtier.cases import Suite, normal

suite = Suite("s")
RATE = 0.5


def above(xp, x):
    return x * 2


@suite.case(x=normal(3))
def one(xp, x):
    return above(xp, x) + below(xp, x) * RATE


def below(xp, x):
    return xp.sin(x)


def unrelated(xp, x):
    return x
"""


def digest(folder: Path, text: str) -> str:
    folder.mkdir()
    (folder / "s.py").write_text(text, encoding="utf-8")
    return load_suite("s", folder / "s.py").cases["one"].digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("above(xp, x) + below", "above(xp, x) - below"),
        ("x * 2", "x * 3"),
        ("xp.sin(x)", "xp.cos(x)"),
        ("RATE = 0.5", "RATE = 0.25"),
        ("normal(3)", "normal(4)"),
    ],
)
def test_a_change_that_can_change_the_answer_changes_the_digest(
    tmp_path: Path, old: str, new: str
) -> None:
    assert old in BASE
    changed = digest(tmp_path / "b", BASE.replace(old, new))
    assert digest(tmp_path / "a", BASE) != changed


def test_a_change_elsewhere_in_the_file_leaves_the_evidence_valid(tmp_path: Path) -> None:
    changed = BASE.replace("    return x\n", "    return x + 1\n").replace(
        'suite = Suite("s")', '# a comment\nsuite = Suite("s", "A title")'
    )
    assert changed != BASE
    assert digest(tmp_path / "a", BASE) == digest(tmp_path / "b", changed)


def test_a_pytree_and_constants_reach_the_function_as_they_were_declared() -> None:
    suite = Suite("s")
    seen = {}

    @suite.case(
        p={"w": normal(2), "b": [normal(), values([1, 2])]}, i=integers(3, high=5),
        c=constant(normal(2)),
    )  # fmt: skip
    def one(xp, p, i, c):
        seen.update(p=p, i=i, c=c)
        return {"out": p["w"] + c, "more": (p["b"][1],)}

    case = suite.cases["one"]
    x, fixed = case.draw()
    out = case.bind(np, fixed)(*x)
    assert [a.shape for a in x] == [(), (2,), (2,)]  # dict keys in order: b before w
    assert [a.shape for a in fixed] == [(2,), (3,)] and fixed[1].dtype == np.int64
    assert seen["p"]["w"].shape == (2,) and list(seen["p"]["b"][1]) == [1.0, 2.0]
    assert all(a.dtype == np.float64 for a in x)
    assert [list(a) for a in out] == [[1.0, 2.0], list(x[2] + fixed[0])]


shapes = st.recursive(
    st.just("leaf"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(shapes)
def test_a_tree_taken_apart_and_put_together_is_the_same(tree: object) -> None:
    numbered = trees.replace(tree, iter(range(1000)))
    assert trees.leaves(numbered) == list(range(len(trees.leaves(tree))))
    assert trees.replace(tree, iter(trees.leaves(numbered))) == numbered
    assert trees.mapped(lambda _: "leaf", numbered) == tree


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1 + 2j, 1 + 2j), ([[1, 2j], [0.5, 3]], [[1, 2j], [0.5, 3]]), ([0.1 + 0j], [np.float32(0.1)])],
)
def test_complex_numbers_are_given_as_they_are_written(given: object, expected: object) -> None:
    drawn = values(given).draw("any")
    assert drawn.dtype == np.complex128
    assert np.array_equal(drawn, np.asarray(expected))
    assert np.array_equal(drawn.astype(np.complex64).astype(np.complex128), drawn)


def test_a_case_with_given_complex_numbers_is_complex() -> None:
    suite = Suite("s")
    suite.case(z=values([1j, 2]))(lambda xp, z: z)
    assert suite.cases["<lambda>"].is_complex


def test_real_numbers_are_declared_as_they_always_were() -> None:
    """What is shown of an input enters the digest that committed evidence is kept under."""
    shown = "Input(kind='values', shape=(2,), low=0.0, high=1.0, values=(1, 2.5), constant=False)"
    assert repr(values([1, 2.5])) == shown
