"""Arrays as text that gives the same numbers again."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

#: More elements than these are not read by anybody.
MOST = 600


def literal(array: Any) -> str:
    """An expression that is the array, to the bit and of its dtype; needs ``np`` alone."""
    a = np.asarray(array)
    if a.size > MOST or _is_odd(a):
        return _packed(a)
    if a.size == 0:
        return f'np.zeros({a.shape}, "{a.dtype}")'
    if a.dtype == np.float64:
        with np.errstate(all="ignore"):
            short = a.astype(np.float32)
        if np.array_equal(short.astype(np.float64), a) and len(_listed(short)) < len(_listed(a)):
            return f'np.array({_listed(short)}, "float32").astype(float)'
        return f"np.array({_listed(a)})"
    if a.dtype in (np.complex128, np.int64, np.bool_):
        return f"np.array({_listed(a)})"
    return f'np.array({_listed(a)}, "{a.dtype}")'


def _is_odd(a: Any) -> bool:
    """Whether numbers among these have no plain text: not finite, or complex with a zero's sign."""
    if a.dtype.kind not in "fc":
        return False
    signs = a.dtype.kind == "c" and any(np.any((p == 0) & np.signbit(p)) for p in (a.real, a.imag))
    return bool(signs) or not np.isfinite(a).all()


def _listed(a: Any) -> str:
    if a.ndim:
        return "[" + ", ".join(map(_listed, a)) + "]"
    if a.dtype.kind == "f":
        return (
            str(np.format_float_positional(a, trim="0"))
            if 1e-4 <= abs(a) < 1e9 or a == 0
            else (str(np.format_float_scientific(a, trim="0")))
        )
    return repr(a.item())


def _packed(a: Any) -> str:
    data = base64.b85encode(zlib.compress(np.ascontiguousarray(a).tobytes(), 9)).decode()
    return (
        f'np.frombuffer(zlib.decompress(base64.b85decode("{data}")), "{a.dtype}")'
        f".reshape({a.shape}).copy()"
    )


def wrapped(text: str, indent: int = 4, width: int = 96) -> str:
    """A long list of numbers over several lines."""
    if len(text) <= width:
        return text
    words, lines, line = text.split(", "), [], ""
    for i, word in enumerate(words):
        piece = word + (", " if i < len(words) - 1 else "")
        if line and len(line) + len(piece) > width - indent:
            lines.append(line.rstrip())
            line = ""
        line += piece
    lines.append(line)
    return ("\n" + " " * indent).join(lines)
