"""The process of a worker in another language: how it is started, asked and survived.

``workers/PROTOCOL.md`` says what goes over its standard input and output.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradtier.backends.base import Unsupported

PROTOCOL = "gradtier/worker/1"

#: Lines of other text that a worker may print before its first message.
NOISE = 200


class WorkerFault(Exception):
    """The worker is absent, ended, or does not keep to the protocol."""


class WorkerError(Exception):
    """What the system in the worker raised, in its own words."""


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself.

    Attributes:
        name: of the system.
        versions: package -> version.
        derivatives: ``mode/nesting``, as in :mod:`gradtier.derivatives`.
        dtypes, devices, ops: what it offers.
        settings: what changes numbers.
    """

    name: str
    versions: Mapping[str, str]
    derivatives: frozenset[str]
    dtypes: frozenset[str]
    devices: tuple[str, ...]
    ops: frozenset[str]
    settings: Mapping[str, str] = field(default_factory=dict)


class Worker:
    """One worker process; a fault ends it, and the next question starts a fresh one.

    Args:
        command: the program and its arguments.

    Raises:
        WorkerFault: it does not start.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._asked = tuple(command), 0
        self._process, self.hello = self._start()

    def ask(self, do: str, program: str, **fields: Any) -> dict[str, Any]:
        """Put a question and wait for the answer; time limits are the run's business.

        Raises:
            Unsupported: the worker declines.
            WorkerError: the system in it raised.
            WorkerFault: the worker ended or its answer makes no sense.
        """
        if self._process.poll() is not None:
            self._process, self.hello = self._start()
        self._asked += 1
        head = json.dumps({"id": self._asked, "do": do, **fields}, allow_nan=False)
        self._write(f'{head[:-1]}, "program": {program}}}\n')
        answer = self._message(self._line())
        if answer.get("id") != self._asked:
            raise self._fault(f"answered question {answer.get('id')!r}, not {self._asked}")
        if "error" in answer:
            raise self._error(answer["error"])
        return answer

    def fault(self, what: str) -> WorkerFault:
        """The error for an answer that makes no sense; ends the process."""
        return self._fault(what)

    def close(self) -> None:
        """End the process."""
        _end(self._process)

    def _start(self) -> tuple[subprocess.Popen[bytes], Hello]:
        if shutil.which(self._command[0]) is None:
            raise WorkerFault(f"there is no program '{self._command[0]}' on PATH")
        # Its standard error is ours, so that the run keeps its last words; it is in our process
        # group, which the run ends as a whole.
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process = process
        weakref.finalize(self, _end, process)
        for _ in range(NOISE):
            line = self._line()
            if line.lstrip().startswith(b"{"):
                return process, self._hello(self._message(line))
            sys.stderr.write(line.decode(errors="replace"))
        raise self._fault(f"printed {NOISE} lines, none of them a message")

    def _write(self, text: str) -> None:
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone; reading says how
            stream.write(text.encode())
            stream.flush()

    def _line(self) -> bytes:
        stream = self._process.stdout
        assert stream is not None
        line = stream.readline()
        if not line.endswith(b"\n"):
            raise self._fault("ended in the middle of a message" if line else "ended")
        return line

    def _message(self, line: bytes) -> dict[str, Any]:
        try:
            found = json.loads(line, parse_constant=_refused)
        except ValueError as error:
            raise self._fault(f"sent what is no JSON ({error}): {_shown(line)}") from None
        if not isinstance(found, dict):
            raise self._fault(f"sent {_shown(line)}; expected a JSON object")
        return found

    def _hello(self, said: dict[str, Any]) -> Hello:
        if said.get("protocol") != PROTOCOL:
            raise self._fault(f"speaks {said.get('protocol')!r}; expected '{PROTOCOL}'")
        try:
            return Hello(
                str(said["name"]),
                _words(said["versions"]),
                frozenset(_list(said["derivatives"])),
                frozenset(_list(said["dtypes"])),
                tuple(_list(said["devices"])),
                frozenset(_list(said["ops"])),
                _words(said.get("settings", {})),
            )
        except KeyError as error:
            raise self._fault(f"says no {error} in its first message") from None
        except TypeError as error:
            raise self._fault(f"says in its first message {error}") from None

    def _error(self, said: Any) -> Exception:
        kind = said.get("kind") if isinstance(said, dict) else None
        if kind not in ("unsupported", "raised"):
            return self._fault(f"sent an error of kind {kind!r}; expected unsupported or raised")
        message = str(said.get("message", ""))
        return Unsupported(message) if kind == "unsupported" else WorkerError(message)

    def _fault(self, what: str) -> WorkerFault:
        how = _ending(self._process)
        return WorkerFault(f"the worker '{self._command[0]}' {what}{how}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, however it is."""
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


def _ending(process: subprocess.Popen[bytes]) -> str:
    """End the process; how it had ended by itself, in words."""
    try:  # it may be about to: its output is closed before it is gone
        status = process.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        status = 0
    _end(process)
    if status < 0:
        return f" (killed by {signal.Signals(-status).name})"
    return f" (status {status})" if status else ""


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no JSON; a number that is not finite is a string")


def _list(said: Any) -> list[str]:
    if isinstance(said, list) and all(isinstance(word, str) for word in said):
        return said
    raise TypeError(f"{said!r} where a list of strings was expected")


def _words(said: Any) -> dict[str, str]:
    if isinstance(said, dict) and all(isinstance(word, str) for word in said.values()):
        return said
    raise TypeError(f"{said!r} where an object of strings was expected")
