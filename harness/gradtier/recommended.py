"""What to use, in words: the computed entries of the support table, and the maintainers' sentences.

:mod:`gradtier.recommend` chooses the rows; here each choice gets its sentence and the evidence that
it follows from.  A maintainer's own sentence stands beside them, marked as theirs; it is shown only
with the evidence for its row on that device, and withheld without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gradtier.assess import Assessment
from gradtier.evidence import Bench
from gradtier.footnotes import Footnotes, counted, plain, some, with_evidence
from gradtier.matrix import Matrix, Recommendation
from gradtier.model import Mode, Nesting, Outcome
from gradtier.ratios import relative
from gradtier.recommend import (
    SINGLE,
    Cover,
    Key,
    Pick,
    Question,
    Times,
    answers,
    candidates,
    ordered,
    suites_that_mutate,
    undeclared,
    usable,
)
from gradtier.speed import relative_times
from gradtier.support import (
    AnswerEntry,
    RecommendationEntry,
    RecommendationList,
    Row,
    SaidEntry,
)

NAMED = 3  # cases that a sentence names
BENCHMARKS, CALLS = "benchmarks", "trial calls"

HOW = (
    "Computed from the evidence on each device: first the fastest row of the best class; then the "
    "row that agrees best where code mutates; then what agrees on most of the trials on which the "
    "first one fails. Shares are compared by the lower end of their 95 % interval, to the whole "
    "per cent, so that few trials weigh less than many. Ties go to the better class, then to "
    "reverse mode, then to the faster row, then to the first by name."
)

_WHEN = {
    Question.MUTATION: "When the code mutates",
    Question.FALLBACK: "When the first fails",
    Question.THEN: "Then",
}
_KIND = {
    Question.COMPILED: "compiled row",
    Question.FORWARD: "forward row",
    Question.NESTED: "row with second derivatives",
    Question.SINGLE: f"row in {SINGLE}",
}


@dataclass(frozen=True)
class _Here:
    """One device of one table."""

    matrix: Matrix
    device: str
    rows: Mapping[str, Row]
    source: str
    first: str = ""  # the row that the list begins with


def times_on(
    device: str, matrix: Matrix, assessments: Iterable[Assessment], benches: Iterable[Bench] = ()
) -> Times:
    """Times of derivatives on ``device``: of benchmarks where there are any, else of trials."""
    measured = relative(benches, device)
    if measured:
        return Times(measured, BENCHMARKS)
    rivals: dict[Mode, list[Assessment]] = {mode: [] for mode in Mode}
    for a in assessments:
        rivals[matrix.backends[a.backend].mode].append(a)
    ratios = {b: t for of in rivals.values() for b, t in relative_times(of, device).items()}
    return Times(ratios, CALLS)


def recommendations(
    matrix: Matrix,
    assessments: Iterable[Assessment],
    rows: Mapping[str, Row],
    notes: Footnotes,
    times: Callable[[str], Times],
) -> tuple[RecommendationList, ...]:
    """What to use, a list per device, in the order of the axis.

    Args:
        matrix: the declaration.
        assessments: of every backend.
        rows: the rows of the table, by id.
        notes: cites the notes of the maintainers' sentences.
        times: device -> times of derivatives there.

    Raises:
        InputError: a sentence cites a note that the matrix does not declare.
    """
    by_id = {a.backend: a for a in assessments}
    axis = matrix.axes.devices
    devices = [*axis, *(d for d in matrix.recommendations if d not in axis)]
    return tuple(_list(matrix, by_id, device, times(device), rows, notes) for device in devices)


def _list(
    matrix: Matrix, by_id: Mapping[str, Assessment], device: str, times: Times,
    rows: Mapping[str, Row], notes: Footnotes,
) -> RecommendationList:  # fmt: skip
    mode = matrix.recommend.mode
    held = {row.id: row.support_class.id for row in rows.values()}
    able = candidates(matrix, by_id.values(), device, times.ratios, held)
    own = [c for c in able if mode in (None, c.mode)]
    picks = ordered(own, suites_that_mutate(matrix))
    timed = any(c.time is not None for c in able)
    source = plain(times.source) if timed else ""
    first = _label(rows[picks[0].row.backend]) if picks else ""
    here = _Here(matrix, device, rows, source, first)
    outers = tuple(n for n in matrix.axes.nesting if n is not Nesting.NONE)
    asked = answers(able, mode, outers, matrix.axes.dtypes) if able else ()
    return RecommendationList(
        device=device,
        none="" if picks else _nothing(here, by_id.values(), bool(able)),
        basis=_basis(here, len(own)) if picks else "",
        source=source,
        entries=tuple(
            _entry(here, f"recommendation/{device}/{i}", pick) for i, pick in enumerate(picks, 1)
        ),
        answers=tuple(
            AnswerEntry(
                question=question.value,
                entry=_entry(here, f"answer/{device}/{question.value.replace(' ', '-')}", pick)
                if pick is not None
                else None,
                none="" if pick is not None else _no_answer(here, question),
            )
            for question, pick in asked
        ),
        said=tuple(
            _said(here, i, said, by_id[said.backend], times, notes)
            for i, said in enumerate(matrix.recommendations.get(device, ()), 1)
        ),
    )


def _label(row: Row) -> str:
    return f"{row.title}, {row.mode}"


def _of_mode(here: _Here) -> str:
    mode = here.matrix.recommend.mode
    return f" of {mode} mode" if mode is not None else ""


def _nothing(here: _Here, assessments: Iterable[Assessment], able: bool) -> str:
    """Why the list of a device is empty."""
    cells = [c for a in assessments for c in a.cells if c.cell.device == here.device]
    if not any(c.trials for c in cells):
        return f"no row is planned on {here.device}"
    if not any(c.measured for c in cells):
        return f"not tested on {here.device}"
    of_mode = _of_mode(here) if able else ""
    return f"no row{of_mode} holds a class and agrees at first order on {here.device}"


def _no_answer(here: _Here, question: Question) -> str:
    mode = "" if question is Question.FORWARD else _of_mode(here)
    return f"no {_KIND[question]}{mode} holds a class and agrees on {here.device}"


def _basis(here: _Here, among: int) -> str:
    """What the list was chosen from and by."""
    rows = "1 row" if among == 1 else f"{among} rows"
    holds = "holds" if among == 1 else "hold"
    times = (
        f"times are of {here.source}, as ratios within a run"
        if here.source
        else "nothing was timed"
    )
    return (
        f"Computed from {rows}{_of_mode(here)} that {holds} a class and agree"
        f"{'s' if among == 1 else ''} on {here.device}; {times}."
    )


def _entry(here: _Here, place: str, pick: Pick) -> RecommendationEntry:
    """A choice with its sentence and its evidence."""
    c, row = pick.row, here.rows[pick.row.backend]
    cover = pick.cover
    return RecommendationEntry(
        id=place,
        when=_when(pick),
        backend=c.backend,
        title=_label(row),
        text=_sentence(here, pick),
        class_title=row.support_class.title,
        agree=c.first.agree,
        measured=c.first.measured,
        time=_rounded(c.time),
        evidence=_evidence(row, c.first.agree, c.first.measured, c.time, here.source),
        caution=_caution(c.undeclared, here.device),
        covers=len(cover.agrees) if cover else None,
        covers_of=cover.planned if cover else None,
        examples=tuple(_named(here.matrix, cover)) if cover else (),
    )


def _when(pick: Pick) -> str:
    if pick.question is Question.FIRST:
        return "First" if pick.row.time is None else "First, for speed"
    return _WHEN.get(pick.question, pick.question.value.capitalize())


def _sentence(here: _Here, pick: Pick) -> str:
    """Why this row and no other."""
    count = pick.counts.get(Nesting.NONE)
    of = f"of {pick.among}" if pick.among > 1 else "the only one"
    held = here.rows[pick.row.backend].support_class.title
    match pick.question:
        case Question.FIRST | Question.COMPILED | Question.FORWARD:
            said = _leader(pick, held)
        case Question.MUTATION | Question.SINGLE:
            assert count is not None
            suites = ", ".join(sorted(suites_that_mutate(here.matrix)))
            where = f"of {suites}" if pick.question is Question.MUTATION else f"in {SINGLE}"
            best = f"the best {of}" if pick.among > 1 else f"{of} that agrees on any"
            said = f"Agrees on {count.agree} of {count.measured} first-order trials {where}, {best}"
        case Question.NESTED:
            counts = ", ".join(f"{o} {n.agree} of {n.measured}" for o, n in pick.counts.items())
            best = f"the best {of}" if pick.among > 1 else f"{of} that agrees on any"
            said = f"Second order by outer mode: {counts}; {best}"
        case Question.FALLBACK | Question.THEN:
            assert pick.cover is not None
            said = _covering(here, pick.question, pick.cover)
    return plain(f"{said}.")


def _leader(pick: Pick, held: str) -> str:
    kind = "compiled " if pick.question is Question.COMPILED else ""
    rows = f"{kind}{pick.row.mode}"
    best = f"in {held}, the best class that any of {pick.among} holds"
    if pick.among == 1:
        of_mode = f"{pick.row.mode} " if pick.question is Question.FORWARD else ""
        return f"The only {kind}{of_mode}row that may be recommended here"
    if pick.row.time is None:
        return f"None was timed; the one that agrees most of the {rows} rows {best}"
    return f"The fastest timed {rows} row {best}"


def _covering(here: _Here, question: Question, cover: Cover) -> str:
    gained = len(cover.agrees)
    fails = f"on which {here.first} fails" if question is Question.FALLBACK else "that are left"
    trials = "trial" if cover.planned == 1 else "trials"
    said = f"Agrees on {gained} of the {cover.planned} {trials} {fails}"
    asides = []
    if cover.planned > cover.measured:
        asides.append(f"{cover.planned - cover.measured} of them not measured")
    if cover.left > cover.planned:
        asides.append(f"{cover.left - cover.planned} more not planned for it")
    aside = f" ({', '.join(asides)})" if asides else ""
    return f"{said}{aside}: {some(_named(here.matrix, cover), NAMED, gained)}"


def _named(matrix: Matrix, cover: Cover) -> list[str]:
    """Some of the covered trials: of different cases first, and of different suites."""
    seen: Counter[tuple[str, ...]] = Counter()
    turns = []
    for i, key in enumerate(cover.agrees):
        turns.append((seen[key[:2]], seen[key[:1]], i))
        seen.update((key[:1], key[:2]))
    return [_trial(matrix, cover.agrees[i]) for *_, i in sorted(turns)[:NAMED]]


def _trial(matrix: Matrix, key: Key) -> str:
    suite, case, nesting, dtype = key
    asides = [f"{nesting} over it"] if nesting is not Nesting.NONE else []
    asides += [dtype] if len(matrix.axes.dtypes) > 1 and dtype != matrix.axes.dtypes[0] else []
    return plain(f"{suite}/{case}" + (f" ({', '.join(asides)})" if asides else ""))


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else float(f"{ratio:.2g}")


def _evidence(row: Row, agree: int, measured: int, time: float | None, source: str) -> str:
    """What stands behind a sentence."""
    said = f"{row.support_class.title}, agrees {agree}/{measured}"
    ratio = _rounded(time)
    if ratio is None:
        return said
    if ratio <= 1.0:
        return f"{said}, the fastest {row.mode} row per derivative ({source})"
    return f"{said}, {ratio:g} x the fastest {row.mode} row's time per derivative ({source})"


def _caution(wrong: int, device: str) -> str:
    if not wrong:
        return ""
    what = "derivative" if wrong == 1 else "derivatives"
    return f"{wrong} wrong {what} on {device} that nobody declared"


def _said(
    here: _Here, i: int, said: Recommendation, a: Assessment, times: Times, notes: Footnotes
) -> SaidEntry:
    """A maintainer's sentence, given or withheld."""
    device, row = here.device, here.rows[said.backend]
    on = [c for c in a.cells if c.cell.device == device]
    counts = counted(c for c in on if c.cell.nesting is Nesting.NONE)
    why = _withheld(here, said, counts)
    place = f"said/{device}/{i}"
    agree, measured = counts.get(Outcome.AGREE, 0), with_evidence(counts)
    time = usable(times.ratios.get(said.backend))
    cited = notes.declared(said.note) if not why else []
    return SaidEntry(
        id=place,
        when=plain(said.when),
        backend=said.backend,
        title=_label(row),
        text="" if why else plain(said.text),
        withheld=why,
        class_title=row.support_class.title,
        agree=agree,
        measured=measured,
        time=_rounded(time),
        evidence=_evidence(row, agree, measured, time, times.source),
        caution=_caution(undeclared(j for c in on for j in c.trials), device),
        footnotes=notes.cite(place, f"the maintainers' sentence {i} on {device}", cited),
    )


def _withheld(here: _Here, said: Recommendation, counts: Mapping[Outcome, int]) -> str:
    """Why a sentence is not given, or empty."""
    order = [c.id for c in here.matrix.policy.classes]
    titles = {c.id: c.title for c in here.matrix.policy.classes}
    if not counts:
        return f"not claimed on {here.device}"
    if not with_evidence(counts):
        return f"not tested on {here.device}"
    if not counts.get(Outcome.AGREE):
        return f"no measured trial agrees on {here.device}"
    need = said.needs_class
    enough = order[: order.index(need) + 1] if need in order else []
    tier = here.rows[said.backend].support_class.id
    if need is None or tier in enough:
        return ""
    held = titles[tier] if tier is not None else "in no class"
    return plain(f"is {held}, and this needs {titles.get(need, need)}")
