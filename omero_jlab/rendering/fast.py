"""The compiled loops where numba works, else those in numpy."""

from __future__ import annotations

import os
from functools import cache
from types import ModuleType

__all__ = ["inner_loops"]


@cache
def inner_loops() -> ModuleType:
    """The module of inner loops; `OMERO_JLAB_NO_NUMBA=1` chooses numpy's.

    numba takes half a second to import: nobody pays that before something is drawn.
    """
    from . import loops

    if os.environ.get("OMERO_JLAB_NO_NUMBA") == "1":
        return loops
    try:
        from . import kernels
    except ImportError:
        return loops
    return kernels
