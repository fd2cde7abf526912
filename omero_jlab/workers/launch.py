"""How a process of ours is started: this Python, this import path, one thread per library."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["command", "environment"]

_ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "BLOSC_NTHREADS",
)


def command(module: str) -> list[str]:
    """The command that runs a module of this folder."""
    # -P: a file in the current folder must not be imported in a library's place.
    return [sys.executable, "-P", "-m", f"{__package__}.{module}"]


def environment() -> dict[str, str]:
    """This process's environment with its import path, and one thread per library.

    A process with threads cannot be forked safely.
    """
    here = str(Path(__file__).parents[2])
    path = [entry for entry in sys.path if entry and Path(entry).is_absolute()]
    if here not in path:
        path.append(here)
    return {
        **os.environ,
        **dict.fromkeys(_ONE_THREAD, "1"),
        "PYTHONPATH": os.pathsep.join(path),
    }
