"""``gradtier repro``: one trial as a script that needs its own library and NumPy alone.

A script is put together of text: the case's source from its suite, the namespace's from the
adapter's neighbours, the way to the derivative from ``backends/scripts/<adapter>.py``, and the
finite differences from :mod:`gradtier.repro.parts`.  Of each, only what the trial reaches is taken.
"""
