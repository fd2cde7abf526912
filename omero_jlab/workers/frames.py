"""What passes between a job and its process: a kind, a length, and that many bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable

__all__ = [
    "ANSWER", "CALL", "CANCEL", "FAILURE", "HEAD", "PROGRESS", "SAID", "read_frame", "to_frame",
]  # fmt: skip

CALL, CANCEL = b"C", b"X"
PROGRESS, ANSWER, FAILURE = b"P", b"+", b"!"
HEAD = struct.Struct("<cQ")
SAID = "omero-jlab says: "
"""Begins a line of a process's standard error that its caller is to log."""


def to_frame(kind: bytes, body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    return HEAD.pack(kind, len(body)) + body


def read_frame(read: Callable[[int], bytes]) -> tuple[bytes, bytes] | None:
    """The next frame's kind and body; None where there is no more.

    `read` returns exactly n bytes, or fewer at the end.
    """
    head = read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    body = read(length)
    return (kind, body) if len(body) == length else None
