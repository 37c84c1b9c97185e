"""Generated cases: real source, points of every class that a domain has, places, digests."""

from __future__ import annotations

import inspect
import linecache
import math
import traceback
from pathlib import Path

import numpy as np
import pytest

from gradtier.cases import Case, Suite, load_suite, normal, values
from gradtier.errors import InputError
from gradtier.points import Domain, Plane, pairs, points
from gradtier.specs import Edge, Spec, binary, compiled, declare, empty, unary

SUITE = """
from gradtier.cases import Suite
from gradtier.specs import Domain, declare, unary

suite = Suite("s", "Title")
LIST = [
    unary("sin", "Sine"),
    unary("abs", "Absolute value", Domain(kinks=(0.0,))),
]
declare(suite, LIST, __file__)
"""


def made(*specs: Spec) -> dict[str, Case]:
    suite = Suite("s", "Title")
    declare(suite, specs, __file__)
    return suite.cases


def drawn(domain: Domain) -> dict[str, np.ndarray]:
    return {point.suffix: point.given.draw("seed") for point in points(domain)}


def load(folder: Path, text: str) -> Suite:
    folder.mkdir()
    (folder / "s.py").write_text(text, encoding="utf-8")
    return load_suite("s", folder / "s.py")


def test_a_generated_case_is_a_function_with_source_that_a_reader_can_see() -> None:
    case = made(unary("sin", "Sine"))["sin"]
    assert inspect.getsource(case.function) == (
        'def sin(xp, x):\n    """Sine"""\n    return xp.sin(x)\n'
    )
    assert case.title == "Sine"


def test_the_source_outlives_a_check_of_the_line_cache() -> None:
    case = made(unary("sin", "Sine"))["sin"]
    linecache.checkcache()
    assert "xp.sin(x)" in inspect.getsource(case.function)


def test_an_error_in_a_generated_case_shows_the_line_that_raised() -> None:
    with pytest.raises(AttributeError) as caught:
        made(unary("sin", "Sine"))["sin"].function(object(), 1.0)
    assert "return xp.sin(x)" in "".join(traceback.format_exception(caught.value))


def test_several_outputs_and_statements_before_them_are_written_out() -> None:
    long = tuple(f"xp.sum(x, axis={i}, keepdims=True) * {i}.0" for i in range(4))
    spec = Spec("unstack", "Split", ("a * b", *long), {"x": normal(2, 3)},
                setup=("a, b = xp.unstack(x)",))  # fmt: skip
    text = spec.source()
    assert max(map(len, text.splitlines())) <= 100
    assert "    a, b = xp.unstack(x)\n    return (\n        a * b,\n" in text
    compile(text, "text", "exec")


def test_an_edge_keeps_what_it_does_not_change() -> None:
    spec = Spec("take", "Gather", ("xp.take(x, i) * w",), {"x": normal(3), "w": normal(2)},
                (Edge("empty", "nothing", {"x": normal(0)}),
                 Edge("ties_all", "no weight", outputs=("xp.take(x, i)",), without=("w",),
                      tags=("kink",))))  # fmt: skip
    (_, main), (name, one), (_, other) = spec.cases()
    assert main.edges == () and main.title == "Gather" and main.tags == ()
    assert name == "take.empty" and one.title == "Gather: nothing" and one.tags == ("empty",)
    assert list(one.inputs) == ["x", "w"] and one.outputs == main.outputs
    assert list(other.inputs) == ["x"] and other.tags == ("kink",)


def test_a_case_is_placed_at_the_line_of_the_list_that_it_comes_from(tmp_path: Path) -> None:
    suite = load(tmp_path / "folder", SUITE)
    found = {name: str(case.place) for name, case in suite.cases.items()}
    assert found == {"sin": "folder/s.py:7", "abs": "folder/s.py:8", "abs.kink": "folder/s.py:8"}


def test_a_change_of_an_expression_changes_the_digest_of_its_case_alone(tmp_path: Path) -> None:
    before = load(tmp_path / "a", SUITE)
    after = load(tmp_path / "b", SUITE.replace('"Sine"', '"Sine", call="2.0 * xp.sin(x)"'))
    changed = [n for n in before.cases if before.cases[n].digest != after.cases[n].digest]
    assert changed == ["sin"]


def test_two_suites_of_one_name_do_not_show_each_others_source(tmp_path: Path) -> None:
    before = load(tmp_path / "a", SUITE)
    load(tmp_path / "b", SUITE.replace('"Sine"', '"Sine", call="2.0 * xp.sin(x)"'))
    assert "2.0" not in inspect.getsource(before.cases["sin"].function)


def test_a_function_named_like_a_builtin_leaves_the_builtin_alone() -> None:
    spec = Spec("sum", "Sum", ("xp.sum(x)",), {"x": normal(3)})
    assert compiled("s/sum", spec)(np, np.ones(3)) == 3.0
    assert sum([1, 2]) == 3


def test_a_function_that_the_list_has_twice_is_an_error() -> None:
    suite = Suite("s", "Title")
    declare(suite, [unary("sin", "Sine")], __file__)
    with pytest.raises(InputError, match="declared twice"):
        declare(suite, [unary("sin", "Sine")], __file__)


def test_half_of_the_interior_lies_at_zero_where_zero_is_an_ordinary_point() -> None:
    (x,) = drawn(Domain()).values()
    small = np.abs(x[np.abs(x) < 0.1])
    assert small.size == 6 and 0.0 in small and np.any((small > 0.0) & (small < 1e-15))
    assert np.any(x < -1.0) and np.any(x > 1.0)


@pytest.mark.parametrize(
    "domain",
    [Domain(low=0.0, interior=(0.5, 2.0)), Domain(kinks=(0.0,)), Domain(singular=(0.0,))],
)
def test_the_interior_keeps_off_a_zero_that_is_special(domain: Domain) -> None:
    assert np.all(np.abs(drawn(domain)[""]) > 0.01)


def test_points_close_to_an_end_lie_inside_and_at_both_ends() -> None:
    x = drawn(Domain(-1.0, 1.0, (-0.5, 0.5)))["end"]
    assert np.all(np.abs(x) < 1.0) and np.all(np.abs(x) > 0.95)
    assert x.min() < 0.0 < x.max()
    assert np.min(1.0 - np.abs(x)) == 2.0**-10


def test_an_infinite_end_and_an_end_at_zero_are_left_to_magnitudes() -> None:
    found = drawn(Domain(low=0.0, interior=(0.5, 2.0), tiny=1e-20, huge=(1e20,)))
    assert set(found) == {"", "tiny", "huge"}
    assert np.all(found["tiny"] > 0.0) and np.all(found["huge"] > 0.0)


def test_a_kink_is_among_its_points_and_is_tagged() -> None:
    (kink,) = (p for p in points(Domain(kinks=(-1.0, 1.0))) if p.suffix == "kink")
    assert {-1.0, 1.0} <= set(kink.given.draw("seed").tolist()) and kink.tags == ("kink",)


def test_both_tails_are_saturated() -> None:
    x = drawn(Domain(flat=(3.0, 9.0, 20.0)))["saturated"]
    assert sorted(x) == [-20.0, -9.0, -3.0, 3.0, 9.0, 20.0]


def test_magnitudes_of_one_case_are_close_enough_for_each_to_be_seen_in_a_sum() -> None:
    found = drawn(Domain(huge=(80.0, -80.0), even=False))
    assert np.all(found["huge"] > 0.0) and np.all(found["huge_negative"] < 0.0)
    assert np.ptp(np.exp(found["huge"])) / np.exp(found["huge"]).min() < 1e3
    wide = np.abs(drawn(Domain(huge=(1e15,)))["huge"])
    assert wide.max() / wide.min() < 10.0 and wide.min() == np.float32(1e15)


def test_edges_share_their_shape_so_that_kernels_are_shared() -> None:
    everything = Domain(-9.0, 9.0, kinks=(1.0,), flat=(1.0, 2.0, 3.0), tiny=1e-3, huge=(5.0, -5.0))
    shapes = {suffix: x.shape for suffix, x in drawn(everything).items()}
    assert shapes.pop("") == (4, 3)
    assert set(shapes) == {"kink", "end", "saturated", "tiny", "huge", "huge_negative"}
    assert set(shapes.values()) == {(6,)}


def test_a_plane_gives_ties_axes_the_origin_tails_and_magnitudes() -> None:
    plane = Plane(ties="kink", axes=True, apart=(4.0, 40.0, 800.0), tiny=1e-20, huge=1e20)
    found = {p.suffix: (p.x.draw("x"), p.y.draw("y")) for p in pairs(plane)}
    assert set(found) == {"", "kink", "zero", "saturated", "tiny", "huge"}
    same = np.equal(*found["kink"])
    assert same.any() and not same.all()
    x, y = found["zero"]
    assert np.any(x == 0.0) and np.any(y == 0.0) and not np.any((x == 0.0) & (y == 0.0))
    (origin,) = (p for p in pairs(Plane(origin=True)) if p.suffix == "kink")
    assert origin.x.draw("x")[0] == origin.y.draw("y")[0] == 0.0 and origin.tags == ("kink",)


def test_two_arguments_broadcast_in_the_interior() -> None:
    case = made(binary("hypot", "Hypotenuse"))["hypot"]
    (x, y), _ = case.draw()
    assert x.shape != y.shape and np.broadcast_shapes(x.shape, y.shape) == x.shape


def test_complex_numbers_lie_around_the_point_that_is_named() -> None:
    cases = made(unary("exp", "Exponential", complex_at=1.0), binary("add", "Sum", complex_at=2.0))
    assert cases["exp.complex"].is_complex and not cases["exp"].is_complex
    (x, y), _ = cases["add.complex"].draw()
    assert abs(np.mean(x) - (2.0 + 2.0j)) < 1.0 and y.dtype == np.complex128


def test_an_empty_axis_stands_beside_something_to_differentiate() -> None:
    spec = Spec("sum", "Sum", ("xp.sum(x)",), {"x": normal(3)},
                (empty("x", "xp.sum(x, axis=1) + y"),))  # fmt: skip
    case = made(spec)["sum.empty"]
    (x, y), _ = case.draw()
    assert x.size == 0 and y.size == 3 and "empty" in case.tags
    assert np.array_equal(case.function(np, x, y), y)


def test_points_are_numbers_that_float32_has() -> None:
    domain = Domain(-math.pi / 2, math.pi / 2, (-1.0, 1.0), tiny=1e-20)
    for x in drawn(domain).values():
        assert np.array_equal(x, np.float64(np.float32(x)))


def test_values_given_by_hand_replace_generated_ones() -> None:
    edge = Edge("far", "far out", {"x": values([5.0])})
    assert made(unary("sin", "Sine", edges=[edge]))["sin.far"].draw()[0][0].tolist() == [5.0]
