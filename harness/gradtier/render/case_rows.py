"""Rows of the two tables on a case's page: by backend, and of trials that do not agree.

There may be a hundred thousand of them in a report.  Each is put together here rather than in a
template, where every one of its twenty texts would be escaped by a call of its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from gradtier.render import templating
from gradtier.render.case_data import Known
from gradtier.render.case_summary import Line
from gradtier.render.trials import (
    Measured,
    chip,
    cleaned,
    command,
    declared,
    derivative,
    margin,
    numbers_of,
    text_of,
    time_of,
    with_bar,
    words_of,
)
from gradtier.table import plain

_BETWEEN = "\x1f"  # a unit separator: no text that was cleaned holds one


def row(m: Measured, known: Mapping[str, Known], figures: Mapping[str, int]) -> Markup:
    """One trial as a row of the table.

    Args:
        m: a trial with evidence.
        known: every backend by its id.
        figures: trial -> number of the plot on this page that is about it.
    """
    record, t = m.judged.record, m.judged.trial.id
    assert record is not None  # only a record is evidence
    cell, id_, of = t.cell, plain(str(t)), known[t.cell.backend]
    because, w, n = declared(m.judged), words_of(m), numbers_of(m)
    start = templating.piece(
        "start", of.page, of.title, of.mode.value, derivative(cell.nesting, of.mode),
        cell.device, cell.nesting.value, cell.dtype, *chip(m.outcome), w.reason,
    )  # fmt: skip
    texts = (
        w.convention, w.detail, plain(command(t)), plain(f"gradtier repro {shlex.quote(str(t))}"),
        id_, w.place, text_of(n.got), with_bar(n.reference, n.allowed), with_bar(n.slope, n.bar),
        text_of(n.margin_reference, 3), text_of(n.margin_differences, 3), w.reference_row,
        w.versions, time_of(n),
    )  # fmt: skip
    found = _escaped(texts)
    convention, detail, run, repro, name, *numbers, versions, time = found
    kink = f' <span class="chip kink">takes {convention}</span>' if convention else ""
    said = templating.piece("declared", *because) if because[0] else ""
    checks = tuple(cleaned(f"{check}: {says}") for check, says in record.checks.items())
    return Markup(
        f'{start}{kink}<span class="aside">{detail}</span>{said}{_figure(figures.get(id_))}'
        f'<details><summary>Repeat it</summary><code class="copy">{run}</code>'
        '<span class="aside">as a script of its own, with NumPy alone beside the library:</span>'
        f'<code class="copy">{repro}</code>'
        f'<span class="aside">as a pytest item: <code>{name}</code></span>'
        f"{templating.piece('checks', checks)}</details></td>\n"
        f"{_worst(*numbers[:4])}{_margins(margin(m.verdict), *numbers[4:])}"
        f'<td class="with">{versions}<span class="aside">{time}</span></td></tr>'
    )


def line(found: Line, who: Markup, with_device: bool) -> Markup:
    """One backend as a row of the table by backend.

    Args:
        found: what the row says.
        who: the link to the backend.
        with_device: whether the table has a column for the device.
    """
    against = [found.reference, found.differences]
    texts = [found.of, found.device, found.time or "–"]
    texts += [text for a in against if a is not None for text in (a.error, a.aside)]
    of, device, time, *others = _escaped(texts)
    cells = "".join(f"<td>{templating.piece('endings', cell)}</td>" for cell in found.cells)
    pairs = iter(others)
    numbers = "".join(
        f'<td class="numbers">{_against(next(pairs), next(pairs)) if a is not None else _NONE}</td>'
        for a in against
    )
    return Markup(
        f'<tr><th scope="row">{who}'
        + (f'<span class="aside">numbers of {of}</span>' if of else "")
        + (f"</th><td>{device}</td>" if with_device else "</th>")
        + f'{cells}{numbers}<td class="numbers">{time}</td></tr>'
    )


_NONE = '<span class="soft">–<span class="hidden"> not compared</span></span>'


def _against(error: str, aside: str) -> str:
    return (f"<span>{error}</span>" if error else "") + f'<span class="aside">{aside}</span>'


def _escaped(texts: Sequence[str]) -> list[str]:
    """Every text escaped, by one call."""
    return str(escape(_BETWEEN.join(texts))).split(_BETWEEN)


def _figure(number: int | None) -> str:
    if number is None:
        return ""
    return (
        f'<span class="aside"><a href="#plot-{number}">'
        "Error by step of finite differences</a></span>"
    )


def _worst(place: str, got: str, reference: str, differences: str) -> str:
    found = ""
    if got:
        found = f'<span class="aside">{place}</span>' if place else ""
        found += f"<span>got {got}</span>"
        found += f"<span>reference {reference}</span>" if reference else ""
        found += f"<span>finite differences {differences}</span>" if differences else ""
    return f'<td class="numbers">{found}</td>\n'


def _margins(largest: float, reference: str, differences: str, row: str) -> str:
    value = f' data-value="{largest}"' if largest >= 0 else ""
    found = f"<span>reference {reference}</span>" if reference else ""
    found += f"<span>finite differences {differences}</span>" if differences else ""
    found += f'<span class="aside">reference: {row}</span>' if row and reference else ""
    return f'<td class="numbers"{value}>{found}</td>\n'
