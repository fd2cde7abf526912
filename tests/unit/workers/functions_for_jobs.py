"""Functions that run in job processes, for tests."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from omero_jlab.errors import Full, Unavailable

Tell = Callable[[int, int], None]
Cancelled = Callable[[], bool]


def niceness(tell: Tell, cancelled: Cancelled) -> bytes:
    print("what a library prints")
    return str(os.getpriority(os.PRIO_PROCESS, 0)).encode()


def echo(tell: Tell, cancelled: Cancelled, text: str, times: int) -> bytes:
    tell(1, 1)
    return (text * times).encode()


def for_ever(tell: Tell, cancelled: Cancelled, mark: str) -> bytes:
    done = 0
    while not cancelled():
        done += 1
        tell(done, 10_000)
        time.sleep(0.01)
    Path(mark).write_text("cleaned up")
    raise Full("It was cancelled.")


def deaf(tell: Tell, cancelled: Cancelled) -> bytes:
    tell(1, 1)
    time.sleep(600)
    return b""


def die(tell: Tell, cancelled: Cancelled) -> bytes:
    os.write(2, b"the last words\n")
    os.abort()


def broken_disk(tell: Tell, cancelled: Cancelled) -> bytes:
    error = Unavailable("The disk failed.")
    error.errno = errno.EIO
    raise error


def mistake(tell: Tell, cancelled: Cancelled) -> bytes:
    raise ZeroDivisionError("as nobody expected")
