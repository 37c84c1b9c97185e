"""From a name to an adapter, in the user's own process."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from types import ModuleType
from typing import Any

from gradtier import backends
from gradtier.backends.base import Adapter
from gradtier.errors import nearest


def backend(name: str, /, **options: Any) -> Adapter:
    """The adapter of this name, with its library imported.

    The adapter's environment variables are set first, except those that are set already; they have
    no effect on a library that was imported before. An adapter also makes the settings of its
    library that its ``settings()`` names, such as 64-bit numbers or one thread.

    Args:
        name: ``jax``: the one adapter class of ``gradtier.backends.jax``; ``torch:TorchFunc``: one
            class of a module with several; ``package.module:Class``: any other adapter.
        **options: given to the adapter.

    Raises:
        ValueError: there is no such module or class; the message names those that there are.
        ImportError: the adapter's package is not installed.
        TypeError: the adapter has no such option.

    Example:
        >>> backend("autograd").settings()
        {}
    """
    kind = adapter_class(name)
    for variable, value in kind.environment.items():
        os.environ.setdefault(variable, value)
    try:
        return kind(**options)
    except ImportError as error:
        missing = [d for d in kind.distributions[:1] if d not in kind.installed()]
        if not missing:
            raise
        raise ImportError(
            f"backend '{name}' needs the package {missing[0]}, which is not installed"
        ) from error


def adapter_class(name: str) -> type[Adapter]:
    """The class that :func:`backend` makes; imports no AD library."""
    module_name, _, class_name = name.partition(":")
    module = _module(name, module_name)
    if class_name:
        found = getattr(module, class_name, None)
        if not (isinstance(found, type) and issubclass(found, Adapter)):
            raise ValueError(
                f"backend '{name}': {module.__name__} has no adapter '{class_name}'; "
                + nearest(class_name, (kind.__name__ for kind in _adapters(module)))
            )
        return found
    kinds = _adapters(module)
    if len(kinds) != 1:
        several = ", ".join(f"'{module_name}:{kind.__name__}'" for kind in kinds) or "none"
        raise ValueError(
            f"backend '{name}': {module.__name__} has {len(kinds)} adapters; expected {several}"
        )
    return kinds[0]


def _module(name: str, module_name: str) -> ModuleType:
    full = module_name if "." in module_name else f"{backends.__name__}.{module_name}"
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name is None or not (full == error.name or full.startswith(f"{error.name}.")):
            raise
        known = [m for m in _modules() if _adapters(_module(m, m))]
        raise ValueError(
            f"backend '{name}': there is no module {full}; {nearest(module_name, known)}"
        ) from None


def _modules() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(backends.__path__))


def _adapters(module: ModuleType) -> list[type[Adapter]]:
    """The adapters that a module defines and does not hide, by name."""
    return [
        kind
        for key, kind in sorted(vars(module).items())
        if isinstance(kind, type)
        and issubclass(kind, Adapter)
        and kind.__module__ == module.__name__
        and not key.startswith("_")
        and not inspect.isabstract(kind)
    ]
