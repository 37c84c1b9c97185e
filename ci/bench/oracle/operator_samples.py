"""The operators that PyTorch tests itself, as functions of their differentiable inputs.

PyTorch keeps a database of its operators with sample inputs for its own test suite, and runs its
gradient checker over them. Here they are prepared in the same way: a function of the tensors that
require grad alone, through the operator's wrapper (which keeps a matrix Hermitian, say) and the
sample's own treatment of the output (which makes a factorisation independent of its gauge).

Both sides of a comparison are given the same points: contiguous, and rounded to float32 but held
in float64, since the oracle wants steps that are exact.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import time
import unittest
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from gradtier.oracle import Leaves, Query

COMPLEX = True
"""Whether operators with complex inputs or outputs take part."""

DOUBLE = (torch.float64, torch.complex128)

ENOUGH = "not needed: enough samples of this operator were looked at"
"""The reason that is none."""

Tensors = tuple[torch.Tensor, ...]


class Skip(Exception):
    """This sample or operator takes no part; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What bounds the experiment.

    Dropping the largest samples is to gradcheck's favour: its cost grows with the elements, ours
    hardly. By their inputs, 99 % of PyTorch's samples are below the default.

    Attributes:
        samples: taken per operator, at most.
        tried: samples per operator that are looked at to find those, at most.
        elements: inputs plus outputs of a sample, at most.
        seconds: that slow gradcheck may be expected to take on a sample.
    """

    samples: int = 8
    tried: int = 24
    elements: int = 2048
    seconds: float = 5.0


@dataclass(frozen=True)
class Sample:
    """One operator at one point.

    Attributes:
        operator: its name, with the variant after a dot.
        index: number of the sample in PyTorch's list.
        function: of the differentiable inputs; returns what the operator returns, as a tuple.
        point: the differentiable inputs.
        kept: which of the function's outputs are differentiable.
        outputs: their elements.
        nondet_tol: how much PyTorch lets gradients differ from call to call.
    """

    operator: str
    index: int
    function: Callable[..., Tensors]
    point: Leaves
    kept: tuple[int, ...]
    outputs: int
    nondet_tol: float

    @property
    def inputs(self) -> int:
        """Elements of the differentiable inputs."""
        return sum(leaf.size for leaf in self.point)


@contextlib.contextmanager
def as_in_pytorch_tests() -> Iterator[None]:
    """PyTorch's settings as its tests have them, and back again; adapters set others.

    Operators that draw at random are seeded in each call. For devices that are not there, PyTorch
    formats stack traces then, at many times the operator's cost: here the CPU alone is seeded.
    """
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    lax = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(False)
    seed, torch.manual_seed = torch.manual_seed, torch.default_generator.manual_seed
    try:
        yield
    finally:
        torch.manual_seed = seed
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=lax)


@dataclass
class Tally:
    """Calls of an operator and of its gradient."""

    forward: int = 0
    backward: int = 0


@dataclass
class Subject:
    """A sample with its operator counted, asked the way the oracle asks."""

    sample: Sample
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """From which the oracle draws everything random."""
        return f"{self.sample.operator}#{self.sample.index}"

    def __call__(self, *tensors: torch.Tensor) -> tuple[Any, ...]:
        """What gradcheck is given: the outputs, differentiable or not."""
        self.tally.forward += 1
        return self.sample.function(*tensors)

    def kept(self, *tensors: torch.Tensor) -> Tensors:
        """The differentiable outputs."""
        told = self(*tensors)
        return tuple(told[i] for i in self.sample.kept)

    def primal(self, points: Sequence[Leaves]) -> list[Leaves]:
        """The function on NumPy arrays."""
        with torch.no_grad():
            return [
                tuple(_array(y) for y in self.kept(*map(torch.from_numpy, point)))
                for point in points
            ]

    def by_autograd(self, queries: Sequence[Query]) -> list[tuple[Any, ...]]:
        """The pullback by ``torch.autograd.grad``."""
        answers = []
        for point, seed in queries:
            leaves = [torch.from_numpy(a).requires_grad_() for a in point]
            cotangents = [torch.from_numpy(w) for w in seed]
            told = torch.autograd.grad(self.kept(*leaves), leaves, cotangents, allow_unused=True)
            answers.append(tuple(_array(g) for g in told))
        return answers

    def by_func(self, queries: Sequence[Query], once: bool = False) -> list[tuple[Any, ...]]:
        """The pullback by ``torch.func.vjp``, from the start for each query.

        With `once` it is linearised once for successive queries at the same point, as gradcheck
        keeps one graph for all its cotangents.
        """
        answers, last, back = [], None, None
        for point, seed in queries:
            here = [a.tobytes() for a in point] if once else None
            if back is None or here is None or here != last:
                _, back = torch.func.vjp(self.kept, *map(torch.from_numpy, point))
                last = here
            answers.append(tuple(_array(g) for g in back(tuple(map(torch.from_numpy, seed)))))
        return answers

    def warm(self) -> None:
        """Calls each interface once, so that nothing is compiled or imported while timed."""
        point = tuple(a.copy() for a in self.sample.point)
        seed = tuple(np.ones_like(y) for y in self.primal([point])[0])
        for ask in (self.by_autograd, self.by_func):
            with contextlib.suppress(Exception):  # what raises here will be heard later
                ask([(point, seed)])

    @contextlib.contextmanager
    def counted(self) -> Iterator[Tally]:
        """Counts from zero; *backward* are calls of ``torch.autograd.grad``.

        All procedures are built on it: gradcheck, and ``torch.func.vjp`` too.
        """
        self.tally, grad = Tally(), torch.autograd.grad

        @functools.wraps(grad)
        def counting(*args: Any, **kwargs: Any) -> Any:
            self.tally.backward += 1
            return grad(*args, **kwargs)

        torch.autograd.grad = counting
        try:
            yield self.tally
        finally:
            torch.autograd.grad = grad


def _array(tensor: torch.Tensor | None) -> Any:
    """A tensor's numbers, on the same memory where PyTorch allows it, since the oracle copies."""
    if tensor is None:
        return None
    if tensor._is_zerotensor():  # zeros without memory
        return np.zeros(tensor.shape)
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    return tensor.detach().resolve_neg().resolve_conj().numpy()


def operators() -> list[Any]:
    """The entries of PyTorch's database that have a gradient in float64 on the CPU.

    Importing the database forbids setting ``torch.backends`` flags, as adapters do; that is
    allowed again afterwards.
    """
    free = not torch.backends.flags_frozen()
    from torch.testing._internal.common_methods_invocations import op_db

    if free:
        torch.backends.flags_frozen.__globals__["__allow_nonbracketed_mutation_flag"] = True
    return [
        op
        for op in op_db
        if op.supports_autograd and torch.float64 in op.supported_backward_dtypes("cpu")
    ]


def name_of(op: Any) -> str:
    """An operator's name, with its variant after a dot."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


def declared(op: Any) -> str | None:
    """What PyTorch's own gradient test of this operator is marked as: "skip", "fail" or None."""
    for info in op.decorators:
        active = getattr(info, "is_active", None)
        if active and active("TestBwdGradients", "test_fn_grad", "cpu", torch.float64, {}):
            for decorator in info.decorators:
                if decorator is unittest.expectedFailure:
                    return "fail"
                if getattr(decorator, "__qualname__", "").startswith("skip."):
                    return "skip"
    return None


def samples_of(op: Any, limits: Limits) -> tuple[list[Sample], Counter[str]]:
    """Some samples of an operator, and how many of those looked at were skipped, by reason.

    Taken are samples spread evenly over PyTorch's list ordered by size, so that several sizes and
    several arguments occur.
    """
    reseed(name_of(op))
    skipped: Counter[str] = Counter()
    sized, drawn = [], 0
    try:
        for index, raw in enumerate(op.sample_inputs("cpu", torch.float64, requires_grad=True)):
            drawn += 1
            try:
                sized.append((index, _Slots(op, raw, limits)))
            except Skip as reason:
                skipped[str(reason)] += 1
    except Exception as error:
        skipped[f"samples cannot be made: {words(error)}"] += 1
        drawn += 1
    sized.sort(key=lambda entry: entry[1].size)
    taken: list[Sample] = []
    for place in itertools.islice(_spread(len(sized), limits.samples), limits.tried):
        if len(taken) == limits.samples:
            break
        index, slots = sized[place]
        try:
            taken.append(_prepared(op, index, slots, limits))
        except Skip as reason:
            skipped[str(reason)] += 1
    skipped[ENOUGH] += drawn - len(taken) - skipped.total()
    return taken, +skipped


def leaves_of(point: Leaves) -> Tensors:
    """Fresh tensors that require grad."""
    # NumPy's empty arrays have strides of zero, which gradcheck refuses, and a clone keeps them.
    layout = torch.contiguous_format
    return tuple(torch.from_numpy(a).clone(memory_format=layout).requires_grad_() for a in point)


def reseed(name: str) -> None:
    """Makes what an operator draws at random depend on its name alone."""
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def words(error: BaseException, most: int = 240) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:most]


def _spread(count: int, wanted: int) -> Iterator[int]:
    """All numbers below `count`: first some that are spread evenly, then halfway between them."""
    seen: set[int] = set()
    parts = max(1, wanted - 1)
    while len(seen) < count:
        for place in (round(i * (count - 1) / parts) for i in range(parts + 1)):
            if place not in seen:
                seen.add(place)
                yield place
        parts *= 2


class _Slots:
    """A sample's arguments, with holes where the differentiable tensors go."""

    def __init__(self, op: Any, raw: Any, limits: Limits) -> None:
        self.tensors: list[torch.Tensor] = []
        self._op, self._variant = op, op.get_op()
        self._finish = raw.output_process_fn_grad
        self._args = [self._hole(value) for value in (raw.input, *raw.args)]
        self._kwargs = {key: self._hole(value) for key, value in raw.kwargs.items()}
        self.size = _checked(self.tensors, "input", limits.elements)

    def _hole(self, value: Any) -> Callable[[Sequence[Any]], Any]:
        if isinstance(value, torch.Tensor):
            if not value.requires_grad:
                return lambda given: value
            number = len(self.tensors)
            self.tensors.append(value)
            return lambda given: given[number]
        holds = isinstance(value, list | tuple) and any(
            isinstance(item, torch.Tensor) and item.requires_grad for item in value
        )
        if not holds:
            return lambda given: value
        inner = [self._hole(item) for item in value]
        return lambda given: [hole(given) for hole in inner]

    def __call__(self, *given: torch.Tensor) -> tuple[Any, ...]:
        args = [hole(given) for hole in self._args]
        kwargs = {key: hole(given) for key, hole in self._kwargs.items()}
        output = self._op.gradcheck_wrapper(self._variant, *args, **kwargs)
        told = self._finish(output)
        return tuple(told) if isinstance(told, tuple | list) else (told,)


def _prepared(op: Any, index: int, slots: _Slots, limits: Limits) -> Sample:
    """Calls the function twice, to warm it up and to see what it costs and returns."""
    point = tuple(_rounded(t) for t in slots.tensors)
    leaves = leaves_of(point)
    try:
        slots(*leaves)
        start = time.process_time()
        told = slots(*leaves)
        forward = time.process_time() - start
    except Exception as error:
        raise Skip(f"the function raises: {words(error, 80)}") from error
    kept = tuple(i for i, y in enumerate(told) if isinstance(y, torch.Tensor) and y.requires_grad)
    outputs = tuple(told[i] for i in kept)
    size = _checked(outputs, "output", limits.elements, slots.size)
    # Two evaluations per input, two gradients per output (about twice an evaluation each).
    if forward * (2 * slots.size + 4 * size) > limits.seconds:
        raise Skip(f"slow gradcheck would take more than {limits.seconds:g} s")
    return Sample(name_of(op), index, slots, point, kept, size, float(op.gradcheck_nondet_tol))


def _rounded(tensor: torch.Tensor) -> Any:
    single = torch.complex64 if tensor.is_complex() else torch.float32
    return tensor.detach().to(single).to(tensor.dtype).contiguous().numpy().copy()


def _checked(tensors: Sequence[torch.Tensor], what: str, most: int, other: int = 0) -> int:
    """The number of elements, if they and the `other` ones are neither too many nor too odd."""
    if not tensors:
        raise Skip(f"no differentiable {what}")
    for tensor in tensors:
        if tensor.layout is not torch.strided:
            raise Skip(f"sparse {what}")
        if tensor.is_complex() and not COMPLEX:
            raise Skip(f"complex {what}")
        if tensor.dtype not in DOUBLE:
            raise Skip(f"{what} of another precision")
    size = sum(tensor.numel() for tensor in tensors)
    if not size:
        raise Skip(f"{what}s without elements")
    if size + other > most:
        raise Skip(f"more than {most} elements")
    return size
