"""How a script of ``gradtier repro`` asks each library: a file for each adapter's module.

The files are read, and run on stand-ins of their library, but never imported: they import it at
their head, as a script does.  A file says, in the library's own words,

- ``xp``: the array namespace; ``array``, ``numpy``: from NumPy and back;
- ``pullback(f, x, w)``, ``pushforward(f, x, v)``: value and derivative; those around another
  derivative as ``outer_...`` where they differ; ``second_pushforward(f, x, u, v)``;
- ``compiled``, ``ruled``, ``settled``, ``zeros``: as the adapter does it, where it does;
- ``own``, ``plain``: a namespace that will do in place of ``xp`` where these names are enough;
- ``convention = "transpose"``, ``absent``: see :class:`gradtier.backends.base.Adapter` and
  :class:`gradtier.repro.staging.Symbol`.

A class holds what differs for an adapter of that name, for an option that is on (``jit``) or has
that value (``rule_vjp``), for outputs that are whole numbers (``whole``), and where one array goes
in and one comes out (``one_input``).  Statements that are no definitions are put into every script.
"""
