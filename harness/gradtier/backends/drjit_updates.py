"""Dr.Jit's functional updates: scatters into a copy of a flat array."""

from __future__ import annotations

from typing import Any

from gradtier.backends.base import Unsupported


def names() -> dict[str, Any]:
    """The group ``updates``."""
    import drjit

    def update(write: Any) -> Any:
        def run(x: Any, index: Any, v: Any) -> Any:
            if x.ndim != 1:
                raise Unsupported("Dr.Jit scatters into arrays of one axis only")
            y = type(x)(x)  # shares no variable with x: a scatter gives its target a new one
            places = drjit.uint32_array_t(type(y.array))(index.array)
            write(y.array, v.array, places)
            return y

        return run

    return {"add": update(drjit.scatter_add), "put": update(drjit.scatter)}
