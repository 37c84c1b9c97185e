"""The array API over PyTensor: the standard's names for ``pytensor.tensor`` expressions.

Only expressions of PyTensor stand here, so that its derivatives see everything; a name that it has
no way for is missing, and asking for it raises :class:`Unsupported`.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from gradtier.backends.base import Unsupported
from gradtier.backends.mapped import EighResult, Mapped, QRResult, SlogdetResult, SVDResult
from gradtier.backends.pytensor_array import Array, pair, raw, variable


class Namespace(Mapped):
    """The names that are mapped here."""

    library = "PyTensor"


def namespace() -> Namespace:
    """The namespace of PyTensor; imports it."""
    import pytensor.tensor as pt

    products = _products(pt)
    return Namespace(
        {
            **_constants(),
            **_elementwise(pt),
            **_creation(pt),
            **_reductions(pt),
            **_shapes(pt),
            **_order(pt),
            **products,
            "linalg": Namespace({**products, **_linalg(pt), **_factors(pt)}, "linalg."),
            "fft": Namespace({}, "fft."),
        }
    )


def _constants() -> dict[str, Any]:
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64"
    return {
        **{name: np.dtype(name) for name in (*names.split(), "complex128")},
        **{"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None},
        **{"isdtype": np.isdtype, "finfo": np.finfo, "iinfo": np.iinfo},
        "result_type": lambda *given: np.result_type(*(getattr(g, "dtype", g) for g in given)),
        "astype": lambda x, dtype, /, *, copy=True, device=None: Array(variable(x, dtype)),
    }


def _elementwise(pt: Any) -> dict[str, Any]:
    def unary(function: Any) -> Any:
        return lambda x, /: Array(function(variable(x)))

    def binary(function: Any) -> Any:
        return lambda x, y, /: Array(function(*pair(x, y)))

    def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
        if min is not None and max is not None:
            bounds = (pair(x, bound)[1] for bound in (min, max))
            return Array(pt.clip(variable(x), *bounds))
        x = x if min is None else Array(pt.maximum(*pair(x, min)))
        return x if max is None else Array(pt.minimum(*pair(x, max)))

    def where(condition: Any, x: Any, y: Any, /) -> Any:
        return Array(pt.where(variable(condition), *pair(x, y)))

    same = "abs ceil conj cos cosh exp exp2 expm1 floor imag isfinite isinf isnan log log10 log1p"
    same += " log2 real reciprocal round sign sin sinh sqrt square tan tanh trunc"
    arcs = {f"a{name}": f"arc{name}" for name in ["cos", "cosh", "sin", "sinh", "tan", "tanh"]}
    two = "bitwise_and bitwise_or bitwise_xor logaddexp maximum minimum pow"
    renamed = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "true_div"}
    renamed |= {"equal": "eq", "not_equal": "neq", "less": "lt", "less_equal": "le"}
    renamed |= {"greater": "gt", "greater_equal": "ge", "atan2": "arctan2", "remainder": "mod"}
    renamed |= {"logical_and": "and_", "logical_or": "or_", "logical_xor": "xor"}
    renamed |= {"floor_divide": "int_div"}
    return {
        **{name: unary(getattr(pt, name)) for name in same.split()},
        **{name: unary(getattr(pt, there)) for name, there in arcs.items()},
        **{name: binary(getattr(pt, name)) for name in two.split()},
        **{name: binary(getattr(pt, there)) for name, there in renamed.items()},
        "positive": unary(lambda x: x),
        **{name: unary(pt.invert) for name in ("logical_not", "bitwise_invert")},
        "negative": unary(operator.neg),
        "clip": clip,
        "where": where,
    }


def _creation(pt: Any) -> dict[str, Any]:
    def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
        return Array(variable(obj, dtype))

    def constant(make: Any) -> Any:
        """What is made of Python numbers alone is a constant of the graph."""
        return lambda *args, dtype=None, device=None, **options: Array(
            pt.constant(make(*args, dtype=dtype, **options))
        )

    def like(make: Any) -> Any:
        return lambda x, /, *, dtype=None, device=None: Array(
            make(variable(x), dtype=str(np.dtype(dtype)) if dtype else None)
        )

    def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return Array(pt.full(shape, variable(fill_value, dtype)))

    def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
        return Array(pt.full_like(variable(x), variable(fill_value, dtype or x.dtype)))

    def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
        given = [variable(a) for a in arrays]
        last = len(given) - 1
        raised = [
            pt.expand_dims(a, (*range(i), *range(i + 1, last + 1))) for i, a in enumerate(given)
        ]
        grids = pt.broadcast_arrays(*raised)
        swapped = indexing == "xy" and last > 0
        return [Array(pt.swapaxes(g, 0, 1) if swapped else g) for g in grids]

    made = ("arange", "linspace", "zeros", "ones", "empty")
    return {
        "asarray": asarray,
        **{name: constant(getattr(np, name)) for name in made},
        "eye": lambda rows, cols=None, /, *, k=0, dtype=None, device=None: Array(
            pt.constant(np.eye(rows, cols, k, dtype or float))
        ),
        "meshgrid": meshgrid,
        **{"zeros_like": like(pt.zeros_like), "empty_like": like(pt.zeros_like)},
        "ones_like": like(pt.ones_like),
        "full": full,
        "full_like": full_like,
        "tril": lambda x, /, *, k=0: Array(pt.tril(variable(x), k)),
        "triu": lambda x, /, *, k=0: Array(pt.triu(variable(x), k)),
    }


def _reductions(pt: Any) -> dict[str, Any]:
    def summed(op: Any) -> Any:
        return lambda x, /, *, axis=None, dtype=None, keepdims=False: Array(
            op(variable(x, dtype), axis=axis, keepdims=keepdims)
        )

    def reduced(op: Any) -> Any:
        return lambda x, /, *, axis=None, keepdims=False: Array(
            op(variable(x), axis=axis, keepdims=keepdims)
        )

    def spread(op: Any) -> Any:
        return lambda x, /, *, axis=None, correction=0.0, keepdims=False: Array(
            op(variable(x), axis=axis, ddof=correction, keepdims=keepdims)
        )

    def cumulative(op: Any, make: Any) -> Any:
        def scan(
            x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
        ) -> Any:
            x, axis = variable(x, dtype), -1 if axis is None else axis
            total = op(x, axis=axis % x.type.ndim)
            if include_initial:
                first = make(pt.take(total, np.asarray([0]), axis=axis))
                total = pt.concatenate([first, total], axis=axis)
            return Array(total)

        return scan

    def diff(
        x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None
    ) -> Any:
        parts = [variable(part) for part in (prepend, x, append) if part is not None]
        whole = pt.concatenate(parts, axis=axis) if len(parts) > 1 else parts[0]
        return Array(pt.diff(whole, n=n, axis=axis))

    def count_nonzero(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        return Array(pt.sum(pt.neq(variable(x), 0), axis=axis, keepdims=keepdims))

    return {
        **{name: summed(getattr(pt, name)) for name in ("sum", "prod")},
        **{name: reduced(getattr(pt, name)) for name in ("mean", "max", "min", "all", "any")},
        **{name: reduced(getattr(pt, name)) for name in ("argmax", "argmin")},
        **{"var": spread(pt.var), "std": spread(pt.std)},
        "cumulative_sum": cumulative(pt.cumsum, pt.zeros_like),
        "cumulative_prod": cumulative(pt.cumprod, pt.ones_like),
        "diff": diff,
        "count_nonzero": count_nonzero,
    }


def _shapes(pt: Any) -> dict[str, Any]:
    def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
        given = [variable(a) for a in arrays]
        if axis is None:
            return Array(pt.concatenate([a.flatten() for a in given], axis=0))
        return Array(pt.concatenate(given, axis=axis))

    def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
        return Array(pt.take(variable(x), variable(indices), axis=axis))

    def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
        front = Array(pt.moveaxis(variable(x), axis, 0))
        return tuple(front)

    def broadcast_arrays(*arrays: Any) -> list[Any]:
        return [Array(a) for a in pt.broadcast_arrays(*map(variable, arrays))]

    def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
        return Array(pt.take_along_axis(variable(x), variable(indices), axis))

    def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
        x = variable(x)
        if axis is None:
            return Array(pt.roll(x, shift, None))
        axes = axis if isinstance(axis, tuple) else (axis,)
        for by, along in zip(_each(shift, axes), axes, strict=True):
            x = pt.roll(x, by, along)
        return Array(x)

    def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Any:
        return Array(pt.reshape(variable(x), (shape,) if isinstance(shape, int) else shape))

    return {
        "concat": concat,
        "stack": lambda arrays, /, *, axis=0: Array(pt.stack([variable(a) for a in arrays], axis)),
        "unstack": unstack,
        "take": take,
        "take_along_axis": take_along_axis,
        "broadcast_arrays": broadcast_arrays,
        "broadcast_to": lambda x, /, shape: Array(pt.broadcast_to(variable(x), shape)),
        "expand_dims": lambda x, /, *, axis=0: Array(pt.expand_dims(variable(x), axis)),
        "squeeze": lambda x, /, axis: Array(pt.squeeze(variable(x), axis)),
        "reshape": reshape,
        "permute_dims": lambda x, /, axes: Array(pt.transpose(variable(x), axes)),
        "matrix_transpose": lambda x, /: Array(variable(x).mT),
        "moveaxis": lambda x, a, b, /: Array(pt.moveaxis(variable(x), a, b)),
        "flip": lambda x, /, *, axis=None: Array(pt.flip(variable(x), axis)),
        "roll": roll,
        "tile": lambda x, repetitions, /: Array(pt.tile(variable(x), repetitions)),
        "repeat": lambda x, repeats, /, *, axis=None: Array(
            pt.repeat(variable(x), raw(repeats), axis)
        ),
    }


def _each(shift: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """One shift for every axis."""
    return (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)


def _order(pt: Any) -> dict[str, Any]:
    def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        x = variable(x)
        return Array(-pt.sort(-x, axis=axis) if descending else pt.sort(x, axis=axis))

    def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        x = variable(x)
        return Array(pt.argsort(-x if descending else x, axis=axis, stable=stable))

    def searchsorted(x: Any, y: Any, /, *, side: str = "left") -> Any:
        return Array(pt.searchsorted(variable(x), variable(y), side))

    return {"sort": sort, "argsort": argsort, "searchsorted": searchsorted}


def _products(pt: Any) -> dict[str, Any]:
    def vecdot(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        x, y = pair(x, y)
        if axis != -1:
            x, y = pt.moveaxis(x, axis, -1), pt.moveaxis(y, axis, -1)
        if np.dtype(x.type.dtype).kind == "c":  # PyTensor's own does not conjugate
            x = pt.conj(x)
        return Array(pt.vecdot(x, y))

    return {
        "matmul": lambda x, y, /: Array(pt.matmul(*pair(x, y))),
        "tensordot": lambda x, y, /, *, axes=2: Array(pt.tensordot(*pair(x, y), axes)),
        "vecdot": vecdot,
        "matrix_transpose": lambda x, /: Array(variable(x).mT),
    }


def _linalg(pt: Any) -> dict[str, Any]:
    la = pt.linalg

    def solve(a: Any, b: Any, /) -> Any:
        a, b = pair(a, b)
        return Array(la.solve(a, b, b_ndim=1 if b.type.ndim == 1 else 2))

    def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        x = variable(x)
        if isinstance(axis, int):
            return Array(la.norm(x, ord=ord, axis=axis, keepdims=keepdims))
        gone = sorted(a % x.type.ndim for a in (range(x.type.ndim) if axis is None else axis))
        front = tuple(range(x.type.ndim - len(gone)))
        # the axes one after the other, as one axis: PyTensor has norms of vectors along one only
        rows = pt.transpose(x, (*(a for a in range(x.type.ndim) if a not in gone), *gone))
        size = la.norm(pt.join_dims(rows, len(front), len(gone)), ord=ord, axis=-1)
        return Array(pt.expand_dims(size, gone) if keepdims else size)

    def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
        return Array(pt.trace(variable(x, dtype), offset, -2, -1))

    def pinv(x: Any, /, *, rtol: Any = None) -> Any:
        if rtol is not None:
            raise Unsupported("PyTensor has no pinv with a tolerance")
        return Array(la.pinv(variable(x)))

    def matrix_power(x: Any, n: int, /) -> Any:
        x = variable(x)
        if x.type.ndim != 2:  # its products are not those of a batch
            raise Unsupported("PyTensor has matrix_power of one matrix only")
        return Array(la.matrix_power(x, n))

    def cross(x: Any, y: Any, /, *, axis: int = -1) -> Any:
        # the definition by components: PyTensor has no function for it
        x, y = (pt.moveaxis(t, axis, -1) for t in pair(x, y))
        turned = [(1, 2), (2, 0), (0, 1)]
        parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in turned]
        return Array(pt.stack(parts, axis))

    return {
        "solve": solve,
        "inv": lambda x, /: Array(la.inv(variable(x))),
        "det": lambda x, /: Array(la.det(variable(x))),
        "slogdet": lambda x, /: SlogdetResult(*map(Array, la.slogdet(variable(x)))),
        **{"pinv": pinv, "matrix_power": matrix_power, "cross": cross},
        "matrix_norm": lambda x, /, *, keepdims=False, ord="fro": Array(
            la.norm(variable(x), ord=ord, axis=(-2, -1), keepdims=keepdims)
        ),
        "vector_norm": vector_norm,
        "outer": lambda x, y, /: Array(pt.outer(*pair(x, y))),
        "trace": trace,
        "diagonal": lambda x, /, *, offset=0: Array(pt.diagonal(variable(x), offset, -2, -1)),
    }


def _factors(pt: Any) -> dict[str, Any]:
    la = pt.linalg

    def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
        return SVDResult(*map(Array, la.svd(variable(x), full_matrices)))

    def qr(x: Any, /, *, mode: str = "reduced") -> Any:
        named = {"reduced": "economic", "complete": "full"}[mode]
        return QRResult(*map(Array, la.qr(variable(x), mode=named)))

    return {
        "cholesky": lambda x, /, *, upper=False: Array(la.cholesky(variable(x), lower=not upper)),
        "svd": svd,
        "svdvals": lambda x, /: Array(la.svd(variable(x), compute_uv=False)),
        "qr": qr,
        "eigh": lambda x, /: EighResult(*map(Array, la.eigh(variable(x)))),
        "eigvalsh": lambda x, /: Array(la.eigvalsh(variable(x))),
    }
