"""The differentiable functions of the array API standard, generated from what is said of each.

A function is tried inside its domain, broadcast or along its axes, and at every edge that its
entry declares or implies: see :mod:`gradtier.specs`.  Functions that only move elements are
multiplied by a weight, so that a wrong place shows.  Below the list stand compositions.
"""

import math

from gradtier.cases import (
    Suite,
    boolean,
    complex_normal,
    constant,
    distinct,
    integers,
    normal,
    positive,
    values,
)
from gradtier.specs import Domain, Edge, Plane, Spec, binary, declare, empty, unary

suite = Suite("array", "Array functions: every differentiable one of the array API standard")

W = constant(normal(4, 3))
COMPLEX = complex_normal(4, 3, mean=1.0, scale=0.25)  # far from every cut
CUBE = normal(2, 3, 4)
ORDERED = distinct(4, 3)
STEPS = Domain(interior=(-3.0, 3.0), kinks=(), singular=(0.0,))  # none within 0.1 of a jump
POSITIVE = Domain(0.0, interior=(0.25, 3.0))
TIES = values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [3.0, 1.0, 3.0], [0.0, -1.0, 2.5]])
ZEROS = values([[2.0, 0.0, -3.0], [0.0, 1.5, 0.0], [1.5, -0.5, 2.0], [0.0, 0.0, 0.0]])
COLUMNS = integers(4, 3, high=4)
PAIR = {"x": normal(4, 3), "w": W}

ELEMENTWISE = [
    unary(
        "abs", "Absolute value", Domain(kinks=(0.0,)), complex_at=1.0,
        edges=[Edge("kink_complex", "a complex number at zero",
                    {"x": values([0.0, -1.5, 2.0]), "z": constant(complex_normal(3))},
                    ("xp.abs(x * z)",))],
    ),
    unary("acos", "Inverse cosine", Domain(-1.0, 1.0, (-0.75, 0.75))),
    unary("acosh", "Inverse hyperbolic cosine",
          Domain(1.0, interior=(1.25, 3.0), huge=(1e15,))),
    binary("add", "Sum"),
    unary("asin", "Inverse sine", Domain(-1.0, 1.0, (-0.75, 0.75))),
    unary("asinh", "Inverse hyperbolic sine", Domain(huge=(1e15,))),
    unary("atan", "Inverse tangent", Domain(flat=(50.0, 200.0, 800.0))),
    binary("atan2", "Angle of a point", Plane(axes=True)),
    unary("atanh", "Inverse hyperbolic tangent", Domain(-1.0, 1.0, (-0.75, 0.75))),
    unary("ceil", "Round up, times x", STEPS, call="xp.ceil(x) * x"),
    Spec("conj", "Complex conjugate", ("xp.conj(x) * w",),
         {"x": complex_normal(4, 3), "w": constant(complex_normal(4, 3))}),
    binary("copysign", "Magnitude of one, sign of the other",
           edges=[Edge("kink", "a magnitude of zero",
                       {"x": values([0.0, 1.5, -2.0]), "y": values([1.0, -2.0, 0.5])})]),
    unary("cos", "Cosine"),
    unary("cosh", "Hyperbolic cosine", Domain(huge=(60.0,))),
    binary("divide", "Quotient", Plane(right=(0.5, 2.0), huge=1e12), complex_at=1.0),
    unary("exp", "Exponential", Domain(huge=(80.0, -80.0), even=False), complex_at=1.0),
    unary("expm1", "Exponential minus one", Domain(flat=(2.0, 8.0, 12.0)), complex_at=1.0),
    unary("floor", "Round down, times x", STEPS, call="xp.floor(x) * x"),
    binary("floor_divide", "Whole quotient, times x", Plane((-3.0, 3.0), (3.25, 4.0)),
           call="xp.floor_divide(x, y) * x"),
    binary("hypot", "Hypotenuse", Plane(axes=True, origin=True, huge=1e20)),
    Spec("imag", "Imaginary part", ("xp.imag(x) * w",), {"x": complex_normal(4, 3), "w": W}),
    unary("log", "Natural logarithm",
          Domain(0.0, interior=(0.25, 3.0), tiny=1e-20, huge=(1e20,)), complex_at=1.0),
    unary("log1p", "Logarithm of one plus x", Domain(-1.0, interior=(-0.5, 2.0)),
          complex_at=1.0),
    unary("log2", "Logarithm to base 2", POSITIVE),
    unary("log10", "Logarithm to base 10", POSITIVE),
    binary("logaddexp", "Logarithm of a sum of two exponentials",
           Plane(ties="ties", apart=(3.0, 12.0, 800.0))),
    binary("maximum", "Larger of two", Plane((-3.0, 3.0), (-1.1, 1.3), ties="kink"),
           edges=[Edge("scalar", "an array and a number", {"x": ORDERED}, ("xp.maximum(x, 0.0)",),
                       ("y",))]),
    binary("minimum", "Smaller of two", Plane((-3.0, 3.0), (-1.1, 1.3), ties="kink")),
    binary("multiply", "Product of two", Plane(axes=True), complex_at=1.0),
    unary("negative", "Negative"),
    unary("positive", "Unary plus", call="xp.positive(x) * x"),
    binary("pow", "Power, base and exponent differentiated", Plane((0.25, 2.0), (-2.0, 2.5)),
           complex_at=1.0,
           edges=[Edge("zero", "exponents 0, 1, 2 and -1",
                       {"x": positive(4), "y": values([0.0, 1.0, 2.0, -1.0])}),
                  Edge("zero_base", "base 0 and below, whole exponents held",
                       {"x": values([0.0, 0.0, 0.0, -1.5, -0.5, -2.0]),
                        "y": constant(values([1.0, 2.0, 3.0, 2.0, 3.0, -1.0]))}),
                  Edge("zero_base_held", "base 0 held, exponent differentiated",
                       {"x": constant(values([0.0, 0.0, 2.0, 0.5])),
                        "y": values([2.0, 0.5, 1.5, -0.5])}),
                  Edge("scalar", "exponents that are numbers", {"x": distinct(4, 3)},
                       ("xp.pow(x, 2.0)", "xp.pow(x, 3)", "xp.pow(2.0, x)"), ("y",))]),
    Spec("real", "Real part", ("xp.real(x) * w",), {"x": complex_normal(4, 3), "w": W}),
    unary("reciprocal", "Reciprocal", Domain(0.0, interior=(0.25, 3.0), tiny=1e-12),
          complex_at=1.0),
    binary("remainder", "Remainder, of the divisor's sign", Plane((-2.9, 2.9), (3.25, 4.0)),
           edges=[Edge("negative", "divisors below zero and several periods",
                       {"x": values([5.5, -5.5, 7.25, -0.5, 1.25, -7.0]),
                        "y": values([-2.0, -3.0, 3.0, -2.0, 0.5, 1.5])})]),
    unary("round", "Round to the nearest, times x", STEPS, call="xp.round(x) * x"),
    unary("sign", "Sign, times x", STEPS, call="xp.sign(x) * x",
          edges=[Edge("complex", "complex numbers", {"x": complex_normal(4, 3, mean=1.0)},
                      ("xp.sign(x)",))]),
    unary("sin", "Sine", Domain(huge=(100.0,))),
    unary("sinh", "Hyperbolic sine", Domain(huge=(60.0,))),
    unary("square", "Square", complex_at=1.0),
    unary("sqrt", "Square root", Domain(0.0, interior=(0.25, 3.0), tiny=1e-20),
          complex_at=1.0),
    binary("subtract", "Difference of two"),
    unary("tan", "Tangent", Domain(-math.pi / 2, math.pi / 2, (-1.25, 1.25), near=2.0**-7)),
    unary("tanh", "Hyperbolic tangent", Domain(flat=(3.0, 9.0, 20.0))),
    unary("trunc", "Round towards zero, times x", STEPS, call="xp.trunc(x) * x"),
    Spec("clip", "Clip to an interval", ("xp.clip(x, -1.0, 1.0) * x",),
         {"x": distinct(4, 3, low=-3.0, high=3.0)},
         (Edge("kink", "at both bounds", {"x": values([-1.0, 0.25, 1.0, 2.0])},
               ("xp.clip(x, -1.0, 1.0)",)),
          Edge("one_sided", "one bound alone, by position and by name", {},
               ("xp.clip(x, -1.0, None)", "xp.clip(x, min=-1.0)", "xp.clip(x, max=1.0)")),
          Edge("arrays", "bounds that are arrays, differentiated",
               {"low": distinct(3, low=-1.4, high=-0.6), "high": distinct(4, 1, low=0.6, high=1.4)},
               ("xp.clip(x, low, high)",)),
          Edge("kink_arrays", "at bounds that are arrays",
               {"x": values([-1.0, 0.25, 1.0]), "low": values([-1.0, -1.0, 0.0]),
                "high": values([1.5, 1.0, 1.0])}, ("xp.clip(x, low, high)",)),
          Edge("kink_equal", "equal bounds, x below and above them",
               {"x": values([0.25, 2.0, -1.0]), "low": values([0.5, 0.5, -2.0]),
                "high": values([0.5, 0.5, 1.0])}, ("xp.clip(x, low, high)",)))),
]  # fmt: skip

REDUCTIONS = [
    Spec("sum", "Sum over all axes, one axis and two axes",
         ("xp.sum(x * x)", "xp.sum(x, axis=1)", "xp.sum(x, axis=(0, -1), keepdims=True)"),
         {"x": CUBE},
         (empty("x", "xp.sum(x, axis=1) + y"),
          Edge("complex", "complex numbers", {"x": complex_normal(4, 3)}, ("xp.sum(x, axis=0)",)))),
    Spec("prod", "Product over all axes and along one",
         ("xp.prod(x)", "xp.prod(x, axis=0)", "xp.prod(x, axis=1, keepdims=True)"),
         {"x": distinct(4, 3, low=-3.0, high=3.0)},
         (Edge("zeros", "rows with none, one, two and only zeros", {"x": ZEROS},
               ("xp.prod(x, axis=1)",)),
          empty("x", "xp.prod(x, axis=1) * y"),
          Edge("complex", "complex numbers", {"x": complex_normal(4, 3)},
               ("xp.prod(x, axis=0)",)))),
    Spec("mean", "Mean over all axes and over two",
         ("xp.mean(x * x)", "xp.mean(x, axis=(0, 2))", "xp.mean(x, axis=1, keepdims=True)"),
         {"x": CUBE}),
    *(Spec(name, f"{title} along either axis and over all",
           (f"xp.{name}(x, axis=0)", f"xp.{name}(x)", f"xp.{name}(x, axis=-1, keepdims=True)"),
           {"x": ORDERED},
           (Edge("ties", "two or three of a row tie", {"x": TIES},
                 (f"xp.{name}(x, axis=1)", f"xp.{name}(x)"), tags=("kink", "ties")),))
      for name, title in (("max", "Largest element"), ("min", "Smallest element"))),
    Spec("var", "Variance, with and without correction",
         ("xp.var(x)", "xp.var(x, axis=0, correction=1)", "xp.var(x, axis=-1, keepdims=True)"),
         {"x": normal(4, 3)},
         (Edge("ties", "equal elements, variance 0", {"x": values([[1.5] * 3, [1.0, 2.0, 2.0]])},
               ("xp.var(x, axis=1)",)),
          Edge("huge", "a mean far above the spread", {"x": normal(4, 3, mean=100.0)},
               ("xp.var(x, axis=0)",)))),
    Spec("std", "Standard deviation, with and without correction",
         ("xp.std(x)", "xp.std(x, axis=0, correction=1)", "xp.std(x, axis=-1, keepdims=True)"),
         {"x": normal(4, 3)},
         (Edge("kink", "equal elements, deviation 0", {"x": values([[1.5] * 3, [1.0, 2.0, 2.0]])},
               ("xp.std(x, axis=1)",)),)),
    Spec("cumulative_sum", "Cumulative sum along each axis",
         ("xp.cumulative_sum(x, axis=0) * xp.cumulative_sum(x, axis=1)",), {"x": normal(4, 3)},
         (Edge("initial", "with a first zero", {},
               ("xp.cumulative_sum(x, axis=1, include_initial=True)",)),)),
    Spec("cumulative_prod", "Cumulative product along each axis",
         ("xp.cumulative_prod(x, axis=0)", "xp.cumulative_prod(x, axis=1)"),
         {"x": distinct(4, 3, low=-3.0, high=3.0)},
         (Edge("zeros", "past one zero and past two", {"x": ZEROS},
               ("xp.cumulative_prod(x, axis=1)",)),
          Edge("initial", "with a first one", {},
               ("xp.cumulative_prod(x, axis=0, include_initial=True)",)))),
    Spec("diff", "Differences of neighbours", ("xp.diff(x, axis=0) * w",),
         {"x": normal(4, 3), "w": constant(normal(3, 3))},
         (Edge("higher", "twice, and with ends attached",
               {"a": normal(4, 1), "b": normal(4, 2), "w": constant(normal(4, 5))},
               ("xp.diff(x, axis=0, n=2)", "xp.diff(x, prepend=a, append=b) * w")),)),
]  # fmt: skip

MANIPULATION = [
    Spec("astype", "A cast to the dtype that it has",
         ("xp.astype(x, x.dtype) * xp.astype(mask, x.dtype)",),
         {"x": normal(4, 3), "mask": boolean(4, 3)},
         (Edge("complex", "a real array made complex", {"z": complex_normal(4, 3)},
               ("xp.astype(x, z.dtype) * z",), ("mask",)),)),
    Spec("asarray", "An array taken as it is, and a copy",
         ("xp.asarray(x) * w", "xp.asarray(x, copy=True) * w"), PAIR),
    Spec("meshgrid", "Coordinates of a grid, in both orders",
         ("a * b", "c * d * d"), {"x": normal(4), "y": normal(3)},
         setup=("a, b = xp.meshgrid(x, y)", 'c, d = xp.meshgrid(x, y, indexing="ij")')),
    Spec("tril", "Lower triangles of a batch", ("xp.tril(x) * w", "xp.tril(x, k=-1) * w"),
         {"x": CUBE, "w": constant(normal(3, 4))}),
    Spec("triu", "Upper triangles of a batch", ("xp.triu(x) * w", "xp.triu(x, k=1) * w"),
         {"x": CUBE, "w": constant(normal(3, 4))}),
    Spec("broadcast_arrays", "Arrays brought to one shape", ("a * w", "b * b * w"),
         {"x": normal(1, 3), "y": normal(4, 1), "w": W},
         setup=("a, b = xp.broadcast_arrays(x, y)",)),
    Spec("broadcast_to", "Axes of length one broadcast",
         ("xp.broadcast_to(x, (4, 3)) * w", "xp.broadcast_to(y, (4, 3)) ** 2 * w"),
         {"x": normal(1, 3), "y": normal(4, 1), "w": W},
         (Edge("axes", "to new axes", {"x": normal(3), "y": normal()}),)),
    Spec("concat", "Join along either axis and flat",
         ("xp.concat([x, y], axis=0) * w", "xp.concat([x, x * y[:1, :]], axis=-1) * v",
          "xp.concat([x, y], axis=None) ** 2"),
         {"x": normal(4, 3), "y": normal(2, 3), "w": constant(normal(6, 3)),
          "v": constant(normal(4, 6))},
         (Edge("empty", "with an empty array", {"y": normal(0, 3), "w": W},
               ("xp.concat([y, x, y], axis=0) * w",), ("v",)),)),
    Spec("expand_dims", "New axes", ("xp.expand_dims(x, axis=1) * w", "xp.expand_dims(x, axis=-1)"),
         {"x": normal(4, 3), "w": constant(normal(4, 2, 3))}),
    Spec("flip", "Reverse along one axis and along all",
         ("xp.flip(x, axis=0) * w", "xp.flip(x) * w"), PAIR),
    Spec("moveaxis", "An axis moved, and two",
         ("xp.moveaxis(x, 0, -1) * w", "xp.moveaxis(x, (0, 1), (1, 0)) * v"),
         {"x": CUBE, "w": constant(normal(3, 4, 2)), "v": constant(normal(3, 2, 4))}),
    Spec("permute_dims", "Axes permuted in a cycle", ("xp.permute_dims(x, (2, 0, 1)) * w",),
         {"x": CUBE, "w": constant(normal(4, 2, 3))}),
    Spec("repeat", "Repeat elements along an axis and flat",
         ("xp.repeat(x, 2, axis=0) * w", "xp.repeat(x, 2, axis=1) * v", "xp.repeat(x, 2) ** 2"),
         {"x": normal(4, 3), "w": constant(normal(8, 3)), "v": constant(normal(4, 6))},
         (Edge("counts", "a count for each row, one of them 0",
               {"n": constant(values([2, 0, 3, 1])), "w": constant(normal(6, 3))},
               ("xp.repeat(x, n, axis=0) * w",), ("v",)),)),
    Spec("reshape", "New shape, one side inferred",
         ("xp.reshape(x, (4, 6)) * w", "xp.reshape(x, (-1,)) ** 2"),
         {"x": CUBE, "w": constant(normal(4, 6))}),
    Spec("roll", "Rotate along axes and flat",
         ("xp.roll(x, 1, axis=1) * w", "xp.roll(x, -5) * w"), PAIR,
         (Edge("axes", "two at once", {}, ("xp.roll(x, (1, -2), axis=(0, 1)) * w",)),)),
    Spec("squeeze", "Axes of length one removed", ("xp.squeeze(x, axis=1) * w",),
         {"x": normal(4, 1, 3), "w": W}),
    Spec("stack", "Join along a new axis, first, middle and last",
         ("xp.stack([x, y]) * u", "xp.stack([x, y], axis=1) * v", "xp.stack([x, x * y], axis=-1)"),
         {"x": normal(4, 3), "y": normal(4, 3), "u": constant(normal(2, 4, 3)),
          "v": constant(normal(4, 2, 3))}),
    Spec("tile", "Repeat the whole array, with a new axis too",
         ("xp.tile(x, (2, 1)) * w", "xp.tile(x, (2, 1, 2)) * v"),
         {"x": normal(4, 3), "w": constant(normal(8, 3)), "v": constant(normal(2, 4, 6))}),
    Spec("unstack", "Split into columns, one of them unused", ("a * a", "a * c"),
         {"x": normal(4, 3)}, setup=("a, _, c = xp.unstack(x, axis=1)",)),
]  # fmt: skip

GATHERING = [
    Spec("take", "Gather rows and columns", ("xp.take(x, i, axis=0) * w", "xp.take(x, j, axis=1)"),
         {"x": normal(4, 3), "i": constant(values([2, 0, 3])), "j": constant(values([2, 0])),
          "w": constant(normal(3, 3))},
         (Edge("repeated", "one row three times, another never",
               {"i": constant(values([1, 1, 3, 1]))}, ("xp.take(x, i, axis=0) ** 2",), ("j", "w")),
          Edge("flat", "from an array of one axis, without naming it",
               {"x": normal(5), "i": integers(4, high=5)}, ("xp.take(x, i) ** 2",), ("j", "w")))),
    Spec("take_along_axis", "Gather elements along either axis",
         ("xp.take_along_axis(x, i, axis=0) * w", "xp.take_along_axis(x, j) * w"),
         {"x": normal(4, 3), "w": W,
          "i": constant(values([[0, 3, 2], [1, 2, 0], [2, 1, 3], [3, 0, 1]])),
          "j": constant(values([[0, 2, 1], [1, 2, 0], [2, 1, 0], [1, 0, 2]]))},
         (Edge("repeated", "some elements more than once", {"i": COLUMNS},
               ("xp.take_along_axis(x, i, axis=0) * w",), ("j",)),)),
    Spec("sort", "Sort along either axis, upwards and reversed",
         ("xp.sort(x, axis=0) * w", "xp.flip(xp.sort(x, axis=1), axis=1) * w"),
         {"x": ORDERED, "w": W},
         (Edge("ties", "elements that tie",
               {"x": values([3.0, 1.0, 3.0, 2.0]), "w": constant(normal(4))}, ("xp.sort(x) * w",),
               tags=("kink", "ties")),)),
    Spec("argsort", "One array arranged by the order of another",
         ("xp.take(y, xp.argsort(x)) * w", "xp.take(x, xp.argsort(-x)) * w"),
         {"x": distinct(5), "y": normal(5), "w": constant(normal(5))},
         (Edge("axis", "along an axis",
               {"x": ORDERED, "y": normal(4, 3), "w": W},
               ("xp.take_along_axis(y, xp.argsort(x, axis=0), axis=0) * w",)),)),
    *(Spec(name, f"The elements of one array where another is {title}",
           (f"xp.where(i == xp.{name}(x, axis=1, keepdims=True), x * y, 0.0)",
            f"xp.take(xp.reshape(x, (-1,)), xp.reshape(xp.{name}(x), (1,))) ** 2"),
           {"x": ORDERED, "y": normal(4, 3), "i": constant(values([0, 1, 2]))})
      for name, title in (("argmax", "largest"), ("argmin", "smallest"))),
    Spec("where", "Choice by a mask, one side broadcast",
         ("xp.where(mask, x * x, y)", "xp.where(x > 0.1, x, 0.0)"),
         {"x": ORDERED, "y": normal(3), "mask": boolean(4, 3)},
         (Edge("guarded", "a branch not taken is not finite",
               {"x": values([-1.0, 0.0, 0.5, 2.0])},
               ("xp.where(x > 0.25, xp.log(xp.where(x > 0.25, x, 1.0)), x)",), ("y", "mask")),
          Edge("complex", "complex numbers",
               {"x": complex_normal(4, 3), "y": complex_normal(3)},
               ("xp.where(mask, x * x, y)",)))),
]  # fmt: skip

PRODUCTS = [
    Spec("matmul", "Product of matrices, batches and vectors",
         ("xp.matmul(x, y)", "xp.matmul(x, v)", "xp.matmul(v, u)"),
         {"x": CUBE, "y": normal(4, 5), "v": normal(4), "u": normal(4)},
         (empty("x", "xp.matmul(x, xp.matrix_transpose(x)) + y"),
          Edge("complex", "complex numbers", {"x": complex_normal(4, 3), "y": complex_normal(3, 2)},
               ("xp.matmul(x, y)",), ("u", "v")))),
    Spec("matrix_transpose", "Transpose of a batch of matrices", ("xp.matrix_transpose(x) * w",),
         {"x": CUBE, "w": constant(normal(2, 4, 3))}),
    Spec("tensordot", "Contraction over two axes, over named ones and over none",
         ("xp.tensordot(x, y, axes=2)", "xp.tensordot(x, y, axes=((2, 1), (1, 0)))",
          "xp.tensordot(u, y[0, 0], axes=0)"),
         {"x": CUBE, "y": normal(3, 4, 5), "u": normal(2)}),
    Spec("vecdot", "Scalar products along either axis",
         ("xp.vecdot(x, y)", "xp.vecdot(x, y, axis=0)"), {"x": normal(4, 3), "y": normal(4, 3)},
         (Edge("complex", "complex numbers, the first conjugated",
               {"x": complex_normal(4, 3), "y": complex_normal(4, 3)}, ("xp.vecdot(x, y)",)),)),
]  # fmt: skip

declare(suite, [*ELEMENTWISE, *REDUCTIONS, *MANIPULATION, *GATHERING, *PRODUCTS], __file__)


@suite.case(x=normal(4, 3), row=normal(3), column=normal(4, 1), scalar=normal())
def operators(xp, x, row, column, scalar):
    """Operators between arrays that broadcast, numbers on either side"""
    return (x + row) * column - scalar * x / 2.0 + (1.0 - x), -x, 2.0 / (3.0 + row * row)


@suite.case(x=distinct(4, 3, low=-3.0, high=3.0))
def operator_powers(xp, x):
    """Whole powers of either sign by the operator"""
    return x**3 + x**-2 + x**0


@suite.case(x=normal(4, 3))
def logsumexp(xp, x):
    """Logarithm of a sum of exponentials along an axis, stable form"""
    top = xp.max(x, axis=1, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - top), axis=1)) + top[:, 0]


@suite.case(x=CUBE)
def index_slices(xp, x):
    """Slices, strides, negative and missing indices"""
    return x[0, 1:, ::2] * x[1, :-1, 1::2], x[..., -1], x[:, None, 0], x[1, 2, 3]


@suite.case(x=CUBE, w=constant(normal(3, 2)))
def index_reversed(xp, x, w):
    """Slices backwards"""
    return x[1, ::-1, ::-2] * w


@suite.case(x=normal(4, 3), i=constant(values([2, 0, 2])), j=constant(values([1, 1, 0])))
def index_integers(xp, x, i, j):
    """Integer arrays as indices, an element and a row more than once"""
    return x[i, j], x[i, ...] ** 2


@suite.case(x=normal(4, 3), mask=constant(values([True, False, True, True])))
def index_boolean(xp, x, mask):
    """A mask as an index"""
    return x[mask] ** 2


@suite.case(x=distinct(4, 3))
def index_by_value(xp, x):
    """A mask computed from the values, as a factor"""
    return xp.where(x > xp.mean(x), x * x, -x)


@suite.case(z=COMPLEX)
def complex_trigonometric(xp, z):
    """sin, cos and tan of complex numbers"""
    return xp.sin(z), xp.cos(z), xp.tan(z)


@suite.case(z=COMPLEX)
def complex_hyperbolic(xp, z):
    """sinh, cosh and tanh of complex numbers"""
    return xp.sinh(z), xp.cosh(z), xp.tanh(z)


@suite.case(z=COMPLEX)
def complex_inverse_trigonometric(xp, z):
    """asin, acos and atan of complex numbers"""
    return xp.asin(z), xp.acos(z), xp.atan(z)


@suite.case(z=COMPLEX)
def complex_inverse_hyperbolic(xp, z):
    """asinh, acosh and atanh of complex numbers"""
    return xp.asinh(z), xp.acosh(z), xp.atanh(z)


@suite.case(z=COMPLEX)
def complex_polar(xp, z):
    """Magnitude and angle of complex numbers"""
    return xp.abs(z) ** 2, xp.atan2(xp.imag(z), xp.real(z)), xp.conj(z) * z
