"""Loss functions, each a scalar; predictions keep away from the kinks of the hinged ones."""

from gradtier.cases import Suite, constant, distinct, integers, normal, positive, uniform, values

suite = Suite("losses", "Neural networks: loss functions")

# 12 values, one in each half unit of [-3, 3): none within 0.1 of -1, 0 or 1.
SCORES = distinct(4, 3, low=-3.0, high=3.0)
TARGETS = constant(uniform(4, 3))
SIGNS = constant(values([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, -1.0], [-1.0, 1.0, 1.0]]))
LABELS = constant(values([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]))


def _log_softmax(xp, x):
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def _sigmoid(xp, x):
    return 1.0 / (1.0 + xp.exp(-x))


@suite.case(x=normal(4, 3), y=normal(4, 3))
def mean_squared_error(xp, x, y):
    """Mean squared error"""
    return xp.mean((x - y) ** 2)


@suite.case(x=SCORES)
def mean_absolute_error(xp, x):
    """Mean absolute error"""
    return xp.mean(xp.abs(x - 1.0))


@suite.case(x=SCORES)
def huber(xp, x):
    """Huber loss, threshold 1"""
    size = xp.abs(x)
    return xp.mean(xp.where(size < 1.0, 0.5 * x * x, size - 0.5))


@suite.case(x=SCORES, y=LABELS)
def binary_cross_entropy(xp, x, y):
    """Binary cross entropy with logits, stable form"""
    return xp.mean(xp.maximum(x, 0.0) - x * y + xp.log1p(xp.exp(-xp.abs(x))))


@suite.case(x=SCORES, label=integers(4, 1, high=3))
def categorical_cross_entropy(xp, x, label):
    """Categorical cross entropy with label smoothing"""
    log_p = _log_softmax(xp, x)
    picked = xp.mean(xp.take_along_axis(log_p, label, axis=-1))
    return -0.9 * picked - 0.1 * xp.mean(log_p)


@suite.case(x=SCORES, y=LABELS)
def focal(xp, x, y):
    """Focal loss, focus 2.5"""
    right = y * _sigmoid(xp, x) + (1.0 - y) * _sigmoid(xp, -x)
    return -xp.mean((1.0 - right) ** 2.5 * xp.log(right))


@suite.case(x=SCORES, y=LABELS)
def dice(xp, x, y):
    """Dice loss"""
    p = _sigmoid(xp, x)
    return 1.0 - (2.0 * xp.sum(p * y) + 1.0) / (xp.sum(p) + xp.sum(y) + 1.0)


@suite.case(x=SCORES, y=SIGNS)
def hinge(xp, x, y):
    """Hinge loss"""
    return xp.sum(xp.maximum(1.0 - x * y, 0.0))


@suite.case(x=SCORES, y=SIGNS)
def squared_hinge(xp, x, y):
    """Squared hinge loss"""
    return xp.mean(xp.maximum(1.0 - x * y, 0.0) ** 2)


@suite.case(x=normal(4, 3), y=normal(4, 3))
def kl_divergence(xp, x, y):
    """Kullback-Leibler divergence of two softmax distributions"""
    log_p, log_q = _log_softmax(xp, x), _log_softmax(xp, y)
    return xp.mean(xp.sum(xp.exp(log_p) * (log_p - log_q), axis=-1))


@suite.case(x=normal(4, 3), count=constant(values([[0.0, 2.0, 1.0]] * 4)))
def poisson(xp, x, count):
    """Poisson negative log-likelihood of a log rate"""
    return xp.mean(xp.exp(x) - count * x)


@suite.case(x=positive(4, 3), y=TARGETS)
def mean_squared_log_error(xp, x, y):
    """Mean squared logarithmic error"""
    return xp.mean((xp.log1p(x) - xp.log1p(y)) ** 2)


@suite.case(x=normal(4, 3), y=normal(4, 3), same=constant(values([1.0, 0.0, 0.0, 1.0])))
def contrastive(xp, x, y, same):
    """Siamese contrastive loss, margin 2.5"""
    gap = xp.sqrt(xp.sum((x - y) ** 2, axis=-1) + 1e-6)
    return xp.mean(same * gap**2 + (1.0 - same) * xp.maximum(2.5 - gap, 0.0) ** 2)


@suite.case(x=SCORES, y=LABELS)
def binary_cross_entropy_smoothed(xp, x, y):
    """Binary cross entropy of probabilities with label smoothing"""
    p = xp.clip(_sigmoid(xp, x), 1e-7, 1.0 - 1e-7)
    target = 0.8 * y + 0.1
    return -xp.mean(target * xp.log(p) + (1.0 - target) * xp.log1p(-p))


@suite.case(x=SCORES, y=constant(uniform(4, 3)))
def focal_categorical(xp, x, y):
    """Categorical focal loss of soft labels, focus 2"""
    log_p = _log_softmax(xp, x)
    return -xp.mean(xp.sum(y * (1.0 - xp.exp(log_p)) ** 2 * log_p, axis=-1))


@suite.case(x=SCORES, y=LABELS)
def tversky(xp, x, y):
    """Tversky loss, weights 0.3 and 0.7"""
    p = _sigmoid(xp, x)
    hits, missed = xp.sum(p * y), xp.sum((1.0 - p) * y)
    return 1.0 - (hits + 1.0) / (hits + 0.3 * xp.sum(p * (1.0 - y)) + 0.7 * missed + 1.0)


@suite.case(x=normal(4, 3), near=normal(4, 3), far=normal(4, 3, mean=2.0))
def triplet(xp, x, near, far):
    """Triplet loss, margin 1.5"""
    gaps = [xp.sum((x - y) ** 2, axis=-1) for y in (near, far)]
    return xp.mean(xp.maximum(gaps[0] - gaps[1] + 1.5, 0.0))


@suite.case(x=normal(4, 3), y=normal(4, 3), same=constant(values([1.0, 0.0, 0.0, 1.0])))
def cosine_embedding(xp, x, y, same):
    """Cosine embedding loss, margin -0.75"""
    lengths = xp.sqrt(xp.sum(x * x, axis=-1) * xp.sum(y * y, axis=-1))
    cosine = xp.sum(x * y, axis=-1) / lengths
    return xp.mean(same * (1.0 - cosine) + (1.0 - same) * xp.maximum(cosine + 0.75, 0.0))


@suite.case(x=SCORES)
def log_cosh(xp, x):
    """Log-cosh loss"""
    return xp.mean(xp.log(xp.cosh(x - 0.75)))


@suite.case(x=SCORES)
def quantile(xp, x):
    """Quantile (pinball) loss, quantile 0.8"""
    gap = 1.0 - x
    return xp.mean(xp.maximum(0.8 * gap, -0.2 * gap))


@suite.case(x=normal(4, 3), log_variance=normal(4, 3), y=TARGETS)
def gaussian_negative_log_likelihood(xp, x, log_variance, y):
    """Gaussian negative log-likelihood, the variance learned too"""
    return 0.5 * xp.mean(log_variance + (x - y) ** 2 * xp.exp(-log_variance))


@suite.case(x=SCORES, label=integers(4, 1, high=3))
def multiclass_hinge(xp, x, label):
    """Multi-class hinge loss, margin 0.75"""
    right = xp.take_along_axis(x, label, axis=-1)
    return xp.mean(xp.sum(xp.maximum(x - right + 0.75, 0.0), axis=-1)) - 0.75
