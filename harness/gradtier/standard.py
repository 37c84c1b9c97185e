"""The functions of the Python array API standard 2024.12, and which of them have a derivative.

A suite covers the standard if some case calls each function that can be differentiated;
:func:`coverage` says which cases do.  https://data-apis.org/array-api/2024.12/
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MappingProxyType

from gradtier.cases import Case, called

VERSION = "2024.12"


@dataclass(frozen=True)
class Function:
    """One function of the standard.

    Attributes:
        name: as it is called on a namespace: ``sin``, ``linalg.solve``.
        group: the chapter of the standard.
        reason: why there is nothing to differentiate; empty if there is.
    """

    name: str
    group: str
    reason: str = ""

    @property
    def differentiable(self) -> bool:
        """Whether an output's numbers depend on an input's by a derivative."""
        return not self.reason


_BITS = "bits of whole numbers"
_TRUTH = "truth values"
_PLACES = "positions, which are whole numbers"
_COUNTS = "counts, which are whole numbers"
_FILLED = "takes no array, only numbers and shapes"
_LIKE = "takes an array's shape and dtype alone"
_TYPES = "about dtypes"
_SETS = "data-dependent shape; which elements are equal"

#: Chapter -> the functions that have a derivative, and by reason those that have none.  A function
#: of which the derivative is zero almost everywhere (``floor``) has one: backends must say zero.
_CHAPTERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "creation": (
        "asarray meshgrid tril triu",
        {
            _FILLED: "arange empty eye full linspace ones zeros",
            _LIKE: "empty_like full_like ones_like zeros_like",
            "takes an object of another library": "from_dlpack",
        },
    ),
    "data types": ("astype", {_TYPES: "can_cast finfo iinfo isdtype result_type"}),
    "elementwise": (
        "abs acos acosh add asin asinh atan atan2 atanh ceil clip conj copysign cos cosh divide exp"
        " expm1 floor floor_divide hypot imag log log1p log2 log10 logaddexp maximum minimum"
        " multiply negative positive pow real reciprocal remainder round sign sin sinh square sqrt"
        " subtract tan tanh trunc",
        {
            _BITS: "bitwise_and bitwise_left_shift bitwise_invert bitwise_or bitwise_right_shift"
            " bitwise_xor",
            _TRUTH: "equal greater greater_equal isfinite isinf isnan less less_equal logical_and"
            " logical_not logical_or logical_xor not_equal signbit",
            "the neighbour among floating-point numbers": "nextafter",
        },
    ),
    "indexing": ("take take_along_axis", {}),
    "inspection": ("", {"about the namespace": "__array_namespace_info__"}),
    "linear algebra": ("matmul matrix_transpose tensordot vecdot", {}),
    "manipulation": (
        "broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape"
        " roll squeeze stack tile unstack",
        {},
    ),
    "searching": (
        "where",
        {_PLACES: "argmax argmin nonzero searchsorted", _COUNTS: "count_nonzero"},
    ),
    "sets": ("", {_SETS: "unique_all unique_counts unique_inverse unique_values"}),
    "sorting": ("sort", {_PLACES: "argsort"}),
    "statistics": (
        "cumulative_prod cumulative_sum max mean min prod std sum var",
        {},
    ),
    "utilities": ("diff", {_TRUTH: "all any"}),
    "linalg": (
        "cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power"
        " matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot"
        " vector_norm",
        {_COUNTS: "matrix_rank"},
    ),
    "fft": (
        "fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftshift ifftshift",
        {_FILLED: "fftfreq rfftfreq"},
    ),
}

#: Extensions stand in a namespace of their own.
EXTENSIONS = ("linalg", "fft")

#: Functions of an extension that the standard has in the main namespace too.
SAME = MappingProxyType(
    {f"linalg.{name}": name for name in ("matmul", "matrix_transpose", "tensordot", "vecdot")}
)


def _functions() -> Iterator[Function]:
    for group, (differentiable, others) in _CHAPTERS.items():
        prefix = f"{group}." if group in EXTENSIONS else ""
        yield from (Function(prefix + name, group) for name in differentiable.split())
        for reason, names in others.items():
            yield from (Function(prefix + name, group, reason) for name in names.split())


#: Every function of the standard, by its name.
FUNCTIONS: Mapping[str, Function] = MappingProxyType({f.name: f for f in _functions()})

#: What an operator between arrays calls.
_OPERATORS: Mapping[type, str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.USub: "negative",
    ast.UAdd: "positive",
}


def calls(case: Case) -> frozenset[str]:
    """The functions of the standard that a case calls, itself or by helpers of its own file.

    By name on ``xp``; an operator counts as its function, whatever stands on its sides.
    """
    assert isinstance(case.function, FunctionType)
    found = {name for f in called(case.function) for name in _in(f)}
    return frozenset(found & set(FUNCTIONS))


def _in(function: FunctionType) -> Iterator[str]:
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node).removeprefix("xp.")
        elif isinstance(node, ast.BinOp | ast.UnaryOp):
            yield _OPERATORS.get(type(node.op), "")


def coverage(cases: Iterable[Case]) -> dict[str, tuple[str, ...]]:
    """Differentiable function of the standard -> ids of the cases that call it, maybe none.

    A function that an extension has too counts under either name.
    """
    made = [(case.id, calls(case)) for case in cases]
    return {
        name: tuple(id for id, called in made if name in called or SAME.get(name) in called)
        for name, function in FUNCTIONS.items()
        if function.differentiable
    }
