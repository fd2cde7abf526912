"""Foreign HDF5 files, opened where they can do no harm: inside of a confined process.

Only what lies in the file itself is read: no link that leads elsewhere, no external storage, no
virtual data set, and nothing larger than what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np

from ..errors import TooLarge, Unreadable

__all__ = ["MAGIC", "child", "data_sets", "groups", "is_hdf5", "opened", "text", "whole"]

MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_NAMES = 100_000
_LONGEST_TEXT = 1 << 20


def is_hdf5(path: Path) -> bool:
    """Whether the file begins as HDF5 files do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def opened(path: str) -> Iterator[h5py.File]:
    """The file, for reading.

    Raises
    ------
    Unreadable
        It is damaged.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise Unreadable(f"{Path(path).name} cannot be read as HDF5: {text}") from error


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """What lies at `name` in `group` itself, or None; a link out of the file is None, too."""
    found = group
    for part in name.strip("/").split("/"):
        if not isinstance(found, h5py.Group) or part in ("", ".", ".."):
            return None
        if not isinstance(found.get(part, getlink=True), h5py.HardLink):
            return None
        found = found[part]
    return found


def groups(group: h5py.Group) -> Iterator[tuple[str, h5py.Group]]:
    """The groups in a group, by name."""
    for name in _names(group):
        found = child(group, name)
        if isinstance(found, h5py.Group):
            yield name, found


def data_sets(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """The data sets in a group whose values lie in the file, by name."""
    for name in _names(group):
        found = child(group, name)
        if isinstance(found, h5py.Dataset) and _is_own(found):
            yield name, found


def whole(data: h5py.Dataset, most_bytes: int) -> h5py.Dataset:
    """`data`, if its values lie in the file and take no more than `most_bytes`.

    Raises
    ------
    Unreadable
        They lie in another file.
    TooLarge
        They take more.
    """
    if not _is_own(data):
        raise Unreadable(f"{data.name} keeps its values in another file; those are not read.")
    size = int(np.prod(data.shape, dtype=np.float64)) * data.dtype.itemsize
    if size > most_bytes:
        raise TooLarge(
            f"{data.name} declares {size:,} bytes; up to {most_bytes:,} are read at once."
        )
    return data


def text(group: h5py.Group, name: str) -> str:
    """The text at `name`, empty where there is none."""
    found = child(group, name)
    if not isinstance(found, h5py.Dataset) or found.shape not in ((), (1,)):
        return ""
    if found.dtype.kind not in "OSU" or not _is_own(found):
        return ""
    value = found[()] if found.shape == () else found[0]
    plain = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return plain[:_LONGEST_TEXT]


def _names(group: h5py.Group) -> list[str]:
    if len(group) > _MOST_NAMES:
        raise TooLarge(f"{group.name} holds {len(group):,} names; up to {_MOST_NAMES:,} are read.")
    return list(group)


def _is_own(data: h5py.Dataset) -> bool:
    return not data.is_virtual and not data.external and data.shape is not None
