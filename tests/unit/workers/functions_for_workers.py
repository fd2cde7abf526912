"""What the tests of workers have run in other processes."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from pathlib import Path

from omero_jlab.errors import NotFound, OmeroError

_LEFT_BEHIND: list[int] = []


def echo(*args: object) -> bytes:
    return repr(args).encode()


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def write(path: str) -> bytes:
    Path(path).write_bytes(b"written")
    return b"done"


def remember(value: int) -> bytes:
    _LEFT_BEHIND.append(value)
    return repr(_LEFT_BEHIND).encode()


def die() -> bytes:
    ctypes.string_at(0)
    return b""


def leave() -> bytes:
    os._exit(3)


def half_an_answer() -> bytes:
    """Writes to the socket of the answer itself, as a reader that was taken over would."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"\xff" * 100)
        except OSError:
            continue
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def sleep(seconds: float) -> bytes:
    time.sleep(seconds)
    return b"awake"


def take_memory(size: int) -> bytes:
    return bytes(len(bytearray(size)) % 7)


def give(size: int) -> bytes:
    return bytes(size)


def fail(kind: str) -> bytes:
    raise {"NotFound": NotFound("no image 7"), "KeyError": KeyError("x")}[kind]


def refuse() -> bytes:
    raise OmeroError("said by the root of the tree")


def connect() -> bytes:
    with socket.socket() as it:
        it.connect(("127.0.0.1", 9))
    return b""


def kill_parent() -> bytes:
    os.kill(os.getppid(), signal.SIGKILL)
    return b"killed"


def threads_of_parent() -> bytes:
    status = Path(f"/proc/{os.getppid()}/status").read_text()
    return next(line for line in status.splitlines() if line.startswith("Threads")).encode()


def descriptors() -> bytes:
    return str(len(list(Path("/proc/self/fd").iterdir()))).encode()


def text() -> str:
    return "not bytes"
