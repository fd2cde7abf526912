"""Loops that numba compiles, kept for the next process where the user's caches lie."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., Any])
_CACHE = Path(platformdirs.user_cache_dir("omero-jlab")) / "numba"
# numba has one setting for all threads, and takes an empty one for the working directory where it
# changes while a function is being prepared.
_guard = threading.Lock()


def compiled(function: F, form: str | None = None) -> F:
    """`function` compiled without the interpreter's lock; at once where its types are told.

    `form` is numba's signature.  Raises `ImportError` where there is no numba.
    """
    import numba

    config: Any = numba.config
    with _guard:
        before = config.CACHE_DIR
        # The package's own folder may be read-only, and where users keep theirs is their affair.
        config.CACHE_DIR = before or str(_CACHE)
        try:
            return cast(F, numba.njit(form, nogil=True, cache=True)(function))
        except RuntimeError:
            # No folder can be written at all: compile anew in each process.
            return cast(F, numba.njit(form, nogil=True)(function))
        finally:
            config.CACHE_DIR = before
