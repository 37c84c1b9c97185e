"""What a derivative costs: a few functions as people really differentiate them, in two sizes.

``small`` is all overhead: what a call costs when there is next to nothing to compute.  ``large``
takes some tens of milliseconds on one core of a processor, where the arithmetic counts.  What
convolves and scans is the library's own; without a scan it is a loop in Python, as one writes it.
"""

import math

from gradtier.cases import Suite, constant, normal, positive, spd, values

suite = Suite("speed", "Benchmarks: what a derivative costs", natives=("nn", "control"))


def _sigmoid(xp, x):
    return 1.0 / (1.0 + xp.exp(-x))


def _softmax(xp, x):
    weights = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def _standardised(xp, x):
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)


def _heads(xp, x, heads):
    """(batch, positions, features) -> (batch, heads, positions, features of a head)."""
    batch, positions, features = x.shape
    split = xp.reshape(x, (batch, positions, heads, features // heads))
    return xp.permute_dims(split, (0, 2, 1, 3))


def _layer(inputs, outputs):
    """Weights that keep the size of what passes through them."""
    return normal(inputs, outputs, scale=1.0 / math.sqrt(inputs))


def mlp(xp, x, target, p):
    """Dense network of three layers: its squared error"""
    for w, b in p[:-1]:
        x = xp.tanh(xp.matmul(x, w) + b)
    w, b = p[-1]
    error = xp.matmul(x, w) + b - target
    return xp.mean(error * error)


def convolution(xp, x, p):
    """Convolution network of three layers and a dense one: the energy of its outputs"""
    for (w, b), stride in zip(p["layers"], (1, 2, 2), strict=True):
        x = xp.tanh(xp.nn.conv(x, w, b, stride=stride, padding=1))
    features = xp.mean(x, axis=(2, 3))
    logits = xp.matmul(features, p["out"])
    return xp.mean(logits * logits)


def attention(xp, x, p, mask):
    """Transformer block: causal self-attention of four heads, then a SiLU network"""
    batch, positions, features = x.shape
    normed = _standardised(xp, x)
    q, k, v = (_heads(xp, xp.matmul(normed, p[name]), 4) for name in ("q", "k", "v"))
    scores = xp.matmul(q, xp.permute_dims(k, (0, 1, 3, 2))) / math.sqrt(features // 4)
    mixed = xp.matmul(_softmax(xp, scores + mask), v)
    joined = xp.reshape(xp.permute_dims(mixed, (0, 2, 1, 3)), (batch, positions, features))
    x = x + xp.matmul(joined, p["o"])
    hidden = xp.matmul(_standardised(xp, x), p["up"])
    return x + xp.matmul(hidden * _sigmoid(xp, hidden), p["down"])


def _scanned(xp, step, state, rows):
    """The last state: by the library's own scan, or by a loop in Python where it has none."""
    if "scan" in vars(xp.control):
        return xp.control.scan(step, state, rows)[0]
    for k in range(rows.shape[0]):
        state, _ = step(state, rows[k, :, :])
    return state


def recurrence(xp, x, h, c, w, u, b):
    """LSTM over a sequence: its last state"""
    n = b.shape[0] // 4

    def step(state, row):
        h, c = state
        gates = xp.matmul(row, w) + xp.matmul(h, u) + b
        i, f, o = (_sigmoid(xp, gates[:, k * n : (k + 1) * n]) for k in (0, 1, 2))
        c = f * c + i * xp.tanh(gates[:, 3 * n :])
        return (o * xp.tanh(c), c), None

    return _scanned(xp, step, (h, c), x)[0]


def gaussian(xp, b, y, noise):
    """Gaussian log-density of a low-rank covariance: Cholesky factor, linear system"""
    covariance = xp.matmul(b, xp.matrix_transpose(b)) + noise
    factor = xp.linalg.cholesky(covariance)
    solved = xp.linalg.solve(covariance, y)
    return -0.5 * xp.sum(y * solved) - xp.sum(xp.log(xp.linalg.diagonal(factor)))


def scalars(xp, angle, speed, length, drag, ticks):
    """A damped pendulum, step by step: a few hundred operations on single numbers"""
    for _ in range(ticks.shape[0]):
        pull = xp.sin(angle) / length + drag * speed * xp.sqrt(1.0 + speed * speed)
        speed = speed - 0.0625 * pull
        angle = angle + 0.0625 * speed
    return 0.5 * speed * speed + (1.0 - xp.cos(angle)) / length


def _unseen(positions):
    """Zero for what a position may look at, else so much that its weight is nothing."""
    return values([[0.0 if j <= i else -1e4 for j in range(positions)] for i in range(positions)])


def _sized(size, function, **inputs):
    suite.case(tags=(size,), name=f"{function.__name__}_{size}", **inputs)(function)


for size, batch, width, outputs in (("small", 8, 16, 4), ("large", 256, 512, 16)):
    _sized(
        size, mlp,
        x=constant(normal(batch, width)), target=constant(normal(batch, outputs)),
        p=[(_layer(width, n), normal(n)) for n in (width, width, outputs)],
    )  # fmt: skip

for size, batch, pixels, width in (("small", 2, 9, 4), ("large", 16, 33, 16)):
    _sized(
        size, convolution,
        x=constant(normal(batch, 3, pixels, pixels)),
        p={
            "layers": [
                (normal(o, i, 3, 3, scale=1.0 / math.sqrt(9 * i)), normal(o))
                for i, o in ((3, width), (width, 2 * width), (2 * width, 2 * width))
            ],
            "out": _layer(2 * width, 10),
        },
    )  # fmt: skip

for size, batch, positions, width in (("small", 2, 8, 16), ("large", 4, 128, 128)):
    _sized(
        size, attention,
        x=normal(batch, positions, width),
        p={
            **{name: _layer(width, width) for name in ("q", "k", "v", "o")},
            "up": _layer(width, 4 * width), "down": _layer(4 * width, width),
        },
        mask=constant(_unseen(positions)),
    )  # fmt: skip

for size, steps, batch, width in (("small", 8, 2, 4), ("large", 32, 64, 96)):
    _sized(
        size, recurrence,
        x=constant(normal(steps, batch, width)), h=normal(batch, width), c=normal(batch, width),
        w=_layer(width, 4 * width), u=_layer(width, 4 * width), b=normal(4 * width),
    )  # fmt: skip

for size, n, rank in (("small", 8, 2), ("large", 400, 8)):
    _sized(size, gaussian, b=normal(n, rank), y=normal(n), noise=constant(spd(n)))

for size, count in (("small", 4), ("large", 24)):
    _sized(
        size, scalars,
        angle=normal(), speed=normal(), length=positive(), drag=positive(low=0.125, high=0.25),
        ticks=constant(values([0.0] * count)),
    )  # fmt: skip
