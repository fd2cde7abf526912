"""Calls into processes that may crash, hang or be taken over without harm to this one."""

from __future__ import annotations

import array
import os
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..errors import Invalid, Unavailable, Unreadable
from . import landlock
from .launch import command, environment
from .messages import DEADLINE, Request, how_it_ended, result_of, signal_name, unframed

__all__ = ["Workers"]

_GIB = 1 << 30
# What the zygote gets, after a deadline, to end a child and say so.
_GRACE_S = 10.0


class Workers:
    """Runs functions, named as "module:function", in confined processes.

    Parameters
    ----------
    preload : modules that the zygote imports once, so that no child has to
    most : how many calls run at once; others wait
    confinement : "process" makes fresh processes even where Landlock is there
    """

    def __init__(
        self,
        preload: Sequence[str] = ("omero_jlab.formats",),
        *,
        most: int | None = None,
        confinement: Literal["landlock", "process"] | None = None,
    ) -> None:
        can = "landlock" if hasattr(os, "fork") and landlock.version() else "process"
        if confinement == "landlock" and can != confinement:
            raise Unavailable("This system has no Landlock: leave `confinement` out.")
        self._confinement = confinement or can
        self._preload = tuple(preload)
        self._places = threading.BoundedSemaphore(most or max(2, os.cpu_count() or 1))
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    @property
    def confinement(self) -> str:
        """How calls are kept apart: "landlock", or "process" where that is missing."""
        return self._confinement

    def run(
        self,
        function: str,
        *args: object,
        folder: Path | Sequence[Path],
        writable: Path | None = None,
        timeout_s: float = 60.0,
        memory_bytes: int = 2 * _GIB,
    ) -> bytes:
        """What `function` returns for `args` in a process that sees only `folder`.

        Parameters
        ----------
        function : "module:function"; it takes values that JSON has, and returns bytes
        folder : what may be read: one or more files or folders
        writable : a folder that may be written, if any

        Raises
        ------
        OmeroError
            What the function raised, of the same class and with the same message.
        Unreadable
            The process crashed, took too long or too much memory; says which.
        Unavailable
            These workers are closed, or no process can be started.
        """
        if ":" not in function:
            raise Invalid(f"{function!r} names no function: write it as module:function.")
        folders = [folder] if isinstance(folder, Path) else list(folder)
        request = Request(
            function,
            list(args),
            [str(path.resolve()) for path in folders],
            [str(writable.resolve())] if writable else [],
            timeout_s,
            memory_bytes,
        )
        with self._places:
            if self._confinement == "process":
                return self._run_fresh(request)
            return self._run_forked(request)

    def close(self) -> None:
        """End the zygote; calls that still run are ended with it."""
        with self._lock:
            self._closed = True
            self._end_zygote()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run_forked(self, request: Request) -> bytes:
        for _ in range(2):
            told = how_it_ended(self._converse(request))
            if told is not None:
                stream, status, late = told
                return _judged(stream, status, late, request)
        raise Unavailable("The process that reads files ends again and again: see the log.")

    def _converse(self, request: Request) -> bytes:
        """All that comes back; without an ending if the zygote died meanwhile."""
        mine, its = socket.socketpair()
        with mine:
            with its:
                self._hand_over(its, request.timeout_s)
            parts = []
            until = time.monotonic() + request.timeout_s + _GRACE_S
            try:
                mine.settimeout(request.timeout_s + _GRACE_S)
                mine.sendall(request.to_bytes())
                while True:
                    mine.settimeout(max(0.01, until - time.monotonic()))
                    part = mine.recv(1 << 20)
                    if not part:
                        break
                    parts.append(part)
            except (TimeoutError, ConnectionError):
                # A child that ended before it read its request still gets its ending told.
                parts += _rest(mine)
            return b"".join(parts)

    def _hand_over(self, channel: socket.socket, timeout_s: float) -> None:
        descriptor = array.array("i", [channel.fileno()])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)]
        with self._lock:
            for _ in range(2):
                try:
                    self._living().sendmsg([DEADLINE.pack(timeout_s)], rights)
                    return
                except (BrokenPipeError, ConnectionResetError):
                    self._end_zygote()
        raise Unavailable("The process that reads files cannot be started: see the log.")

    def _living(self) -> socket.socket:
        if self._closed:
            raise Unavailable("These workers are closed.")
        if self._zygote is not None and self._zygote.poll() is not None:
            self._end_zygote()
        if self._control is None:
            mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with its:
                self._zygote = subprocess.Popen(
                    [*command("zygote"), str(its.fileno()), *self._preload],
                    pass_fds=[its.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=environment(),
                )
            self._control = mine
        return self._control

    def _end_zygote(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()
        self._zygote = self._control = None

    def _run_fresh(self, request: Request) -> bytes:
        if self._closed:
            raise Unavailable("These workers are closed.")
        process = subprocess.Popen(
            command("once"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        with process:
            try:
                stream, _ = process.communicate(request.to_bytes(), request.timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return _judged(b"", 0, True, request)
        code = process.returncode
        return _judged(stream, -code if code < 0 else code << 8, False, request)


def _judged(stream: bytes, status: int, late: bool, request: Request) -> bytes:
    body = unframed(stream)
    if body is not None and status == 0:
        return result_of(body)
    if late:
        raise Unreadable(f"Reading took longer than {request.timeout_s:g} s and was stopped.")
    if os.WIFSIGNALED(status):
        name = signal_name(os.WTERMSIG(status))
        raise Unreadable(f"The reader ended with signal {name} on this file.")
    raise Unreadable(f"The reader ended with status {os.WEXITSTATUS(status)} on this file.")


def _rest(channel: socket.socket) -> list[bytes]:
    parts = []
    try:
        channel.settimeout(_GRACE_S)
        while part := channel.recv(1 << 20):
            parts.append(part)
    except OSError:
        pass
    return parts
