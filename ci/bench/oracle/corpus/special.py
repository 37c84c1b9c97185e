"""Special functions by the special module of each package, in their names that agree."""

import math

from gradtier.cases import Suite, constant, distinct, normal, positive, uniform, values

suite = Suite("special", "Special functions: error, gamma, Bessel, statistics")


@suite.case(x=normal(7))
def error_function(xp, x):
    """Error function alone."""
    return xp.special.erf(x)


@suite.case(x=uniform(6, low=-1.0, high=4.0))
def log_complementary_error(xp, x):
    """Logarithm of erfc."""
    return xp.log(xp.special.erfc(x))


@suite.case(x=normal(4, 3))
def exact_gelu(xp, x):
    """GELU by the error function."""
    return 0.5 * x * (1.0 + xp.special.erf(x / math.sqrt(2.0)))


@suite.case(
    spot=positive(low=90, high=110), strike=positive(4, low=85, high=115),
    sigma=positive(low=0.1, high=0.4), rate=positive(low=0.01, high=0.05),
)  # fmt: skip
def option_price(xp, spot, strike, sigma, rate):
    """Black-Scholes price of calls that run a year."""
    d = (xp.log(spot / strike) + rate + 0.5 * sigma * sigma) / sigma

    def below(z):
        return 0.5 * xp.special.erfc(-z / math.sqrt(2.0))

    return spot * below(d) - strike * xp.exp(-rate) * below(d - sigma)


@suite.case(x=positive(7, low=0.1, high=20.0))
def log_gamma(xp, x):
    """Logarithm of the gamma function, alone."""
    return xp.special.gammaln(x)


@suite.case(x=positive(6, low=0.2, high=8.0))
def digamma(xp, x):
    """Digamma alone."""
    return xp.special.digamma(x)


@suite.case(x=positive(6, low=0.5, high=6.0))
def polygammas(xp, x):
    """Trigamma plus tetragamma."""
    return xp.special.polygamma(1, x) + 0.5 * xp.special.polygamma(2, x)


@suite.case(a=positive(4, low=0.5, high=4.0), x=positive(3, 4))
def dirichlet(xp, a, x):
    """Dirichlet log density of normalised weights."""
    p = x / xp.sum(x, axis=1, keepdims=True)
    constant_part = xp.special.gammaln(xp.sum(a)) - xp.sum(xp.special.gammaln(a))
    return constant_part + xp.sum((a - 1.0) * xp.log(p), axis=1)


@suite.case(x=normal(6, scale=2.0), nu=positive(low=1.0, high=5.0), scale=positive())
def student_t(xp, x, nu, scale):
    """Student's t log density, its degrees of freedom differentiated."""
    z = x / scale
    norm = xp.special.gammaln(0.5 * (nu + 1.0)) - xp.special.gammaln(0.5 * nu)
    body = -0.5 * (nu + 1.0) * xp.log1p(z * z / nu)
    return norm - 0.5 * xp.log(nu * math.pi) - xp.log(scale) + body


@suite.case(
    r=positive(low=1.0, high=6.0), mu=positive(5), k=constant(values([0.0, 1.0, 2.0, 5.0, 9.0]))
)
def negative_binomial(xp, r, mu, k):
    """Negative binomial log likelihood of counts."""
    norm = xp.special.gammaln(k + r) - xp.special.gammaln(r) - xp.special.gammaln(k + 1.0)
    return norm + r * xp.log(r / (r + mu)) + k * xp.log(mu / (r + mu))


@suite.case(x=normal(4, 5, scale=3.0))
def log_sum_exp(xp, x):
    """Log of a sum of exponentials along the last axis, times its plain mean."""
    return xp.special.logsumexp(x, -1) * xp.mean(x, axis=1)


@suite.case(x=normal(3, 4), w=normal(4, 3))
def log_sum_exp_of_product(xp, x, w):
    """Log of a sum of exponentials along the first axis of a matrix product."""
    return xp.special.logsumexp(xp.matmul(x, w), 0)


@suite.case(x=positive(5), y=positive(5))
def x_log_y(xp, x, y):
    """Kullback-Leibler divergence by xlogy."""
    p, q = x / xp.sum(x), y / xp.sum(y)
    return xp.sum(xp.special.xlogy(p, p) - xp.special.xlogy(p, q))


@suite.case(x=values([0.0, 1.0, 0.0, 2.5]), y=positive(4))
def x_log_y_at_zero(xp, x, y):
    """Product x log(y) by xlogy where x is zero."""
    return xp.special.xlogy(x, y)


@suite.case(x=normal(5, scale=3.0))
def logistic_chain(xp, x):
    """Logistic function of itself, three deep."""
    return xp.special.expit(4.0 * xp.special.expit(2.0 * xp.special.expit(x)) - 2.0)


@suite.case(p=uniform(6, low=0.05, high=0.95))
def log_odds(xp, p):
    """Logit, squared and alone."""
    odds = xp.special.logit(p)
    return odds, odds * odds


@suite.case(x=uniform(6, low=-0.9, high=0.9))
def inverse_error_function(xp, x):
    """Inverse of the error function."""
    return xp.special.erfinv(x)


@suite.case(x=distinct(6, low=0.3, high=4.0))
def modified_bessel(xp, x):
    """Ratio of modified Bessel functions of order one and zero."""
    return xp.special.i1(x) / xp.special.i0(x)


@suite.case(angle=normal(5), focus=positive(low=0.5, high=5.0))
def von_mises(xp, angle, focus):
    """Von Mises log density with its normalisation."""
    return focus * xp.cos(angle) - math.log(2.0 * math.pi) - xp.log(xp.special.i0(focus))


@suite.case(x=positive(5, low=0.5, high=30.0))
def scaled_bessel(xp, x):
    """Exponentially scaled Bessel functions."""
    return xp.special.i0e(x) - 0.5 * xp.special.i1e(x)


@suite.case(x=normal(6, scale=2.0))
def normal_distribution(xp, x):
    """Distribution function of the normal law, by ndtr."""
    return xp.special.ndtr(x) ** 2


@suite.case(x=values([-30.0, -12.5, -6.0, -2.0, 0.5, 3.0]))
def log_normal_tail(xp, x):
    """log_ndtr far in the lower tail."""
    return xp.special.log_ndtr(x)


@suite.case(p=uniform(6, low=0.02, high=0.98))
def normal_quantile(xp, p):
    """Quantile of the normal law."""
    return xp.special.ndtri(p)


@suite.case(a=positive(4, low=2.0, high=6.0))
def multivariate_log_gamma(xp, a):
    """Multivariate log gamma of dimension three."""
    return xp.special.multigammaln(a, 3)


@suite.case(x=positive(6, low=0.3, high=6.0), a=constant(values([0.5, 1.0, 1.5, 2.5, 3.0, 4.0])))
def incomplete_gamma(xp, x, a):
    """Regularised lower incomplete gamma function of its second argument."""
    return xp.special.gammainc(a, x)


@suite.case(q=positive(5, low=0.5, high=4.0))
def hurwitz_zeta(xp, q):
    """Hurwitz zeta function of its second argument."""
    return xp.special.zeta(0.0 * q + 2.5, q)


@suite.case(x=distinct(6, low=0.2, high=3.0))
def sinc(xp, x):
    """Cardinal sine away from zero."""
    return xp.sinc(x)


@suite.case(x=values([-1.0, 0.0, 0.5, 2.0]))
def sinc_at_zero(xp, x):
    """Cardinal sine at zero, where its formula divides zero by zero."""
    return xp.sinc(x)


@suite.case(x=positive(6, low=0.1, high=4.0))
def scaled_complementary_error(xp, x):
    """Scaled complementary error function."""
    return xp.special.erfcx(x)


@suite.case(w=positive(5))
def entropy_by_entr(xp, w):
    """Entropy of normalised weights by entr."""
    return xp.sum(xp.special.entr(w / xp.sum(w)))
