"""CasADi's structured control flow: ``casadi.if_else`` and ``casadi.conditional``.

Both evaluate every branch of scalar expressions and choose afterwards.
"""

from __future__ import annotations

from typing import Any

from gradtier import trees


def names() -> dict[str, Any]:
    """The group ``control``."""
    import casadi

    from gradtier.backends.casadi_array import Array

    def chosen(choose: Any, branches: list[Any]) -> Any:
        """Leaf by leaf what ``choose`` makes of the branches' columns."""
        leaves = zip(*map(trees.leaves, branches), strict=True)
        found = (Array(choose([a.column for a in t]), t[0].shape, t[0].dtype) for t in leaves)
        return trees.replace(branches[0], found)

    def cond(pred: Any, true_fn: Any, false_fn: Any, *x: Any) -> Any:
        return chosen(
            lambda columns: casadi.if_else(pred.column, *columns), [true_fn(*x), false_fn(*x)]
        )

    def switch(index: Any, branches: Any, *x: Any) -> Any:
        return chosen(
            lambda columns: casadi.conditional(index.column, columns[:-1], columns[-1]),
            [f(*x) for f in branches],
        )

    return {"cond": cond, "switch": switch}
