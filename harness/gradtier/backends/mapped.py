"""What mapped namespaces have in common: names that are missing, and named results.

A library without a namespace of the array API gets one made of its own functions under the
standard's names; a name that it has no way for is missing, and never borrowed from elsewhere.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from typing import Any, ClassVar

from gradtier.backends.declined import MissingName

SlogdetResult = namedtuple("SlogdetResult", ["sign", "logabsdet"])
SVDResult = namedtuple("SVDResult", ["U", "S", "Vh"])
EighResult = namedtuple("EighResult", ["eigenvalues", "eigenvectors"])
QRResult = namedtuple("QRResult", ["Q", "R"])


class Mapped:
    """A module-like object with the names given.

    Args:
        names: the names that there are, and what they stand for.
        label: what stands before a name in messages, as in ``linalg.``.
    """

    library: ClassVar[str] = "this library"

    def __init__(self, names: Mapping[str, Any], label: str = "") -> None:
        vars(self).update(names)
        self._label = label

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise MissingName(f"{self.library} has no {self._label}{name}")
