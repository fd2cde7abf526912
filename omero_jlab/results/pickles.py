"""Pickled files of other programs: plain containers and arrays of numbers, and nothing else."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Invalid, TooLarge, Unreadable

__all__ = ["read_pickled_npy"]

_MOST_BYTES = 1 << 30
_MAJORS = ("numpy.core", "numpy._core")


class _Text:
    """A path of the computer that wrote the file, as text."""

    def __new__(cls, *parts: object) -> Any:
        return "/".join(str(part).rstrip("/") for part in parts)


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    # How protocol 2 writes bytes; other codecs may do other things than encode.
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in {encoding}")
    return text.encode("latin1")


def _known() -> dict[tuple[str, str], Any]:
    import collections
    import datetime

    import numpy._core.multiarray as multiarray
    import numpy._core.numeric as numeric

    known: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encoded,
        ("collections", "OrderedDict"): collections.OrderedDict,
    }
    for kind in (datetime.datetime, datetime.date, datetime.time, datetime.timedelta):
        known["datetime", kind.__name__] = kind
    for module in ("builtins", "__builtin__"):
        known |= {(module, kind.__name__): kind for kind in (set, frozenset, bytearray, complex)}
    for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path"):
        known |= {("pathlib", name): _Text, ("pathlib._local", name): _Text}
    for major in _MAJORS:
        known[f"{major}.multiarray", "_reconstruct"] = multiarray._reconstruct
        known[f"{major}.multiarray", "scalar"] = multiarray.scalar
        known[f"{major}.numeric", "_frombuffer"] = numeric._frombuffer  # type: ignore[attr-defined]
    return known


class _Unpickler(pickle.Unpickler):
    """Finds what is named in `_known`, and no other function or class."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__(file)
        self._known = _known()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("a reference to another file")


def read_pickled_npy(path: Path) -> Any:
    """The object in an .npy file that holds a pickled one.

    Raises
    ------
    Invalid
        It needs more than plain containers and arrays; the message names what.
    Unreadable
        It is damaged, or no such file.
    TooLarge
        It is larger than 1 GiB.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise TooLarge(f"{path.name} is larger than 1 GiB.")
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            else:
                shape, _, dtype = np.lib.format.read_array_header_2_0(file)
            if dtype.kind != "O" or shape not in ((), (1,)):
                raise Unreadable(f"{path.name} holds no single object, but {dtype} {shape}.")
            found = _Unpickler(file).load()
    except pickle.UnpicklingError as error:
        raise Invalid(
            f"{path.name} holds {error}: only plain containers and arrays of numbers are read."
        ) from error
    except (ValueError, TypeError, EOFError, LookupError, AttributeError, ImportError) as error:
        text = " ".join(str(error).split())[:200]
        raise Unreadable(f"{path.name} cannot be read: {text}") from error
    return found.item() if isinstance(found, np.ndarray) and found.size == 1 else found
