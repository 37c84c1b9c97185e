"""TensorFlow: ``tf.GradientTape`` and ``tf.autodiff.ForwardAccumulator``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradtier.backends.base import (
    Adapter,
    Allocated,
    Function,
    Linear,
    Native,
    Rule,
    Unsupported,
)


class TensorFlow(Adapter):
    """Tapes and accumulators over a mapped namespace, with TensorFlow's NumPy behaviour on.

    That switch is the library's own; it gives ``tf.Tensor`` integer-array indexing, ``.T`` and the
    promotion of mixed dtypes, and is said in :meth:`settings`.

    Args:
        function: run the whole derivative, nested ones too, as one ``tf.function``, with the
            control flow of the differentiated function converted by AutoGraph.
        xla: have that ``tf.function`` compiled as a whole by XLA (``jit_compile``).
    """

    distributions: ClassVar[tuple[str, ...]] = ("tensorflow", "tensorflow-cpu")
    stem: ClassVar = "gradtier.backends.tensorflow"
    modules: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "ml_dtypes")
    environment: ClassVar = {
        "OMP_NUM_THREADS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_CUDNN_DETERMINISTIC": "1",
        "AUTOGRAPH_VERBOSITY": "0",
    }
    refusals: ClassVar[tuple[str, ...]] = (
        r"^OperatorNotAllowedInGraphError",
        r"Using a symbolic `tf\.Tensor` as a Python `bool` is not allowed",
        r"gradient registry has no entry for",
        r"No gradient defined for operation",
        r"XLA compilation requires a fixed tensor list size",
        r"Detected unsupported operations when trying to compile graph",
        r"Only integers, slices .* are valid indices",
        r"Tensor' object does not support item assignment",
        r"AttributeError: .*Tensor'? object has no attribute",
        r"argument must be .* not 'SymbolicTensor'",
        r"'ord' must be a supported (vector|matrix) norm",
        r"Value for attr '\w+' of \w+ is not in the list of allowed values",
        r"must have `float`-like `dtype`",
        r"only integer scalar arrays can be converted to a scalar index",
        r"indices\[.*\] = \[-\d+\] does not index into shape",
        r"All input tensors must have the same rank",
        r"Gradients for grouped convolutions are not supported",
        r"Gradient explicitly disabled",
    )

    shortages: ClassVar = (*Adapter.shortages, r"\bOOM when", r"^ResourceExhaustedError")

    def __init__(self, function: bool = False, xla: bool = False, **options: Any) -> None:
        super().__init__(**options)
        if xla and not function:
            raise ValueError("xla compiles a tf.function; say 'function: true' beside 'xla: true'")
        import tensorflow

        from gradtier.backends.tensorflow_namespace import namespace

        tensorflow.get_logger().setLevel("ERROR")
        tensorflow.config.threading.set_intra_op_parallelism_threads(1)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)
        tensorflow.experimental.numpy.experimental_enable_numpy_behavior()
        self._tf, self._function, self._xla = tensorflow, function, xla
        self._places = {"cpu": "/CPU:0", "cuda": "/GPU:0"}
        self._namespace, self._place = namespace(), self._places["cpu"]
        self._card = bool(tensorflow.config.list_physical_devices("GPU"))

    @property
    def namespace(self) -> Any:
        return self._namespace

    def from_numpy(self, array: NDArray[Any], device: str) -> Any:
        if device not in self.devices():
            raise Unsupported(f"TensorFlow sees no device '{device}' here")
        # TensorFlow puts every operation on a GPU where there is one, unless it is told otherwise.
        self._place = self._places[device]
        with self._tf.device(self._place):
            # The copy is there because an aligned array may be shared; the identity, because a
            # constant of a few integers may stay on the host.
            return self._tf.identity(self._tf.constant(np.array(array, order="C")))

    def to_bfloat16(self, array: Any) -> Any:
        with self._tf.device(self._place):
            return self._tf.cast(array, self._tf.bfloat16)

    def to_numpy(self, array: Any) -> NDArray[Any]:
        return np.array(array.numpy())

    def placement(self, array: Any) -> tuple[str, str]:
        return "cuda" if ":GPU:" in array.device else "cpu", str(array.dtype.name)

    def pushforward(self, f: Function, x: Native, v: Native) -> tuple[Native, Native]:
        with self._tf.device(self._place):
            x = tuple([self._tf.identity(t) for t in x])
            with self._tf.autodiff.ForwardAccumulator(x, tuple(v)) as accumulator:
                y = self._converted(f)(*x)
            dy = [accumulator.jvp(t, unconnected_gradients="zero") for t in y]
            # a tangent of a gather comes as slices, like a gradient of one
            return y, tuple([self._tf.convert_to_tensor(d) for d in dy])

    def pullback(self, f: Function, x: Native, w: Native) -> tuple[Native, Native]:
        with self._tf.device(self._place):
            # Variables of this derivative's own, so that an outer one is not confused with it.
            x = tuple([self._tf.identity(t) for t in x])
            with self._tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                y = self._converted(f)(*x)
            dx = tape.gradient(list(y), list(x), list(w))
            return y, tuple([None if d is None else self._tf.convert_to_tensor(d) for d in dx])

    def pullback_at(self, f: Function, x: Native) -> tuple[Native, Linear]:
        with self._tf.device(self._place):
            x = tuple([self._tf.identity(t) for t in x])
            with self._tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                tape.watch(x)
                y = self._converted(f)(*x)

        def back(w: Native) -> Native:
            with self._tf.device(self._place):
                dx = tape.gradient(list(y), list(x), list(w))
                return tuple([None if d is None else self._tf.convert_to_tensor(d) for d in dx])

        return y, back

    def over_seeds(self, linear: Linear, seeds: Native) -> Native:
        if not self._function:  # op by op, tracing costs more than a loop
            return super().over_seeds(linear, seeds)
        return self._tf.vectorized_map(linear, seeds)  # type: ignore[no-any-return]

    def custom_rule(self, rule: Rule) -> Callable[..., Any]:
        # TensorFlow can be told the pullback alone; what forward mode makes of that is measured.
        def stated(*x: Any) -> Any:
            return rule.primal(*x), lambda dy: rule.pullback(x, dy)

        return self._tf.custom_gradient(stated)  # type: ignore[no-any-return]

    def compile(self, f: Callable[..., Any]) -> Callable[..., Any]:
        run = f
        if self._function:
            # Without autograph here, so that an exception keeps its type and its words.
            run = self._tf.function(
                self._converted(f), autograph=False, jit_compile=True if self._xla else None
            )
        if not self._card:
            return run

        def placed(*given: Any) -> Any:
            # Also the plain function, and what runs between two derivatives; and XLA compiles for
            # the device that the whole is called on, whatever is said inside.
            with self._tf.device(self._place):
                return run(*given)

        return placed

    def _converted(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """``f`` with its branches and loops on values in the graph, where its source is found.

        AutoGraph stops at the first function without a source, such as one of two lambdas on a
        line; starting anew at each derivative lets it reach the innermost function all the same.
        """
        if not self._function:
            return f
        try:
            converted: Callable[..., Any] = self._tf.autograph.to_graph(f)
        except Exception:  # whatever AutoGraph could not read is run as it is
            return f
        return converted

    def synchronize(self, result: Any) -> None:
        if self._card:
            self._tf.test.experimental.sync_devices()

    def memory(self, device: str, forget: bool = False) -> Allocated | None:
        configured = self._tf.config.experimental
        if forget:
            configured.reset_memory_stats("GPU:0")
        found = configured.get_memory_info("GPU:0")
        return Allocated(found["current"], found["peak"])

    def card(self, device: str) -> Mapping[str, str]:
        config, built = self._tf.config.experimental, self._tf.sysconfig.get_build_info()
        found = config.get_device_details(self._tf.config.list_physical_devices("GPU")[0])
        cudnn = os.environ.get("TF_CUDNN_DETERMINISTIC") == "1"
        return {
            "card": found.get("device_name", "not said"),
            "cuda": built.get("cuda_version", "not said"),
            "cudnn": built.get("cudnn_version", "not said"),
            "tf32": "on" if config.tensor_float_32_execution_enabled() else "off",
            # with enable_op_determinism TensorFlow refuses operations that it offers without
            "deterministic": "cudnn alone" if cudnn else "off",
        }

    def devices(self) -> tuple[str, ...]:
        return ("cpu", "cuda") if self._card else ("cpu",)

    @classmethod
    def installed(cls) -> dict[str, str]:
        found = super().installed()
        if "tensorflow-cpu" in found:  # the same library, built for hosts without a GPU
            found.setdefault("tensorflow", found["tensorflow-cpu"])
        return found

    def settings(self) -> dict[str, str]:
        return {
            "tf.function": "on" if self._function else "off",
            "xla": "on" if self._xla else "off",
            "numpy behaviour": "on",
            "tf32": "off",
            "onednn": "off",
        }
