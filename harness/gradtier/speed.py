"""How long derivative calls took, as ratios within one run: machines are noisy, ratios less so."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gradtier.assess import Assessment
from gradtier.model import Nesting, Outcome

#: Fewer common cases than this say nothing.
LEAST = 10


def relative_times(assessments: Iterable[Assessment], device: str) -> Mapping[str, float]:
    """Backend -> time of a first-order derivative call, relative to the fastest backend's.

    A case's ratio is taken to the fastest backend on that case in the same run and dtype; the
    answer is the geometric mean over cases.  Calls after the first one count, so compilation does
    not.  Only trials that agree count: a wrong answer may be fast.
    """
    times: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for assessment in assessments:
        for summary in assessment.cells:
            cell = summary.cell
            if cell.device != device or cell.nesting is not Nesting.NONE:
                continue
            for j in summary.by_outcome.get(Outcome.AGREE, ()):
                if j.record is not None and j.record.call_seconds:
                    case = (j.record.run, cell.dtype, j.trial.id.suite, j.trial.id.case)
                    times[case][cell.backend] = j.record.call_seconds
    logs: dict[str, list[float]] = defaultdict(list)
    for found in times.values():
        if len(found) > 1:
            best = min(found.values())
            for backend, seconds in found.items():
                logs[backend].append(math.log(seconds / best))
    means = {b: math.exp(math.fsum(x) / len(x)) for b, x in logs.items() if len(x) >= LEAST}
    least = min(means.values(), default=1.0)
    return {backend: mean / least for backend, mean in means.items()}
