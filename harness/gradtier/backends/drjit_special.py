"""Dr.Jit's special functions as the group ``special``."""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``special``; NumPy's says what each name means."""
    import drjit

    return {"erf": drjit.erf, "erfinv": drjit.erfinv, "gammaln": drjit.lgamma}
