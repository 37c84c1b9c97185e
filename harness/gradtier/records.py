"""Records of trials as they are kept in memory: a million of them fit into a gigabyte.

:class:`gradtier.lines.Record` says what a line may hold.  A line that holds that and nothing
unusual is decoded by :class:`Reader` directly; every other line goes through the contract, which
also words what is wrong with it, so that there is one answer to what is evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Self

import msgspec

from gradtier import lines
from gradtier.model import Outcome, Reason

_NOTHING: Mapping[str, str] = {}


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trial: what came out, how it was judged, on what.

    The fields are those of the contract.  Texts and mappings that many records have in common are
    one object for all records that were read together; nothing may be changed in them.

    Attributes:
        run: id of the run that measured it.
        trial: ``suite/case@backend/device/nesting/dtype``.
        digest: of everything that can change the answer.
        outcome: how it ended.
        reason: why, where it is wrong.
        detail: one sentence.
        verdict: the oracle's numbers; read anew from their text at each access to a key.
        reference: row that served as the reference.
        checks: further checks, and what each found.
        observed: device and dtype of the result; settings.
        versions: of the packages.
        first_seconds: first derivative call, compiling too.
        call_seconds: median of the later derivative calls.
        seconds: wall-clock time of the trial.
        finished: UTC, ISO 8601.
    """

    run: str
    trial: str
    digest: str
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    verdict: Mapping[str, Any] | None = None
    reference: str | None = None
    checks: Mapping[str, str] = _NOTHING
    observed: Mapping[str, str] = _NOTHING
    versions: Mapping[str, str] = _NOTHING
    first_seconds: float | None = None
    call_seconds: float | None = None
    seconds: float = 0.0
    finished: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is a record of: the trial, as it was declared."""
        return self.trial, self.digest

    @classmethod
    def model_validate(cls, data: object) -> Self:
        """A record of ``data``, as the contract has it; named as with the other kinds of line.

        Raises:
            ValidationError: it is none.
        """
        kept = vars(lines.Record.model_validate(data)).copy()
        del kept["schema_"], kept["kind"]
        return cls(**kept)

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The record with other values; named as with the other kinds of line."""
        return msgspec.structs.replace(self, **update)

    def as_line(self) -> lines.Record:
        """As the contract has it, checked.

        Raises:
            ValidationError: it holds what a line may not hold.
        """
        held = {name: getattr(self, name) for name in self.__struct_fields__}
        verdict = held["verdict"]
        return lines.Record(**{**held, "verdict": None if verdict is None else dict(verdict)})


class Frame(NamedTuple):
    """What the verdicts of many trials have in common.

    Attributes:
        head: how their text begins.
        tail: how it ends.
        known: keys whose values are known without decoding it.
    """

    head: bytes
    tail: bytes
    known: Mapping[str, Any]


class Numbers(Mapping[str, Any]):
    """A verdict as the text that it was read as; its keys and values are decoded when asked for.

    Decoded, the verdicts of a million records would fill several gigabytes, and a report looks at
    few of their numbers at a time.  Who needs several of them takes ``whole()`` once.
    """

    __slots__ = ("_frame", "_text")

    def __init__(self, frame: Frame, text: bytes) -> None:
        """A JSON object, known to be one."""
        self._frame, self._text = frame, text

    def whole(self) -> dict[str, Any]:
        """All of it, decoded: a dictionary of the caller's own."""
        head, tail, _ = self._frame
        found: dict[str, Any] = msgspec.json.decode(head + self._text + tail)
        return found

    def __getitem__(self, key: str) -> Any:
        known = self._frame.known
        return known[key] if key in known else self.whole()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole())

    def __len__(self) -> int:
        return len(self.whole())

    def __bool__(self) -> bool:
        return bool(self._frame.known) or len(self) > 0

    def __repr__(self) -> str:
        return repr(self.whole())

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or the default."""
        known = self._frame.known
        return known[key] if key in known else self.whole().get(key, default)

    def keys(self) -> Any:
        """The keys; a view of a dictionary, so that all is decoded once."""
        return self.whole().keys()

    def values(self) -> Any:
        """The values; a view of a dictionary."""
        return self.whole().values()

    def items(self) -> Any:
        """Keys with values; a view of a dictionary."""
        return self.whole().items()


#: What the text of a verdict is cut before: what stands before the first and from the second one on
#: is the same in most of them.  Any text may be cut so; it is put together again to be decoded.
_CUTS = (b',"worst":', b',"no_power":')
#: Keys that every trial is asked for, and that have few values.
_ASKED = ("witnesses", "convention")

_RAW_NULL = msgspec.Raw(b"null")
_RAW_EMPTY = msgspec.Raw(b"{}")


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line of a trial as gradtier writes it; parts that repeat are left as they are."""

    schema: Literal["gradtier/evidence/1"]
    run: str
    kind: Literal["trial"]
    trial: str
    digest: str
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    verdict: msgspec.Raw = _RAW_NULL
    reference: str | None = None
    checks: msgspec.Raw = _RAW_EMPTY
    observed: msgspec.Raw = _RAW_EMPTY
    versions: msgspec.Raw = _RAW_EMPTY
    first_seconds: float | None = None
    call_seconds: float | None = None
    seconds: float = 0.0
    finished: str = ""


class Reader:
    """Reads plain lines, and keeps what their records share once.

    Args:
        most: of so many different parts it forgets all and begins anew, for whoever reads records
            and does not keep them; None: it forgets nothing.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._line = msgspec.json.Decoder(_Plain).decode
        self._mapping = msgspec.json.Decoder(dict[str, str]).decode
        self._verdict = msgspec.json.Decoder(dict[str, Any]).decode
        self._mappings: dict[bytes, Mapping[str, str]] = {b"{}": _NOTHING}
        self._frames: dict[tuple[bytes, bytes], Frame] = {}
        self._texts: dict[str, str] = {}

    def record(self, text: bytes) -> Record | None:
        """The record that a line holds; None if the contract must look at the line."""
        self._forget()
        try:
            line = self._line(text)
            shared = self._texts.setdefault
            return Record(
                run=shared(line.run, line.run),
                trial=line.trial,
                digest=line.digest,
                outcome=line.outcome,
                reason=line.reason,
                detail=shared(line.detail, line.detail),
                verdict=self._numbers(bytes(line.verdict)),
                reference=line.reference and shared(line.reference, line.reference),
                checks=self._shared(bytes(line.checks)),
                observed=self._shared(bytes(line.observed)),
                versions=self._shared(bytes(line.versions)),
                first_seconds=line.first_seconds,
                call_seconds=line.call_seconds,
                seconds=line.seconds,
                finished=shared(line.finished, line.finished),
            )
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def _forget(self) -> None:
        if self._most is None:
            return
        if len(self._texts) + len(self._frames) + len(self._mappings) > self._most:
            self._texts.clear()
            self._frames.clear()
            self._mappings.clear()

    def _shared(self, text: bytes) -> Mapping[str, str]:
        found = self._mappings.get(text)
        if found is None:
            found = self._mappings[text] = self._mapping(text)
        return found

    def _numbers(self, text: bytes) -> Mapping[str, Any] | None:
        """The verdict, once it is known that it can be decoded later.

        That it is JSON is known, for the line is.  But texts inside were not looked into.

        Raises:
            ValueError: it is no object, or not in UTF-8.
        """
        if text == b"null":
            return None
        if not text.startswith(b"{") or not (text.isascii() or text.decode()):
            raise ValueError
        first = max(text.find(_CUTS[0]), 0)
        last = text.rfind(_CUTS[1], first)
        key = (text[:first], text[last:]) if last >= 0 else (text[:first], b"")
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = Frame(*key, self._known(key[0]))
        return Numbers(frame, text[first:last] if last >= 0 else text[first:])

    def _known(self, head: bytes) -> Mapping[str, Any]:
        """What the head of a verdict says by itself, if it ends between two of its keys."""
        try:
            said = self._verdict(head + b"}")
        except msgspec.MsgspecError:
            return {}
        return {key: said[key] for key in _ASKED if key in said}
