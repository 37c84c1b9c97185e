"""Benchmarks: what a derivative costs, measured where backends take turns.

``races`` says what is timed, ``lanes`` times one backend in its own process, ``meet`` lets the
backends of a race take turns, ``session`` is one run of ``command``; ``sheets`` and ``show`` make
tables of what was measured, with :mod:`gradtier.ratios`.
"""
