"""Planned trials with what is known of them, one by one and cell by cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from gradtier.evidence import Record
from gradtier.matrix import Claim, Waiver
from gradtier.model import Cell, Outcome
from gradtier.plan import Planned


class Judged(msgspec.Struct, frozen=True, gc=False):
    """One planned trial with its record, and what is declared of it.

    Attributes:
        trial: what was planned.
        record: the record that counts.
        claim: the claim that is made of it and has not lapsed.
        waiver: the waiver that covers it and has not lapsed.
        conflict: different outcomes under the same conditions, the worst first: it is flaky.
    """

    trial: Planned
    record: Record | None
    claim: Claim | None
    waiver: Waiver | None = None
    conflict: tuple[Outcome, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The trial's outcome; planned without a record is ``missing`` (or ``unavailable``)."""
        if self.record is not None:
            return self.record.outcome
        return Outcome.UNAVAILABLE if self.trial.unavailable else Outcome.MISSING

    @property
    def as_claimed(self) -> bool:
        """Whether the trial ended as it was declared to."""
        return self.claim is not None and self.record is not None and self.claim.expects(
            self.record.outcome, self.record.reason
        )  # fmt: skip

    @property
    def is_waived(self) -> bool:
        """Whether it does not agree, and somebody answers for that."""
        outcome = self.outcome
        return self.waiver is not None and outcome.is_evidence and outcome is not Outcome.AGREE


@dataclass(frozen=True)
class CellSummary:
    """What is known of one cell.

    Attributes:
        cell: which.
        excluded: why nothing of it is planned (``not-claimed``, ...), or empty.
        trials: every planned trial of it, judged.
    """

    cell: Cell
    excluded: str
    trials: tuple[Judged, ...]

    @cached_property
    def by_outcome(self) -> Mapping[Outcome, Sequence[Judged]]:
        """The trials by how they ended; an outcome that none has is not there."""
        found: dict[Outcome, list[Judged]] = {}
        for j in self.trials:
            record = j.record
            found.setdefault(record.outcome if record is not None else j.outcome, []).append(j)
        return found

    @cached_property
    def remarked(self) -> tuple[Judged, ...]:
        """The trials that are claimed, waived or flaky: few of a million."""
        return tuple(
            j for j in self.trials if j.claim is not None or j.waiver is not None or j.conflict
        )

    @cached_property
    def counts(self) -> Counter[Outcome]:
        """Trials by outcome; counted once, so don't change it."""
        return Counter({outcome: len(trials) for outcome, trials in self.by_outcome.items()})

    @property
    def measured(self) -> int:
        """Trials with evidence."""
        return sum(n for outcome, n in self.counts.items() if outcome.is_evidence)
