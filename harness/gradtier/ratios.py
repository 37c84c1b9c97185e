"""What is concluded from times: ratios, taken within one run.

Machines differ and are noisy; the ratio of two times that were measured in turns is less so.  All
functions are pure, count only what agrees, and take any iterable of records, such as
``Evidence.benches.values()``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gradtier.evidence import Bench
from gradtier.model import Mode

#: A mean over fewer benchmarks than this says nothing.
LEAST = 4

#: What a derivative may cost, value and derivative together in calls of the function.  Counting
#: operations and memory accesses, Griewank and Walther bound a gradient in reverse mode by 3 to 4
#: and a directional derivative in forward mode by 2 to 2.5 (Evaluating Derivatives, 2nd ed., SIAM
#: 2008, chapters 3 and 4); Griewank's first bound for gradients was 5 (On Automatic
#: Differentiation, in Mathematical Programming: Recent Developments and Applications, 1989).
MARKS: Mapping[Mode, tuple[float, float]] = {Mode.REVERSE: (3.0, 5.0), Mode.FORWARD: (2.0, 2.5)}


def to_fastest(benches: Iterable[Bench]) -> Mapping[tuple[str, str, str, str], float]:
    """Key of a record -> its derivative's time over that of the fastest rival, 1 for the fastest.

    Rivals have the run, benchmark, device, dtype and mode in common: a JVP gives one slope and a
    VJP a whole gradient, so that they are not compared.  Who has no rival is not there.
    """
    fields: dict[tuple[str, ...], list[Bench]] = defaultdict(list)
    for b in benches:
        if b.derivative is not None:
            fields[b.run, b.benchmark, b.device, b.dtype, b.mode].append(b)
    found: dict[tuple[str, str, str, str], float] = {}
    for rivals in fields.values():
        medians = {b.key: b.derivative.median for b in rivals if b.derivative is not None}
        if len(medians) > 1:
            best = min(medians.values())
            found |= {key: seconds / best for key, seconds in medians.items()}
    return found


def relative(benches: Iterable[Bench], device: str) -> Mapping[str, float]:
    """Backend -> time of its derivatives relative to the fastest backend of its mode, which has 1.

    The geometric mean over benchmarks of the ratio to the fastest rival on that benchmark
    (:func:`to_fastest`), then divided by the smallest such mean among the backends of the mode.  A
    benchmark that a backend can't do, or on which it has no rival, is left out of its own mean and
    of nobody else's: it is a question of support, which classes answer, not of speed.  A backend
    with fewer than ``LEAST`` benchmarks left is not there.
    """
    here = [b for b in benches if b.device == device]
    ratios, logs = to_fastest(here), defaultdict(list)
    modes = {b.backend: b.mode for b in here}
    for (_, backend, _, _), ratio in ratios.items():
        logs[backend].append(math.log(ratio))
    means = {b: math.fsum(x) / len(x) for b, x in logs.items() if len(x) >= LEAST}
    least: dict[Mode, float] = {}
    for backend, mean in means.items():
        least[modes[backend]] = min(mean, least.get(modes[backend], mean))
    return {b: math.exp(mean - least[modes[b]]) for b, mean in means.items()}


def cost(benches: Iterable[Bench], backend: str, device: str) -> float | None:
    """Time of a backend's derivative in calls of its own primal; None if nothing of it agrees.

    The geometric mean over benchmarks of the median of value and derivative over the median of the
    function as that backend executes it; :data:`MARKS` is what to judge it by.
    """
    logs = [
        math.log(b.derivative.median / b.primal.median)
        for b in benches
        if (b.backend, b.device) == (backend, device) and b.derivative and b.primal
    ]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None
