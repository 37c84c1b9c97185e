"""How arguments and results are put together: shapes, memory, pytrees, dtypes, aliases.

The mathematics is simple on purpose.  Tags: ``shape`` for empty, scalar, size-one and large arrays;
``memory`` for arrays that are views with strides of their own; ``pytree``; ``dtype`` for integers
and truth values beside real numbers; ``alias`` for arrays that are in several places.
"""

from gradtier.cases import Suite, boolean, constant, distinct, integers, normal, positive, values

suite = Suite("structure", "Structure: shapes, memory, pytrees, dtypes, what is shared and unused")


@suite.case(tags=("shape",), s=normal(), t=normal(), x=normal(2, 3))
def scalars_broadcast(xp, s, t, x):
    """Numbers without axes spread over a matrix, and a result without axes"""
    return xp.sin(s) * x + t, s * t * xp.sum(x)


@suite.case(tags=("shape",), x=normal(3), empty=normal(0, 3), thin=normal(2, 0))
def reduced_to_neutral(xp, x, empty, thin):
    """Sums, products and matrix products over an axis without entries"""
    total = xp.sum(empty, axis=0) + xp.prod(empty, axis=0)
    return x * total, xp.matmul(thin, empty) + x


@suite.case(tags=("shape",), x=normal(3), empty=normal(0, 3))
def empty_output(xp, x, empty):
    """A result without entries beside another one"""
    return empty * x, x * x


@suite.case(tags=("shape",), x=normal(60, 70), w=normal(70))
def large_matrix(xp, x, w):
    """4,200 entries, reduced along each axis"""
    y = xp.tanh(x * w)
    return xp.sum(y, axis=0), xp.mean(y * y, axis=1)


@suite.case(tags=("shape",), x=normal(1, 4), y=normal(4, 1), z=normal(1, 1))
def axes_of_one(xp, x, y, z):
    """Axes of size one: spread, kept, squeezed, multiplied"""
    spread = x * y + z
    kept = xp.sum(x, axis=0, keepdims=True) * xp.mean(y, axis=1, keepdims=True)
    return spread * kept, xp.squeeze(xp.matmul(x, y), axis=0) * z[0, 0], xp.prod(z)


@suite.case(tags=("shape",), x=normal(1, 2, 1, 3, 1, 2))
def six_axes(xp, x):
    """Six axes: permuted, three summed at once, the rest flattened"""
    y = xp.permute_dims(x * x, (5, 1, 3, 0, 4, 2))
    return xp.reshape(xp.sum(y, axis=(-1, 0, 3)), (-1,)) * xp.max(x)


@suite.case(tags=("memory",), x=normal(2, 3, 4), w=normal(2, 2))
def transposed_memory(xp, x, w):
    """Permuted axes in a batched product, then flattened"""
    turned = xp.permute_dims(x, (2, 1, 0))
    product = xp.reshape(xp.matmul(turned, w), (-1,))
    return product * xp.reshape(xp.matrix_transpose(turned), (-1,))


@suite.case(tags=("memory",), x=normal(5, 7), w=normal(3, 2))
def strided_memory(xp, x, w):
    """Every second row and every third column: product, sort, running sum"""
    part = x[::2, ::3]
    return xp.matmul(part, w), xp.sort(part, axis=0), xp.cumulative_sum(x[1::2, 1], axis=0)


@suite.case(tags=("memory",), x=normal(3, 4))
def reversed_memory(xp, x):
    """Reversed along both axes, multiplied by itself the right way round"""
    back = xp.flip(x)
    return xp.matmul(back, xp.matrix_transpose(x)), xp.cumulative_sum(back, axis=1)


@suite.case(tags=("memory",), x=distinct(3), y=normal(4, 2))
def broadcast_memory(xp, x, y):
    """A column spread without copying: product, sort, largest, reshaped"""
    spread = xp.broadcast_to(x[:, None], (3, 4))
    return xp.matmul(spread, y), xp.sort(spread, axis=0), xp.reshape(spread, (2, 6)) * x[0]


@suite.case(tags=("memory", "alias"), x=normal(6))
def overlapping_views(xp, x):
    """Windows of one array that overlap"""
    windows = [x[i : i + 3] for i in range(4)]
    return xp.stack(windows) * xp.sin(x[1:4]) + x[:3] * x[3:]


@suite.case(tags=("alias",), x=normal(3, 3))
def same_array_twice(xp, x):
    """One array as both arguments of products, joins and a function"""

    def f(a, b):
        return xp.matmul(a, b) - xp.matrix_transpose(b) * a

    return f(x, x), xp.concat([x, x], axis=1), xp.stack([x, x])[1, ...] * x


@suite.case(tags=("alias",), x=normal(2, 3), y=normal(2))
def input_as_output(xp, x, y):
    """An input returned as it is, reshaped, transposed, and in part"""
    return x, xp.reshape(x, (3, 2)), xp.matrix_transpose(x), x[0, :], y


@suite.case(tags=("alias",), x=normal(4))
def many_uses(xp, x):
    """One value used in many places of different shape"""
    y = xp.sin(x)
    outer = y[:, None] * y[None, :]
    return xp.sum(outer, axis=0) + y * y[0] - xp.max(y) + xp.flip(y) * x


@suite.case(
    tags=("pytree", "dtype"),
    p={
        "steps": constant(values([2, 0, 1])),
        "weights": [normal(3), constant(normal(3))],
        "on": constant(values([True, False, True])),
        "scale": normal(),
    },
)
def pytree_with_constants(xp, p):
    """Whole numbers, truth values and fixed numbers among the leaves of a pytree"""
    free, fixed = p["weights"]
    chosen = xp.where(p["on"], xp.take(free, p["steps"]), fixed * p["scale"])
    return {"chosen": chosen * fixed, "scale": [p["scale"] * p["scale"]]}


@suite.case(
    tags=("pytree",),
    p=[{"a": ({"b": [(normal(2), {"c": [normal(), [normal(2, 2)]]})]}, normal(2))}],
)
def pytree_deep(xp, p):
    """Eight levels of lists, tuples and dicts"""
    inner, outer = p[0]["a"]
    vector, rest = inner["b"][0]
    number, (matrix,) = rest["c"]
    return [[{"y": (xp.matmul(matrix, vector) * number, [outer * number])}], vector]


@suite.case(tags=("pytree",), x=[normal() for _ in range(30)])
def many_inputs(xp, x):
    """Thirty numbers as thirty arguments"""
    total = x[0]
    for a, b in zip(x[1:], x[:-1], strict=True):
        total = 0.5 * total + a * b
    return total


@suite.case(tags=("pytree",), x=normal(3), p={"used": normal(3), "idle": (normal(2), [normal()])})
def unused_leaves(xp, x, p):
    """Leaves of a pytree that are not used"""
    return xp.exp(x) * p["used"]


@suite.case(tags=("dtype",), x=normal(2, 4), n=integers(4, low=-2, high=3), mask=boolean(2, 4))
def whole_numbers_beside(xp, x, n, mask):
    """Whole numbers and truth values made real and multiplied"""
    count = xp.astype(xp.sum(xp.astype(mask, xp.int64), axis=1), x.dtype)
    return x * xp.astype(n, x.dtype) * xp.astype(mask, x.dtype), xp.sum(x, axis=1) / (1.0 + count)


@suite.case(tags=("dtype",), x=distinct(2, 3, low=-1.0, high=2.0), w=normal(2, 3))
def cut_by_integers(xp, x, w):
    """A path through whole numbers, which carries no slope, beside one that does"""
    whole = xp.astype(xp.floor(4.0 * x), xp.int64)
    return w * xp.astype(whole, w.dtype) + x * w


@suite.case(tags=("dtype",), x=distinct(5, low=-2.0, high=2.0), w=normal(5))
def order_and_value(xp, x, w):
    """The order of an array indexes the array itself and another"""
    order = xp.argsort(x)
    return xp.take(x, order) * xp.take(w, order), xp.take(w, xp.argmax(x * x)[None]) * x


@suite.case(tags=("dtype",), x=values([-1.5, -0.5, 2.0, 0.5]), y=positive(4))
def whole_powers(xp, x, y):
    """Whole powers as real numbers, of negative bases too"""
    powers = xp.asarray([2.0, 3.0, -1.0, 0.0], dtype=x.dtype)
    return x**powers, x**3.0 + x**-2.0, x**2.0 * y**0.5, xp.pow(y, 0.0) * x


@suite.case(tags=("outputs",), x=normal(2, 3), y=normal(3))
def outputs_of_every_rank(xp, x, y):
    """Results without axes, with one, two and three"""
    z = xp.matmul(x, y)
    return xp.sum(z), z, x * y, xp.reshape(x * x, (1, 2, 3)), xp.mean(y)


@suite.case(tags=("outputs",), x=normal(3), c=constant(normal(2)))
def constant_output(xp, x, c):
    """Results that depend on no input, beside one that does"""
    return 2.0 * c, xp.sin(x), xp.ones_like(x), 0.0 * x


@suite.case(tags=("closure",), x=normal(3), w=normal(3))
def closures(xp, x, w):
    """Functions that close over an array, a constant and each other"""
    fixed = xp.asarray([0.5, -1.0, 2.0], dtype=x.dtype)

    def scaled(a):
        return a * fixed * w

    def twice(f):
        return lambda a: f(f(a) + w)

    return twice(twice(scaled))(x)


@suite.case(tags=("closure",), x=normal(2, 3), w=normal(3, 2), b=normal(2))
def keywords(xp, x, w, b):
    """Arguments by keyword, by default and by unpacking"""

    def layer(x, *, weights, bias=None, act=xp.tanh):
        y = xp.matmul(x, weights)
        return act(y if bias is None else y + bias)

    settings = {"weights": w, "bias": b}
    return layer(x, **settings) * layer(x=x, weights=w, act=xp.sin)
