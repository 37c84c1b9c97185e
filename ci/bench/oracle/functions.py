"""The functions of the benchmark, one suite of the corpus per kind."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from gradtier.cases import Case, load_suite

KINDS = (
    "smooth",
    "reductions",
    "linalg",
    "fourier",
    "special",
    "kinks",
    "ties",
    "jumps",
    "conditioning",
    "chaotic",
    "large",
    "indexing",
    "networks",
    "shapes",
    "complexes",
)
"""The kinds of functions in the order in which results list them; each is a suite's id."""

CORPUS = Path(__file__).parent / "corpus"


@lru_cache(maxsize=1)
def functions() -> tuple[Case, ...]:
    """Every function of the corpus, by kind, within a kind in the order of its file.

    The answer is the same objects every time: derivatives are built once per object.
    """
    suites = [load_suite(kind, CORPUS / f"{kind}.py") for kind in KINDS]
    return tuple(case for suite in suites for case in suite.cases.values())
