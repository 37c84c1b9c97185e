"""What a run and its workers say to each other: frozen data, pickled, one frame a message.

The worker is started by the run itself on the same machine, as the same user; frames never come
from a file or a network.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from numpy.typing import NDArray

from gradtier.model import Mode, Nesting

Array = NDArray[Any]
Leaves = tuple[Array, ...]


@dataclass(frozen=True)
class Setup:
    """First message to a worker: what it is.

    Attributes:
        adapter: ``module:Class``.
        options: the adapter's arguments.
        suites: suite id -> absolute path of its file.
        root: the matrix's folder, in which adapters of a user's own may lie.
        forbidden: top-level modules of other backends; importing one fails.
    """

    adapter: str
    options: Mapping[str, Any]
    suites: Mapping[str, str]
    root: str
    forbidden: tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """The worker's answer to :class:`Setup`.

    Attributes:
        versions: what identifies the backend.
        devices: those that it sees; ``cpu`` first.
        settings: those that change numbers, on any device.
        cards: device other than the CPU -> what a record of a trial there says of it besides.
    """

    versions: Mapping[str, str]
    devices: tuple[str, ...]
    settings: Mapping[str, str]
    cards: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def observed(self, device: str) -> dict[str, str]:
        """Settings as the record of a trial on ``device`` says them; a card's own come first."""
        return {**self.settings, **self.cards.get(device, {})}


@dataclass(frozen=True)
class Ask:
    """Evaluate one derivative map of one case at several points.

    Attributes:
        case: ``suite/name``.
        device, dtype: where and in which precision.
        mode, nesting: which map (see :mod:`gradtier.derivatives`).
        queries: pairs of a point and a seed, float64 or complex128 arrays; converted to ``dtype``
            there. Complex pullbacks are asked and answered as the gradient df/d(Re) + i df/d(Im).
        fixed: how many leaves at the start of a seed belong to the question (w or u of a nested
            map), not to the direction.
        plain: evaluate the function itself, not differentiated; seeds are not looked at.
        fresh: prepare (trace, compile) anew for this question.
    """

    case: str
    device: str
    dtype: str
    mode: Mode
    nesting: Nesting
    queries: tuple[tuple[Leaves, Leaves], ...]
    fixed: int = 0
    plain: bool = False
    fresh: bool = False


@dataclass(frozen=True)
class Answer:
    """What came out.

    Attributes:
        leaves: per query the result's leaves as float64 or complex128; None = not connected. Of a
            plain question, the function's value.
        value: what was differentiated, at the first query: f(x), or the inner derivative there.
        uses, ruled: how often functions with derivative rules were used, and rules called, by the
            first query; see :class:`gradtier.rules.Calls`.
        devices: where inputs, values and results really were, each once.
        dtypes: those that the results really had, each once.
        mutated: a point or a seed was changed by the call.
        overwritten: the first result changed while later ones were computed.
        seconds: per query, the derivative call alone, until its result was there.
        inside: seconds spent in the library's own calls altogether, preparing included.
    """

    leaves: tuple[tuple[Array | None, ...], ...]
    value: tuple[Array | None, ...]
    uses: int
    ruled: int
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    mutated: bool
    overwritten: bool
    seconds: tuple[float, ...]
    inside: float = 0.0


@dataclass(frozen=True)
class Begin:
    """Make one benchmark ready, inputs where they are used, and call its derivative once.

    Attributes:
        case, device, dtype, mode: which map.
        x, seed: a point and a cotangent or tangent, as for :class:`Ask`.
    """

    case: str
    device: str
    dtype: str
    mode: Mode
    x: Leaves
    seed: Leaves


@dataclass(frozen=True)
class Block:
    """Call what was made ready ``calls`` times in a row.

    Attributes:
        plain: the function itself, not its derivative.
        calls: how often.
        memory: in place of that, measure what one derivative call needs.
    """

    plain: bool = False
    calls: int = 1
    memory: bool = False


@dataclass(frozen=True)
class Timed:
    """Seconds of a whole block, or bytes.

    Attributes:
        seconds: what all its calls took together; of :class:`Begin`: tracing and compiling too.
        peak_bytes: what one call needed at its peak beyond what was there before; None: not said.
        memory: who says so.
        cores: how many processors the process may use; 0: not said.
        inside: as in :class:`Answer`.
    """

    seconds: float = 0.0
    peak_bytes: int | None = None
    memory: str = ""
    cores: int = 0
    inside: float = 0.0


@dataclass(frozen=True)
class Refusal:
    """The backend did not answer.

    Attributes:
        declined: True if this is the library's way of saying that it does not offer this.
        error: the exception's type and text.
        fault: the harness's own fault, not the backend's.
        inside: seconds spent in the library's own calls before it came to that.
    """

    declined: bool
    error: str
    fault: bool = False
    inside: float = 0.0


_HEAD = struct.Struct("<Q")


def send(stream: BinaryIO, message: Any) -> None:
    """Write one frame."""
    body = pickle.dumps(message, protocol=5)
    stream.write(_HEAD.pack(len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one frame.

    Raises:
        EOFError: the other side is gone.
    """
    (size,) = _HEAD.unpack(_exactly(stream, _HEAD.size))
    return pickle.loads(_exactly(stream, size))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            raise EOFError("the other side closed the channel")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
