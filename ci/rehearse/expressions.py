"""The expressions of GitHub's and GitLab's files, as far as the pipelines here use them.

Both have ``==  !=  &&  ||  !  ( )`` and strings; GitHub names values ``github.ref`` and calls
functions, GitLab names variables ``$NAME``.  A name, a function or a sign that is not known is an
error: a rehearsal that skipped it would show nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

Value = str | bool
#: Function of an expression: its arguments are strings.
Function = Callable[..., Value]

_SIGN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*'|\"[^\"]*\")|(?P<sign>==|!=|&&|\|\||[!(),])"
    r"|(?P<name>\$?[A-Za-z_][\w.-]*))"
)
_MARKED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
#: These look at how it went before; a condition without one of them holds only after success.
STATUS = ("always", "cancelled", "failure", "success")


class Unknown(Exception):
    """Something in a workflow file that the rehearsal does not know; the message names it."""


class Expression:
    """One expression, evaluated once.

    Args:
        text: without the marks around it.
        names: what each name stands for.
        functions: what each function gives.
    """

    def __init__(
        self, text: str, names: Mapping[str, Value], functions: Mapping[str, Function]
    ) -> None:
        self._text, self._names, self._functions = text, names, functions
        self._signs = [*_signs(text), ("end", "")]

    def value(self) -> Value:
        """What it gives.

        Raises:
            Unknown: it holds something that is not known.
        """
        found = self._either()
        if self._signs[0][0] != "end":
            raise self._unknown(self._signs[0][1])
        return found

    def _unknown(self, what: str) -> Unknown:
        return Unknown(f"'{what}' in the expression '{self._text.strip()}' is not known")

    def _take(self, *signs: str) -> str | None:
        kind, text = self._signs[0]
        if kind != "sign" or text not in signs:
            return None
        del self._signs[0]
        return text

    def _either(self) -> Value:
        left = self._both()
        while self._take("||"):
            right = self._both()  # read in any case: what is not known in it shows
            left = left or right
        return left

    def _both(self) -> Value:
        left = self._equal()
        while self._take("&&"):
            right = self._equal()
            left = left and right
        return left

    def _equal(self) -> Value:
        left = self._single()
        while sign := self._take("==", "!="):
            same = left == self._single()
            left = same if sign == "==" else not same
        return left

    def _single(self) -> Value:
        if self._take("!"):
            return not self._single()
        if self._take("("):
            found = self._either()
            if not self._take(")"):
                raise self._unknown(self._signs[0][1] or "the end")
            return found
        kind, text = self._signs.pop(0)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind != "name":
            raise self._unknown(text or "the end")
        if self._take("("):
            return self._called(text)
        if text not in self._names:
            raise self._unknown(text)
        return self._names[text]

    def _called(self, name: str) -> Value:
        if name not in self._functions:
            raise self._unknown(f"{name}()")
        arguments: list[Value] = []
        while not self._take(")"):
            arguments.append(self._either())
            if not self._take(",") and self._signs[0][1] != ")":
                raise self._unknown(self._signs[0][1] or "the end")
        return self._functions[name](*arguments)


def _signs(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = _SIGN.match(text, at)
        if found is None:
            raise Unknown(f"'{text[at:].strip()}' in the expression '{text.strip()}' is not known")
        yield str(found.lastgroup), found[str(found.lastgroup)]
        at = found.end()


def has_status(condition: str) -> bool:
    """Whether a condition looks itself at how it went before."""
    return any(kind == "name" and text in STATUS for kind, text in _signs(condition))


def filled(text: str, names: Mapping[str, Value], functions: Mapping[str, Function]) -> str:
    """A text with every ``${{ }}`` replaced by its value, as GitHub does before bash sees it.

    Raises:
        Unknown: an expression holds something that is not known.
    """

    def shown(found: re.Match[str]) -> str:
        value = Expression(found[1], names, functions).value()
        return value if isinstance(value, str) else str(value).lower()

    return _MARKED.sub(shown, text)


def shell_names(command: str) -> set[str]:
    """The variables that a line of shell asks for."""
    bare = re.sub(r"'[^']*'", "", command)
    return set(re.findall(r"\$\{?([A-Za-z_]\w*)", bare))
