"""Heavy work in processes of their own, a few at a time, that give way to everything else."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from ..errors import OmeroError, Unavailable, error_for
from .frames import ANSWER, CALL, CANCEL, FAILURE, HEAD, PROGRESS, SAID, to_frame
from .launch import command, environment
from .messages import signal_name

__all__ = ["JobProcess", "JobProcessEnded", "JobProcesses"]

_LOOK_S = 0.2
# What a process gets, after a cancel, to remove what it has half made.
_GRACE_S = 10.0


class JobProcessEnded(Unavailable):
    """The process that did the work ended in the middle of it."""


class JobProcess:
    """A running process that answers one call after the other."""

    def __init__(self) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._told = 0
        try:
            self._process = subprocess.Popen(
                [*command("job"), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=environment(),
                bufsize=0,
            )
        except OSError as error:
            self._said.close()
            raise Unavailable(f"No process can be started for this job: {error}.") from error
        self._received = bytearray()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def run(
        self,
        function: str,
        *args: object,
        tell: Callable[[int, int], object],
        check: Callable[[], object],
    ) -> bytes:
        """What `function` answers.

        Parameters
        ----------
        function : "module:function"; it is called with a function that takes how far it has come,
            one that says whether it should stop, and `args`, and returns bytes
        args : values that JSON has
        tell : called with what the function told of its progress
        check : called all the while; what it raises ends the work, and is raised

        Raises
        ------
        OmeroError
            What the function raised, of the same class and with the same message.
        JobProcessEnded
            The process ended, or the function failed in a way that nobody foresaw.
        """
        body = json.dumps({"function": function, "args": args}).encode()
        self._send(to_frame(CALL, body))
        try:
            return self._answer(function, tell, check)
        except OmeroError:
            raise
        except BaseException:
            self.end()
            raise

    def said(self) -> list[str]:
        """What the process warned of since this was asked last, line by line."""
        size = os.fstat(self._said.fileno()).st_size
        new = os.pread(self._said.fileno(), min(size - self._told, 1 << 16), self._told)
        self._told = size
        lines = new.decode(errors="replace").splitlines()
        return [line.removeprefix(SAID) for line in lines if line.startswith(SAID)]

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _answer(
        self, function: str, tell: Callable[[int, int], object], check: Callable[[], object]
    ) -> bytes:
        answer: tuple[bytes, bytes] | None = None
        try:
            while answer is None:
                for kind, body in self._frames():
                    if kind == PROGRESS:
                        tell(*json.loads(body))
                    else:
                        answer = kind, body
                if answer is None:
                    check()
        except JobProcessEnded:
            raise
        except OmeroError:
            self._stop()
            raise
        kind, body = answer
        if kind == ANSWER:
            return body
        raise _error(function, json.loads(body))

    def _stop(self) -> None:
        """Let the process remove what it has half made; end it where that takes too long."""
        self._send(to_frame(CANCEL))
        until = time.monotonic() + _GRACE_S
        while time.monotonic() < until:
            if any(kind in (ANSWER, FAILURE) for kind, _ in self._frames()):
                return
        self.end()

    def _frames(self) -> Iterator[tuple[bytes, bytes]]:
        """The frames that have come within a moment."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(_LOOK_S):
                return
        part = os.read(self._process.stdout.fileno(), 1 << 20)
        if not part:
            raise self._ended()
        self._received += part
        while len(self._received) >= HEAD.size:
            kind, length = HEAD.unpack_from(self._received)
            if len(self._received) < HEAD.size + length:
                return
            body = bytes(self._received[HEAD.size : HEAD.size + length])
            del self._received[: HEAD.size + length]
            yield kind, body

    def _send(self, frame: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame)
        except BrokenPipeError:
            raise self._ended() from None

    def _ended(self) -> JobProcessEnded:
        code = self._process.wait()
        how = f"with signal {signal_name(-code)}" if code < 0 else f"with status {code}"
        self._said.seek(0)
        lines = self._said.read()[-4096:].decode(errors="replace").split("\n")
        last = next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")
        return JobProcessEnded(
            f"The process that did this work ended {how}{last}. It is tried again when the "
            f"repository is opened next."
        )


class JobProcesses:
    """A limited number of processes, which end with the repository."""

    def __init__(self, most: int | None = None) -> None:
        self._places = threading.BoundedSemaphore(most or max(1, _cores() - 1))
        self._guard = threading.Lock()
        self._running: set[JobProcess] = set()
        self._closed = False

    @contextmanager
    def one(self, check: Callable[[], object]) -> Iterator[JobProcess]:
        """A process of one's own, until the block ends; `check` is called while one waits for it.

        The thread that asks must stay until then: the kernel ends the process with the thread
        that started it.
        """
        while not self._places.acquire(timeout=_LOOK_S):
            check()
        try:
            with self._guard:
                if self._closed:
                    raise Unavailable("The repository is being closed.")
                process = JobProcess()
                self._running.add(process)
            try:
                yield process
            finally:
                with self._guard:
                    self._running.discard(process)
                process.end()
        finally:
            self._places.release()

    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that run now."""
        with self._guard:
            return tuple(process.pid for process in self._running)

    def close(self) -> None:
        """Start no more; whoever runs one ends it."""
        with self._guard:
            self._closed = True


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _error(function: str, told: dict[str, Any]) -> OmeroError:
    if not told["error"]:
        return JobProcessEnded(f"{function} failed: {told['message']}")
    error = error_for(told["error"], told["message"])
    if told["errno"] is not None and isinstance(error, OSError):
        # What a failing disk is known by.
        error.errno = told["errno"]
    return error
