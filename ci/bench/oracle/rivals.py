"""What people check derivatives with today: gradcheck of PyTorch and check_grads of JAX.

Both are meant for derivatives of their own package; here they are handed any derivative map, right
or broken, wrapped the way a user would wrap one.  Evaluations are counted inside the wrappers.
Second order is first order of the gradient: its Jacobian is symmetric, so one map answers for the
pullback, which gradcheck asks for, and for the pushforward, which check_grads asks for.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from systems import Kind

from gradtier.oracle import Leaves, Map

Settings = Mapping[str, float]

EXPLAINED = 400
"""Up to this many input elements fast gradcheck may look for the words of its complaint."""


def gradcheck_settings(dtype: str) -> Settings:
    """Gradcheck's defaults in float64, which are meant for it; else a step and tolerances for it.

    In float32 the defaults leave nothing but rounding: the step is larger there, and tolerances are
    those of people who check in float32 nevertheless.
    """
    return {} if dtype == "float64" else {"eps": 1e-3, "atol": 1e-2, "rtol": 1e-2}


def check_grads_settings(dtype: str) -> Settings:
    """The defaults, which JAX has for every dtype (at one step, 1e-4)."""
    return {}


@dataclass(frozen=True)
class Ran:
    """What a rival said, and what it cost.

    Attributes:
        passed: whether it found the derivative right; False also where it raised.
        words: the first line of its complaint; empty when it passed.
        seconds: of this process; other processes on the machine do not change it.
        primal: evaluations of the function.
        derivative: evaluations of its derivative.
        raised: it ended in an error that is no verdict of its own.
    """

    passed: bool
    words: str
    seconds: float
    primal: int
    derivative: int
    raised: bool = False

    @property
    def evaluations(self) -> int:
        """All evaluations, one of a derivative counted like one of the function."""
        return self.primal + self.derivative


@dataclass(frozen=True)
class Subject:
    """What is checked: a derivative map of a function at a point, all of it on NumPy arrays.

    Attributes:
        kind: which map it is.
        x: the point, in the precision under test.
        primal: the function; for "hvp" the gradient of <w, f>.
        answer: its pullback ("vjp"), pushforward ("jvp"), or Hessian of <w, f> times ("hvp"), of
            complex numbers as the oracle has it.
    """

    kind: Kind
    x: Leaves
    primal: Callable[[Leaves], Leaves]
    answer: Map

    @property
    def dtype(self) -> str:
        """The precision under test, by the name of its real numbers."""
        single = all(a.dtype in (np.float32, np.complex64) for a in self.x)
        return "float32" if single else "float64"


class _Enough(Exception):
    """The whole Jacobian was about to be computed for the words of a complaint."""


@dataclass
class _Count:
    """Evaluations so far, and how many of the function are allowed."""

    primal: int = 0
    derivative: int = 0
    most: int | None = None

    def one_primal(self) -> None:
        """Counts an evaluation of the function."""
        self.primal += 1
        if self.most is not None and self.primal > self.most:
            raise _Enough("failed; the whole Jacobian, for its words, was not waited for")


@dataclass(frozen=True)
class _Counted:
    """A subject whose evaluations are counted; outputs are in the precision of the point."""

    subject: Subject
    count: _Count

    def primal(self, x: Leaves) -> Leaves:
        self.count.one_primal()
        dtype = self.subject.dtype
        with np.errstate(all="ignore"):
            return tuple(_inexact(y, dtype) for y in self.subject.primal(x))

    def answer(self, x: Leaves, seed: Leaves) -> list[Any]:
        self.count.derivative += 1
        with np.errstate(all="ignore"):
            return list(self.subject.answer([(x, seed)])[0])


def _inexact(value: Any, dtype: str) -> Any:
    """A copy of an output, as a floating-point (or complex) array of the precision under test."""
    array = np.asarray(value)
    if array.dtype.kind == "c":
        return np.array(array, dtype="complex64" if dtype == "float32" else "complex128")
    return np.array(array, dtype=dtype)


def gradcheck(subject: Subject, fast: bool) -> Ran:
    """``torch.autograd.gradcheck`` of a map wrapped as a ``torch.autograd.Function``."""
    import torch

    counted = _Counted(subject, _Count(most=_most(subject.x, fast)))
    wrapped = _function(counted)
    inputs = tuple(torch.from_numpy(np.array(a)).requires_grad_() for a in subject.x)
    run = _gradchecked(wrapped.apply, inputs, subject.kind, fast, subject.dtype)
    return _timed(run, counted.count)


def gradcheck_native(
    function: Callable[..., tuple[Any, ...]],
    x: tuple[Any, ...],
    kind: Kind,
    w: Any,
    fast: bool,
    counting: bool = True,
) -> Ran:
    """``torch.autograd.gradcheck`` of a function of tensors by PyTorch's own rules.

    Args:
        function: of tensors, returns a tuple of tensors.
        x: the point as tensors.
        kind: "vjp" and "hvp" are checked in reverse, "jvp" in forward mode.
        w: the weights of the outputs of whose sum "hvp" checks the gradient.
        fast: by random projection instead of the whole Jacobian.
        counting: count derivatives, for which PyTorch calls back; a few percent slower.
    """
    import torch

    inputs = tuple(a.clone().requires_grad_() for a in x)
    count = _Count(most=_most(inputs, fast))
    checked = _gradient(function, w) if kind == "hvp" else function
    tangent = torch.autograd.forward_ad.unpack_dual

    def counted(*leaves: Any) -> Any:
        # In forward mode the derivative is the function itself, called with tangents.
        if kind == "jvp" and any(tangent(a).tangent is not None for a in leaves):
            count.derivative += 1
        else:
            count.one_primal()
        return checked(*leaves)

    def backward(_gradient: Any) -> None:
        count.derivative += 1

    single = all(a.dtype in (torch.float32, torch.complex64) for a in inputs)
    run = _gradchecked(counted, inputs, kind, fast, "float32" if single else "float64")
    if not counting:
        return _timed(run, count)
    hook = torch.autograd.graph.register_multi_grad_hook(inputs, backward, mode="any")
    try:
        return _timed(run, count)
    finally:
        hook.remove()


def check_grads(subject: Subject) -> Ran:
    """``check_vjp`` or ``check_jvp``: of these two ``jax.test_util.check_grads`` consists."""
    from jax.test_util import check_jvp, check_vjp

    counted = _Counted(subject, _Count())
    settings = check_grads_settings(subject.dtype)
    known: list[Any] = []

    def function(*x: Any) -> Leaves:
        # jax.vjp and jax.jvp give the value along with the derivative; ours do not.  The value
        # that stands in for theirs is taken again here, so that no evaluation is added.
        if known and all(a is b for a, b in zip(known[0], x, strict=True)):
            return tuple(known.pop()[1:])
        return counted.primal(x)

    def value(x: Leaves) -> Leaves:
        y = counted.primal(x)
        known.append((x, *y))
        return y

    def pullback(*x: Any) -> Any:
        # JAX leaves out both conjugations of the pullback that the oracle and PyTorch have.
        return value(x), lambda w: _conj(_filled(counted.answer(x, _conj(w)), x))

    def pushforward(x: Any, v: Any) -> Any:
        y = value(x)
        return y, _filled(counted.answer(x, v), y)

    def run() -> None:
        x = tuple(np.array(a) for a in subject.x)
        if subject.kind == "vjp":
            check_vjp(function, pullback, x, **settings)
        else:
            check_jvp(function, pushforward, x, **settings)

    return _timed(run, counted.count)


def _conj(leaves: Leaves) -> Leaves:
    return tuple(np.conj(a) for a in leaves)


def _filled(answer: list[Any], like: Leaves) -> tuple[Any, ...]:
    """An answer without "not connected" leaves, in the precision of ``like``."""
    if len(answer) != len(like):
        raise ValueError(f"{len(answer)} leaves where {len(like)} were expected")
    return tuple(
        np.zeros_like(a) if g is None else np.asarray(g, dtype=np.result_type(a))
        for g, a in zip(answer, like, strict=True)
    )


def _most(x: Sequence[Any], fast: bool) -> int | None:
    """Evaluations of the function that fast gradcheck needs at most to come to its verdict.

    When it fails it computes the whole Jacobian for its complaint, which is not waited for above a
    few hundred elements; the verdict stands by then.
    """
    elements = sum(int(np.prod(a.shape)) for a in x)
    return 2 * len(x) + 8 if fast and elements > EXPLAINED else None


def _gradchecked(
    function: Any, inputs: tuple[Any, ...], kind: Kind, fast: bool, dtype: str
) -> Callable[[], None]:
    """The call of gradcheck; its complaint is an exception here for the sake of its words."""
    import torch

    def run() -> None:
        torch.autograd.gradcheck(
            function,
            inputs,
            fast_mode=fast,
            check_forward_ad=kind == "jvp",
            check_backward_ad=kind != "jvp",
            **gradcheck_settings(dtype),
        )

    return run


def _function(counted: _Counted) -> Any:
    """The map as a ``torch.autograd.Function``; arrays share memory with tensors both ways.

    Sharing is what a rule written for tensors would do: a map that overwrites what it was given, or
    what it gave, does so under gradcheck's eyes.
    """
    import torch

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *x: Any) -> Any:
            ctx.save_for_backward(*x)
            ctx.save_for_forward(*x)
            with torch.enable_grad():  # off inside a rule; the function may be a gradient itself
                return tuple(torch.from_numpy(y) for y in counted.primal(_arrays(x)))

        @staticmethod
        def backward(ctx: Any, *w: Any) -> Any:
            with torch.enable_grad():
                return _tensors(counted.answer(_arrays(ctx.saved_tensors), _arrays(w)))

        @staticmethod
        def jvp(ctx: Any, *v: Any) -> Any:
            with torch.enable_grad():
                return _tensors(counted.answer(_arrays(ctx.saved_tensors), _arrays(v)))

    return Wrapped


def _arrays(tensors: tuple[Any, ...]) -> Leaves:
    return tuple(t.detach().resolve_conj().resolve_neg().numpy() for t in tensors)


def _tensors(answer: list[Any]) -> tuple[Any, ...]:
    import torch

    return tuple(None if a is None else torch.from_numpy(np.asarray(a, order="C")) for a in answer)


def _gradient(function: Callable[..., tuple[Any, ...]], w: Any) -> Callable[..., tuple[Any, ...]]:
    """The gradient of <w, function>, itself differentiable."""
    import torch

    def at(*leaves: Any) -> tuple[Any, ...]:
        x = tuple(a.view_as(a) for a in leaves)  # hooks on the leaves count outer derivatives only
        pairs = [(y, c) for y, c in zip(function(*x), w, strict=True) if y.requires_grad]
        if not pairs:
            return tuple(torch.zeros_like(a) for a in x)
        outputs, weights = zip(*pairs, strict=True)
        found = torch.autograd.grad(
            outputs, x, weights, create_graph=True, allow_unused=True, materialize_grads=True
        )
        # Constant leaves are left out, as a user would have to: fast gradcheck stumbles over them.
        return tuple(g for g in found if g.requires_grad) or tuple(found)

    return at


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _timed(run: Callable[[], None], count: _Count) -> Ran:
    """Runs a check; a complaint of the check itself is told from an error in its way."""
    from torch.autograd.gradcheck import GradcheckError

    words, raised = "", False
    with _quiet():
        start = time.process_time()
        try:
            run()
        except (GradcheckError, AssertionError, _Enough) as complaint:
            words = _first_line(complaint)
        except Exception as error:  # whatever a broken map leads to is not silence
            words, raised = _first_line(error), True
        seconds = time.process_time() - start
    return Ran(not words, words, seconds, count.primal, count.derivative, raised)


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {text}"
