"""What a worker does after its birth: give up rights, call the function, answer."""

from __future__ import annotations

import importlib
import math
import os
import resource
import sys
import sysconfig
from pathlib import Path

from ..errors import OmeroError, Unreadable
from . import landlock
from .messages import ANSWER, Request, failure

__all__ = ["answer_to", "die_with_parent", "limit", "python_folders"]

_MIB = 1 << 20


def python_folders() -> list[Path]:
    """Where Python and its libraries lie: a worker may import from there."""
    paths = sysconfig.get_paths()
    named = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    own = Path(__file__).parents[1]
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"]
    devices = ["/dev/null", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo"]
    devices += ["/sys/devices/system/cpu"]
    prefixes = [Path(prefix) / "lib" for prefix in (sys.prefix, sys.base_prefix)]
    return [own, *prefixes, *(Path(p) for p in (*named, *system, *devices))]


def limit(timeout_s: float, memory_bytes: int, *, writes: bool) -> None:
    """Set the limits of this process: memory beyond what it has, CPU time, files, no core dump."""
    if sys.platform.startswith("linux"):
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, has + memory_bytes)
    # With several threads CPU time may pass faster than the clock's.
    _lower(resource.RLIMIT_CPU, math.ceil(timeout_s * 4) + 1)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, 1024)
    if not writes:
        _lower(resource.RLIMIT_FSIZE, 0)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def answer_to(request: Request, *, confined: bool) -> bytes:
    """The answer to `request`; errors that are not ours become `Unreadable`."""
    try:
        limit(request.timeout_s, request.memory_bytes, writes=bool(request.writable))
        if confined:
            readable = [*python_folders(), *(Path(p) for p in request.readable)]
            landlock.confine(readable, [Path(p) for p in request.writable])
        module, _, name = request.function.partition(":")
        result = getattr(importlib.import_module(module), name)(*request.args)
        if not isinstance(result, bytes):
            kind = type(result).__name__
            return failure(Unreadable(f"{request.function} answered {kind}, where bytes must be."))
        return ANSWER + result
    except OmeroError as error:
        return failure(error)
    except MemoryError:
        memory = request.memory_bytes // _MIB
        return failure(Unreadable(f"Reading this file takes more than {memory} MiB of memory."))
    except RecursionError:
        return failure(Unreadable("The file is nested too deeply to be read."))
    # This is the border of a job: whatever a parser raises is an answer about the file.
    except Exception as error:  # noqa: BLE001
        text = " ".join(str(error).split())[:300]
        return failure(Unreadable(f"The file cannot be read: {type(error).__name__}: {text}"))


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when the thread that made it ends.

    `parent` is the process that made it; where that has ended before, this ends now.
    """
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
