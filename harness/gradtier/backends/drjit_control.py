"""Dr.Jit's structured control flow.

Its loops and branches run lane by lane over the entries of an array, so only those whose condition
is one number mean what the other libraries' do: a loop that counts.
"""

from __future__ import annotations

from typing import Any


def names() -> dict[str, Any]:
    """The group ``control``."""
    import drjit

    from gradtier import trees

    def fori_loop(n: int, body: Any, state: Any) -> Any:
        def step(i: Any, inner: Any) -> Any:
            return i + 1, body(i, inner)

        first = trees.leaves(state)[0]
        start = (drjit.int32_array_t(type(first.array))(0), state)  # on the device of the state
        return drjit.while_loop(start, lambda i, _: i < n, step, max_iterations=n)[1]

    return {"fori_loop": fori_loop, "stop_gradient": lambda x: drjit.detach(x)}
