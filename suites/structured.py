"""Loops, branches and transformations that a library runs itself, in place of Python.

The names are those of the group ``control``: a library's own scan, while, cond, checkpoint, vmap.
What a function closes over is differentiated as well as what it is passed.
"""

from gradtier.cases import Suite, constant, normal, positive, spd, uniform, values

suite = Suite(
    "structured", "Structured control flow: a library's own loops, branches, checkpoints, maps",
    natives=("control",),
)  # fmt: skip


@suite.case(x=normal(4, 3), w=normal(3, 3, scale=0.5), h=normal(3))
def scan_cell(xp, x, w, h):
    """Scan: a recurrent cell, its last state and every output"""

    def step(h, row):
        h = xp.tanh(xp.matmul(w, h) + row)
        return h, h * row

    return xp.control.scan(step, h, x)


@suite.case(
    state=(normal(2), normal(2)), xs=(uniform(3, low=0.25, high=0.5), normal(3, 2)), k=positive()
)
def scan_pytrees(xp, state, xs, k):
    """Scan: two carries, two sequences, two outputs"""

    def step(state, now):
        place, speed = state
        time, push = now
        speed = speed - time * (k * xp.sin(place) - push)
        place = place + time * speed
        return (place, speed), (xp.sum(speed * speed), place * k)

    return xp.control.scan(step, state, xs)


@suite.case(x=normal(4, 2), first=normal(2), unused=normal(2))
def scan_stacks(xp, x, first, unused):
    """Scan: each output sees the input before, the last carry is not used"""

    def step(carry, row):
        before, idle = carry
        return (xp.sin(row), 1.0 * idle), before * row

    return xp.control.scan(step, (first, unused), x)[1]


@suite.case(x=normal(3, 2), h=normal(2))
def scan_counts(xp, x, h):
    """Scan: a whole number is carried along and chooses"""

    def step(carry, row):
        count, h = carry
        h = xp.where(count % 2 == 0, h * row, xp.sin(h) + row)
        return (count + 1, h), None

    return xp.control.scan(step, (xp.asarray(0), h), x)[0][1]


@suite.case(x=normal(3, 2), h=normal(2), w=normal(2))
def scan_nothing(xp, x, h, w):
    """Scan over no rows at all"""

    def step(h, row):
        return xp.tanh(h * w) + row, None

    return xp.control.scan(step, h * w, x[:0, :])[0]


@suite.case(x=normal(2, 3, 2), h=normal(2))
def scan_nested(xp, x, h):
    """Scan in a scan"""

    def inner(h, row):
        h = xp.sin(h) * row + h
        return h, h * h

    def outer(h, rows):
        h, found = xp.control.scan(inner, h, rows)
        return 0.5 * h, xp.sum(found, axis=0)

    return xp.control.scan(outer, h, x)


@suite.case(tags=("value-branch",), x=values([3.0, -1.0, 2.0]), w=positive(3))
def while_shrinks(xp, x, w):
    """While: as many steps as the values need"""

    def going(y):
        return xp.sum(y * y) > 1.0

    return xp.control.while_loop(going, lambda y: 0.5 * xp.sin(y) * w, x)


@suite.case(tags=("value-branch",), x=uniform(3, low=-0.5, high=0.5))
def while_left_early(xp, x):
    """While: a series summed until its term is small, three things carried"""

    def going(state):
        return xp.max(xp.abs(state[1])) > 1e-3

    def more(state):
        n, term, total = state
        term = term * x / n
        return n + 1.0, term, total + term

    start = (1.0 + 0.0 * x, xp.ones_like(x), xp.ones_like(x))
    return xp.control.while_loop(going, more, start)[2]


@suite.case(x=normal(4), w=normal(4))
def loop_counted(xp, x, w):
    """Counted loop whose body takes an element by the counter"""

    def body(i, y):
        return xp.sin(y) * w + x[i]

    return xp.control.fori_loop(4, body, x)


@suite.case(tags=("value-branch",), x=values([0.5, -1.5, 2.0]), w=normal(3))
def cond_both_ways(xp, x, w):
    """Branch by cond, once each way; an input is used on one side only"""

    def yes(a, b):
        return xp.sin(a) * b

    def no(a, b):
        return a * a * a

    first = xp.control.cond(x[0] > 0.0, yes, no, x, w)
    return first * xp.control.cond(x[1] > 0.0, yes, no, x, w)


@suite.case(tags=("value-branch",), x=values([-0.5, -1.5, -2.0]))
def cond_beside_nan(xp, x):
    """Branch by cond, the other side is not a number"""

    def logarithm(a):
        return xp.log(a) * xp.sqrt(a)

    return xp.control.cond(xp.sum(x) > 0.0, logarithm, lambda a: a * a, x)


@suite.case(x=normal(3), w=normal(3), which=constant(values(1)))
def switch_of_three(xp, x, w, which):
    """Switch: the second of three functions"""
    branches = [lambda a, b: a + b, lambda a, b: xp.exp(a) * b, lambda a, b: a * a]
    return xp.control.switch(which, branches, x, w)


@suite.case(x=normal(4, 3), p=[(normal(3, 3), normal(3)), (normal(3, 2), normal(2))])
def checkpoint_layers(xp, x, p):
    """Checkpointed layers of a small network"""

    def layer(x, w, b):
        return xp.tanh(xp.matmul(x, w) + b)

    for w, b in p:
        x = xp.control.checkpoint(layer)(x, w, b)
    return x


@suite.case(x=normal(3), w=normal(3))
def checkpoint_closes_over(xp, x, w):
    """Checkpointed function that closes over an input"""
    return xp.control.checkpoint(lambda a: xp.sin(a * w) * w)(x * w)


@suite.case(x=normal(3, 2), w=normal(2, 2), h=normal(2))
def checkpoint_in_scan(xp, x, w, h):
    """Checkpointed body of a scan, the weights closed over"""

    def step(h, row):
        h = xp.tanh(xp.matmul(w, h)) * row
        return h, h * h

    return xp.control.scan(xp.control.checkpoint(step), h, x)


@suite.case(x=normal(5), y=normal(3), index=constant(values([0, 4, 4])))
def checkpoint_nested(xp, x, y, index):
    """Checkpoint in a checkpoint, with an integer argument between two others"""

    def inner(a, b):
        return xp.sin(a) * b

    def outer(a, index, b):
        return xp.control.checkpoint(inner)(xp.take(a, index) * b, b)

    return xp.control.checkpoint(outer)(x, index, y) * y


@suite.case(x=values([0.25, -1.0, 4.0, -0.5]))
def vmap_cond(xp, x):
    """Mapped branch, the side that an entry does not take is not a number there"""

    def entry(a):
        return xp.control.cond(a > 0.0, lambda a: xp.sqrt(a), lambda a: a * a, a)

    return xp.control.vmap(entry)(x)


@suite.case(a=spd(3, 2), b=normal(2, 3))
def vmap_solve(xp, a, b):
    """Mapped linear systems and a mapped row of the solutions"""

    def solved(a, b):
        return xp.linalg.solve(a, xp.reshape(b, (3, 1)))[:, 0] * b[0]

    return xp.control.vmap(solved)(a, b)


@suite.case(x=normal(3, 4), w=normal(4))
def map_rows(xp, x, w):
    """Map: a function of every row, one after the other"""
    return xp.control.map(lambda row: xp.cumulative_sum(row * w) * row[0], x)


@suite.case(a=uniform(5, 2, low=0.5, high=1.0), b=normal(5, 2))
def associative_scan(xp, a, b):
    """Associative scan: a linear recurrence, in parallel"""

    def combined(first, second):
        return first[0] * second[0], second[0] * first[1] + second[1]

    return xp.control.associative_scan(combined, (a, b))[1]


@suite.case(x=normal(2, 4, scale=2.0))
def stopped_shift(xp, x):
    """logsumexp by a shift that is kept from the derivative and changes nothing"""
    shift = xp.control.stop_gradient(xp.max(x, axis=1, keepdims=True))
    return xp.log(xp.sum(xp.exp(x - shift), axis=1)) + shift[:, 0]
