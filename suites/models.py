"""Attention, recurrent cells and small whole models, their parameters in pytrees."""

import math

from gradtier.cases import Suite, constant, normal, values

suite = Suite("models", "Neural networks: attention, recurrence and whole models")

TOKENS = normal(2, 4, 6)
CAUSAL = [[column <= row for column in range(4)] for row in range(4)]


def _square(scale=0.5):
    return normal(6, 6, scale=scale)


def _sigmoid(xp, x):
    return 1.0 / (1.0 + xp.exp(-x))


def _softmax(xp, x):
    weights = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def _heads(xp, x):
    """(2, 4, 6) -> (2 sequences, 2 heads, 4 positions, 3 features)."""
    return xp.permute_dims(xp.reshape(x, (2, 4, 2, 3)), (0, 2, 1, 3))


def _attention(xp, q, k, v, mask=None):
    n = len(q.shape)
    k_transposed = xp.permute_dims(k, (*range(n - 2), n - 1, n - 2))
    scores = xp.matmul(q, k_transposed) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = xp.where(mask, scores, -1e9)
    return xp.matmul(_softmax(xp, scores), v)


def _multi_head(xp, x, p, mask):
    q, k, v = (_heads(xp, xp.matmul(x, p[name])) for name in ("q", "k", "v"))
    mixed = xp.permute_dims(_attention(xp, q, k, v, mask), (0, 2, 1, 3))
    return xp.matmul(xp.reshape(mixed, (2, 4, 6)), p["o"])


def _layer_norm(xp, x, gain):
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return gain * centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)


def _lstm(xp, x, h, c, w, u, b):
    gates = xp.matmul(x, w) + xp.matmul(h, u) + b
    i, f, o = (_sigmoid(xp, gates[:, k : k + 5]) for k in (0, 5, 10))
    c = f * c + i * xp.tanh(gates[:, 15:])
    return o * xp.tanh(c), c


@suite.case(q=normal(2, 4, 3), k=normal(2, 4, 3), v=normal(2, 4, 3))
def attention(xp, q, k, v):
    """Scaled dot-product attention"""
    return _attention(xp, q, k, v)


@suite.case(
    x=TOKENS,
    p={"q": _square(), "k": _square(), "v": _square(), "o": _square()},
    mask=constant(values(CAUSAL)),
)
def multi_head_attention(xp, x, p, mask):
    """Multi-head causal self-attention"""
    return _multi_head(xp, x, p, mask)


@suite.case(x=normal(4, 3), h=normal(4, 5), w=normal(3, 5), u=normal(5, 5, scale=0.5), b=normal(5))
def rnn_cell(xp, x, h, w, u, b):
    """Elman RNN cell"""
    return xp.tanh(xp.matmul(x, w) + xp.matmul(h, u) + b)


@suite.case(
    x=normal(4, 3), state=(normal(4, 5), normal(4, 5)),
    w=normal(3, 20), u=normal(5, 20, scale=0.5), b=normal(20),
)  # fmt: skip
def lstm_cell(xp, x, state, w, u, b):
    """LSTM cell: hidden state and cell state"""
    return _lstm(xp, x, *state, w, u, b)


@suite.case(x=normal(4, 3), h=normal(4, 5), w=normal(3, 15), u=normal(5, 15, scale=0.5))
def gru_cell(xp, x, h, w, u):
    """GRU cell"""
    a, b = xp.matmul(x, w), xp.matmul(h, u)
    reset = _sigmoid(xp, a[:, :5] + b[:, :5])
    update = _sigmoid(xp, a[:, 5:10] + b[:, 5:10])
    return (1.0 - update) * xp.tanh(a[:, 10:] + reset * b[:, 10:]) + update * h


@suite.case(
    x=normal(3, 4, 3), h=normal(4, 5), c=normal(4, 5),
    w=normal(3, 20), u=normal(5, 20, scale=0.5), b=normal(20),
)  # fmt: skip
def lstm_sequence(xp, x, h, c, w, u, b):
    """LSTM unrolled over 3 steps"""
    for step in range(3):
        h, c = _lstm(xp, x[step, :, :], h, c, w, u, b)
    return h


@suite.case(
    x=normal(4, 3),
    p={
        "first": {"w": normal(3, 5), "b": normal(5)},
        "second": {"w": normal(5, 5, scale=0.5), "b": normal(5)},
        "last": {"w": normal(5, 1), "b": normal(1)},
    },
)
def mlp(xp, x, p):
    """Multi-layer perceptron, parameters in a nested dict"""
    for name in ("first", "second"):
        x = xp.tanh(xp.matmul(x, p[name]["w"]) + p[name]["b"])
    return xp.matmul(x, p["last"]["w"]) + p["last"]["b"]


@suite.case(
    x=TOKENS,
    p={
        "q": _square(), "k": _square(), "v": _square(), "o": _square(),
        "up": normal(6, 12, scale=0.5), "down": normal(12, 6, scale=0.5),
        "gains": [normal(6, mean=1.0, scale=0.25), normal(6, mean=1.0, scale=0.25)],
    },
    mask=constant(values(CAUSAL)),
)  # fmt: skip
def transformer_block(xp, x, p, mask):
    """Transformer block: causal attention and a SiLU network, pre-normalised"""
    x = x + _multi_head(xp, _layer_norm(xp, x, p["gains"][0]), p, mask)
    hidden = xp.matmul(_layer_norm(xp, x, p["gains"][1]), p["up"])
    return x + xp.matmul(hidden * _sigmoid(xp, hidden), p["down"])


@suite.case(y=normal(4, 3), w=normal(3, 5), u=normal(5, 3))
def neural_ode(xp, y, w, u):
    """Neural ODE: two RK4 steps of a learned field"""

    def field(state):
        return xp.matmul(xp.tanh(xp.matmul(state, w)), u)

    for _ in range(2):
        k1 = field(y)
        k2 = field(y + 0.125 * k1)
        k3 = field(y + 0.125 * k2)
        k4 = field(y + 0.25 * k3)
        y = y + (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 24.0
    return y


@suite.case(
    x=normal(2, 5, 5, 1),
    p=[
        {"w": normal(4, 3), "b": normal(3)},
        {"w": normal(12, 4, scale=0.5), "b": normal(4)},
    ],
)
def cnn(xp, x, p):
    """Convolutional network: convolution, tanh, pooling, flattening, dense softmax"""
    taps = [x[:, i : i + 4, j : j + 4, :] for i in (0, 1) for j in (0, 1)]
    x = xp.tanh(xp.matmul(xp.concat(taps, axis=-1), p[0]["w"]) + p[0]["b"])
    x = xp.max(xp.reshape(x, (2, 2, 2, 2, 2, 3)), axis=(2, 4))
    return _softmax(xp, xp.matmul(xp.reshape(x, (2, 12)), p[1]["w"]) + p[1]["b"])


@suite.case(
    x=normal(6, 3),
    p={"hidden": (normal(3, 4), normal(4, mean=1.0, scale=0.25), normal(4)), "out": normal(4, 2)},
)
def mlp_batch_norm(xp, x, p):
    """Multi-layer perceptron with batch normalisation and ReLU"""
    w, gain, bias = p["hidden"]
    x = xp.matmul(x, w)
    centred = x - xp.mean(x, axis=0)
    x = gain * centred / xp.sqrt(xp.mean(centred * centred, axis=0) + 1e-3) + bias
    return xp.matmul(xp.maximum(x, 0.0), p["out"])


@suite.case(x=normal(3, 6), p={"w": normal(6, 3, scale=0.5), "b": (normal(3), normal(6))})
def autoencoder(xp, x, p):
    """Autoencoder with tied weights: the reconstruction error"""
    code = _sigmoid(xp, xp.matmul(x, p["w"]) + p["b"][0])
    back = xp.matmul(code, xp.matrix_transpose(p["w"])) + p["b"][1]
    return xp.mean((back - x) ** 2), code


@suite.case(
    x=normal(4, 3),
    p=[normal(3, 5), normal(5, 2)],
    links=constant(values([[1.0, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0], [0, 1, 0, 1]])),
)
def graph_convolution(xp, x, p, links):
    """Graph convolution network of two layers"""
    degree = xp.sqrt(xp.sum(links, axis=1, keepdims=True))
    spread = links / (degree * xp.matrix_transpose(degree))
    hidden = xp.tanh(xp.matmul(spread, xp.matmul(x, p[0])))
    return xp.matmul(spread, xp.matmul(hidden, p[1]))


@suite.case(
    x=normal(3, 2, 3),
    p={"w": normal(3, 12), "u": normal(4, 12, scale=0.5), "out": {"w": normal(4, 3)}},
    label=constant(values([[2], [0]])),
)
def gru_classifier(xp, x, p, label):
    """GRU over 3 steps, then a classifier: its cross entropy"""
    h = xp.zeros_like(x[0, :, :1]) + xp.zeros_like(p["w"][0, :4])
    for step in range(3):
        a, b = xp.matmul(x[step, :, :], p["w"]), xp.matmul(h, p["u"])
        reset, update = (_sigmoid(xp, a[:, k : k + 4] + b[:, k : k + 4]) for k in (0, 4))
        h = (1.0 - update) * xp.tanh(a[:, 8:] + reset * b[:, 8:]) + update * h
    logits = xp.matmul(h, p["out"]["w"])
    return -xp.mean(xp.log(xp.take_along_axis(_softmax(xp, logits), label, axis=-1)))
