"""The functions of a neural-network library as people call them: one fused call each.

Arrays are channels-first: (batch, channels, positions ...).  What the same layers are when they are
written out over arrays is in ``nn.py``, ``activations.py`` and ``losses.py``.
"""

from gradtier.cases import Suite, constant, distinct, integers, normal, positive, uniform, values

suite = Suite("fused", "Neural networks: the libraries' own fused functions", natives=("nn",))

EPS = 0.0009765625  # float32 holds it
TAILS = values([-800.0, -3.0, -0.625, 0.0, 0.5, 2.5, 800.0])  # exp of a bound overflows
SEEN = constant(values([[True, True, False, True], [False, True, False, True]]))


# Convolution


@suite.case(x=normal(2, 3, 8), w=normal(4, 3, 3), b=normal(4))
def conv1d_strided(xp, x, w, b):
    """Convolution 1D, padding 1, stride 2 that leaves a remainder"""
    return xp.nn.conv(x, w, b, stride=2, padding=1)


@suite.case(x=normal(2, 2, 4), w=normal(3, 2, 2), b=normal(3))
def conv1d_wide_padding(xp, x, w, b):
    """Convolution 1D, dilation 2, padding larger than the kernel"""
    return xp.nn.conv(x, w, b, padding=4, dilation=2)


@suite.case(x=normal(2, 4, 5, 4), w=normal(6, 2, 3, 2), b=normal(6))
def conv2d_groups(xp, x, w, b):
    """Convolution 2D, 2 groups, stride and padding that differ by axis"""
    return xp.nn.conv(x, w, b, stride=(2, 1), padding=(1, 0), groups=2)


@suite.case(x=normal(1, 3, 5, 6), w=normal(3, 1, 2, 3))
def conv2d_depthwise(xp, x, w):
    """Convolution 2D, depthwise, dilation 2"""
    return xp.nn.conv(x, w, None, dilation=2, groups=3)


@suite.case(x=normal(1, 2, 2, 4, 2), w=normal(3, 2, 2, 2, 2), b=normal(3))
def conv3d(xp, x, w, b):
    """Convolution 3D, padding 1 and stride 2"""
    return xp.nn.conv(x, w, b, stride=2, padding=1)


@suite.case(x=normal(2, 3, 4), w=normal(3, 2, 2))
def conv_transpose1d(xp, x, w):
    """Transposed convolution 1D, stride larger than the kernel"""
    return xp.nn.conv_transpose(x, w, stride=3)


@suite.case(x=normal(1, 3, 3, 4), w=normal(3, 2, 3, 3))
def conv_transpose2d(xp, x, w):
    """Transposed convolution 2D, stride 2, padding 1, output padding 1"""
    return xp.nn.conv_transpose(x, w, stride=2, padding=1, output_padding=1)


@suite.case(x=normal(1, 2, 4, 5), w=normal(8, 9))
def unfold(xp, x, w):
    """Patches of an image (im2col), padding 1, stride 2, weighted"""
    return xp.nn.unfold(x, 2, stride=2, padding=1) * w


# Pooling


@suite.case(x=distinct(1, 2, 5, 5, low=-2.0, high=2.0))
def max_pool2d(xp, x):
    """Max pooling 2D, overlapping windows, padding 1"""
    return xp.nn.max_pool(x, 3, stride=2, padding=1)


@suite.case(x=values([[[1.0, 1.0, 0.5, 2.0, 2.0, 2.0, -1.0]]]), tags=("kink",))
def max_pool1d_ties(xp, x):
    """Max pooling 1D, overlapping windows with ties"""
    return xp.nn.max_pool(x, 3, stride=2)


@suite.case(x=normal(1, 2, 5, 4))
def avg_pool2d(xp, x):
    """Average pooling 2D, the padding counted"""
    return xp.nn.avg_pool(x, 3, stride=2, padding=1, count_include_pad=True)


@suite.case(x=normal(1, 2, 4, 3))
def avg_pool2d_uncounted(xp, x):
    """Average pooling 2D, the padding not counted"""
    return xp.nn.avg_pool(x, 3, stride=1, padding=1, count_include_pad=False)


@suite.case(x=normal(1, 2, 7, 5))
def adaptive_avg_pool2d(xp, x):
    """Adaptive average pooling 2D, windows of uneven size"""
    return xp.nn.adaptive_avg_pool(x, (3, 2))


@suite.case(x=distinct(1, 2, 7, 5, low=-2.0, high=2.0))
def adaptive_max_pool2d(xp, x):
    """Adaptive max pooling 2D, windows of uneven size"""
    return xp.nn.adaptive_max_pool(x, (3, 2))


# Attention and recurrence


@suite.case(q=normal(1, 2, 2, 3), k=normal(1, 2, 4, 3), v=normal(1, 2, 4, 3), mask=SEEN)
def attention_masked(xp, q, k, v, mask):
    """Attention with a key that no query sees"""
    return xp.nn.attention(q, k, v, mask=mask)


@suite.case(q=normal(2, 2, 3, 2), k=normal(2, 2, 3, 2), v=normal(2, 2, 3, 2))
def attention_causal(xp, q, k, v):
    """Causal attention"""
    return xp.nn.attention(q, k, v, causal=True)


@suite.case(q=normal(1, 1, 3, 2, scale=32.0), k=normal(1, 1, 4, 2), v=normal(1, 1, 4, 2))
def attention_saturated(xp, q, k, v):
    """Attention whose weights are saturated"""
    return xp.nn.attention(q, k, v)


@suite.case(
    x=normal(3, 2, 3), state=(normal(2, 4), normal(2, 4)),
    w=normal(16, 3), u=normal(16, 4, scale=0.5), b=normal(16),
)  # fmt: skip
def lstm(xp, x, state, w, u, b):
    """LSTM over 3 steps"""
    return xp.nn.lstm(x, *state, w, u, b)


@suite.case(x=normal(2, 3), h=normal(2, 4), w=normal(12, 3), u=normal(12, 4), b=normal(12))
def gru_cell(xp, x, h, w, u, b):
    """GRU cell"""
    return xp.nn.gru_cell(x, h, w, u, b)


# Normalisation


@suite.case(x=normal(2, 3, 4), gain=normal(4), bias=normal(4))
def layer_norm(xp, x, gain, bias):
    """Layer normalisation"""
    return xp.nn.layer_norm(x, gain, bias, EPS)


@suite.case(x=values([[0.5] * 4, [0.0] * 4, [0.5, 2.0, -1.0, 3.0]]), gain=normal(4), bias=normal(4))
def layer_norm_constant_rows(xp, x, gain, bias):
    """Layer normalisation of rows without variance"""
    return xp.nn.layer_norm(x, gain, bias, EPS)


@suite.case(x=normal(2, 4, 3), gain=normal(4), bias=normal(4))
def group_norm(xp, x, gain, bias):
    """Group normalisation, 2 groups"""
    return xp.nn.group_norm(x, 2, gain, bias, EPS)


@suite.case(x=normal(2, 4, 2, 2))
def group_norm_plain(xp, x):
    """Group normalisation without gain and offset"""
    return xp.nn.group_norm(x, 2, None, None, EPS)


@suite.case(x=normal(3, 2, 2, 3), gain=normal(2), bias=normal(2))
def batch_norm(xp, x, gain, bias):
    """Batch normalisation in training, statistics of the batch"""
    return xp.nn.batch_norm(x, gain, bias, EPS)


@suite.case(x=normal(2, 2, 3, 3))
def instance_norm(xp, x):
    """Instance normalisation"""
    return xp.nn.instance_norm(x, EPS)


@suite.case(x=values([[0.0] * 4, [0.25, -0.5, 2.0, 1.0], [64.0, 0.0, -32.0, 1.0]]), gain=normal(4))
def rms_norm(xp, x, gain):
    """RMS normalisation, one row of zeros"""
    return xp.nn.rms_norm(x, gain, EPS)


@suite.case(x=values([[0.003, -0.004, 0.0], [1.0, 2.0, -0.5]]))
def normalize(xp, x):
    """Vectors to length 1, one of them tiny"""
    return xp.nn.normalize(x, 1e-12)


@suite.case(x=values([[0.0, 0.0, 0.0], [0.125, -0.25, 0.0]]))
def normalize_below_eps(xp, x):
    """Vectors to length 1, shorter than the guard, one of them zero"""
    return xp.nn.normalize(x, 0.5)


@suite.case(x=values([[0.003, -0.004, 0.0], [1.0, 2.0, -0.5]]), y=normal(2, 3))
def cosine_similarity(xp, x, y):
    """Cosine similarity, one vector tiny"""
    return xp.nn.cosine_similarity(x, y, 1e-8)


@suite.case(x=normal(3, 4), y=normal(2, 4))
def pairwise_distance(xp, x, y):
    """Euclidean distances of two sets of points"""
    return xp.nn.cdist(x, y)


# Softmax and losses


@suite.case(x=normal(2, 3, 4))
def softmax(xp, x):
    """Softmax along the middle axis"""
    return xp.nn.softmax(x, 1)


@suite.case(x=values([[1000.0, 998.5, -1000.0], [-90.0, 3.0, 40.0], [0.0, 0.0, 0.0]]))
def softmax_saturated(xp, x):
    """Softmax of large logits, saturated logits and ties"""
    return xp.nn.softmax(x, -1)


@suite.case(x=values([[1000.0, 998.5, -1000.0], [-90.0, 3.0, 40.0], [0.0, 0.0, 0.0]]))
def log_softmax_saturated(xp, x):
    """Log-softmax of large logits, saturated logits and ties"""
    return xp.nn.log_softmax(x, -1)


@suite.case(x=values([[1000.0, 1000.0, -1000.0], [-800.0, -800.0, -801.5]]))
def logsumexp(xp, x):
    """Log-sum-exp of huge numbers with ties"""
    return xp.nn.logsumexp(x, -1)


@suite.case(x=normal(4, 3), label=integers(4, high=3))
def cross_entropy(xp, x, label):
    """Cross entropy with labels"""
    return xp.nn.cross_entropy(x, label, 0.0)


@suite.case(
    x=values([[60.0, 0.0, -60.0], [0.5, -0.25, 1.0], [-90.0, 90.0, 89.0]]),
    label=constant(values([2, 1, 1])),
)
def cross_entropy_smoothed(xp, x, label):
    """Cross entropy with label smoothing, saturated logits"""
    return xp.nn.cross_entropy(x, label, 0.25)


@suite.case(x=TAILS, y=constant(values([0.0, 1.0, 0.5, 0.25, 1.0, 0.0, 1.0])))
def binary_cross_entropy(xp, x, y):
    """Binary cross entropy with logits, at 0 and in both tails"""
    return xp.nn.binary_cross_entropy_with_logits(x, y)


@suite.case(x=normal(3, 4), y=positive(3, 4))
def kl_div(xp, x, y):
    """Kullback-Leibler divergence from log-probabilities, both differentiated"""
    return xp.nn.kl_div(xp.nn.log_softmax(x, -1), y)


@suite.case(x=distinct(4, 3, low=-3.0, high=3.0), y=constant(uniform(4, 3, high=0.0625)))
def huber(xp, x, y):
    """Huber loss, threshold 1.25"""
    return xp.nn.huber(x, y, 1.25)


@suite.case(x=normal(3, 4), near=normal(3, 4), far=normal(3, 4, mean=1.0))
def triplet_margin(xp, x, near, far):
    """Triplet loss, margin 8"""
    return xp.nn.triplet_margin(x, near, far, 8.0)


@suite.case(x=normal(5, 2, 4), label=constant(values([[1, 1], [2, 3]])))
def ctc(xp, x, label):
    """Connectionist temporal classification, one label repeated"""
    return xp.nn.ctc(x, label)


# Activations


@suite.case(x=TAILS)
def gelu(xp, x):
    """GELU, at 0 and in both tails"""
    return xp.nn.gelu(x)


@suite.case(x=TAILS)
def gelu_tanh(xp, x):
    """GELU, tanh form, at 0 and in both tails"""
    return xp.nn.gelu_tanh(x)


@suite.case(x=TAILS)
def silu(xp, x):
    """SiLU, at 0 and in both tails"""
    return xp.nn.silu(x)


@suite.case(x=TAILS)
def mish(xp, x):
    """Mish, at 0 and in both tails"""
    return xp.nn.mish(x)


@suite.case(x=TAILS)
def softplus(xp, x):
    """Softplus, at 0 and in both tails"""
    return xp.nn.softplus(x)


@suite.case(x=TAILS)
def log_sigmoid(xp, x):
    """Log-sigmoid, at 0 and in both tails"""
    return xp.nn.log_sigmoid(x)


@suite.case(x=values([-800.0, -3.0, -0.0625, 0.0625, 1.0, 800.0]))
def elu(xp, x):
    """ELU, both tails"""
    return xp.nn.elu(x)


@suite.case(x=values([-800.0, -1.0, 0.0, 1.0, 800.0]), tags=("kink",))
def selu(xp, x):
    """SELU, at its kink and in both tails"""
    return xp.nn.selu(x)


@suite.case(x=values([-1.0, 0.0, 0.5]), tags=("kink",))
def relu(xp, x):
    """ReLU at its kink"""
    return xp.nn.relu(x)


@suite.case(x=values([-1.0, 0.0, 3.0, 6.0, 7.0]), tags=("kink",))
def relu6(xp, x):
    """ReLU6 at its kinks"""
    return xp.nn.relu6(x)


@suite.case(x=values([-2.0, 0.0, 1.0]), tags=("kink",))
def leaky_relu(xp, x):
    """Leaky ReLU at its kink"""
    return xp.nn.leaky_relu(x, 0.125)


@suite.case(x=values([-4.0, -3.0, -1.0, 0.0, 3.0, 4.0]), tags=("kink",))
def hard_swish(xp, x):
    """Hard swish at its kinks"""
    return xp.nn.hard_swish(x)


@suite.case(x=values([-4.0, -3.0, -1.0, 0.0, 3.0, 4.0]), tags=("kink",))
def hard_sigmoid(xp, x):
    """Hard sigmoid at its kinks"""
    return xp.nn.hard_sigmoid(x)


# Lookups, resampling and padding


@suite.case(table=normal(4, 3), ids=constant(values([[1, 3, 1], [1, 0, 3]])))
def embedding(xp, table, ids):
    """Embedding, ids repeated, one unused"""
    return xp.nn.embedding(table, ids, None)


@suite.case(
    table=values([[0.5, -1.0], [0.0, 0.0], [2.0, 0.25]]), ids=constant(values([2, 1, 0, 1])),
)  # fmt: skip
def embedding_padding(xp, table, ids):
    """Embedding with a padding id, whose row stays zero"""
    return xp.nn.embedding(table, ids, 1)


@suite.case(x=normal(1, 8, 2, 2), w=normal(4, 4))
def pixel_shuffle(xp, x, w):
    """Pixel shuffle, factor 2, weighted"""
    return xp.nn.pixel_shuffle(x, 2) * w


@suite.case(x=normal(1, 2, 3, 4))
def resize_bilinear(xp, x):
    """Bilinear resizing, up along one axis and down along the other"""
    return xp.nn.resize_bilinear(x, (5, 3), align_corners=False)


@suite.case(x=normal(1, 2, 3, 4))
def resize_bilinear_aligned(xp, x):
    """Bilinear resizing, corners aligned"""
    return xp.nn.resize_bilinear(x, (4, 6), align_corners=True)
