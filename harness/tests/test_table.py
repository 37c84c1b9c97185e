"""Tests of the support table: states, counts, footnotes, recommendations, purity."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "render"))

import support_world as world

from gradtier.errors import InputError
from gradtier.evidence import Evidence
from gradtier.model import Outcome, Reason, TrialId
from gradtier.table import (
    LEGEND,
    LONGEST,
    CellEntry,
    State,
    SupportTable,
    plain,
    state_of,
    web_link,
)

AXES = {"devices": ["cpu", "cuda"], "nesting": ["none", "forward", "reverse"],
        "dtypes": ["float64"]}  # fmt: skip


def cells(table: SupportTable) -> Iterator[CellEntry]:
    for row in table.rows:
        yield from row.cells
        for nested in row.nested:
            yield from nested.cells


def cited(table: SupportTable) -> Iterator[tuple[str, int]]:
    """Every (place, number) at which the table cites a footnote, in reading order."""
    for row in table.rows:
        yield from ((row.id, n) for n in row.footnotes)
        for cell in [*row.cells, *(c for nested in row.nested for c in nested.cells)]:
            yield from ((cell.id, n) for n in cell.footnotes)
        yield from ((f"{row.id}/class", n) for n in row.support_class.footnotes)
    for given_ in table.recommendations:
        for entry in given_.said:  # the computed entries cite nothing
            yield from ((entry.id, n) for n in entry.footnotes)


def one_cell(ends: dict[str, world.Ending]) -> CellEntry:
    """The only cell of one backend whose cases end as given."""
    made = world.plan(world.declaration({"a": world.backend()}), *(f"nn/{c}" for c in ends))
    table, _, _ = world.show(made, world.evidence(made, lambda t: ends[t.case]))
    return table.rows[0].cells[0]


def notes_of(table: SupportTable, numbers: tuple[int, ...]) -> list[str]:
    return [table.footnotes[n - 1].text for n in numbers]


# --- states and counts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "state", "text", "asides"),
    [
        ("agree agree", State.AGREES, "agrees 2/2", ()),
        ("agree unsupported", State.PARTIAL, "partial 1/2", ()),
        ("agree raised", State.PARTIAL, "partial 1/2", ()),
        ("agree inconclusive", State.PARTIAL, "partial 1/2", ("1 inconclusive",)),
        ("agree wrong", State.WRONG, "wrong 1, agrees 1/2", ()),
        ("wrong wrong", State.WRONG, "wrong 2, agrees 0/2", ()),
        ("raised unsupported", State.FAILS, "fails, agrees 0/2", ()),
        ("raised inconclusive", State.FAILS, "fails, agrees 0/2", ("1 inconclusive",)),
        ("inconclusive inconclusive", State.INCONCLUSIVE, "inconclusive 2/2", ()),
        ("error unavailable", State.NOT_TESTED, "not tested", ()),
        ("agree error", State.AGREES, "agrees 1/1", ("1 of 2 run",)),
        ("wrong missing", State.WRONG, "wrong 1, agrees 0/1", ("1 of 2 run",)),
    ],
)
def test_a_cell_says_what_its_outcomes_are(
    outcomes: str, state: State, text: str, asides: tuple[str, ...]
) -> None:
    ends: dict[str, world.Ending] = {
        f"c{i}": None if word == "missing" else Outcome(word)
        for i, word in enumerate(outcomes.split())
    }
    cell = one_cell(ends)
    assert (cell.state, cell.text, cell.asides) == (state, text, asides)
    assert cell.mark == next(e.mark for e in LEGEND if e.state is state)


def test_marks_are_distinct_so_that_colour_is_never_alone() -> None:
    assert {entry.state for entry in LEGEND} == set(State)
    assert len({e.mark for e in LEGEND}) == len({e.word for e in LEGEND}) == len(State)
    assert all(len(entry.mark) == 1 for entry in LEGEND)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*Outcome]), min_size=1, max_size=12))
def test_no_trial_is_lost_and_no_state_contradicts_its_counts(outcomes: list[Outcome]) -> None:
    ends: dict[str, world.Ending] = {
        f"c{i}": None if outcome is Outcome.MISSING else outcome
        for i, outcome in enumerate(outcomes)
    }
    cell, counts = one_cell(ends), Counter(outcomes)
    assert sum(cell.outcomes.values()) == cell.planned == len(outcomes)
    assert cell.outcomes == counts
    assert Counter(cell.by_dtype["float64"]) == counts
    measured = [o for o in outcomes if o.is_evidence]
    assert cell.measured == len(measured)
    assert (cell.state is State.NOT_TESTED) == (not measured)
    assert (cell.state is State.WRONG) == (Outcome.WRONG in measured)
    assert (cell.state is State.AGREES) == (set(measured) == {Outcome.AGREE})
    assert (cell.state is State.INCONCLUSIVE) == (set(measured) == {Outcome.INCONCLUSIVE})
    if cell.state is State.FAILS:
        assert Outcome.AGREE not in measured
    if cell.state is State.PARTIAL:
        assert Outcome.AGREE in measured and set(measured) != {Outcome.AGREE}
    assert bool(cell.footnotes) == (cell.state is not State.AGREES or len(measured) < len(outcomes))


@given(st.dictionaries(st.sampled_from([*Outcome]), st.integers(0, 3)))
def test_one_more_wrong_trial_never_hides_behind_another_state(counts: dict[Outcome, int]) -> None:
    more = {**counts, Outcome.WRONG: counts.get(Outcome.WRONG, 0) + 1}
    assert state_of(more) is State.WRONG


def test_without_evidence_every_planned_cell_says_not_tested() -> None:
    backends = {"a": world.backend(devices=["cpu", "cuda"]), "b": world.backend("Beta")}
    made = world.plan(world.declaration(backends, axes=AXES))
    table, _, _ = world.show(made, world.NO_EVIDENCE)
    states = {cell.id: cell.state for cell in cells(table)}
    assert {states.pop(f"b/cuda/{n}") for n in AXES["nesting"]} == {State.NOT_OFFERED}
    assert set(states.values()) == {State.NOT_TESTED}
    assert [row.support_class.id for row in table.rows] == [None, None]
    assert [row.support_class.title for row in table.rows] == ["not tested", "not tested"]
    assert "nothing is measured yet" in table.summary


def test_a_device_that_is_absent_counts_neither_for_nor_against() -> None:
    matrix = world.declaration({"a": world.backend(devices=["cpu", "cuda"])}, axes=AXES)
    made = world.plan(matrix, absent={"cuda": world.NO_CARD})
    table, _, _ = world.show(made, world.evidence(made))
    cpu, cuda = table.rows[0].cells
    assert (cpu.state, cuda.state) == (State.AGREES, State.NOT_TESTED)
    assert (cuda.measured, cuda.outcomes) == (0, {Outcome.UNAVAILABLE: 2})
    assert notes_of(table, cuda.footnotes) == ["Not tested: this host has no CUDA device."]
    assert table.provenance.measured == 6 and table.provenance.planned == 12


def test_dtypes_are_summed_and_can_be_told_apart() -> None:
    axes = {"devices": ["cpu"], "nesting": ["none"], "dtypes": ["float64", "float32"]}
    made = world.plan(world.declaration({"a": world.backend()}, axes=axes))

    def ends(t: TrialId) -> world.Ending:
        bad = t.cell.dtype == "float32" and t.case == "norm"
        return (Outcome.WRONG, Reason.DTYPE, "") if bad else Outcome.AGREE

    table, _, _ = world.show(made, world.evidence(made, ends))
    cell = table.rows[0].cells[0]
    assert cell.text == "wrong 1, agrees 3/4"
    assert cell.by_dtype["float64"] == {Outcome.AGREE: 2}
    assert cell.by_dtype["float32"] == {Outcome.AGREE: 1, Outcome.WRONG: 1}
    assert notes_of(table, cell.footnotes) == ["1 wrong (nn/norm in float32: dtype)."]


def test_both_outer_modes_of_a_nesting_are_told_apart() -> None:
    made = world.plan(world.declaration({"a": world.backend()}, axes=AXES))

    def ends(t: TrialId) -> world.Ending:
        return Outcome.UNSUPPORTED if t.cell.nesting == "reverse" else Outcome.AGREE

    table, _, _ = world.show(made, world.evidence(made, ends))
    (nested,) = table.rows[0].nested
    assert [(c.title, c.text) for c in nested.cells] == [
        ("forward over reverse", "agrees 2/2"),
        ("reverse over reverse", "fails, agrees 0/2"),
    ]
    assert not nested.alike


def test_the_nested_grid_puts_the_two_modes_of_a_family_side_by_side() -> None:
    rows = {
        "r": world.backend("Alpha", mode="reverse"),
        "f": world.backend("Alpha", mode="forward"),
        "alone": world.backend("Beta", mode="reverse"),
        "mate": world.backend("Gamma", mode="forward", family="Beta"),
    }
    made = world.plan(world.declaration(rows, axes=AXES))

    def ends(t: TrialId) -> world.Ending:
        if t.cell.backend in ("alone", "mate") and t.cell.nesting == "forward":
            return Outcome.UNSUPPORTED
        return Outcome.AGREE if t.cell.backend != "f" else Outcome.WRONG

    table, _, _ = world.show(made, world.evidence(made, ends))
    said = {
        (line.family, f"{c.outer} over {c.inner}"): (c.backend, c.text)
        for line in table.grid
        for c in line.cells
    }
    assert said[("Alpha", "forward over reverse")] == ("r", "agrees 2/2")
    assert said[("Alpha", "reverse over forward")] == ("f", "wrong 2, agrees 0/2")
    assert said[("Beta", "forward over reverse")] == ("alone", "fails, agrees 0/2")
    assert said[("Beta", "reverse over forward")] == ("mate", "agrees 2/2")
    assert len(said) == 8


def test_a_family_without_evidence_has_no_line_and_one_without_a_mode_says_so() -> None:
    rows = {"r": world.backend("Alpha"), "other": world.backend("Beta")}
    made = world.plan(world.declaration(rows, axes=AXES))

    def ends(t: TrialId) -> world.Ending:
        return Outcome.AGREE if t.cell.backend == "r" else None

    table, _, _ = world.show(made, world.evidence(made, ends))
    (line,) = table.grid
    assert [c.text for c in line.cells] == [
        "no forward mode", "agrees 2/2", "no forward mode", "agrees 2/2",
    ]  # fmt: skip


def test_an_unavailable_row_is_no_silence() -> None:
    absent = {k: v for k, v in world.backend("Beta").items() if k != "adapter"}
    rows = {"a": world.backend(), "b": absent | {"unavailable": "needs a licence"}}
    made = world.plan(world.declaration(rows))
    table, _, _ = world.show(made, world.evidence(made, lambda t: Outcome.AGREE))
    (cell,) = table.rows[1].cells
    assert cell.text == "unavailable"
    assert notes_of(table, cell.footnotes) == ["Unavailable: needs a licence."]
    assert table.rows[1].support_class.title == "not tested"


# --- footnotes ------------------------------------------------------------------------------------


def test_golden_shape_one_footnote_of_seven_cells_has_seven_uses() -> None:
    table, _, _ = world.golden()
    (shared,) = (n for n in table.footnotes if "no CUDA device" in n.text)
    assert len(table.rows) == 8
    assert [use.id for use in shared.uses] == [f"b{i}/cuda/none" for i in range(1, 8)]
    assert [len(r.said) for r in table.recommendations] == [3, 1]
    assert [c.id for c in table.classes] == ["I", "II", "III"]
    assert [c.backends for c in table.classes] == [
        ("b0", "b1"), ("b2", "b3"), ("b4", "b5", "b6", "b7"),
    ]  # fmt: skip


def test_every_mark_has_its_footnote_and_every_footnote_its_uses() -> None:
    table, _, _ = world.golden()
    places = list(cited(table))
    by_number = {note.number: note for note in table.footnotes}
    assert set(by_number) == {n for _, n in places} == set(range(1, len(by_number) + 1))
    for number, note in by_number.items():
        assert [use.id for use in note.uses] == [p for p, n in places if n == number]
    assert len({note.text for note in table.footnotes}) == len(table.footnotes)


def test_footnotes_are_numbered_in_reading_order() -> None:
    table, _, _ = world.golden()
    firsts = list(dict.fromkeys(n for _, n in cited(table)))
    assert firsts == sorted(firsts)
    assert table.footnotes[-1].text == "After the first call."  # of a recommendation, so last


def test_declared_notes_stand_where_they_were_declared() -> None:
    notes = {k: f"Note {k}." for k in ("row", "dev", "rule", "claim")}
    matrix = world.declaration(
        {"a": world.backend(notes=["row"], device_notes={"cpu": ["dev"]})},
        notes=notes,
        exclusions=[{"match": {"case": "slow"}, "reason": "too-slow", "because": "an hour",
                     "note": "rule"}],
        claims=[{"match": {"case": "norm"}, "outcome": "unsupported", "because": "none",
                 "note": "claim"}],
    )  # fmt: skip
    made = world.plan(matrix, "nn/dense", "nn/norm", "nn/slow")
    ends = {"dense": Outcome.AGREE, "norm": Outcome.UNSUPPORTED}
    table, _, _ = world.show(made, world.evidence(made, lambda t: ends[t.case]))
    (row,) = table.rows
    assert notes_of(table, row.footnotes) == ["Note row."]
    assert notes_of(table, row.cells[0].footnotes) == [
        "Note dev.", "Left out (too slow) here: nn/slow: an hour.", "Note rule.",
        "1 unsupported (nn/norm).", "Note claim.",
    ]  # fmt: skip


def test_a_note_of_a_claim_is_not_cited_before_the_evidence_confirms_it() -> None:
    claim = {"match": {}, "outcome": "raised", "because": "known", "note": "n"}
    matrix = world.declaration({"a": world.backend()}, notes={"n": "Known."}, claims=[claim])
    made = world.plan(matrix)
    for found in (world.NO_EVIDENCE, world.evidence(made)):
        assert "Known." not in [n.text for n in world.show(made, found)[0].footnotes]


def test_a_claim_that_no_longer_holds_is_said_in_the_cell_and_in_the_list() -> None:
    claim = {"match": {"case": "norm"}, "outcome": "raised", "because": "bug 7",
             "link": "https://example.org/7"}  # fmt: skip
    made = world.plan(world.declaration({"a": world.backend()}, claims=[claim]))
    table, _, _ = world.show(made, world.evidence(made))
    (drift,) = table.drift
    assert (drift.backend, drift.because, drift.link) == ("a", "bug 7", "https://example.org/7")
    assert drift.trials == ("nn/norm@a/cpu/none/float64",)
    (text,) = notes_of(table, table.rows[0].cells[0].footnotes)
    assert text == "Claim that no longer holds: declared raised, but agrees now (nn/norm)."


def test_footnotes_stay_short_however_much_goes_wrong() -> None:
    ends: dict[str, world.Ending] = {
        f"case{i}": (Outcome(o), None, f"{i % 9} " + "long " * 500)
        for i, o in enumerate(["wrong", "crash", "timeout", "raised", "unsupported"] * 30)
    }
    made = world.plan(world.declaration({"a": world.backend()}), *(f"nn/{c}" for c in ends))
    table, _, _ = world.show(made, world.evidence(made, lambda t: ends[t.case]))
    texts = [note.text for note in table.footnotes]
    assert any("30 wrong (nn/case0, nn/case5, nn/case10 and 27 more: value)" in t for t in texts)
    assert max(map(len, texts)) <= 4 * LONGEST


def test_a_footnote_that_nobody_declared_is_an_error_and_not_an_empty_text() -> None:
    made = world.plan(world.declaration({"a": world.backend(notes=["typo"])}))
    with pytest.raises(InputError, match="there is no note 'typo'"):
        world.show(made, world.NO_EVIDENCE)


# --- recommendations, classes, provenance ---------------------------------------------------------


def test_a_recommendation_without_evidence_or_class_is_withheld_with_its_reason() -> None:
    table, _, _ = world.golden()
    cpu, cuda = table.recommendations
    low = "is Tier III, and this needs Tier I"
    assert [entry.withheld for entry in cpu.said] == ["", "", low]
    assert [entry.text for entry in cpu.said] == ["Fast.", "Steady.", ""]
    assert (cpu.said[1].class_title, cpu.said[1].agree, cpu.said[1].measured) == (
        "Tier II", 4, 5,
    )  # fmt: skip
    assert cuda.said[0].withheld == "not tested on cuda" and not cuda.said[0].text


@pytest.mark.parametrize(
    ("device", "outcome", "why"),
    [
        ("cuda", Outcome.AGREE, "not claimed on cuda"),
        ("cpu", Outcome.RAISED, "no measured trial agrees on cpu"),
        ("cpu", Outcome.UNAVAILABLE, "not tested on cpu"),
    ],
)
def test_nothing_is_recommended_that_does_not_work_here(
    device: str, outcome: Outcome, why: str
) -> None:
    said = {device: [{"when": "First", "backend": "a", "text": "Fast."}]}
    matrix = world.declaration({"a": world.backend()}, axes=AXES, recommendations=said)
    made = world.plan(matrix)
    table, _, _ = world.show(made, world.evidence(made, outcome))
    (here,) = (r for r in table.recommendations if r.device == device)
    assert here.said[0].withheld == why
    assert not here.entries and here.none


def test_a_class_out_of_reach_says_what_is_missing() -> None:
    made = world.plan(world.declaration({"a": world.backend()}))
    half = world.evidence(made, lambda t: Outcome.AGREE if t.case == "norm" else None)
    mark = world.show(made, half)[0].rows[0].support_class
    assert (mark.id, mark.possible) == ("III", "I")
    texts = notes_of(world.show(made, half)[0], mark.footnotes)
    assert texts == ["Tier I is still possible; not yet tested: first-order trials that agree."]


def test_measured_versions_are_those_of_the_records_that_count() -> None:
    table, _, _ = world.golden()
    assert table.rows[0].versions == ("1.2.3",)
    made = world.plan(world.declaration({"a": world.backend()}))
    untested = world.show(made, world.evidence(made, Outcome.ERROR))[0]
    assert untested.rows[0].versions == ()


def test_evidence_of_other_declarations_is_left_out_and_counted() -> None:
    made = world.plan(world.declaration({"a": world.backend()}))
    found = world.evidence(made)
    old = [r.model_copy(update={"digest": "0" * 16}) for r in found.records.values()]
    stale = {r.key: r for r in old}
    table, _, _ = world.show(made, Evidence(found.runs, stale, (), found.files))
    assert table.provenance.left_out == 2
    assert table.rows[0].cells[0].state is State.NOT_TESTED


def test_the_table_is_a_pure_function_of_matrix_evidence_and_date() -> None:
    first, second = (world.golden()[0] for _ in range(2))
    assert first == second
    other = world.golden()
    assert other[0].provenance.date == world.TODAY
    assert str(datetime.date.today()) not in first.model_dump_json().replace(str(world.TODAY), "")


def test_real_output_is_valid_by_the_published_schema() -> None:
    schema = SupportTable.model_json_schema(by_alias=True)
    jsonschema.Draft202012Validator.check_schema(schema)
    table, _, _ = world.golden()
    data = table.model_dump(mode="json", by_alias=True)
    jsonschema.validate(data, schema)
    assert data["schema"] == "gradtier/support/1"
    keys = {"title", "about", "columns", "rows", "footnotes", "recommendations", "classes"}
    assert keys | {"provenance"} <= set(data)
    assert SupportTable.model_validate(data) == table
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "extra": 1}, schema)


# --- texts of strangers ---------------------------------------------------------------------------


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    shown = plain(text, LONGEST)
    assert shown.isprintable() and len(shown) <= LONGEST
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no\x1b[31m gradient\x00\r\nhere", "no [31m gradient here"),
        ("in /usr/lib/python3/site-packages/torch/x.py", "in x.py"),
        (r"in C:\Users\me\x.py", "in x.py"),
        ("lib:/opt/a/b.so: not found", "lib:b.so: not found"),
        ("<object at 0x7f12ab34cd>", "<object at 0x…>"),
        ("linalg/qr and https://example.org/a/b", "linalg/qr and https://example.org/a/b"),
        ("evil \u202e txt\u200b\ud800", "evil txt"),
    ],
)
def test_paths_addresses_and_controls_are_no_part_of_a_text(text: str, shown: str) -> None:
    assert plain(text, LONGEST) == shown


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//example.org",
        "http://", "https://a b", "https://a\nb", "file:///x", "http://[", "", None,
    ],
)  # fmt: skip
def test_only_web_addresses_become_links(link: str | None) -> None:
    assert web_link(link) is None
    assert web_link("https://example.org/?a=1#b") == "https://example.org/?a=1#b"


@pytest.mark.parametrize(
    ("link", "written"),
    [
        ("https://e.org/'\"><script>x</script>", "https://e.org/'%22%3E%3Cscript%3Ex%3C/script%3E"),
        ("https://[::1]:8/a[0]?b|c#{d}", "https://[::1]:8/a%5B0%5D?b%7Cc#%7Bd%7D"),
        ("https://e.org/100%/%41%", "https://e.org/100%25/%41%25"),
        ("https://e.org/é", "https://e.org/é"),
        ('https://e".org/', None),
    ],
)
def test_what_may_not_stand_in_an_address_is_written_in_hexadecimal(
    link: str, written: str | None
) -> None:
    assert web_link(link) == written
    assert written is None or web_link(written) == written  # a second time changes nothing
