"""Neural networks and learned models; parameters in dicts and lists."""

import math

from gradtier.cases import Suite, constant, distinct, integers, normal, positive, uniform, values

suite = Suite("networks", "Networks: layers, cells and losses with trees of parameters")

CAUSAL = constant(values([[column <= row for column in range(4)] for row in range(4)]))
PATH = constant(
    values([[0.5, 0.5, 0, 0], [0.25, 0.5, 0.25, 0], [0, 0.25, 0.5, 0.25], [0, 0, 0.5, 0.5]])
)
ONE_HOT = constant(values([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]))


def _dense(xp, x, p):
    return xp.matmul(x, p["w"]) + p["b"]


def _parameters(n, m):
    return {"w": normal(n, m, scale=1.0 / math.sqrt(n)), "b": normal(m, scale=0.25)}


def _sigmoid(xp, x):
    return 1.0 / (1.0 + xp.exp(-x))


def _log_softmax(xp, x):
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def _layer_norm(xp, x):
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    return centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + 1e-4)


@suite.case(x=normal(5, 4), p=[_parameters(4, 6), _parameters(6, 3)], y=ONE_HOT)
def classifier(xp, x, p, y):
    """Dense, layer norm, tanh, dense, cross entropy."""
    hidden = xp.tanh(_layer_norm(xp, _dense(xp, x, p[0])))
    return -xp.mean(xp.sum(y * _log_softmax(xp, _dense(xp, hidden, p[1])), axis=-1))


@suite.case(x=normal(4, 6), p={k: normal(6, 3, scale=0.5) for k in ("q", "k", "v")}, mask=CAUSAL)
def causal_head(xp, x, p, mask):
    """One head of causal attention with a residual pool."""
    q, k, v = (xp.matmul(x, p[name]) for name in ("q", "k", "v"))
    score = xp.matmul(q, xp.permute_dims(k, (1, 0))) / math.sqrt(3.0)
    weight = xp.exp(_log_softmax(xp, xp.where(mask, score, -1e4)))
    return xp.matmul(weight, v) + xp.mean(x)


@suite.case(x=normal(10, 2), w=normal(3, 2, 4, scale=0.5), b=normal(4))
def convolution_by_windows(xp, x, w, b):
    """One-dimensional convolution by stacked windows, then a mean pool."""
    windows = xp.stack([x[k : 8 + k, :] for k in range(3)], axis=1)
    y = xp.tensordot(windows, w, axes=2) + b
    return xp.mean(y * _sigmoid(xp, y), axis=0)


@suite.case(x=normal(4, 3), h=normal(5), p=[_parameters(8, 5) for _ in range(3)])
def gru_sequence(xp, x, h, p):
    """GRU over four steps, all gates on the joined input."""
    for step in range(4):
        joint = xp.concat([x[step, :], h], axis=0)
        update, reset = _sigmoid(xp, _dense(xp, joint, p[0])), _sigmoid(xp, _dense(xp, joint, p[1]))
        candidate = xp.tanh(_dense(xp, xp.concat([x[step, :], reset * h], axis=0), p[2]))
        h = (1.0 - update) * h + update * candidate
    return h


@suite.case(y=normal(3), t=uniform(1, low=0.5, high=1.5), p=[_parameters(4, 6), _parameters(6, 3)])
def timed_neural_ode(xp, y, t, p):
    """Neural ODE with time as an input and a differentiated horizon, midpoint rule."""

    def field(state, time):
        joint = xp.concat([state, time], axis=0)
        return _dense(xp, xp.tanh(_dense(xp, joint, p[0])), p[1])

    h = t / 4.0
    for k in range(4):
        half = y + 0.5 * h * field(y, k * h)
        y = y + h * field(half, (k + 0.5) * h)
    return y


@suite.case(x=normal(4, 3), p={"gate": _parameters(3, 2), "expert": [_parameters(3, 4)] * 2})
def mixture_of_experts(xp, x, p):
    """Two experts mixed by a softmax gate."""
    gate = xp.exp(_log_softmax(xp, _dense(xp, x, p["gate"])))
    told = [xp.sin(_dense(xp, x, e)) for e in p["expert"]]
    return gate[:, :1] * told[0] + gate[:, 1:] * told[1]


@suite.case(x=normal(5, 6), p={"in": normal(6, 2, scale=0.5), "out": normal(2, 6, scale=0.5)})
def autoencoder(xp, x, p):
    """Reconstruction error through a bottleneck."""
    code = xp.tanh(xp.matmul(x, p["in"]))
    return xp.mean((xp.matmul(code, p["out"]) - x) ** 2) + 1e-2 * xp.mean(code**2)


@suite.case(x=normal(3, 4), p=[_parameters(4, 4) for _ in range(4)])
def residual_stack(xp, x, p):
    """Four residual blocks with swish."""
    for block in p:
        y = _dense(xp, x, block)
        x = x + 0.5 * y * _sigmoid(xp, y)
    return x


@suite.case(x=normal(4, 3), p=[_parameters(3, 4), _parameters(2, 3)], noise=constant(normal(4, 2)))
def variational_bound(xp, x, p, noise):
    """Negative evidence bound of a small variational autoencoder."""
    code = _dense(xp, x, p[0])
    mean, log_scale = code[:, :2], 0.5 * code[:, 2:]
    z = mean + xp.exp(log_scale) * noise
    error = xp.sum((_dense(xp, z, p[1]) - x) ** 2, axis=1)
    divergence = xp.sum(xp.exp(2.0 * log_scale) + mean * mean - 1.0 - 2.0 * log_scale, axis=1)
    return xp.mean(0.5 * error + 0.5 * divergence)


@suite.case(x=normal(4, 3), p=[normal(3, 5, scale=0.5), normal(5, 2, scale=0.5)], a=PATH)
def graph_convolution(xp, x, p, a):
    """Two graph convolutions on a path."""
    return xp.matmul(a, xp.matmul(xp.tanh(xp.matmul(a, xp.matmul(x, p[0]))), p[1]))


@suite.case(x=normal(2, 5, 4), p=[_parameters(4, 2), _parameters(2, 4)])
def squeeze_excite(xp, x, p):
    """Channels scaled by a gate of their pooled values."""
    pooled = xp.mean(x, axis=1)
    gate = _sigmoid(xp, _dense(xp, xp.tanh(_dense(xp, pooled, p[0])), p[1]))
    return x * xp.expand_dims(gate, axis=1)


@suite.case(x=normal(4, 3), p=_parameters(3, 8))
def gated_unit(xp, x, p):
    """Gated linear unit with a bilinear half."""
    y = _dense(xp, x, p)
    return y[:, :4] * _sigmoid(xp, y[:, 4:])


@suite.case(table=normal(7, 3), ids=integers(4, 3, high=7), w=normal(3), y=constant(uniform(4)))
def embedding_bag(xp, table, ids, w, y):
    """Mean of embeddings per row, logistic loss with soft targets."""
    bag = xp.mean(xp.reshape(xp.take(table, xp.reshape(ids, (12,)), axis=0), (4, 3, 3)), axis=1)
    score = xp.matmul(bag, w)
    return xp.mean(xp.log1p(xp.exp(-xp.abs(score))) + xp.maximum(score, 0.0) - y * score)


@suite.case(x=normal(4, 5), y=normal(4, 5), t=positive())
def contrastive_pairs(xp, x, y, t):
    """InfoNCE loss with a differentiated temperature."""
    a = x / xp.sqrt(xp.sum(x * x, axis=1, keepdims=True))
    b = y / xp.sqrt(xp.sum(y * y, axis=1, keepdims=True))
    score = xp.matmul(a, xp.permute_dims(b, (1, 0))) / t
    return -xp.mean(xp.linalg.diagonal(_log_softmax(xp, score)))


@suite.case(u=normal(10), decay=uniform(4, low=0.3, high=0.9), b=normal(4), c=normal(4))
def state_space_scan(xp, u, decay, b, c):
    """Diagonal state-space layer unrolled over ten inputs."""
    state, told = 0.0 * b, []
    for k in range(10):
        state = decay * state + b * u[k]
        told.append(xp.sum(c * state))
    return xp.stack(told)


@suite.case(x=normal(5, 2), centre=normal(4, 2), width=positive(4), w=normal(4))
def radial_basis(xp, x, centre, width, w):
    """Radial basis functions with differentiated centres and widths."""
    gap = xp.expand_dims(x, axis=1) - xp.expand_dims(centre, axis=0)
    return xp.matmul(xp.exp(-xp.sum(gap * gap, axis=2) / width**2), w)


@suite.case(x=distinct(3, 4, low=-2.0, high=2.0), p=[_parameters(4, 6), _parameters(6, 2)])
def relu_network(xp, x, p):
    """ReLU on the inputs themselves, away from zero, then smooth layers."""
    hidden = xp.tanh(_dense(xp, xp.maximum(x + 0.02, 0.0), p[0]))
    return _dense(xp, hidden * hidden, p[1])


@suite.case(query=normal(3, 4), memory=normal(5, 4), beta=positive())
def hopfield_retrieval(xp, query, memory, beta):
    """Two updates of a modern Hopfield network."""
    for _ in range(2):
        score = beta * xp.matmul(query, xp.permute_dims(memory, (1, 0)))
        query = xp.matmul(xp.exp(_log_softmax(xp, score)), memory)
    return query
