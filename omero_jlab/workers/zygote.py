"""A single-threaded process with the readers imported, which forks a child per call.

It is started as `python -m omero_jlab.workers.zygote SOCKET MODULE …`.  Through the socket come
a deadline and, beside it, the descriptor of a socket of the call's own.  The child reads its
request from that and writes its answer to it; when it has ended, this process adds how.
"""

from __future__ import annotations

import array
import importlib
import logging
import os
import select
import signal
import socket
import sys
import time
import warnings
from dataclasses import dataclass

from .child import answer_to, die_with_parent
from .messages import DEADLINE, Request, ending, framed

__all__ = ["main"]


@dataclass
class _Call:
    channel: socket.socket
    deadline: float
    late: bool = False


def main(arguments: list[str]) -> None:
    """Import, then fork a child for each call until the socket is closed."""
    control = socket.socket(fileno=int(arguments[0]))
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for module in arguments[1:]:
        importlib.import_module(module)
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(ended, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls: dict[int, _Call] = {}
    open_for_calls = True
    while open_for_calls or calls:
        waiting: list[int | socket.socket] = [ended, control] if open_for_calls else [ended]
        ready, _, _ = select.select(waiting, [], [], _patience(calls))
        if ended in ready:
            os.read(ended, 4096)
        if control in ready:
            open_for_calls = _accept(control, calls)
        _stop_the_late(calls)
        _bury(calls)


def _patience(calls: dict[int, _Call]) -> float | None:
    deadlines = [call.deadline for call in calls.values() if not call.late]
    return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None


def _accept(control: socket.socket, calls: dict[int, _Call]) -> bool:
    """Fork a child for the call that has come; False when there will be no more."""
    space = socket.CMSG_SPACE(array.array("i", [0]).itemsize)
    message, rights, _, _ = control.recvmsg(DEADLINE.size, space)
    descriptors = array.array("i")
    for _, _, data in rights:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    if len(message) < DEADLINE.size or len(descriptors) != 1:
        return False
    (timeout_s,) = DEADLINE.unpack(message)
    channel = socket.socket(fileno=descriptors[0])
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        _serve(channel, zygote)
    calls[pid] = _Call(channel, time.monotonic() + timeout_s)
    return True


def _serve(channel: socket.socket, zygote: int) -> None:
    """Be the child: it keeps no descriptor but its own, and never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent(zygote)
        own = channel.fileno()
        os.closerange(3, own)
        os.closerange(own + 1, os.sysconf("SC_OPEN_MAX"))
        request = Request.read(channel.recv)
        channel.sendall(framed(answer_to(request, confined=True)))
        status = 0
    except (OSError, EOFError):
        pass
    finally:
        # Skips the cleaning up that belongs to the process this one was copied from.
        os._exit(status)


def _stop_the_late(calls: dict[int, _Call]) -> None:
    now = time.monotonic()
    for pid, call in calls.items():
        if not call.late and call.deadline <= now:
            call.late = True
            os.kill(pid, signal.SIGKILL)


def _bury(calls: dict[int, _Call]) -> None:
    while calls:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        call = calls.pop(pid)
        try:
            call.channel.sendall(ending(status, late=call.late))
        except OSError:
            continue
        finally:
            call.channel.close()


if __name__ == "__main__":
    main(sys.argv[1:])
