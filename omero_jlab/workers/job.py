"""A process that does a job's heavy work: `python -m omero_jlab.workers.job PARENT`.

Calls come by standard input, one after the other; progress and answers leave by standard output.
It ends when its input does, so that none outlives the process that started it, and gives way to
everything else on the machine.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from ..errors import OmeroError
from .child import die_with_parent
from .frames import ANSWER, CALL, CANCEL, FAILURE, PROGRESS, SAID, read_frame, to_frame

__all__ = ["NICE", "main"]

NICE = 10
_PAUSE_S = 0.1


class _Conversation:
    """What comes in and goes out; one thread reads, so that a cancel is heard at any time."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._told_at = 0.0
        self.calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.cancelled = threading.Event()

    def listen(self) -> None:
        """Read until the input ends, and the process with it."""
        while True:
            frame = read_frame(self._source.read)
            if frame is None:
                os._exit(0)
            kind, body = frame
            if kind == CANCEL:
                self.cancelled.set()
            elif kind == CALL:
                # A cancel was for the call before.
                self.cancelled.clear()
                self.calls.put(json.loads(body))

    def tell(self, done: int, total: int) -> None:
        """Say how far the call has come, but not all the time."""
        if done < total and time.monotonic() - self._told_at < _PAUSE_S:
            return
        self._told_at = time.monotonic()
        self.send(PROGRESS, json.dumps([done, total]).encode())

    def send(self, kind: bytes, body: bytes) -> None:
        self._sink.write(to_frame(kind, body))
        self._sink.flush()


def main(arguments: list[str]) -> None:
    """Answer calls until the input ends."""
    die_with_parent(int(arguments[0]))
    os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    _log()
    # What a library prints must not get between the bytes of an answer.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    conversation = _Conversation(os.fdopen(os.dup(0), "rb"), sink)
    threading.Thread(target=conversation.listen, daemon=True).start()
    while True:
        conversation.send(*_answer(conversation, conversation.calls.get()))


def _log() -> None:
    """Write this package's warnings to standard error, where the caller finds them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(logging.Filter("omero_jlab"))
    logging.basicConfig(level=logging.WARNING, format=f"{SAID}%(message)s", handlers=[handler])


def _answer(conversation: _Conversation, call: dict[str, Any]) -> tuple[bytes, bytes]:
    module, _, name = call["function"].partition(":")
    try:
        function: Callable[..., bytes] = getattr(importlib.import_module(module), name)
        return ANSWER, function(conversation.tell, conversation.cancelled.is_set, *call["args"])
    except OmeroError as error:
        code = getattr(error, "errno", None)
        told = {"error": type(error).__name__, "message": str(error), "errno": code}
    # The border of a job: the caller decides what an unexpected error means.
    except Exception as error:  # noqa: BLE001
        text = " ".join(str(error).split())[:300]
        told = {"error": "", "message": f"{type(error).__name__}: {text}", "errno": None}
    return FAILURE, json.dumps(told).encode()


if __name__ == "__main__":
    main(sys.argv[1:])
