"""What a neural-network library is made of: convolutions, pooling, embeddings, normalisation.

Arrays are channels-last: (batch, length, channels) and (batch, height, width, channels).
"""

import math

from gradtier.cases import Suite, boolean, constant, distinct, integers, normal, values

suite = Suite("nn", "Neural networks: layers, pooling and normalisation")

SEQUENCE = normal(2, 8, 3)
IMAGE = normal(2, 4, 4, 2)
PATCHES = [  # the flat pixels under each 2 x 2 window of a 4 x 4 image, stride 2
    4 * (row + i) + column + j
    for row in (0, 2)
    for column in (0, 2)
    for i in (0, 1)
    for j in (0, 1)
]
ANGLES = [[position / 100 ** (2 * k / 6) for k in range(3)] for position in range(4)]
SINE = [[math.sin(a) for a in row] for row in ANGLES]
COSINE = [[math.cos(a) for a in row] for row in ANGLES]


def _padded(xp, x, before, after):
    """``x`` with zeros before and after along axis 1."""
    return xp.concat([xp.zeros_like(x[:, :before]), x, xp.zeros_like(x[:, :after])], axis=1)


def _windows(xp, x, size, stride=1, dilation=1):
    """Windows along axis 1, their elements side by side on the last axis."""
    end = x.shape[1] - dilation * (size - 1)
    taps = [x[:, k * dilation : k * dilation + end : stride] for k in range(size)]
    return xp.concat(taps, axis=-1)


def _standardised(xp, x, axis):
    centred = x - xp.mean(x, axis=axis, keepdims=True)
    variance = xp.mean(centred * centred, axis=axis, keepdims=True)
    return centred / xp.sqrt(variance + 1e-5)


@suite.case(x=normal(4, 3), w=normal(3, 5), b=normal(5))
def dense(xp, x, w, b):
    """Dense layer"""
    return xp.matmul(x, w) + b


@suite.case(x=normal(4, 3), y=normal(4, 5), w=normal(2, 3, 5), b=normal(2))
def bilinear(xp, x, y, w, b):
    """Bilinear layer"""
    return xp.matrix_transpose(xp.sum(xp.matmul(x, w) * y, axis=-1)) + b


@suite.case(x=normal(4, 3), scale=normal(3), shift=normal(3))
def scale_layer(xp, x, scale, shift):
    """Scale layer: one factor and offset per feature"""
    return scale * x + shift


@suite.case(x=SEQUENCE, w=normal(3, 3, 5), b=normal(5))
def conv1d(xp, x, w, b):
    """Convolution 1D, no padding"""
    return xp.matmul(_windows(xp, x, 3), xp.reshape(w, (9, 5))) + b


@suite.case(x=SEQUENCE, w=normal(3, 3, 5), b=normal(5))
def conv1d_strided(xp, x, w, b):
    """Convolution 1D, padding 1 and stride 2"""
    windows = _windows(xp, _padded(xp, x, 1, 1), 3, stride=2)
    return xp.matmul(windows, xp.reshape(w, (9, 5))) + b


@suite.case(x=SEQUENCE, w=normal(3, 3, 5))
def conv1d_causal_dilated(xp, x, w):
    """Convolution 1D, causal, dilation 2"""
    windows = _windows(xp, _padded(xp, x, 4, 0), 3, dilation=2)
    return xp.matmul(windows, xp.reshape(w, (9, 5)))


@suite.case(x=IMAGE, w=normal(9, 2, 3), b=normal(3))
def conv2d(xp, x, w, b):
    """Convolution 2D, kernel 3 x 3, padding 1"""
    rows = xp.permute_dims(_windows(xp, _padded(xp, x, 1, 1), 3), (0, 2, 1, 3))
    patches = _windows(xp, _padded(xp, rows, 1, 1), 3)  # (2, width, height, 18)
    y = xp.matmul(patches, xp.reshape(w, (18, 3))) + b
    return xp.permute_dims(y, (0, 2, 1, 3))


@suite.case(x=IMAGE, w=normal(8, 3), index=constant(values(PATCHES)))
def conv2d_gather(xp, x, w, index):
    """Convolution 2D by gathering patches, stride 2"""
    pixels = xp.take(xp.reshape(x, (2, 16, 2)), index, axis=1)
    return xp.reshape(xp.matmul(xp.reshape(pixels, (2, 4, 8)), w), (2, 2, 2, 3))


@suite.case(x=SEQUENCE, w=normal(3, 3))
def depthwise_conv1d(xp, x, w):
    """Depthwise convolution: one filter per channel"""
    return x[:, :6, :] * w[0, :] + x[:, 1:7, :] * w[1, :] + x[:, 2:, :] * w[2, :]


@suite.case(x=normal(2, 4, 3), w=normal(3, 3, 5))
def conv1d_transposed(xp, x, w):
    """Transposed convolution 1D, stride 2"""
    total = 0.0
    for k in range(3):
        y = xp.matmul(x, w[k, :, :])
        spread = xp.reshape(xp.stack([y, xp.zeros_like(y)], axis=2), (2, 8, 5))
        total = total + _padded(xp, spread, k, 2 - k)
    return total[:, :9, :]


@suite.case(x=distinct(2, 8, 3, low=-2.0, high=2.0))
def max_pooling(xp, x):
    """Max pooling, window 2"""
    return xp.max(xp.reshape(x, (2, 4, 2, 3)), axis=2)


@suite.case(x=IMAGE)
def mean_pooling(xp, x):
    """Mean pooling 2D, window 2 x 2"""
    return xp.mean(xp.reshape(x, (2, 2, 2, 2, 2, 2)), axis=(2, 4))


@suite.case(x=distinct(2, 4, 4, 2, low=-2.0, high=2.0))
def global_pooling(xp, x):
    """Global mean and max pooling"""
    return xp.concat([xp.mean(x, axis=(1, 2)), xp.max(x, axis=(1, 2))], axis=-1)


@suite.case(x=SEQUENCE)
def adaptive_pooling(xp, x):
    """Adaptive mean pooling: 8 positions to 3, windows overlapping"""
    bounds = [(8 * i // 3, -(-8 * (i + 1) // 3)) for i in range(3)]
    return xp.stack([xp.mean(x[:, a:b, :], axis=1) for a, b in bounds], axis=1)


@suite.case(x=IMAGE, w=normal(8, 8, 1))
def upsample_nearest(xp, x, w):
    """Nearest-neighbour upsampling by 2, weighted"""
    return xp.repeat(xp.repeat(x, 2, axis=1), 2, axis=2) * w


@suite.case(x=normal(2, 2, 3, 4), w=normal(4, 6, 1))
def pixel_shuffle(xp, x, w):
    """Pixel shuffle: channels to space, factor 2, weighted"""
    blocks = xp.reshape(x, (2, 2, 3, 2, 2, 1))
    return xp.reshape(xp.permute_dims(blocks, (0, 1, 3, 2, 4, 5)), (2, 4, 6, 1)) * w


@suite.case(table=normal(6, 3), ids=integers(2, 4, high=6))
def embedding(xp, table, ids):
    """Embedding lookup, indices repeated"""
    return xp.reshape(xp.take(table, xp.reshape(ids, (8,)), axis=0), (2, 4, 3))


@suite.case(x=normal(2, 4, 3), scale=normal(), table=constant(values(SINE)))
def positional_encoding(xp, x, scale, table):
    """Sinusoidal positional encoding with a learned scale"""
    return x * math.sqrt(3) + scale * table


@suite.case(x=normal(2, 4, 6), cosine=constant(values(COSINE)), sine=constant(values(SINE)))
def rotary_embedding(xp, x, cosine, sine):
    """Rotary position embedding"""
    a, b = x[..., :3], x[..., 3:]
    return xp.concat([a * cosine - b * sine, a * sine + b * cosine], axis=-1)


@suite.case(x=normal(8, 3), gain=normal(3), bias=normal(3))
def batch_norm(xp, x, gain, bias):
    """Batch normalisation, statistics of the batch"""
    return gain * _standardised(xp, x, 0) + bias


@suite.case(x=normal(2, 4, 6), gain=normal(6), bias=normal(6))
def group_norm(xp, x, gain, bias):
    """Group normalisation, 2 groups of channels"""
    groups = _standardised(xp, xp.reshape(x, (2, 4, 2, 3)), (1, 3))
    return gain * xp.reshape(groups, (2, 4, 6)) + bias


@suite.case(x=IMAGE, gain=normal(2))
def instance_norm(xp, x, gain):
    """Instance normalisation"""
    return gain * _standardised(xp, x, (1, 2))


@suite.case(x=normal(2, 4, 6), gain=normal(6), bias=normal(6))
def layer_norm(xp, x, gain, bias):
    """Layer normalisation"""
    return gain * _standardised(xp, x, -1) + bias


@suite.case(x=normal(2, 4, 6), gain=normal(6))
def rms_norm(xp, x, gain):
    """RMS normalisation"""
    return gain * x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + 1e-5)


@suite.case(x=normal(4, 3), v=normal(3, 5), g=normal(5))
def weight_norm(xp, x, v, g):
    """Weight normalisation of a dense layer"""
    return xp.matmul(x, v * (g / xp.sqrt(xp.sum(v * v, axis=0))))


@suite.case(x=normal(4, 3), w=normal(3, 5), keep=boolean(4, 3, share=0.75))
def dropout(xp, x, w, keep):
    """Dropout with a fixed mask, then a dense layer"""
    return xp.matmul(xp.where(keep, x / 0.75, 0.0), w)


@suite.case(x=normal(4, 3), w=normal(3, 6), b=normal(6))
def maxout(xp, x, w, b):
    """Maxout of 2 pieces"""
    return xp.max(xp.reshape(xp.matmul(x, w) + b, (4, 3, 2)), axis=-1)


@suite.case(x=normal(4, 3), w=normal(3, 3), b=normal(3))
def skip_connection(xp, x, w, b):
    """Skip connection around a dense layer"""
    return x + xp.tanh(xp.matmul(x, w) + b)


@suite.case(x=normal(1, 5, 6, 2), w=normal(8, 3), b=normal(3))
def conv2d_dilated(xp, x, w, b):
    """Convolution 2D, padding and dilation 2 along one axis, stride 2 along the other"""
    rows = xp.permute_dims(_windows(xp, _padded(xp, x, 1, 1), 2, dilation=2), (0, 2, 1, 3))
    patches = _windows(xp, rows, 2, stride=2)  # (1, width, height, 8)
    return xp.permute_dims(xp.matmul(patches, w) + b, (0, 2, 1, 3))


@suite.case(x=normal(2, 6, 4), w=normal(2, 6, 3), b=normal(6))
def conv1d_groups(xp, x, w, b):
    """Convolution 1D in 2 groups of channels"""
    groups = [_windows(xp, x[..., k : k + 2], 3) for k in (0, 2)]
    y = xp.matmul(xp.stack(groups), xp.reshape(w, (2, 1, 6, 3)))
    return xp.reshape(xp.permute_dims(y, (1, 2, 0, 3)), (2, 4, 6)) + b


@suite.case(x=normal(1, 3, 4, 3, 2), w=normal(16, 2))
def conv3d(xp, x, w):
    """Convolution 3D, kernel 2 x 2 x 2"""
    for _ in range(3):  # each turn brings the next axis to the front
        x = xp.permute_dims(_windows(xp, x, 2), (0, 2, 3, 1, 4))
    return xp.matmul(x, w)


@suite.case(x=normal(1, 2, 3, 2), w=normal(2, 12))
def conv2d_transposed(xp, x, w):
    """Transposed convolution 2D, kernel 2 x 2 and stride 2"""
    blocks = xp.reshape(xp.matmul(x, w), (1, 2, 3, 2, 2, 3))
    return xp.reshape(xp.permute_dims(blocks, (0, 1, 3, 2, 4, 5)), (1, 4, 6, 3))


@suite.case(x=distinct(2, 8, 3, low=-2.0, high=2.0))
def lp_pooling(xp, x):
    """Lp pooling, p = 3, window 2"""
    powers = xp.abs(xp.reshape(x, (2, 4, 2, 3))) ** 3
    return xp.sum(powers, axis=2) ** (1.0 / 3.0)


@suite.case(x=distinct(2, 4, 4, 2, low=-2.0, high=2.0))
def max_pooling_overlapping(xp, x):
    """Max pooling 2D, window 2 x 2 and stride 1"""
    rows = xp.maximum(x[:, :3, :, :], x[:, 1:, :, :])
    return xp.maximum(rows[:, :, :3, :], rows[:, :, 1:, :])


@suite.case(x=distinct(2, 8, 3, low=-2.0, high=2.0))
def adaptive_max_pooling(xp, x):
    """Adaptive max pooling: 8 positions to 3, windows overlapping"""
    bounds = [(8 * i // 3, -(-8 * (i + 1) // 3)) for i in range(3)]
    return xp.stack([xp.max(x[:, a:b, :], axis=1) for a, b in bounds], axis=1)


@suite.case(
    x=normal(2, 3, 2),
    low=constant(values([0, 0, 0, 1, 1, 1])),
    share=constant(values([[0.0], [0.25], [0.75], [0.25], [0.75], [1.0]])),
)
def upsample_linear(xp, x, low, share):
    """Linear upsampling by 2, borders repeated"""
    return xp.take(x, low, axis=1) * (1.0 - share) + xp.take(x, low + 1, axis=1) * share


@suite.case(x=normal(2, 4, 3), w=normal(3, 2), keep=boolean(2, 1, 3, share=0.5))
def channel_dropout(xp, x, w, keep):
    """Channel dropout with a fixed mask, then a dense layer"""
    return xp.matmul(xp.where(keep, x / 0.5, 0.0), w)


@suite.case(x=normal(4, 3), w=normal(3, 2), keep=boolean(4, 3, share=0.75))
def alpha_dropout(xp, x, w, keep):
    """Alpha dropout with a fixed mask: what is dropped saturates"""
    low = -1.7580993408473766
    scale = (0.75 * (1.0 + 0.25 * low * low)) ** -0.5
    return xp.matmul(scale * xp.where(keep, x, low) - scale * low * 0.25, w)


@suite.case(x=normal(3, 2, 3), w=normal(2, 3, 4), u=normal(2, 4, 4, scale=0.5))
def rnn_bidirectional(xp, x, w, u):
    """Bidirectional RNN over 3 steps"""
    outputs = []
    for way, steps in enumerate((x, xp.flip(x, axis=0))):
        inputs = xp.matmul(steps, w[way, :, :])
        states = [xp.tanh(inputs[0, :, :])]
        for k in (1, 2):
            states.append(xp.tanh(inputs[k, :, :] + xp.matmul(states[-1], u[way, :, :])))
        outputs.append(xp.stack(states))
    return xp.concat([outputs[0], xp.flip(outputs[1], axis=0)], axis=-1)


@suite.case(x=normal(4, 3), w=normal(3, 2), b=normal(2), v=normal(3, 3))
def parallel_branches(xp, x, w, b, v):
    """Parallel branches of one input, side by side"""
    chain = xp.tanh(xp.matmul(xp.tanh(xp.matmul(x, v)), w))
    return xp.concat([xp.matmul(x, w) + b, chain, x], axis=-1)


@suite.case(x=normal(2, 3, 4), table=normal(5, 4))
def positional_embedding(xp, x, table):
    """Learned positional embedding, longer than the sequence"""
    return x + table[:3, :]
