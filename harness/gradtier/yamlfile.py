"""YAML that remembers where everything stood.

Built on PyYAML's safe composer: plain data only, no tags, no anchors-by-surprise; what is added
are line numbers by path, and duplicate keys as problems instead of silent overwriting.  The YAML
1.1 words ``yes``, ``no``, ``on`` and ``off`` stay text, as in YAML 1.2: they are names here.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gradtier.errors import InputError, Place, Problem

KeyPath = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_TAGS = {"map", "seq", "null", "bool", "int", "float", "timestamp", "str", "merge", "value"}
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Document:
    """Parsed data with the place of each key path and the problems met on the way."""

    data: Any
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]
    file: str

    def place(self, path: KeyPath) -> Place:
        """The place of ``path``, or of its nearest ancestor that the file holds."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.file))


def dotted(path: KeyPath) -> str:
    """``backends.jax-reverse.devices[1]`` for a key path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read(file: Path, shown: str | None = None) -> Document:
    """Read a YAML file.

    Raises:
        InputError: the file can't be read, is not UTF-8, or is not YAML.
    """
    name = shown or file.name
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file; name another with --matrix") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: can't be read: {error}") from error
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Read YAML from a text; ``name`` is the file that messages speak of.

    Raises:
        InputError: it is not YAML.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        what = " ".join(filter(None, (error.context, error.problem)))
        raise InputError(Problem(f"not valid YAML: {what}", place)) from error
    except yaml.YAMLError as error:
        raise InputError(Problem(f"not valid YAML: {error}", Place(name))) from error
    builder = _Builder(name)
    data = builder.build(node, ()) if node is not None else None
    return Document(data, builder.places, tuple(builder.problems), name)


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.places.setdefault(path, self._at(node))
        if id(node) in self._open:
            self._report("an alias that contains itself", node, path)
            return None
        self._open.add(id(node))
        try:
            if node.tag.removeprefix(_STANDARD) not in _TAGS:
                self._report(f"the YAML tag '{node.tag}' is not allowed here", node, path)
                return None
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(child, (*path, i)) for i, child in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        done: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._report("a key that is not a word", key_node, path)
                continue
            key, here = key_node.value, (*path, key_node.value)
            if key in done:
                first = self.places[here].line
                self._report(f"duplicate key '{key}'; first at line {first}", key_node, here)
                continue
            self.places[here] = self._at(key_node)
            done[key] = self.build(value_node, here)
        return done

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text = node.value
        try:
            match node.tag.removeprefix(_STANDARD):
                case "null":
                    return None
                case "bool":
                    return _BOOLEANS.get(text.lower(), text)
                case "int":
                    return int(text.replace("_", ""), 0)
                case "float":
                    plain = text.replace("_", "").lower()
                    return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
                case "timestamp":
                    return datetime.date.fromisoformat(text) if len(text) == 10 else text
        except ValueError:
            pass
        return text

    def _at(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _report(self, message: str, node: yaml.Node, path: KeyPath) -> None:
        self.problems.append(Problem(message, self._at(node), dotted(path)))
