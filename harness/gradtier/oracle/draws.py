"""Random draws that depend on a name alone: the same everywhere, in any order of calls.

Directions and cotangents are +-[1/2, 3/2] with 8 fractional bits times a power of two, so that for
float32-representable points the steps of `fd` are exact in float64.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence

import numpy as np

from gradtier.oracle.constants import PRECISIONS, round_to
from gradtier.oracle.types import Array, Leaves, Paired

FAMILIES = ("relative", "absolute")


def generator(name: str, *keys: object) -> np.random.Generator:
    """A counter-based generator (Philox) keyed by a name and the purpose of the draw."""
    text = "|".join((name, *map(str, keys)))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def dyadic(rng: np.random.Generator, like: Leaves) -> Leaves:
    """Random signs times multiples of 1/256 in [1/2, 3/2], shaped like some leaves."""
    sizes = [leaf.size for leaf in like]
    drawn = rng.integers(0, 2 * 257, sum(sizes))
    values = ((drawn & 1) * 2 - 1) * (128 + (drawn >> 1)) / 256.0
    return unflatten(values, like)


def leaf_scale(leaf: Array) -> float:
    """The power of two nearest to the (upper) median magnitude of the finite non-zero elements."""
    sizes = np.abs(leaf[np.isfinite(leaf) & (leaf != 0)])
    if not sizes.size:
        return 1.0
    middle = sizes.size // 2
    return float(2.0 ** round(math.log2(np.partition(sizes, middle)[middle])))


def element_scales(leaf: Array) -> Array:
    """Per element the power of two below its magnitude; the leaf's scale where it is zero."""
    usable = np.isfinite(leaf) & (leaf != 0)
    whole = usable.all()
    _, exponents = np.frexp(np.abs(leaf) if whole else np.where(usable, np.abs(leaf), 1.0))
    scales = np.ldexp(0.5, exponents)
    return np.asarray(scales if whole else np.where(usable, scales, leaf_scale(leaf)))


def direction(name: str, x: Leaves, family: str) -> Leaves:
    """A direction shaped like `x`, scaled per element ("relative") or per leaf ("absolute")."""
    scale = element_scales if family == "relative" else leaf_scale
    drawn = dyadic(generator(name, "direction", family), x)
    return tuple(np.asarray(v * scale(leaf)) for v, leaf in zip(drawn, x, strict=True))


def cotangents(name: str, value: Leaves) -> tuple[Leaves, Leaves]:
    """Two cotangents shaped like `value`, with differing elements and sign patterns."""
    rng = generator(name, "cotangents")
    first, other = dyadic(rng, value), dyadic(rng, value)
    second = tuple(np.where(b == a, -0.75 * a, b) for a, b in zip(first, other, strict=True))
    signs = flat(first) * flat(second) > 0
    if signs.size > 1 and (signs.all() or not signs.any()):
        second = _flip_alternate(second)
    elif signs.size == 1:
        second = tuple(-0.75 * a for a in first)
    return first, second


def _flip_alternate(leaves: Leaves) -> Leaves:
    values = flat(leaves)
    values[::2] *= -1.0
    return unflatten(values, leaves)


def perturbed(name: str, x: Leaves, dtype: str, probe: int, ulps: float = 2.0) -> Leaves:
    """Leaves wiggled by a few units in the last place of `dtype`, and representable in it."""
    signs = [_signs(generator(name, "probe", probe, i), leaf) for i, leaf in enumerate(x)]
    return _moved(x, ulps * PRECISIONS[dtype].unit, signs, dtype)


def either_side(name: str, x: Leaves, dtype: str) -> tuple[Leaves, Leaves]:
    """Two points on either side of `x`, the root of the unit roundoff away (relative).

    Far enough for rounding to be drawn anew even where `perturbed` moves an intermediate value by
    too little to be rounded otherwise, as tanh near 1.
    """
    relative = math.sqrt(PRECISIONS[dtype].unit)
    signs = [_signs(generator(name, "sides", i), leaf) for i, leaf in enumerate(x)]
    return _moved(x, relative, signs, dtype), _moved(x, -relative, signs, dtype)


def _signs(rng: np.random.Generator, leaf: Array) -> Array:
    return np.asarray(rng.integers(0, 2, leaf.shape) * 2.0 - 1.0)


def _moved(x: Leaves, relative: float, signs: Sequence[Array], dtype: str) -> Leaves:
    """Every element moved by a share of itself, representable in `dtype`."""
    pairs = zip(x, signs, strict=True)
    return tuple(round_to(np.asarray(leaf * (1.0 + relative * s)), dtype) for leaf, s in pairs)


def split(name: str, seed: Leaves, probe: int) -> tuple[Leaves, Leaves]:
    """Two seeds that add up to `seed` exactly.

    A map is linear in its seed, so the difference between its answer and the sum of its answers to
    the two parts is rounding noise at the scale of the terms that it adds.
    """
    part = []
    for i, leaf in enumerate(seed):
        rng = generator(name, "split", probe, i)
        scaled = np.round(leaf * rng.uniform(-1.0, 2.0, leaf.shape) * 256.0) / 256.0
        coarse = np.all(np.abs(leaf) > 2.0**-10)
        part.append(np.asarray(scaled if coarse else leaf * 0.375))
    rest = tuple(np.asarray(leaf - p) for leaf, p in zip(seed, part, strict=True))
    return tuple(part), rest


def jittered(name: str, x: Leaves, bits: int = 6) -> Leaves:
    """A nearby point, float32-representable: 2**-bits relative, zeros moved by 4 times that."""
    moved = []
    for leaf, noise in zip(x, dyadic(generator(name, "jitter"), x), strict=True):
        shifted = np.where(
            leaf != 0,
            leaf * (1.0 + 2.0**-bits * noise),
            leaf_scale(leaf) * 2.0 ** (2 - bits) * noise,
        )
        moved.append(round_to(shifted, "float32"))
    return tuple(moved)


def flat(leaves: Leaves) -> Array:
    """All elements of the leaves in one new float64 vector."""
    if not leaves:
        return np.zeros(0)
    if len(leaves) == 1:
        return np.array(leaves[0], dtype=np.float64).ravel()
    return np.concatenate([np.asarray(leaf, dtype=np.float64).ravel() for leaf in leaves])


def unflatten(vector: Array, like: Leaves) -> Leaves:
    """The inverse of `flat` for leaves shaped like `like`."""
    leaves, start = [], 0
    for leaf in like:
        leaves.append(vector[start : start + leaf.size].reshape(leaf.shape))
        start += leaf.size
    return tuple(leaves)


def moduli(values: Array, like: Leaves, paired: Paired) -> Array:
    """Magnitudes of flat values; both parts of a complex number have the whole number's."""
    size = np.abs(values)
    for part, pair in zip(parts(like), paired, strict=False):
        if pair:
            with np.errstate(all="ignore"):
                size[part] = np.repeat(np.hypot(*values[part].reshape(-1, 2).T), 2)
    return np.asarray(size)


def paired_largest(values: Array, like: Leaves, paired: Paired) -> Array:
    """Flat values, in which both parts of a complex number get the larger of the two."""
    if not any(paired):
        return values
    values = values.copy()
    for part, pair in zip(parts(like), paired, strict=False):
        if pair:
            values[part] = np.repeat(values[part].reshape(-1, 2).max(axis=1), 2)
    return values


def parts(like: Leaves) -> list[slice]:
    """Where each leaf stands in the flat vector."""
    ends = np.cumsum([0, *(leaf.size for leaf in like)])
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]


def locate(index: int, like: Leaves) -> tuple[int, int]:
    """The leaf and the flat index in it of an element of `flat(like)`."""
    for number, leaf in enumerate(like):
        if index < leaf.size:
            return number, index
        index -= leaf.size
    raise IndexError("index beyond the last leaf")


def basis(x: Leaves, index: int) -> tuple[Leaves, float]:
    """The direction along one element, and its length: a power of two scaled to the element."""
    number, inner = locate(index, x)
    scale = float(element_scales(x[number]).ravel()[inner])
    leaves = tuple(np.zeros(leaf.shape) for leaf in x)
    leaves[number].reshape(-1)[inner] = scale
    return leaves, scale
