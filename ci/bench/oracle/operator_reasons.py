"""Why our verdicts and gradcheck's differ on an operator: written by hand, after a look at each.

A reason is about the differences seen with PyTorch 2.13; one that is not listed is "unexplained".
"""

from __future__ import annotations

from collections.abc import Mapping

TARGET = (
    "PyTorch lets the target, 1 or -1, be differentiated, and beside it the function jumps to"
    " another value, which gradcheck does not look at"
)
REFUSED = "torch.func refuses its autograd.Function"
BELOW = (
    "slopes of some elements are too small for finite differences, by the rounding of the function:"
    " alone we abstain"
)
BELOW_IN = (
    "corrcoef",
    "erfc",
    "logsumexp",
    "nn.functional.cosine_similarity",
    "nn.functional.interpolate.linear",
    "nn.functional.layer_norm",
    "nn.functional.normalize",
    "nn.functional.rms_norm",
    "nn.functional.soft_margin_loss",
    "polygamma.polygamma_n_0",
    "polygamma.polygamma_n_1",
    "polygamma.polygamma_n_2",
    "polygamma.polygamma_n_3",
    "polygamma.polygamma_n_4",
    "special.log_ndtr",
    "special.ndtr",
    "special.polygamma.special_polygamma_n_0",
)

REASONS: Mapping[str, str] = {
    **dict.fromkeys(BELOW_IN, BELOW),
    "native_group_norm": "PyTorch's gradient is right if each output has a cotangent, as we ask,"
    " and wrong if one has none: gradcheck asks for one output at a time",
    "nn.functional.hardsigmoid": "a defect: PyTorch's slope is 1/6 rounded to float32, which is"
    " within gradcheck's tolerance",
    "digamma": "a defect: PyTorch's trigamma is off by some 1e-10 here (by mpmath), which is within"
    " gradcheck's tolerance",
    "logcumsumexp": "a defect: at 1e4 PyTorch's gradient, computed by logarithms, is off by"
    " thousands of ulp (by mpmath), which is within gradcheck's tolerance",
    "round.decimals_3": "a staircase: our coarse steps see its slope, gradcheck's 1e-6 a tread",
    "__rpow__": "negative bases: function and gradient are NaN in the same elements; we accept that"
    " where the reference says so too, gradcheck does not",
    "nn.functional.cosine_embedding_loss": TARGET,
    "nn.functional.hinge_embedding_loss": TARGET,
    "linalg.lstsq": "slow gradcheck fails by itself if an integer output, here the rank, stands"
    " before one that is not",
    "linalg.norm.subgradients_at_zero": "a kink: PyTorch takes one of the generalised gradients,"
    " gradcheck allows the mean of the two slopes along a coordinate only",
    "nn.functional.linear_cross_entropy.chunked": REFUSED,
    "nn.functional.linear_cross_entropy.chunked_none": REFUSED,
    "tensor_split": "torch.func refuses indices that are a tensor",
}
