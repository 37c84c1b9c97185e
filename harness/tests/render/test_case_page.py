"""The page of a case and its data: every trial once, in words of its own, closed to strangers."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from typing import Any

import pytest
import support_world as world
from test_html import HOSTILE, Page
from test_pages import NUMBERS, with_verdict

from gradtier.model import Mode, Nesting, Outcome, Reason, TrialId
from gradtier.render import case_page
from gradtier.render.case_data import NUMBERS as FIELDS_OF_NUMBERS
from gradtier.render.case_data import TEXTS, escaped
from gradtier.render.case_summary import summary
from gradtier.render.pages import Pages
from gradtier.render.trials import Measured, cleaned

CASE = "nn/dense"


def data_of(text: str) -> dict[str, Any]:
    """What a data file says; it must be one call with JSON on a line of its own."""
    head, line, tail = text.removesuffix("\n").split("\n")
    assert (head, tail) == ("gradtier_trials(", ");")
    return dict(json.loads(line))


def rows_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row in words, as the script reads them."""
    found = []
    for row in data["rows"]:
        assert (data["texts"], data["numbers"]) == (list(TEXTS), list(FIELDS_OF_NUMBERS))
        texts, numbers = row[3 : 3 + len(TEXTS)], row[3 + len(TEXTS) :]
        trial = {f: data["words"][i] for f, i in zip(TEXTS, texts, strict=True)}
        for field, n in zip(FIELDS_OF_NUMBERS, numbers, strict=True):
            trial[field] = data["words"][n[0]] if isinstance(n, list) else n
        backend, trial["title"], trial["mode"], trial["page"] = data["backends"][row[0]]
        device, nesting, dtype = data["cells"][row[1]]
        trial["state"], trial["mark"], trial["outcome"] = data["endings"][row[2]]
        trial["id"] = f"{data['case']}@{backend}/{device}/{nesting}/{dtype}"
        found.append(trial)
    return found


def many(ends: Any = None, verdict: Any = None) -> world.Shown:
    """Two packages of two modes, three nestings and two dtypes: 24 trials of one case."""
    axes = {"devices": ["cpu"], "nesting": list(Nesting), "dtypes": ["float64", "float32"]}
    backends = {
        f"{name}-{mode}": world.backend(name.title(), mode=mode, package=name)
        for name in ("alpha", "beta")
        for mode in ("reverse", "forward")
    }
    made = world.plan(world.declaration(backends, axes=axes), CASE, "nn/norm")
    found = world.evidence(made, ends or Outcome.AGREE)
    if verdict is not None:
        records = {k: r.model_copy(update={"verdict": verdict}) for k, r in found.records.items()}
        found = dataclasses.replace(found, records=records)
    return world.show(made, found)


def mixed(t: TrialId) -> world.Ending:
    """Beta does not agree; in forward mode it is wrong, in reverse it declines."""
    if t.cell.backend == "beta-forward":
        return Outcome.WRONG, Reason.VALUE, "off by a half"
    return Outcome.UNSUPPORTED if t.cell.backend == "beta-reverse" else Outcome.AGREE


def rendered(shown: world.Shown, case: str = CASE) -> tuple[str, list[dict[str, Any]]]:
    """The page of a case, and the rows of its data."""
    pages = Pages(*shown)
    made = pages.plan.cases[case]
    text = pages.cases.page(made, "")
    has = pages.cases.has_data(case)
    assert has == (pages.paths.data[case] in dict(pages.all()))
    assert has == ('class="loader"' in text)
    return text, rows_of(data_of(pages.cases.data(made))) if has else []


@pytest.mark.parametrize("most", [0, 5, 12, 500])
def test_every_measured_trial_is_on_the_page_or_in_its_data_and_never_in_both(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(case_page, "MOST_ROWS", most)
    shown = many(mixed)
    text, rows = rendered(shown)
    on_page = re.findall(r"as a pytest item: <code>(.*?)</code>", text)
    assert len(on_page) == min(most, 12)
    found = Counter([*on_page, *(row["id"] for row in rows)])
    assert found == Counter(str(t.id) for t in shown[2].trials if t.id.case_id == CASE)


def test_the_worst_are_on_the_page_and_what_agrees_is_last_in_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(case_page, "MOST_ROWS", 6)
    text, rows = rendered(many(mixed))
    page = Page(text)
    body = page.all("tr", **{"data-outcome": "wrong"})
    assert len(body) == 6 and not page.all("tr", **{"data-outcome": "unsupported"})
    assert [row["outcome"] for row in rows] == ["unsupported"] * 6 + ["agrees"] * 12
    assert "6 more, which end no worse than these, are in the data of this page" in page.text
    assert "12 trials agree. Their numbers are in the data of this page" in page.text


def test_without_a_trial_beyond_the_page_there_is_no_data_file() -> None:
    text, rows = rendered(many(Outcome.RAISED))
    assert not rows and "Trials that agree 0 None." in Page(text).text
    assert rendered(many(lambda t: None)) is not None  # nor where nothing is measured


def test_data_and_page_say_the_same_of_a_trial() -> None:
    _, (agrees, *_) = rendered(with_verdict(NUMBERS, Outcome.AGREE))
    text = Page(rendered(with_verdict(NUMBERS))[0]).text
    for field, said, words in (
        ("place", "leaf 1, element 7", ""), ("detail", "off by a half", ""),
        ("versions", "alpha 1.2.3", ""), ("got", 2.5, "got 2.5"), ("allowed", 1e-15, ""),
        ("reference", 1.25, "reference 1.25 ± 1e-15"), ("slope", 1.2500001, ""),
        ("bar", 8e-7, "finite differences 1.2500001 ± 8e-07"),
        ("margin_reference", 1234567.0, "reference 1.23e+06"),
        ("margin_differences", 88.5, "finite differences 88.5"),
    ):  # fmt: skip
        assert agrees[field] == pytest.approx(said) and (words or str(said)) in text, field


def test_a_number_that_is_none_is_text_in_the_data() -> None:
    worst = {"got": "nan", "reference": float("inf"), "allowed": 3, "fd": True, "index": 0}
    _, (row, *_) = rendered(with_verdict({"worst": worst, "margin_fd": "inf"}, Outcome.AGREE))
    found = [row[f] for f in ("got", "reference", "allowed", "slope", "bar", "margin_differences")]
    assert found == ["nan", "inf", "3", "True", None, "inf"]


def test_the_data_does_not_depend_on_what_was_rendered_before() -> None:
    pages, other = Pages(*many(mixed)), Pages(*many(mixed))
    dense, norm = (pages.plan.cases[c] for c in (CASE, "nn/norm"))
    first = pages.cases.data(dense)
    assert pages.cases.page(norm, "") == other.cases.page(other.plan.cases["nn/norm"], "")
    other.cases.page(other.plan.cases[CASE], "")
    assert pages.cases.data(dense) == first == other.cases.data(other.plan.cases[CASE])


@pytest.mark.parametrize(
    "text", [*HOSTILE, "</script><script>alert(1)", "a\u2028b", "\ud800", "__proto__"]
)
def test_texts_of_strangers_stay_data_in_the_data(text: str) -> None:
    worst = {"leaf": text, "index": text, "got": text, "reference": text, "part": text}
    verdict = {"worst": worst, "convention": text, "margin_fd": text, "margin_reference": text}
    shown = many((Outcome.AGREE, None, text), verdict)
    pages = Pages(*shown)
    file = pages.cases.data(pages.plan.cases[CASE])
    assert file.isascii() and not set("<>&") & set(file)
    assert file.count("\n") == 3  # no text ends the line
    (row, *_) = rows_of(data_of(file))
    assert not re.search(r"[\x00-\x1f\x7f\u2028\u2029\u202e]", row["detail"])
    assert row["detail"] == cleaned(text)


def test_json_for_a_script_reads_back_to_what_it_was() -> None:
    strange = {"a": ["</script>", "<!--", "\u2028\u2029", "&amp;", "'\"\\", "é", 1, None]}
    assert json.loads(escaped(strange)) == strange


def test_a_link_that_is_no_web_address_is_in_no_data() -> None:
    link = "https://'onclick=alert(1)>"  # the declaration lets no other scheme through
    claims = [{"match": {"case": "*"}, "outcome": "raised", "because": "b", "link": link}]
    made = world.plan(world.declaration({"a": world.backend()}, claims=claims), CASE)
    _, (row,) = rendered(world.show(made, world.evidence(made)))
    assert row["declared"] == "b" and row["otherwise"] == "yes" and row["link"] == ""


def test_every_command_that_repeats_a_trial_can_be_copied_and_read_without_a_script() -> None:
    text, _ = rendered(many(mixed))
    commands = re.findall(r'<code class="copy">(.*?)</code>', text)
    repros = [c for c in commands if c.startswith("gradtier repro ")]
    assert len(repros) == 12 and all(TrialId.parse(c.split()[-1]) for c in repros)
    assert len(commands) == 2 * 12 + 1  # and the one that stands for the others
    assert "<button" not in text  # only the script makes what only the script can do


def test_a_separator_in_a_strangers_text_moves_no_number_into_another_place() -> None:
    between = "a\x1fb<i>"

    def ends(t: TrialId) -> world.Ending:
        return Outcome.WRONG, Reason.VALUE, between

    verdict = {**NUMBERS, "convention": between, "margin_fd": between, "findings": [between]}
    verdict["worst"] = {**verdict["worst"], "got": between, "part": between, "fd": between}
    text, _ = rendered(many(ends, verdict))
    assert "\x1f" not in text and "<i>" not in text
    cells = re.findall(r'<td class="with">(.*?)</td>', text)
    assert len(cells) == 24 and all(re.match(r"(alpha|beta) 1.2.3<span", cell) for cell in cells)
    assert text.count("<span>got a b&lt;i&gt;</span>") == 24


# ------------------------------------------------------------------------------- by backend
def lines(shown: world.Shown) -> Any:
    found = Pages(*shown).trials
    return summary(map(Measured.of, found.by_case[CASE]), found.devices)


def test_a_row_per_backend_names_the_dtypes_that_end_otherwise_and_only_those() -> None:
    def ends(t: TrialId) -> world.Ending:
        single = t.cell.dtype == "float32" and t.cell.nesting is Nesting.NONE
        return Outcome.WRONG if single and t.cell.backend == "beta-forward" else Outcome.AGREE

    found = lines(many(ends))
    assert [line.backend for line in found.lines] == [
        "alpha-reverse", "alpha-forward", "beta-reverse", "beta-forward",
    ]  # fmt: skip
    words = [[(e[2], e[3]) for e in cell] for cell in found.lines[-1].cells]
    assert words == [[("wrong", "float32"), ("agrees", "float64")], [("agrees", "")],
                     [("agrees", "")]]  # fmt: skip


def test_the_numbers_of_a_row_are_those_of_its_worst_trial() -> None:
    shown = many(mixed, {**NUMBERS, "margin_reference": 0.5, "margin_fd": 0.25})
    worse = {**NUMBERS, "margin_reference": 3.0, "margin_fd": "inf"}
    pages = Pages(*shown)
    trials = list(map(Measured.of, pages.trials.here(CASE)))
    trials = [
        Measured(
            m.judged, m.outcome, worse if m.judged.trial.id.cell.dtype == "float32" else m.verdict
        )
        for m in trials
    ]
    line = summary(trials, {"cpu"}).lines[-1]
    assert line.of == "first order, float32"
    assert (line.reference.error, line.reference.aside) == ("1.2 of 1e-15", "margin 3")
    assert (line.differences.error, line.differences.aside) == ("1.2 of 8e-07", "margin inf")


def test_another_slope_at_a_kink_is_not_shown_as_a_failure_of_tolerance() -> None:
    kink = {**NUMBERS, "convention": "left", "findings": ["kink"], "margin_fd": 1.0}
    line = lines(with_verdict(kink, Outcome.AGREE)).lines[0]
    assert line.reference.aside == "at a kink, takes left"
    assert line.differences.aside == "margin 1"
    wrong = lines(with_verdict(kink, Outcome.WRONG)).lines[0]
    assert wrong.reference.aside == "margin 1.23e+06"


def test_a_backend_without_evidence_is_named_and_has_no_row() -> None:
    shown = many(lambda t: None if t.cell.backend == "beta-forward" else Outcome.AGREE)
    found = lines(shown)
    assert found.idle == (("beta-forward", "cpu"),)
    assert "beta-forward" not in {line.backend for line in found.lines}
    assert "– not tested Beta, forward" in Page(rendered(shown)[0]).text


def test_a_verdict_that_is_not_as_gradtier_writes_it_breaks_no_page() -> None:
    for verdict in (
        {"worst": {}}, {"worst": None}, {"worst": {"got": "nan", "reference": True}},
        {"margin_reference": [1], "margin_fd": {"a": 1}}, {"margin_fd": 10**400},
        {"worst": {"got": 10**400, "reference": 1.0, "fd": -(10**400), "fd_error": 10**400}},
        {"findings": [], "witnesses": []},
        {"worst": {"index": 0, "ladder": 7, "got": 1.0, "fd": 1.0}},
    ):  # fmt: skip
        text, _ = rendered(many(mixed, verdict))
        assert not Page(text).faults


# --------------------------------------------------------------------------------- large suites
def test_a_large_suite_shows_its_worst_cases_by_package_and_links_every_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = world.plan(
        world.declaration({"a": world.backend(), "b": world.backend("Beta", package="beta")}),
        *(f"nn/case{i}" for i in range(9)),
    )

    def ends(t: TrialId) -> world.Ending:
        if t.case == "case7":
            return Outcome.WRONG
        return Outcome.RAISED if t.case == "case5" and t.cell.backend == "b" else Outcome.AGREE

    shown = world.show(made, world.evidence(made, ends))
    monkeypatch.setattr("gradtier.render.pages.MOST_CELLS", 4)
    pages = Pages(*shown)
    (entry,) = pages.suites
    page = Page(pages.suite(entry))
    rows = page.text[page.text.index("The 2 worst cases") :]
    assert rows.index("✗ 0/2") < rows.index("◐ 1/2") < rows.index("Other cases 7")
    links = {a["href"] for a in page.all("a")}
    assert {f"../{pages.paths.cases[c]}" for c in made.cases} <= links
    assert not page.faults


def test_modes_are_told_by_the_row_and_not_by_the_name_of_a_backend() -> None:
    _, rows = rendered(many())
    assert {row["mode"] for row in rows} == {m.value for m in Mode}
    assert {row["page"] for row in rows} == {
        f"backends/{name}-{mode}.html" for name in ("alpha", "beta") for mode in Mode
    }
