"""Mapped namespaces answer the calls of ``calls.py`` as NumPy does, or say what they lack."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest
from library_process import asked

HERE = Path(__file__).parent
HARNESS = HERE.parents[1]


@dataclass(frozen=True)
class Library:
    """What is known of a library's namespace.

    Args:
        adapter: the path of the adapter.
        missing: parts of calls that the library declines; each of them in all calls it occurs in.
        faults: calls that the library itself answers otherwise than NumPy.
        complexes: its widest complex numbers.
    """

    adapter: str
    missing: tuple[str, ...]
    faults: tuple[str, ...] = ()
    complexes: str = "complex128"

    def lacks(self, call):
        return any(part in call for part in self.missing)


TENSORFLOW = Library(
    "gradtier.backends.tensorflow:TensorFlow",
    missing=(
        "xp.copysign(",
        *("xp.fft.hfft(", "xp.fft.ihfft("),
        *("xp.isfinite(z)", "xp.isnan(z)"),  # of real numbers only
        "xp.linalg.cross(z",  # its multiplication has no complex numbers
        "xp.linalg.pinv(z)",  # "must have float-like dtype"
    ),
    faults=("xp.hypot(x, 1e200 * y)",),  # the root of the sum of squares: it overflows
)
PADDLE = Library(
    "gradtier.backends.paddle:Paddle",
    missing=(
        "xp.result_type(",
        # no kernels for complex numbers
        *("xp.linalg.solve(z", "xp.linalg.cholesky(xp.conj(z", "xp.linalg.svdvals(z)"),
    ),
    faults=(
        "xp.hypot(x, 1e200 * y)",  # the root of the sum of squares: it overflows
        # The order and its reciprocal are kept in float32.
        "xp.linalg.vector_norm(x, axis=1, ord=3)",
        "xp.linalg.vector_norm(x, axis=1, ord=2.5)",
        # One shift and one axis: a tensor of shape [1] where paddle.roll wants a number.
        "xp.fft.fftshift(z, axes=0)",
        "xp.fft.ifftshift(z, axes=-1)",
        "xp.fft.ifftshift(x, axes=(0,))",
        # exp of complex128 is computed in complex64.
        *("xp.real(xp.exp(z))", "xp.exp(z)"),
        "xp.linalg.pinv(z)",  # a matrix that is no pseudo-inverse
        "xp.linalg.matrix_norm(z)",  # the root of the sum of squares, not of their absolute values
    ),
)
MLX = Library(
    "gradtier.backends.mlx:Mlx",
    missing=(
        *("xp.copysign(", "xp.hypot(", "xp.nextafter(", "xp.signbit("),
        *("x[m]", "x[m[:, 0]]"),  # no shapes that depend on values
        *("xp.nonzero(", "xp.unique_values("),  # nor here
        "xp.repeat(x, i, axis=1)",  # nor here
        *("xp.fft.hfft(", "xp.fft.ihfft("),
        "xp.linalg.pinv(s, rtol=1e-10)",
        'mode="complete"',
        # real numbers only
        *("xp.expm1(z)", "xp.linalg.det(z", "xp.linalg.inv(z", "xp.linalg.solve(z"),
        *("xp.linalg.slogdet(z", "xp.linalg.cholesky(xp.conj(z", "xp.linalg.pinv(z)"),
        "xp.linalg.qr(z)",
    ),
    # computed in float32, whatever the array's dtype
    faults=("xp.cos(x)", "xp.exp(x)", "xp.sin(x)", "xp.logaddexp(x, y)", "xp.logaddexp(x, v)"),
    complexes="complex64",
)
AUTOGRAD = Library(
    "gradtier.backends.autograd:Autograd",
    missing=("xp.linalg.pinv(s, rtol=1e-10)",),  # its rule takes the matrix only
)
LIBRARIES = {"tensorflow": TENSORFLOW, "paddle": PADDLE, "mlx": MLX, "autograd": AUTOGRAD}


@functools.cache
def answers(key):
    adapter = LIBRARIES[key].adapter
    return asked(HERE / "calling.py", adapter, adapter, LIBRARIES[key].complexes)


@pytest.mark.parametrize("key", LIBRARIES)
def test_a_wrong_mapping_would_be_blamed_on_the_library_unless_found_here(key):
    known = LIBRARIES[key].faults
    wrong = {call: said for call, said in answers(key).items() if said}
    wrong = {call: said for call, said in wrong.items() if not said.startswith("declined")}
    assert not {call: said for call, said in wrong.items() if call not in known}


@pytest.mark.parametrize("key", LIBRARIES)
def test_a_function_would_be_lost_without_a_word_unless_counted_as_missing(key):
    declined = {c: said for c, said in answers(key).items() if said.startswith("declined")}
    assert not {c: said for c, said in declined.items() if not LIBRARIES[key].lacks(c)}


@pytest.mark.parametrize("key", LIBRARIES)
def test_what_is_missing_or_faulty_no_longer_is_taken_off_the_list(key):
    library, found = LIBRARIES[key], answers(key)
    assert not [c for c in found if library.lacks(c) and not found[c].startswith("declined")]
    assert not [c for c in library.faults if not found[c] or found[c].startswith("declined")]
    assert not [part for part in library.missing if not any(part in c for c in found)]
