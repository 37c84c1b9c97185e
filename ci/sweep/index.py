"""Which versions of a package were released: asked of the package index, through pip."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from gradtier.errors import InputError, nearest
from gradtier.versions import ordered

#: What pip says while it can't reach an index; it ends with "no matching distribution" then too.
_UNREACHED = re.compile(
    r"Retrying \(|ConnectionError|NewConnectionError|Connection to \S+ (timed out|refused)|"
    r"Could not fetch URL|Temporary failure in name resolution|ProxyError|ReadTimeout|SSLError"
)
SECONDS = 120


def released(package: str) -> tuple[str, ...]:
    """The final releases that pip finds for this Python and machine, oldest first.

    pip's own configuration says where the index is.

    Raises:
        InputError: the index can't be reached, or has no such package for this Python.
    """
    command = [
        sys.executable, "-m", "pip", "index", "versions", package,
        "--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "20",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(_unreachable(package, f"no answer within {SECONDS} s")) from None
    if done.returncode:
        if found := _UNREACHED.search(done.stderr):
            line = next(line for line in done.stderr.splitlines() if found[0] in line)
            raise InputError(_unreachable(package, line.strip()))
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(
            f"the package index has no release of '{package}' for Python "
            f"{sys.version_info[0]}.{sys.version_info[1]} on this machine: {last}"
        )
    return versions_in(package, done.stdout)


def _unreachable(package: str, why: str) -> str:
    return (
        f"the package index can't be reached, so the released versions of '{package}' are not "
        f"known ({why}); go on without it by naming installed or cached ones: --versions a,b,c"
    )


def versions_in(package: str, text: str) -> tuple[str, ...]:
    """The final releases in what ``pip index versions`` prints, oldest first.

    Raises:
        InputError: it is not as pip prints it.
    """
    found = re.search(r"^Available versions:\s*(.+)$", text, re.MULTILINE)
    if found is None:
        raise InputError(f"expected a line 'Available versions: ...' from pip for '{package}'")
    final = [v for v in re.split(r"[,\s]+", found[1].strip()) if _is_final(v)]
    if not final:
        raise InputError(f"'{package}' has no final release for this Python")
    return ordered(final)


def _is_final(text: str) -> bool:
    try:
        return not Version(text).is_prerelease
    except InvalidVersion:
        return False


def named(words: str, releases: Sequence[str]) -> tuple[str, ...]:
    """Versions as the user names them, ``1.6,1.7.0``, oldest first.

    Args:
        words: separated by commas.
        releases: what there is; empty where it is not known.

    Raises:
        InputError: a word is no version, or no release.
    """
    found = []
    problems = []
    for word in filter(None, (w.strip() for w in words.split(","))):
        try:
            version = Version(word)
        except InvalidVersion:
            problems.append(f"'{word}' is no version")
            continue
        same = [r for r in releases if Version(r) == version]
        if releases and not same:
            problems.append(f"'{word}' is no release; {nearest(word, reversed(releases))}")
        found.append(same[0] if same else str(version))
    if problems:
        raise InputError("; ".join(problems))
    if not found:
        raise InputError("--versions: expected some, separated by commas: 1.6.0,1.7.0")
    return ordered(found)
