"""Which slope each backend takes at a kink: the words of the verdicts, put side by side.

The word of a forward row names a side of the direction along which the trial asked, and rows whose
numbers are the same may be asked along different ones.  So rows that agree with their reference
stand under one word with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from gradtier.assess import Assessment
from gradtier.evidence import Record
from gradtier.footnotes import plain
from gradtier.model import Cell, Mode, Nesting
from gradtier.plan import Plan
from gradtier.support import ConventionEntry, ConventionGroup, Side

WORDS: tuple[Side, ...] = get_args(Side)
TAG = "kink"


@dataclass(frozen=True)
class _Answer:
    """What one trial took at a kink.

    Attributes:
        node: row, device and dtype.
        word: as the verdict has it.
        like: the same of its reference where the numbers are the same, or None.
    """

    node: tuple[str, str, str]
    word: Side
    like: str | None


def conventions(plan: Plan, assessments: Iterable[Assessment]) -> tuple[ConventionEntry, ...]:
    """An entry per case, device, nesting and mode in which a backend took a side.

    A case that is tagged ``kink`` has its first-order entries also where no backend did.
    """
    found: dict[tuple[str, str, Nesting, Mode], list[_Answer]] = {}
    tagged = {(c.suite, c.name) for c in plan.cases.values() if TAG in c.tags}
    for a in assessments:
        mode = plan.matrix.backends[a.backend].mode
        for cell, j in ((summary.cell, j) for summary in a.cells for j in summary.trials):
            record = j.record
            if record is None:
                continue
            t, verdict = j.trial.id, record.verdict
            word = verdict.get("convention") if verdict is not None else None
            answer = _answer(cell, record, word) if word in WORDS else None
            if answer is None:
                asked = cell.nesting is Nesting.NONE and (t.suite, t.case) in tagged
                if not (asked and record.outcome.is_evidence):
                    continue
            answers = found.setdefault((t.case_id, cell.device, cell.nesting, mode), [])
            answers += [answer] if answer is not None else []
    return tuple(
        ConventionEntry(
            case=case, title=plain(plan.cases[case].title), device=device, nesting=nesting,
            mode=mode, groups=_groups(found[case, device, nesting, mode]),
        )
        for case, device, nesting, mode in _in_order(plan, found)
    )  # fmt: skip


def _in_order(
    plan: Plan, keys: Iterable[tuple[str, str, Nesting, Mode]]
) -> list[tuple[str, str, Nesting, Mode]]:
    place = {case: i for i, case in enumerate(plan.cases)}
    devices = {device: i for i, device in enumerate(plan.matrix.axes.devices)}
    nestings = list(Nesting)
    return sorted(
        keys, key=lambda k: (place[k[0]], devices[k[1]], nestings.index(k[2]), k[3] is Mode.FORWARD)
    )


def _answer(cell: Cell, record: Record, word: Side) -> _Answer:
    margin = record.verdict.get("margin_reference") if record.verdict is not None else None
    same = isinstance(margin, int | float) and margin <= 1.0
    return _Answer(
        node=(cell.backend, cell.device, cell.dtype),
        word=word,
        like=record.reference if same else None,
    )


def _groups(answers: list[_Answer]) -> tuple[ConventionGroup, ...]:
    rows: dict[Side, dict[str, None]] = {}
    for alike in _alike(answers):
        counts = Counter(a.word for a in alike)
        word = min(counts, key=lambda w: (-counts[w], WORDS.index(w)))
        rows.setdefault(word, {}).update(dict.fromkeys(a.node[0] for a in alike))
    order = {a.node[0]: i for i, a in reversed(list(enumerate(answers)))}
    return tuple(
        ConventionGroup(says=word, backends=tuple(sorted(rows[word], key=order.__getitem__)))
        for word in WORDS
        if word in rows
    )


def _alike(answers: list[_Answer]) -> Iterator[list[_Answer]]:
    """Answers whose numbers are the same, by way of their references."""
    parent: dict[Hashable, Hashable] = {a.node: a.node for a in answers}

    def root(node: Hashable) -> Hashable:
        while parent[node] != node:
            node = parent[node]
        return node

    for a in answers:
        _, device, dtype = a.node
        others = [b.node for b in answers if b.node[0] == a.like and b.node[2] == dtype]
        for other in sorted(others, key=lambda n: n[1] != device)[:1]:
            parent[root(a.node)] = root(other)
    groups: dict[Hashable, list[_Answer]] = {}
    for a in answers:
        groups.setdefault(root(a.node), []).append(a)
    yield from groups.values()


def differ(entry: ConventionEntry) -> bool:
    """Whether backends take different sides."""
    return len(entry.groups) > 1


def apart(
    entries: Iterable[ConventionEntry], packages: Mapping[str, str]
) -> dict[tuple[str, str, Nesting], list[tuple[str, Side]]]:
    """(row, device, nesting) -> the cases where it takes another slope than most, and which.

    Most: the word that most packages have on a line of the table; where two words have as many,
    nobody stands apart.

    Args:
        entries: the lines of the table.
        packages: row -> package.
    """
    found: dict[tuple[str, str, Nesting], list[tuple[str, Side]]] = {}
    for entry in filter(differ, entries):
        sizes = [len({packages[row] for row in group.backends}) for group in entry.groups]
        if sizes.count(max(sizes)) > 1:
            continue
        for group, size in zip(entry.groups, sizes, strict=True):
            for row in group.backends if size < max(sizes) else ():
                place = (row, entry.device, entry.nesting)
                found.setdefault(place, []).append((entry.case, group.says))
    return found


def by_package(
    entry: ConventionEntry, packages: Mapping[str, str]
) -> dict[str, dict[Side, tuple[str, ...]]]:
    """Package -> word -> its rows that say so.

    Args:
        entry: one line of the table.
        packages: row -> package.
    """
    found: dict[str, dict[Side, tuple[str, ...]]] = {}
    for group in entry.groups:
        for row in group.backends:
            said = found.setdefault(packages[row], {})
            said[group.says] = (*said.get(group.says, ()), row)
    return found
