"""PyTorch's compiler: ``torch.compile`` around derivatives by ``torch.func``."""

from __future__ import annotations

import os
import shutil
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from gradtier.backends.torch import TorchFunc, _Torch

#: Functions of two arrays whose Python numbers array-api-compat makes tensors by
#: ``torch.result_type``, which Dynamo does not trace: it returns no tensor.
BINARY = (
    *("atan2", "copysign", "hypot", "logaddexp", "maximum", "minimum", "nextafter"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
)


class TorchCompile(TorchFunc):
    """Whole derivatives, nested ones too, by ``torch.compile``: Dynamo, AOTAutograd, a compiler.

    Differentiated first and compiled outside, because Dynamo traces ``torch.func`` and does not
    let ``torch.func`` differentiate what is compiled already.  Each derivative is one graph
    (``fullgraph``) or an error: a part that Dynamo can't trace is never run eagerly in silence.

    Args:
        compiler: Dynamo's backend. ``inductor`` writes C++ or Triton, and needs a C++ compiler;
            ``aot_eager`` runs what AOTAutograd traced and decomposed, operation by operation.

    Raises:
        ImportError: a small function can't be compiled here; the message says why.
    """

    environment: ClassVar = {
        **_Torch.environment,
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of processes beside the worker
        # It confuses tangents of one derivative with those of the next: a pushforward that was
        # traced makes a later pushforward of a pushforward fail, so that order would matter.
        "TORCH_FAKE_TENSOR_DISPATCH_CACHE": "0",
    }
    refusals: ClassVar[tuple[str, ...]] = (
        *_Torch.refusals,
        r"^Unsupported: Data-dependent branching",
        r"^Unsupported: Unsupported custom jvp",
        r"^UserError: .*data-dependent expression",
        r"^Unsupported: NotImplementedError/UnsupportedFakeTensorException",
    )

    def __init__(
        self, compiler: Literal["inductor", "aot_eager"] = "inductor", **options: Any
    ) -> None:
        if compiler not in ("inductor", "aot_eager"):
            raise ValueError(f"compiler is '{compiler}'; expected 'inductor' or 'aot_eager'")
        if cache := os.environ.get("GRADTIER_CACHE"):
            # Files are written under other names and renamed, so that processes may share it.
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(cache, "inductor")
        super().__init__(**options)
        self._compiler = compiler
        self._namespace = _traceable(self._torch, self._namespace)
        self._try()

    def _try(self) -> None:
        """Have a small function compiled, to find what is missing before a trial is blamed."""
        needed = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
        if self._compiler == "inductor" and shutil.which(needed) is None:
            raise ImportError(
                f"torch.compile needs a C++ compiler, and there is no '{needed}' here"
            )

        def compiled(x: Any) -> Any:  # Dynamo traces the first branch
            return x.sin() if self._torch.compiler.is_compiling() else x.cos()

        try:
            y = self.compile(compiled)(self._torch.zeros(3))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            raise ImportError(f"torch.compile can't compile here: {reason}") from error
        if y.any():
            raise ImportError("torch.compile is switched off here and would run eagerly")

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def derivative(*arguments: Any) -> Any:
            return f(*arguments)

        # Dynamo keeps what it compiled, and counts how often, by code object: with one of its own,
        # a derivative shares neither the limit of recompilations nor the memory of others.
        derivative.__code__ = derivative.__code__.replace()
        return self._torch.compile(  # type: ignore[no-any-return]
            derivative, fullgraph=True, dynamic=False, backend=self._compiler
        )

    def settings(self) -> dict[str, str]:
        return {
            **super().settings(),
            "torch.compile": self._compiler,
            "fullgraph": "on",
            "fake tensor cache": "off",
        }


def _traceable(torch: Any, compat: Any) -> Any:
    """array-api-compat's namespace, with :data:`BINARY` functions that Dynamo can trace."""

    def lifted(given: Any, other: Any) -> Any:
        real = isinstance(given, int | float) and not isinstance(given, bool)
        if real and isinstance(other, torch.Tensor) and other.is_floating_point():
            return torch.full((), given, dtype=other.dtype, device=other.device)
        return given

    def binary(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, y, /: f(lifted(x, y), lifted(y, x))

    namespace = types.ModuleType(compat.__name__)  # so that a missing name is said in its words
    vars(namespace).update({k: v for k, v in vars(compat).items() if not k.startswith("__")})
    vars(namespace).update({name: binary(getattr(compat, name)) for name in BINARY})
    return namespace
