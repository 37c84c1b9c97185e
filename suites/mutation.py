"""Code that writes: into arrays in place, as in NumPy, and by a library's functional updates.

No case writes into its inputs; it writes into what it has computed or created.  A library whose
arrays cannot be written into declines the cases in place; the others need the group ``updates``.
Where an entry is written twice the values do not depend on which write comes last.
"""

from gradtier.cases import Suite, boolean, constant, normal, positive, values

suite = Suite("mutation", "Mutation: writes in place, views, functional updates",
              natives=("updates",))  # fmt: skip

IN_PLACE = ("mutation",)
UPDATE = ("update",)


@suite.case(tags=IN_PLACE, x=normal(4))
def write_elements(xp, x):
    """Elements written one by one into an array of zeros"""
    y = xp.zeros_like(x)
    y[0] = x[0] * x[1]
    y[1] = xp.sin(x[2])
    y[-1] = x[3] * x[0]
    return y


@suite.case(tags=IN_PLACE, x=normal(5))
def write_slices(xp, x):
    """A slice overwritten by a function of another, read again afterwards"""
    y = x + 0.0
    y[1:] = x[:-1] * xp.sin(y[1:])
    y[:2] = y[2:4] * x[:2]
    return y * y


@suite.case(tags=IN_PLACE, x=normal(4), w=normal(4))
def augmented_whole(xp, x, w):
    """Augmented assignment of whole arrays"""
    y = x * w
    y += xp.sin(x)
    y *= w
    y -= x * x
    return y * y


@suite.case(tags=IN_PLACE, x=normal(3, 4), w=normal(2))
def augmented_slices(xp, x, w):
    """Augmented assignment of slices that overlap"""
    y = x + 0.0
    y[:, 1:3] *= w
    y[1, :] += x[0, :]
    y[::2, 2:] -= y[::2, :2] * w
    return y


@suite.case(tags=(*IN_PLACE, "alias"), x=normal(2, 3))
def write_through_view(xp, x):
    """A view written into: the array that it belongs to changes"""
    y = xp.sin(x)
    row = y[0, :]
    row[...] = x[1, :] * row
    return y * x


@suite.case(tags=(*IN_PLACE, "alias"), x=normal(2, 3))
def read_through_view(xp, x):
    """A view taken before a write, read after it"""
    y = xp.sin(x)
    row = y[0, :]
    y[0, 1:] = x[1, 1:] * x[0, 1:]
    return row * x[1, :]


@suite.case(tags=IN_PLACE, x=normal(4))
def overwritten_after_use(xp, x):
    """A value that a product has used is overwritten; the product keeps the old one"""
    y = xp.exp(x)
    z = y[:3] * x[1:]
    y[:3] = x[:3] * x[:3]
    return z, y


@suite.case(tags=IN_PLACE, x=normal(4))
def saved_then_scaled(xp, x):
    """A result that its own derivative needs is scaled in place"""
    y = xp.exp(x)
    z = y * y
    y *= 2.0
    return z * x, y


@suite.case(tags=IN_PLACE, x=normal(4, 3))
def buffer_accumulated(xp, x):
    """Rows accumulated into the two rows of a buffer, in a loop"""
    buffer = xp.zeros_like(x[:2, :])
    for i in range(4):
        buffer[i % 2, :] += x[i, :] * x[i, :]
    return buffer


@suite.case(tags=IN_PLACE, x=normal(5))
def recurrence_in_place(xp, x):
    """Each element updated from the one before it, in place"""
    y = x + 0.0
    for i in range(1, 5):
        y[i] = y[i] + 0.5 * y[i - 1] * y[i - 1]
    return y


@suite.case(tags=IN_PLACE, x=normal(3, 2), row=normal(2), number=normal())
def write_broadcast(xp, x, row, number):
    """A row and a number written into many places"""
    y = x + 0.0
    y[:2, :] = row
    y[:, 1] = number
    return y * x


@suite.case(
    tags=IN_PLACE, x=normal(5), v=normal(3), mask=constant(values([True, False, True, False, True]))
)
def write_masked(xp, x, v, mask):
    """Values written where a mask is set, a number where it is not"""
    y = x * x
    y[mask] = v
    y[xp.logical_not(mask)] = 1.0
    return y * x


@suite.case(tags=UPDATE, x=normal(5), v=normal(3), index=constant(values([3, 0, 1])))
def put(xp, x, v, index):
    """Elements replaced; read before and after"""
    return xp.updates.put(x, index, v * xp.take(x, index)) * x


@suite.case(tags=UPDATE, x=normal(4, 2), v=normal(2, 2), index=constant(values([-1, 0])))
def put_rows_from_end(xp, x, v, index):
    """Rows replaced, one counted from the end"""
    return xp.updates.put(x, index, v) * x


@suite.case(tags=UPDATE, x=normal(4), v=normal(5), index=constant(values([1, 1, 3, 1, 0])))
def add_duplicates(xp, x, v, index):
    """Added to elements, to one of them three times"""
    return xp.updates.add(x, index, v * v) * x


@suite.case(tags=UPDATE, x=normal(4, 2), v=normal(3, 2), index=constant(values([2, 0, 2])))
def add_rows(xp, x, v, index):
    """Added to rows, to one of them twice, and again to the result"""
    y = xp.updates.add(x, index, v)
    return xp.updates.add(y * y, index, v * x[:3, :])


@suite.case(tags=UPDATE, x=positive(4), v=positive(4), index=constant(values([1, 1, 3, 1])))
def multiply_duplicates(xp, x, v, index):
    """Elements multiplied, one of them three times"""
    return xp.updates.multiply(x, index, v)


@suite.case(
    tags=UPDATE, x=values([0.0, 2.0, -1.5, 0.5]), v=values([3.0, 0.0, 1.5]),
    index=constant(values([0, 1, 3])),
)  # fmt: skip
def multiply_zeros(xp, x, v, index):
    """A zero multiplied, an element multiplied by zero"""
    return xp.updates.multiply(x, index, v)


@suite.case(
    tags=UPDATE, x=values([0.5, -1.0, 2.0]), v=values([1.0, 0.25, 3.0, 2.5]),
    index=constant(values([0, 1, 1, 2])),
)  # fmt: skip
def maximum_duplicates(xp, x, v, index):
    """Largest of an element and those that meet it, none equal"""
    return xp.updates.maximum(x, index, v * v)


@suite.case(
    tags=("update", "kink"), x=values([0.5, -1.0, 2.0]), v=values([0.5, -3.0, -3.0]),
    index=constant(values([0, 1, 1])),
)  # fmt: skip
def minimum_ties(xp, x, v, index):
    """Smallest of an element and those that meet it, with ties"""
    return xp.updates.minimum(x, index, v)


@suite.case(
    tags=UPDATE, x=normal(2, 3), v=normal(3), number=normal(), mask=boolean(2, 3),
    three=constant(values([[True, False, False], [False, True, True]])),
)  # fmt: skip
def put_mask(xp, x, v, number, mask, three):
    """Values put where a mask is set, a number where another one is"""
    return xp.updates.fill_mask(xp.updates.put_mask(x, three, v), mask, number) * x


@suite.case(tags=UPDATE, x=normal(3, 4), v=normal(2, 2))
def put_slice(xp, x, v):
    """A block written into the middle of a matrix"""
    return xp.updates.put_slice(x, (1, 1), v * x[:2, :2]) * x


@suite.case(tags=UPDATE, x=normal(2, 4), v=normal(2, 2), index=constant(values([[3, 0], [1, 2]])))
def put_along_axis(xp, x, v, index):
    """Elements replaced in each row at places of its own"""
    return xp.updates.put_along_axis(x, index, v, 1) * x


@suite.case(tags=UPDATE, x=normal(6, 2), ids=constant(values([0, 0, 1, 3, 3, 3])))
def segment_sum(xp, x, ids):
    """Sums of segments, one of them empty"""
    return xp.updates.segment_sum(x * x, ids, 4)


@suite.case(
    tags=("update", "kink"), x=values([1.0, 2.0, 2.0, -1.0, 0.5]),
    ids=constant(values([0, 0, 0, 1, 1])),
)  # fmt: skip
def segment_max_ties(xp, x, ids):
    """Largest of segments, two of one tie"""
    return xp.updates.segment_max(x, ids, 2)


@suite.case(
    tags=UPDATE, x=values([2.0, 0.0, 1.5, 0.0, -3.0, 0.0, 0.5]),
    ids=constant(values([0, 0, 0, 1, 1, 1, 2])),
)  # fmt: skip
def segment_prod_zeros(xp, x, ids):
    """Products of segments, one of them with one zero, one with two"""
    return xp.updates.segment_prod(x, ids, 3)
