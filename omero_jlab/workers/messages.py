"""What passes between the caller and a worker: a request, an answer, and how it ended.

Frames are a length and that many bytes.  Nothing is pickled: a worker that a hostile file has
taken over can answer wrong bytes, and no more.
"""

from __future__ import annotations

import json
import signal
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass

from ..errors import OmeroError, Unreadable, error_for

__all__ = [
    "ANSWER",
    "DEADLINE",
    "FAILURE",
    "Request",
    "ending",
    "failure",
    "framed",
    "how_it_ended",
    "result_of",
    "signal_name",
    "unframed",
]

ANSWER, FAILURE = b"+", b"!"
_LENGTH = struct.Struct("<Q")
# A deadline in seconds, sent beside the descriptor of a call.
DEADLINE = struct.Struct("<d")
_ENDING = struct.Struct("<8sii")
_ENDING_MARK = b"OJ-ENDED"


@dataclass(frozen=True)
class Request:
    """A call of `function` ("module:function") in a process that sees only some folders."""

    function: str
    args: list[object]
    readable: list[str]
    writable: list[str]
    timeout_s: float
    memory_bytes: int

    def to_bytes(self) -> bytes:
        body = json.dumps(asdict(self)).encode()
        return _LENGTH.pack(len(body)) + body

    @classmethod
    def read(cls, receive: Callable[[int], bytes]) -> Request:
        """The request that arrives through `receive`, which returns up to n bytes."""
        (length,) = _LENGTH.unpack(_exactly(receive, _LENGTH.size))
        return cls(**json.loads(_exactly(receive, length)))


def failure(error: OmeroError) -> bytes:
    """An answer that raises `error` again at the caller."""
    return FAILURE + json.dumps({"error": type(error).__name__, "message": str(error)}).encode()


def framed(body: bytes) -> bytes:
    """`body` with its length before it."""
    return _LENGTH.pack(len(body)) + body


def unframed(stream: bytes) -> bytes | None:
    """The body of the one frame in `stream`, None if it is not whole."""
    if len(stream) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(stream)
    return stream[_LENGTH.size :] if len(stream) == _LENGTH.size + length else None


def result_of(body: bytes) -> bytes:
    """What the function returned, or the error that it raised."""
    if body[:1] == ANSWER:
        return body[1:]
    try:
        told = json.loads(body[1:])
        error = error_for(str(told["error"]), str(told["message"]))
    except (ValueError, KeyError, TypeError):
        raise Unreadable("The reader gave an answer that makes no sense.") from None
    raise error


def ending(status: int, *, late: bool) -> bytes:
    """The last words about a worker: its exit status, and whether it was stopped for lateness."""
    return _ENDING.pack(_ENDING_MARK, status, late)


def how_it_ended(stream: bytes) -> tuple[bytes, int, bool] | None:
    """A stream without its ending, the exit status, and lateness; None if there is no ending."""
    if len(stream) < _ENDING.size:
        return None
    mark, status, late = _ENDING.unpack(stream[-_ENDING.size :])
    return (stream[: -_ENDING.size], status, bool(late)) if mark == _ENDING_MARK else None


def signal_name(number: int) -> str:
    """`SEGV` for 11."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _exactly(receive: Callable[[int], bytes], length: int) -> bytes:
    parts = []
    while length:
        part = receive(min(length, 1 << 20))
        if not part:
            raise EOFError("the request ended early")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
