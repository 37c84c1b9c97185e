"""A library's own functions beyond the standard, as cases of some suites are given them.

The array API standard has no special functions, convolutions, scans or indexed updates.  Where a
library has a function of its own for one of them, the cases of a suite that asks for the group
reach it as ``xp.special.erf``, ``xp.nn.conv2d``, ``xp.control.scan``, ``xp.updates.put``.  What a
library has no function for is missing, with its name, and never made from anything else.

A group of an adapter is the function ``names()`` of the module ``<stem>_<group>`` beside it; see
:attr:`gradtier.backends.base.Adapter.stem`.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from gradtier.backends.mapped import Mapped


class Group(Mapped):
    """The functions of one group that a library has."""

    def __init__(self, library: str, group: str, names: Mapping[str, Any]) -> None:
        vars(self)["library"] = library
        super().__init__(names, f"{group}.")


def group(stem: str, name: str, library: str) -> Group:
    """The group ``name`` of the adapter module ``stem``; empty where it has none."""
    module = f"{stem}_{name}"
    if not stem or importlib.util.find_spec(module) is None:
        return Group(library, name, {})
    return Group(library, name, importlib.import_module(module).names())


def extended(namespace: Any, groups: Mapping[str, Any]) -> Any:
    """``namespace`` itself, or a copy of it that has the groups as attributes too."""
    if not groups:
        return namespace
    if isinstance(namespace, ModuleType):  # its name stays in its messages
        made: Any = ModuleType(namespace.__name__)
        vars(made).update({k: v for k, v in vars(namespace).items() if not k.startswith("__")})
    else:
        made = copy.copy(namespace)
    vars(made).update(groups)
    return made
