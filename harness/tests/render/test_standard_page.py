"""Coverage of the standard: every function is there, and none answers for another."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import patch

import support_world as world
from test_html import Page

from gradtier.cases import Suite, normal
from gradtier.model import Outcome, TrialId
from gradtier.plan import make
from gradtier.render import site
from gradtier.render.standard_page import PAGE
from gradtier.standard import FUNCTIONS


def suite() -> dict[str, Suite]:
    """Functions alone, together, and one without a source."""
    made = Suite("nn")

    @made.case(x=normal(2))
    def sin(xp, x):  # type: ignore[no-untyped-def]
        return xp.sin(x)

    @made.case(x=normal(2), name="sin.kink")
    def sin_kink(xp, x):  # type: ignore[no-untyped-def]
        return xp.sin(x) * 2.0

    @made.case(x=normal(2))
    def together(xp, x):  # type: ignore[no-untyped-def]
        return xp.sin(xp.cos(x)) + xp.tan(x)

    @made.case(x=normal(2))
    def few(xp, x):  # type: ignore[no-untyped-def]
        return xp.cos(x)

    @made.case(x=normal(2, 2))
    def qr(xp, x):  # type: ignore[no-untyped-def]
        return xp.linalg.qr(x)[1]

    return {"nn": made}


def shown(ends: Any = Outcome.AGREE, suites: dict[str, Suite] | None = None) -> world.Shown:
    axes = {"devices": ["cpu"], "nesting": ["none", "forward"], "dtypes": ["float64"]}
    backends = {
        "a": world.backend(), "f": world.backend("Alpha", mode="forward"),
        "b": world.backend("Beta", package="beta"), "idle": world.backend("Idle", package="idle"),
    }  # fmt: skip
    loaded = world.Loaded(
        world.declaration(backends, axes=axes),
        world.Document({}, {}, (), "m.yaml"),
        world.Path("."),
    )
    made = make(loaded, suites or suite(), world.StubHost({}, {}))
    wanted = ends if callable(ends) else lambda t: ends
    found = world.evidence(made, lambda t: None if t.cell.backend == "idle" else wanted(t))
    return world.show(made, found)


def page(given: world.Shown) -> tuple[Page, str]:
    text = dict(site(*given))[PAGE]()
    found = Page(text)
    assert not found.faults
    return found, text


def row(text: str, function: str) -> str:
    pattern = rf'<tr><th scope="row"><code>{re.escape(function)}</code>(.*?)</tr>'
    (found,) = re.findall(pattern, text, re.S)
    return str(found)


def test_every_function_of_the_standard_is_named_with_its_state() -> None:
    found, text = page(shown())
    for name, function in FUNCTIONS.items():
        if function.differentiable:
            assert ("no case" in row(text, name)) == (
                name not in ("sin", "cos", "tan", "add", "multiply", "linalg.qr")
            ), name
        else:
            assert f"<code>{name}</code>" in text and function.reason in found.text
    assert "6 of 117 differentiable functions are called by a case; no case calls" in found.text


def test_a_cell_tells_forward_reverse_and_nested_apart_in_marks_and_in_words() -> None:
    def ends(t: TrialId) -> world.Ending:
        if t.cell.backend == "f":
            return Outcome.WRONG
        return Outcome.UNSUPPORTED if t.cell.nesting == "forward" else Outcome.AGREE

    alpha, beta = re.findall(r"<td>(.*?)</td>", row(page(shown(ends))[1], "linalg.qr"))
    assert "✗ ✓ ✗" in alpha and "s-wrong" in alpha
    for words in ("forward wrong, 0 of 1 agree, 1 wrong", "reverse agrees, 1 of 1 agree",
                  "nested wrong, 0 of 2 agree, 1 wrong, 1 unsupported"):  # fmt: skip
        assert alpha.count(words) == 2  # in the title, and for who hears the page
    assert "· ✓ ⊘" in beta and "forward not offered" in beta


def test_a_function_does_not_answer_for_the_others_of_a_case() -> None:
    found = page(shown(lambda t: Outcome.WRONG if t.case == "together" else Outcome.AGREE))[1]
    assert "s-wrong" not in row(found, "sin") and "s-agrees" in row(found, "sin")  # named after it
    assert "s-wrong" not in row(found, "cos")  # another case calls less besides it
    assert "s-wrong" in row(found, "tan")  # nothing else is known of it


def test_a_function_links_to_its_own_cases_and_counts_the_others() -> None:
    text = row(page(shown())[1], "sin")
    assert re.findall(r'href="(.*?)"', text) == ["cases/nn/sin.html", "cases/nn/sin.kink.html"]
    assert "1 other case calls it among other functions" in text


def test_a_package_without_evidence_has_no_column_and_is_named() -> None:
    found, text = page(shown())
    assert "not tested on any of them: idle" in found.text
    assert '<th scope="col">idle</th>' not in text


def test_a_case_without_a_source_calls_nothing_and_is_no_error() -> None:
    made, namespace = suite()["nn"], {}  # type: ignore[var-annotated]
    exec("def made(xp, x):\n    return xp.exp(x)", namespace)
    made.case(x=normal(2))(namespace["made"])
    with patch("gradtier.cases._digest", return_value="0" * 16):  # a plan needs a source
        given = shown(suites={"nn": made})
    assert "no case" in row(page(given)[1], "exp")


def test_without_any_evidence_the_page_says_so_for_every_function() -> None:
    found, text = page(shown(lambda t: None))
    assert "s-agrees" not in re.sub(r'<ul class="legend.*?</ul>', "", text, flags=re.S)
    assert "not tested on any of them: alpha, beta, idle" in found.text
