"""Times as evidence keeps them, which of them count, and what is concluded from them."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gradtier import evidence as ev
from gradtier.bench.sheets import duration, sheets, size
from gradtier.bench.show import markdown
from gradtier.evidence import Bench, Evidence, Run
from gradtier.laps import Laps, counting
from gradtier.model import Mode, Outcome, Reason
from gradtier.ratios import LEAST, cost, relative, to_fastest
from gradtier.schemas import schema

PUBLISHED = jsonschema.Draft202012Validator(schema("evidence"))

seconds = st.floats(1e-9, 1e4)
laps = st.builds(
    lambda calls, s: Laps(calls=calls, seconds=tuple(s)),
    st.integers(1, 1000),
    st.lists(seconds, min_size=1, max_size=8),
)


def bench(**more: Any) -> Bench:
    given = {
        "run": "r", "benchmark": "b/x", "backend": "a", "device": "cpu", "dtype": "float64",
        "mode": "reverse", "digest": "0" * 16, "outcome": "agree", **more,
    }  # fmt: skip
    if given["outcome"] == "agree":
        given.setdefault("derivative", Laps(calls=1, seconds=(3.0,)))
        given.setdefault("primal", Laps(calls=1, seconds=(1.0,)))
    return Bench(**given)


def timed(backend: str, benchmark: str, derivative: float, **more: Any) -> Bench:
    times = Laps(calls=1, seconds=(derivative,))
    return bench(backend=backend, benchmark=f"b/{benchmark}", derivative=times, **more)


words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=4)
agreeing = st.builds(
    lambda times, plain, **more: bench(derivative=times, primal=plain, **more),
    laps, laps, backend=words, benchmark=words.map("s/{}".format),
    mode=st.sampled_from(Mode), first_seconds=st.none() | seconds,
    peak_bytes=st.none() | st.integers(0, 2**50), detail=st.text(max_size=20),
)  # fmt: skip
failing = st.builds(
    bench,
    outcome=st.sampled_from([o for o in Outcome if o is not Outcome.AGREE]),
    reason=st.sampled_from([None, *Reason]),
    detail=st.text(max_size=40),
)


@given(agreeing | failing)
def test_a_bench_record_reads_back_to_what_was_written_and_fits_the_schema(one: Bench) -> None:
    line = ev.to_line(one)
    assert line.count(b"\n") == 1
    assert Bench.model_validate(json.loads(line)) == one
    PUBLISHED.validate(json.loads(line))


@given(st.lists(agreeing | failing, min_size=1, max_size=6))
def test_a_file_of_benches_reads_back_without_a_problem(
    tmp_path_factory: pytest.TempPathFactory, some: list[Bench]
) -> None:
    file = tmp_path_factory.mktemp("e") / "e.jsonl"
    file.write_bytes(b"".join(map(ev.to_line, some)))
    read = ev.read([file])
    assert not read.problems and not read.records
    assert read.benches == counting(some)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.AGREE])
def test_what_is_not_right_has_no_speed(outcome: Outcome) -> None:
    times = Laps(calls=1, seconds=(1.0,))
    with pytest.raises(ValidationError, match="with times"):
        bench(outcome=outcome, derivative=times, primal=times)


def test_what_agrees_has_both_times() -> None:
    with pytest.raises(ValidationError, match="no times of both"):
        bench(primal=None)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_time_is_a_positive_number(bad: float) -> None:
    with pytest.raises(ValidationError):
        Laps(calls=1, seconds=(1.0, bad))


def test_times_of_no_round_or_no_call_are_refused() -> None:
    for given_ in ({"calls": 1, "seconds": ()}, {"calls": 0, "seconds": (1.0,)}):
        with pytest.raises(ValidationError):
            Laps(**given_)


@given(laps)
def test_quartiles_are_around_the_median_and_within_what_was_measured(one: Laps) -> None:
    low, high = one.quartiles
    slack = 1e-9 * max(one.seconds)
    assert min(one.seconds) - slack <= low <= one.median + slack
    assert one.median - slack <= high <= max(one.seconds) + slack


# ---------------------------------------------------------------------------- which run counts


def test_a_later_run_counts_as_a_whole_where_it_timed_the_same() -> None:
    old = [timed(b, "x", 1.0, run="1") for b in "abc"] + [timed("a", "y", 1.0, run="1")]
    new = [timed(b, "x", 2.0, run="2") for b in "ab"]
    found = counting([*old, *new])
    assert {(b.backend, b.benchmark, b.run) for b in found.values()} == {
        ("a", "b/x", "2"), ("b", "b/x", "2"), ("a", "b/y", "1"),
    }  # fmt: skip


def test_a_run_that_says_nothing_displaces_nothing() -> None:
    absent = bench(run="2", outcome="unavailable", benchmark="b/x")
    found = counting([timed("a", "x", 1.0, run="1"), absent])
    assert [b.run for b in found.values()] == ["1"]


def test_a_run_that_was_cut_and_went_on_counts_once() -> None:
    found = counting([timed("a", "x", 1.0), timed("a", "x", 2.0)])
    (only,) = found.values()
    assert only.derivative is not None and only.derivative.median == 2.0


@given(st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("ab"), st.sampled_from("xy"))))
def test_records_of_one_benchmark_that_count_are_of_one_run(
    some: list[tuple[str, str, str]],
) -> None:
    found = counting([timed(b, x, 1.0, run=run) for run, b, x in some])
    for benchmark in "xy":
        assert len({r.run for r in found.values() if r.benchmark == f"b/{benchmark}"}) <= 1


# ---------------------------------------------------------------------------- ratios


tables = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("uvwxyz")),
    st.floats(1e-6, 1e3), min_size=1,
)  # fmt: skip


def of_table(table: dict[tuple[str, str], float], scale: dict[str, float]) -> list[Bench]:
    return [timed(b, x, s * scale.get(x, 1.0)) for (b, x), s in table.items()]


@given(tables, st.dictionaries(st.sampled_from("uvwxyz"), st.floats(1e-3, 1e3)))
def test_a_machine_that_is_slower_on_a_benchmark_changes_no_ratio(
    table: dict[tuple[str, str], float], scale: dict[str, float]
) -> None:
    before, after = (relative(of_table(table, s), "cpu") for s in ({}, scale))
    assert before.keys() == after.keys()
    for backend, ratio in before.items():
        assert after[backend] == pytest.approx(ratio, rel=1e-9)


@given(tables)
def test_the_fastest_backend_has_1_and_no_other_has_less(
    table: dict[tuple[str, str], float],
) -> None:
    found = relative(of_table(table, {}), "cpu")
    if found:
        assert min(found.values()) == 1.0


@given(tables, st.floats(1.5, 100.0))
def test_a_backend_that_gets_slower_by_a_factor_on_everything_gets_no_better(
    table: dict[tuple[str, str], float], factor: float
) -> None:
    slower = {key: s * factor if key[0] == "a" else s for key, s in table.items()}
    before, after = (relative(of_table(t, {}), "cpu") for t in (table, slower))
    if "a" in before:
        assert after["a"] >= before["a"] * (1 - 1e-9)


def test_the_mean_is_geometric_and_over_the_benchmarks_that_a_backend_can_do() -> None:
    some = [timed("fast", x, 1.0) for x in "uvwxyz"]
    some += [timed("slow", x, s) for x, s in zip("uvwx", (1.0, 4.0, 2.0, 2.0), strict=True)]
    found = relative(some, "cpu")
    assert found["fast"] == 1.0 and found["slow"] == pytest.approx(2.0)


def test_too_few_benchmarks_in_common_say_nothing() -> None:
    some = [timed(b, str(i), 1.0) for b in "ab" for i in range(LEAST - 1)]
    some += [timed("a", f"alone{i}", 1.0) for i in range(9)]  # nobody to compare with
    assert not relative(some, "cpu")


def test_what_is_wrong_is_no_rival_however_fast() -> None:
    some = [timed(b, str(i), 1.0) for b in "ab" for i in range(LEAST)]
    wrong = [bench(backend="c", benchmark=f"b/{i}", outcome="wrong") for i in range(LEAST)]
    assert set(relative([*some, *wrong], "cpu")) == {"a", "b"}


def test_a_jvp_is_no_rival_of_a_vjp() -> None:
    some = [timed("r", str(i), 9.0) for i in range(LEAST)]
    some += [timed("s", str(i), 18.0) for i in range(LEAST)]
    some += [
        timed(b, str(i), t, mode="forward") for b, t in (("f", 1.0), ("g", 3.0)) for i in range(4)
    ]
    assert relative(some, "cpu") == pytest.approx({"r": 1.0, "s": 2.0, "f": 1.0, "g": 3.0})


def test_other_runs_devices_and_dtypes_are_not_compared() -> None:
    kinds = [{"run": "1"}, {"run": "2"}, {"device": "cuda"}, {"dtype": "float32"}]
    some = [timed(f"a{k}", "x", 1.0 + k, **more) for k, more in enumerate(kinds)]
    assert not to_fastest(some)


def test_cost_is_the_derivative_in_calls_of_the_same_backends_function() -> None:
    def of(derivative: float, primal: float, **more: Any) -> Bench:
        plain = Laps(calls=1, seconds=(primal,))
        return timed("a", more.pop("benchmark", "x"), derivative, primal=plain, **more)

    some = [of(2.0, 1.0), of(8.0, 1.0, benchmark="y"), of(99.0, 1.0, device="cuda")]
    assert cost(some, "a", "cpu") == pytest.approx(4.0)
    assert cost(some, "b", "cpu") is None
    assert cost([bench(outcome="raised")], "a", "cpu") is None


# ---------------------------------------------------------------------------- tables


HEAD = Run(
    run="r", matrix="m" * 16, gradtier="0", started="2026-01-01T00:00:00Z",
    host={"system": "x"}, planned=2,
)  # fmt: skip


def evidence(*some: Bench) -> Evidence:
    return Evidence({"r": HEAD}, {}, benches=counting(some))


def test_every_table_of_a_group_has_the_backends_fastest_first_and_what_failed_in_words() -> None:
    some = [timed("slow", str(i), 2.0) for i in range(4)] + [
        timed("fast", str(i), 1.0) for i in range(4)
    ]
    some += [bench(backend="bad", benchmark="b/0", outcome="wrong", detail="no")]
    found = sheets(evidence(*some))
    assert {tuple(r[0] for r in s.rows) for s in found} == {("fast", "slow", "bad")}
    ratios = next(s for s in found if s.title == "Time relative to the fastest")
    assert ratios.columns == ("backend", "0", "1", "2", "3")
    assert ratios.rows[1] == ("slow", "2", "2", "2", "2")
    assert ratios.rows[2] == ("bad", "wrong", "", "", "")


def test_names_and_words_of_a_file_are_no_markup_in_the_page() -> None:
    hostile = "<script>alert(1)</script>|`*_[x](y)\n# head"
    one = bench(
        backend=hostile, benchmark=f"b/{hostile}", outcome="raised", detail=hostile, device=hostile
    )
    page = markdown(evidence(one, timed(hostile, "x", 1.0, versions={hostile: hostile})))
    assert (
        "<script" not in page
        and "\n# head" not in page
        and "](y)" not in page.replace("\\](y)", "")
    )
    for line in page.splitlines():
        if line.startswith("| ") and "---" not in line:
            assert line.replace("\\|", "").count("|") in (3, 4, 5)  # no column more


def test_the_page_says_of_what_run_the_times_are() -> None:
    page = markdown(evidence(timed("a", "x", 1.0, versions={"lib": "1.2"})))
    assert "Run r, begun 2026-01-01T00:00:00Z: system x; lib 1.2." in page
    orphan = Evidence({}, {}, benches=counting([timed("a", "x", 1.0)]))
    assert "whose head is missing" in markdown(orphan)


@pytest.mark.parametrize(
    ("value", "says"),
    [(1.234e-5, "12.3 µs"), (0.9994e-3, "999 µs"), (0.5, "500 ms"), (2.0, "2 s"), (None, "–"),
     (1e-9, "0.001 µs"), (12345.6, "12346 s")],
)  # fmt: skip
def test_durations_have_a_unit_that_fits(value: float | None, says: str) -> None:
    assert duration(value) == says


@pytest.mark.parametrize(
    ("value", "says"),
    [(0, "<1 MiB"), (5 * 2**20, "5 MiB"), (None, "–"), (3000 * 2**20, "3000 MiB")],
)
def test_sizes_are_said_as_finely_as_they_are_known(value: int | None, says: str) -> None:
    assert size(value) == says
