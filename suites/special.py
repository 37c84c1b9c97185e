"""Special functions, as the library has them itself, under SciPy's names and arguments.

The points are the interior of each domain, and where released rules fail: zeros that a formula
divides by, both tails, near poles and ends.  One function a case, so that one that a library lacks
hides no other.  ``exact`` forms stand where a difference can't see what is left of a tail.
"""

from gradtier.cases import Suite, constant, normal, positive, values

suite = Suite("special", "Special functions of the libraries themselves", natives=("special",))

SIGNED = values([-2.75, -0.6, 0.0, 0.4, 1.9])
SHAPES = constant(values([0.5, 2.0, 10.0, 4.0]))
LOGITS = values([[1000.0, 0.0, -1000.0], [-1000.0, -1001.0, -999.0], [800.0, 799.5, 0.0]])
MASK = constant(values([[True, False, True], [False, True, False]]))
SATURATED = values([-800.0, -100.0, -40.0, -1.5, 0.0, 2.5, 40.0, 100.0, 800.0])


def _sigmoid(xp, x):
    return 1.0 / (1.0 + xp.exp(-x))


def _log_sigmoid(xp, x):
    return -xp.log1p(xp.exp(-x))


def _log_odds(xp, x):
    return xp.log(x) - xp.log1p(-x)


def _softmax(xp, x):
    e = xp.exp(x)
    return e / xp.sum(e, axis=1, keepdims=True)


def _log_softmax(xp, x):
    return x - xp.log(xp.sum(xp.exp(x), axis=1, keepdims=True))


def _logsumexp(xp, x):
    return xp.log(xp.sum(xp.exp(x), axis=1))


@suite.case(x=SIGNED)
def erf(xp, x):
    """Error function"""
    return xp.special.erf(x)


@suite.case(x=values([-6.0, -2.0, 0.5, 3.0, 8.5]))
def erfc(xp, x):
    """Complementary error function, into its right tail"""
    return xp.special.erfc(x)


@suite.case(x=values([-2.0, -0.25, 0.0, 0.75, 3.0, 30.0]))
def erfcx(xp, x):
    """Scaled complementary error function, also where the terms of its slope cancel"""
    return xp.special.erfcx(x)


@suite.case(x=values([-0.96875, -0.5, 0.0, 0.125, 0.9, 0.96875]))
def erfinv(xp, x):
    """Inverse error function, up to its ends"""
    return xp.special.erfinv(x)


@suite.case(x=values([0.3, 1.0, 4.2, -0.6, -1.5, -2.25]))
def gamma(xp, x):
    """Gamma function, also left of zero, where its sign alternates"""
    return xp.special.gamma(x)


@suite.case(x=values([0.01, 0.5, 1.0, 2.0, 3.7, 40.0]))
def gammaln(xp, x):
    """Logarithm of the gamma function"""
    return xp.special.gammaln(x)


@suite.case(x=values([-0.5, -1.25, -2.125, -4.875]))
def gammaln_negative(xp, x):
    """log |gamma| between and near its poles"""
    return xp.special.gammaln(x)


@suite.case(x=values([0.05, 0.5, 1.4609375, 3.0, 100.0]))
def digamma(xp, x):
    """Digamma function, near its root and far out"""
    return xp.special.digamma(x)


@suite.case(x=values([-0.5, -1.25, -2.125, -4.875]))
def digamma_negative(xp, x):
    """Digamma function between and near its poles"""
    return xp.special.digamma(x)


@suite.case(x=values([0.25, 1.0, 2.5, 30.0]))
def polygamma(xp, x):
    """Trigamma function: polygamma of order 1"""
    return xp.special.polygamma(1, x)


@suite.case(x=values([-0.5, -1.25, -3.75]))
def polygamma_negative(xp, x):
    """Trigamma function left of zero"""
    return xp.special.polygamma(1, x)


@suite.case(x=positive(4))
def polygamma_order_two(xp, x):
    """Polygamma function of order 2"""
    return xp.special.polygamma(2, x)


@suite.case(a=SHAPES, x=values([0.125, 3.0, 12.0, 1.0]))
def gammainc(xp, a, x):
    """Lower incomplete gamma function in its second argument"""
    return xp.special.gammainc(a, x)


@suite.case(a=SHAPES, x=values([0.125, 3.0, 12.0, 30.0]))
def gammaincc(xp, a, x):
    """Upper incomplete gamma function in its second argument, into its tail"""
    return xp.special.gammaincc(a, x)


@suite.case(a=values([0.5, 2.0, 10.0]), x=constant(values([0.125, 3.0, 8.0])))
def gammainc_shape(xp, a, x):
    """Lower incomplete gamma function in its first argument"""
    return xp.special.gammainc(a, x)


@suite.case(a=values([0.5, 2.0, 10.0]), x=constant(values([0.125, 3.0, 14.0])))
def gammaincc_shape(xp, a, x):
    """Upper incomplete gamma function in its first argument"""
    return xp.special.gammaincc(a, x)


@suite.case(a=values([0.125, 1.0, 3.0, 6.0]), b=values([2.0, 1.0, 0.5, 4.5]))
def betaln(xp, a, b):
    """Logarithm of the beta function"""
    return xp.special.betaln(a, b)


@suite.case(
    a=constant(values([0.5, 2.0, 2.0, 5.0, 3.0])),
    b=constant(values([1.5, 2.0, 0.75, 0.5, 4.0])),
    x=values([0.0009765625, 0.3, 0.96875, 0.9, 0.00390625]),
)
def betainc(xp, a, b, x):
    """Regularised incomplete beta function in its last argument, up to both ends"""
    return xp.special.betainc(a, b, x)


@suite.case(
    a=values([0.5, 2.0, 5.0]), b=values([1.5, 2.5, 0.75]), x=constant(values([0.25, 0.5, 0.75]))
)
def betainc_shape(xp, a, b, x):
    """Regularised incomplete beta function in its first two arguments"""
    return xp.special.betainc(a, b, x)


@suite.case(x=SIGNED)
def i0(xp, x):
    """Modified Bessel function of the first kind, order 0"""
    return xp.special.i0(x)


@suite.case(x=values([-12.5, -0.6, 0.4, 9.0]))
def i0e(xp, x):
    """Scaled modified Bessel function, order 0"""
    return xp.special.i0e(x)


@suite.case(tags=("kink",), x=values([-0.5, 0.0, 1.5]))
def i0e_at_zero(xp, x):
    """Scaled modified Bessel function, order 0, on its kink at 0"""
    return xp.special.i0e(x)


@suite.case(x=SIGNED)
def i1(xp, x):
    """Modified Bessel function of the first kind, order 1, slope 1/2 at 0"""
    return xp.special.i1(x)


@suite.case(x=values([-30.0, -0.6, 0.0, 0.4, 9.0]))
def i1e(xp, x):
    """Scaled modified Bessel function, order 1, slope 1/2 at 0"""
    return xp.special.i1e(x)


@suite.case(x=values([-12.5, -0.6, 0.0, 2.5, 30.0]))
def j0(xp, x):
    """Bessel function of the first kind, order 0"""
    return xp.special.j0(x)


@suite.case(x=values([-12.5, -0.6, 0.0, 2.5, 30.0]))
def j1(xp, x):
    """Bessel function of the first kind, order 1, slope 1/2 at 0"""
    return xp.special.j1(x)


@suite.case(x=values([0.25, 1.0, 5.5, 20.0]))
def jv(xp, x):
    """Bessel function of the first kind, order 2"""
    return xp.special.jv(2, x)


@suite.case(x=values([0.25, 1.0, 5.5, 20.0]))
def y0(xp, x):
    """Bessel function of the second kind, order 0"""
    return xp.special.y0(x)


@suite.case(x=values([0.125, 1.0, 5.5, 30.0]))
def k0e(xp, x):
    """Scaled modified Bessel function of the second kind, order 0"""
    return xp.special.k0e(x)


@suite.case(x=values([0.25, 1.0, 5.5]))
def kv(xp, x):
    """Modified Bessel function of the second kind, order 2"""
    return xp.special.kv(2, x)


@suite.case(s=constant(values([2.5, 1.03125, 6.0])), q=values([0.5, 1.0, 2.25]))
def zeta(xp, s, q):
    """Hurwitz zeta function in its offset, also near the pole of its exponent"""
    return xp.special.zeta(s, q)


@suite.case(s=values([2.5, 1.125, 4.0]), q=constant(values([0.5, 1.0, 2.25])))
def zeta_exponent(xp, s, q):
    """Hurwitz zeta function in its exponent"""
    return xp.special.zeta(s, q)


@suite.case(x=normal(3, 4))
def logsumexp(xp, x):
    """logsumexp over an axis, which is kept, and over all"""
    return xp.special.logsumexp(x, axis=0, keepdims=True), xp.special.logsumexp(x)


@suite.case(x=values([[2.0, 2.0, 2.0], [0.0, 0.0, -1.0]]))
def logsumexp_of_equals(xp, x):
    """logsumexp of equal numbers, where its inner maximum has a tie"""
    return xp.special.logsumexp(x, axis=1)


@suite.case(exact=_logsumexp, x=LOGITS)
def logsumexp_apart(xp, x):
    """logsumexp of numbers far apart"""
    return xp.special.logsumexp(x, axis=1)


@suite.case(x=normal(3, 4), w=positive(3, 4))
def logsumexp_weighted(xp, x, w):
    """logsumexp with weights"""
    return xp.special.logsumexp(x, axis=1, b=w)


@suite.case(x=normal(2, 3), m=MASK)
def logsumexp_masked(xp, x, m):
    """logsumexp over entries of which a mask makes some minus infinity"""
    return xp.special.logsumexp(xp.where(m, x, -xp.inf), axis=1)


@suite.case(exact=_softmax, x=LOGITS)
def softmax_saturated(xp, x):
    """Softmax of numbers far apart"""
    return xp.special.softmax(x, axis=1)


@suite.case(exact=_log_softmax, x=LOGITS)
def log_softmax_saturated(xp, x):
    """Log-softmax of numbers far apart"""
    return xp.special.log_softmax(x, axis=1)


@suite.case(x=values([0.0, 0.5, 2.0, 0.0]), y=values([0.5, 1.5, 0.0078125, 3.0]))
def xlogy(xp, x, y):
    """x log y, also of x = 0, where its slope is log y"""
    return xp.special.xlogy(x, y)


@suite.case(x=constant(values([0.0, 0.0, 1.0])), y=values([0.0, 2.0, 1.5]))
def xlogy_no_weight(xp, x, y):
    """x log y of x = 0 and y = 0: constant in y, as an unused class of a cross-entropy"""
    return xp.special.xlogy(x, y)


@suite.case(x=values([0.0, 0.5, 2.0, 0.0]), y=values([0.5, -0.5, -0.9375, 0.0]))
def xlog1py(xp, x, y):
    """x log(1 + y), also of x = 0, where its slope is log(1 + y)"""
    return xp.special.xlog1py(x, y)


@suite.case(x=values([-1.5, -0.25, 0.0, 1.0, 2.75]))
def sinc(xp, x):
    """sinc, also at 0, where its formula is 0/0"""
    return xp.special.sinc(x)


@suite.case(exact=_sigmoid, x=SATURATED)
def expit(xp, x):
    """Logistic function, into both tails"""
    return xp.special.expit(x)


@suite.case(exact=_log_odds, x=values([1e-6, 0.03125, 0.25, 0.5, 0.96875]))
def logit(xp, x):
    """Log-odds, near both ends"""
    return xp.special.logit(x)


@suite.case(exact=_log_sigmoid, x=SATURATED)
def log_expit(xp, x):
    """Logarithm of the logistic function, into both tails"""
    return xp.special.log_expit(x)


@suite.case(x=values([-40.0, -2.0, -0.5, -1e-6]))
def log1mexp(xp, x):
    """log(1 - exp(x)), near 0 and far from it"""
    return xp.special.log1mexp(x)


@suite.case(x=values([1e-20, 0.0009765625, 0.5, 1.0, 3.0]))
def entr(xp, x):
    """Elementwise entropy, also near 0"""
    return xp.special.entr(x)


@suite.case(x=constant(values([0.0, 0.5, 2.0])), y=values([0.25, 1.5, 2.0]))
def kl_div(xp, x, y):
    """Kullback-Leibler term, also of an event without probability"""
    return xp.special.kl_div(x, y)


@suite.case(x=values([-8.0, -2.0, 0.0, 0.75, 4.0]))
def ndtr(xp, x):
    """Normal distribution function, into its left tail"""
    return xp.special.ndtr(x)


@suite.case(x=values([-8.0, -1.0, 0.0, 2.5, 5.5]))
def log_ndtr(xp, x):
    """Logarithm of the normal distribution function"""
    return xp.special.log_ndtr(x)


@suite.case(x=values([-40.0, -20.0]))
def log_ndtr_left_tail(xp, x):
    """Logarithm of the normal distribution function deep in its left tail"""
    return xp.special.log_ndtr(x)


@suite.case(x=values([1e-6, 0.03125, 0.5, 0.96875]))
def ndtri(xp, x):
    """Quantiles of the normal distribution, near both ends"""
    return xp.special.ndtri(x)


@suite.case(x=values([0.0009765625, 0.5, 3.0, 40.0]))
def exp1(xp, x):
    """Exponential integral E1"""
    return xp.special.exp1(x)


@suite.case(x=values([-3.0, -0.5, 0.0, 0.9375, 12.0]))
def dawsn(xp, x):
    """Dawson's integral, also near its maximum"""
    return xp.special.dawsn(x)


@suite.case(x=values([0.125, 0.75, 2.5]))
def spence(xp, x):
    """Dilogarithm"""
    return xp.special.spence(x)


@suite.case(x=values([1.0, 1.5]))
def spence_at_one(xp, x):
    """Dilogarithm at 1, where the formula of its slope is 0/0"""
    return xp.special.spence(x)


@suite.case(h=values([-1.0, 0.0, 0.5]), a=values([0.5, 1.0, -2.0]))
def owens_t(xp, h, a):
    """Owen's T function in both arguments"""
    return xp.special.owens_t(h, a)
