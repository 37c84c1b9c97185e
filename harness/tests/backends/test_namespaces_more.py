"""The mapped namespaces of the smaller libraries answer as NumPy does, or lack a name.

Each library in a process of its own, in which ``calling_mapped.py`` makes the calls.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from library_process import asked

HERE = Path(__file__).parent
ADAPTERS = {
    "pytensor": "gradtier.backends.pytensor:PyTensor",
    "casadi": "gradtier.backends.casadi:CasADi",
    "tinygrad": "gradtier.backends.tinygrad:Tinygrad",
    "drjit": "gradtier.backends.drjit:DrJit",
    "mygrad": "gradtier.backends.mygrad:MyGrad",
    "cppad": "gradtier.backends.cppad:CppAD",
}
FFT = "fft.fft fft.fftfreq fft.fftshift fft.ifftshift fft.ihfft fft.rfft fft.rfftfreq"
FFT += " fft.rfftn"
FACTORS = "linalg.cholesky linalg.eigh linalg.eigvalsh"
SOLVERS = "linalg.det linalg.inv linalg.pinv linalg.slogdet linalg.solve"
RANKS = "linalg.qr linalg.svd linalg.svdvals"
#: What the library has no function for. Whoever finds one says so here.
MISSING = {
    "pytensor": (
        f"{FFT} "
        "copysign fft.fftn fft.hfft fft.ifft fft.ifftn fft.irfft fft.irfftn hypot "
        "nextafter nonzero signbit unique_values"
    ),
    "casadi": (
        f"{FFT} "
        "argmax argmin argsort isfinite isinf isnan linalg.eigh linalg.eigvalsh "
        "linalg.svd linalg.svdvals nextafter nonzero round searchsorted signbit "
        "sort trunc"
    ),
    "tinygrad": (
        f"{FFT} {FACTORS} {SOLVERS} "
        "atan2 expm1 hypot log1p nextafter nonzero searchsorted signbit "
        "unique_values"
    ),
    "drjit": (
        f"{FFT} {FACTORS} {SOLVERS} {RANKS} "
        "expm1 finfo log1p logaddexp nextafter nonzero result_type searchsorted "
        "signbit unique_values"
    ),
    "mygrad": (
        f"{FFT} {FACTORS} {SOLVERS} {RANKS} "
        "argsort copysign hypot nextafter nonzero searchsorted sort"
    ),
    "cppad": "fft nextafter unique_values",
}
#: What it has for some arguments only, or the operators that its arrays lack.
DECLINED = {
    "pytensor": {
        "xp.linalg.matrix_power(xp.stack([a, s]), 2)",
        "xp.linalg.pinv(s, rtol=1e-10)",
        "xp.linalg.slogdet(z[:3])",
        "xp.linalg.svd(x).U.shape[1]",
        "xp.linalg.svd(x, full_matrices=False).U.shape[1]",
        "xp.sign(z)",
    },
    "casadi": {
        'xp.abs(xp.linalg.qr(x, mode="complete").R)',
        'xp.linalg.matrix_norm(x, ord="nuc")',
        "xp.linalg.matrix_norm(x, ord=-2)",
        "xp.linalg.matrix_norm(x, ord=2)",
        "xp.linalg.matrix_norm(x, ord=2, keepdims=True)",
        'xp.linalg.matrix_norm(xp.stack([x, y]), ord="nuc", keepdims=True)',
        "xp.linalg.matrix_norm(xp.stack([x, y]), ord=2)",
        "xp.linalg.pinv(s, rtol=1e-10)",
        'xp.linalg.qr(x, mode="complete").Q[:, :3] @ xp.linalg.qr(x, mode="complete").R[:3, :]',
        "xp.linalg.vector_norm(x, axis=0, ord=0)",
        "xp.linalg.vector_norm(x, ord=0)",
    },
    "tinygrad": {
        "+x",
        "abs(x)",
        "x[m[:, 0]]",
        "x[m]",
        "xp.linalg.matrix_power(a, -2)",
        "xp.linalg.matrix_power(a, 0)",
        "xp.linalg.vector_norm(x, axis=0, ord=0)",
        "xp.linalg.vector_norm(x, ord=0)",
        "xp.repeat(x, i, axis=1)",
    },
    "drjit": {
        "x % y",
        "x // y",
        'xp.isdtype(x.dtype, "real floating")',
        'xp.linalg.matrix_norm(x, ord="nuc")',
        "xp.linalg.matrix_norm(x, ord=-2)",
        "xp.linalg.matrix_norm(x, ord=2)",
        "xp.linalg.matrix_norm(x, ord=2, keepdims=True)",
        'xp.linalg.matrix_norm(xp.stack([x, y]), ord="nuc", keepdims=True)',
        "xp.linalg.matrix_norm(xp.stack([x, y]), ord=2)",
        "xp.linalg.matrix_power(a, -2)",
        "xp.linalg.matrix_power(a, 0)",
        "xp.linalg.vector_norm(x, axis=0, ord=0)",
        "xp.linalg.vector_norm(x, ord=0)",
        "xp.std(x, axis=1, correction=0.5, keepdims=True)",
        "xp.var(x, correction=0.5)",
    },
    "mygrad": {
        "(x < y) & m",
        "abs(x)",
        "m ^ (x > 0)",
        "m | (x > 0)",
        "x % y",
        'xp.linalg.matrix_norm(x, ord="nuc")',
        "xp.linalg.matrix_norm(x, ord=-2)",
        "xp.linalg.matrix_norm(x, ord=2)",
        "xp.linalg.matrix_norm(x, ord=2, keepdims=True)",
        'xp.linalg.matrix_norm(xp.stack([x, y]), ord="nuc", keepdims=True)',
        "xp.linalg.matrix_norm(xp.stack([x, y]), ord=2)",
        "xp.linalg.matrix_power(a, -2)",
        "xp.linalg.matrix_power(a, 0)",
        "xp.linalg.vector_norm(x, axis=0, ord=0)",
        "xp.linalg.vector_norm(x, ord=0)",
        "~m",
    },
    "cppad": {
        "x % y",
        "x // y",
        "xp.abs(xp.linalg.eigh(s).eigenvectors)",
        "xp.abs(xp.linalg.qr(x).R)",
        'xp.abs(xp.linalg.qr(x, mode="complete").R)',
        "xp.abs(xp.linalg.svd(x, full_matrices=False).Vh)",
        "xp.ceil(x)",
        "xp.floor(x)",
        "xp.floor_divide(x, y)",
        "xp.linalg.cholesky(s)",
        "xp.linalg.cholesky(s, upper=True)",
        "xp.linalg.cholesky(xp.stack([s, s + xp.eye(3)]))",
        "xp.linalg.eigh(s).eigenvalues",
        "xp.linalg.eigh(s)[0]",
        "xp.linalg.eigvalsh(s)",
        "xp.linalg.eigvalsh(xp.stack([s, s @ s]))",
        'xp.linalg.matrix_norm(x, ord="nuc")',
        "xp.linalg.matrix_norm(x, ord=-2)",
        "xp.linalg.matrix_norm(x, ord=2)",
        "xp.linalg.matrix_norm(x, ord=2, keepdims=True)",
        'xp.linalg.matrix_norm(xp.stack([x, y]), ord="nuc", keepdims=True)',
        "xp.linalg.matrix_norm(xp.stack([x, y]), ord=2)",
        "xp.linalg.pinv(s, rtol=1e-10)",
        "xp.linalg.pinv(x)",
        "xp.linalg.pinv(xp.stack([x, y]))",
        "xp.linalg.qr(x)[0] @ xp.linalg.qr(x)[1]",
        'xp.linalg.qr(x, mode="complete").Q[:, :3] @ xp.linalg.qr(x, mode="complete").R[:3, :]',
        "xp.linalg.svd(x).S",
        "xp.linalg.svd(x).U.shape[1]",
        "xp.linalg.svd(xp.stack([x, y]), full_matrices=False)[1]",
        "xp.linalg.svdvals(x)",
        "xp.linalg.svdvals(xp.stack([x, y]))",
        "xp.linalg.vector_norm(x, axis=0, ord=0)",
        "xp.linalg.vector_norm(x, ord=0)",
        "xp.remainder(x, -y)",
        "xp.remainder(x, y)",
        "xp.round(x * 3.0)",
        "xp.trunc(x * 3.0)",
    },
}
#: Where a library's own answer is another than NumPy's; when it is right again, this fails.
DIFFERENT = {
    "pytensor": {
        "xp.linalg.vector_norm(x, axis=0, ord=0)",
        "xp.linalg.vector_norm(x, axis=1, ord=2.5)",
        "xp.linalg.vector_norm(x, axis=1, ord=3)",
        "xp.linalg.vector_norm(x, ord=0)",
        "xp.var(x, axis=(0, 1), correction=1.0, keepdims=True)",
        "xp.var(x, correction=0.5)",
    },
    "tinygrad": {
        "xp.acos(xp.tanh(x))",
        "xp.asin(xp.tanh(x))",
        "xp.atan(x)",
        "xp.roll(x, (1, -1), axis=(0, 0))",
    },
    "drjit": {
        "x[m]",
        "xp.sum(m, axis=0)",
        "xp.sum(x[:0], axis=0)",
    },
    "cppad": {
        "xp.hypot(x, 1e200 * y)",
    },
}


@functools.cache
def outcome(key):
    return asked(HERE / "calling_mapped.py", ADAPTERS[key], key, ADAPTERS[key], timeout=300)


def found(key, kind):
    if "unavailable" in outcome(key):
        pytest.skip(outcome(key)["unavailable"])
    return {call: what for call, (found, what) in outcome(key).items() if found == kind}


@pytest.mark.parametrize("key", ADAPTERS)
def test_a_name_is_missing_where_the_library_lacks_it_and_nowhere_else(key):
    assert set(found(key, "missing").values()) == set(MISSING[key].split())


@pytest.mark.parametrize("key", ADAPTERS)
def test_arguments_are_declined_where_the_library_has_no_way_and_nowhere_else(key):
    assert set(found(key, "declined")) == DECLINED[key]


@pytest.mark.parametrize("key", ADAPTERS)
def test_whatever_is_answered_is_what_numpy_answers(key):
    odd = {**found(key, "different"), **found(key, "raised")}
    known = DIFFERENT.get(key, set())
    assert not {call: what for call, what in odd.items() if call not in known}
    assert set(odd) == known, "right again: take it out of DIFFERENT"


@pytest.mark.parametrize("key", ADAPTERS)
def test_most_calls_are_answered_at_all(key):
    assert len(found(key, "same")) > 150
