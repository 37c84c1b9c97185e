"""From the matrix file to its types, and from what pydantic refuses to sentences with lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gradtier import beside, yamlfile
from gradtier.errors import Problem, nearest
from gradtier.matrix import Matrix


@dataclass(frozen=True)
class Loaded:
    """A matrix with the file it came from, for messages that name lines."""

    matrix: Matrix
    document: yamlfile.Document
    root: Path

    def problem(self, path: yamlfile.KeyPath, message: str, hint: str = "") -> Problem:
        """A problem at ``path`` of the file."""
        return Problem(message, self.document.place(path), yamlfile.dotted(path), hint)


def load_partly(file: Path) -> tuple[Loaded | None, list[Problem]]:
    """Read a matrix file, leaving out entries that are not well formed.

    Returns:
        what remains, for rules that look at one entry at a time (None if that is no matrix), and
        every structural problem.

    Raises:
        InputError: the file can't be read.
    """
    document = beside.joined(yamlfile.read(file), file.resolve().parent)
    problems = list(document.problems)
    data = document.data if document.data is not None else {}
    try:
        matrix = Matrix.model_validate(data)
    except ValidationError as error:
        problems += _explained(error, document)
        try:
            matrix = Matrix.model_validate(_without(data, error))
        except ValidationError:
            return None, problems
    return Loaded(matrix, document, file.resolve().parent), problems


_ENTRIES = ("suites", "backends", "reference", "exclusions", "claims", "waivers", "notes")


def _without(data: Any, error: ValidationError) -> Any:
    """A copy without the entries that an error is in."""
    bad = {e["loc"][:2] for e in error.errors() if e["loc"][:1] and e["loc"][0] in _ENTRIES}
    copy = dict(data) if isinstance(data, Mapping) else {}
    for key in {loc[0] for loc in bad if len(loc) == 2}:
        gone = {loc[1] for loc in bad if loc[0] == key}
        entries = copy.get(str(key))
        if isinstance(entries, Mapping):
            copy[str(key)] = {k: v for k, v in entries.items() if k not in gone}
        elif isinstance(entries, list):
            copy[str(key)] = [v for i, v in enumerate(entries) if i not in gone]
    return copy


def _explained(error: ValidationError, document: yamlfile.Document) -> Iterator[Problem]:
    seen = set()
    errors = error.errors(include_url=False)
    for e in errors:
        inside = any(o["loc"][: len(e["loc"])] == e["loc"] for o in errors if o is not e)
        if e["type"] == "too_short" and inside:
            continue  # only because its items were refused, which is said already
        path = _in_file(e["loc"], document.data)
        message, hint = _message(e, path)
        problem = Problem(message, document.place(path), yamlfile.dotted(path), hint)
        if problem not in seen:
            seen.add(problem)
            yield problem


def _in_file(loc: tuple[str | int, ...], data: Any) -> yamlfile.KeyPath:
    """The part of a pydantic location that exists in the file (unions add words of their own)."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        if isinstance(data, Mapping) and (part in data or i == len(loc) - 1):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        path.append(part)
    return tuple(path)


def _message(e: ErrorDetails, path: yamlfile.KeyPath) -> tuple[str, str]:
    found, context = e["input"], e.get("ctx", {})
    match e["type"]:
        case "extra_forbidden":
            return f"unknown key '{path[-1]}'", nearest(str(path[-1]), _known_keys(path))
        case "missing":
            return f"the key '{e['loc'][-1]}' is missing", ""
        case "enum" | "literal_error":
            expected = str(context["expected"]).replace(" or ", ", ").replace("'", "")
            return f"'{found}' is not allowed", nearest(str(found), expected.split(", "))
        case "value_error":
            return str(context["error"]), ""
        case "string_pattern_mismatch":
            return f"'{found}' is not of the expected form", _FORMS.get(context["pattern"], "")
    kind = "nothing" if found is None else f"{found!r}"
    return f"found {kind}", e["msg"][0].lower() + e["msg"][1:]


_FORMS = {
    r"^[A-Za-z0-9][A-Za-z0-9._+-]*$": "expected a word of letters, digits and . _ + -",
    r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$": "expected module:Class, as in gradtier.backends.jax:Jax",
    r"^https?://\S+$": "expected an address that begins with http:// or https://",
}


def _known_keys(path: yamlfile.KeyPath) -> list[str]:
    """The keys that the schema knows where ``path`` stands."""
    model: Any = Matrix
    for part in path[:-1]:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        found = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        model = _inner_model(found.annotation) if found is not None else model
    return [f.alias or n for n, f in getattr(model, "model_fields", {}).items()]


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_inner_model(a) for a in getattr(annotation, "__args__", ())]
    return next((m for m in inner if m is not None), None)
