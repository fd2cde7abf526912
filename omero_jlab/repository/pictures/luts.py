"""Lookup tables: those that come with the package, and files in the repository's folder `luts`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import Conflict, Denied, Invalid, Unreadable
from ...model import ChannelSettings, Lut, Settings
from ...rendering import LUT_NAMES, lut_bytes, lut_of, parse_lut, unknown_lut
from ...storage import make_folders, write_file
from ..state import State
from ..work import Work

__all__ = [
    "LUTS",
    "Luts",
    "added_luts",
    "check_luts",
    "copy_luts",
    "tables_of",
    "without_lost_luts",
]

LUTS = "luts"
_SUFFIX = ".lut"
_NAME = re.compile(r"[\w][\w +.-]{0,59}", re.ASCII)
_LARGEST = 1 << 16

Table = NDArray[np.uint8]


def added_luts(root: Path) -> dict[str, Path]:
    """The files in the folder of a repository at `root`, by the names of their tables."""
    folder = root / LUTS
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    return {path.stem: path for path in files if _NAME.fullmatch(path.stem)}


def copy_luts(source: Path, target: Path) -> None:
    """Put the lookup tables of the repository at `source` in place of those at `target`."""
    ours = added_luts(source)
    for name, path in added_luts(target).items():
        if name not in ours:
            path.unlink()
    for path in ours.values():
        make_folders(target / LUTS)
        write_file(target / LUTS / path.name, path.read_bytes())


def check_luts(state: State, channels: Iterable[ChannelSettings]) -> None:
    """Raise `NotFound` where a channel names a table that is not there."""
    for channel in channels:
        if channel.lut and channel.lut not in LUT_NAMES and not _path(state, channel.lut).is_file():
            raise unknown_lut(
                channel.lut, tuple(sorted({*LUT_NAMES, *added_luts(state.layout.root)}))
            )


def tables_of(state: State, settings: Settings) -> dict[str, Table]:
    """The tables that came as files and that `settings` draw with.

    Raises
    ------
    NotFound
        A channel names a table that is not there.
    """
    check_luts(state, settings.channels)
    named = {channel.lut for channel in settings.channels if channel.lut} - set(LUT_NAMES)
    return {name: _table(_path(state, name)) for name in named}


def without_lost_luts(state: State, settings: Settings) -> Settings:
    """`settings`, but in plain colours where a table was taken away since they were kept."""
    if not any(channel.lut for channel in settings.channels):
        return settings
    return settings.model_copy(
        update={
            "channels": tuple(
                channel
                if channel.lut in ("", *LUT_NAMES) or _path(state, channel.lut).is_file()
                else channel.model_copy(update={"lut": ""})
                for channel in settings.channels
            )
        }
    )


def _path(state: State, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} names no lookup table: a name has up to 60 letters, digits, spaces "
            f"and + . - _, and begins with a letter or digit."
        )
    return state.layout.root / LUTS / f"{name}{_SUFFIX}"


def _table(path: Path) -> Table:
    try:
        told = path.stat()
        return _parsed(path, told.st_size, told.st_mtime_ns)
    except OSError as error:
        raise Unreadable(f"The lookup table {path.stem!r} cannot be read: {error}") from error


@lru_cache(maxsize=256)
def _parsed(path: Path, size: int, mtime_ns: int) -> Table:
    with path.open("rb") as file:
        table = parse_lut(file.read(_LARGEST + 1))
    table.flags.writeable = False
    return table


def _hexadecimal(table: Table) -> tuple[str, ...]:
    return tuple(f"{red:02X}{green:02X}{blue:02X}" for red, green, blue in table.tolist())


class Luts:
    """Lookup tables; an administrator adds and removes them."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def luts(self) -> tuple[Lut, ...]:
        """The lookup tables by name, without their colours."""
        added = [Lut(name=name, added=True) for name in added_luts(self._session.store.layout.root)]
        known = [Lut(name=name) for name in LUT_NAMES]
        with self._session.reading():
            return tuple(sorted((*known, *added), key=lambda each: each.name))

    def lut(self, name: str) -> Lut:
        """A lookup table with its colours."""
        with self._session.reading():
            if name in LUT_NAMES:
                return Lut(name=name, colors=_hexadecimal(lut_of(name)))
            state = self._session.store
            check_luts(state, (ChannelSettings(start=0, end=1, lut=name),))
            return Lut(name=name, added=True, colors=_hexadecimal(_table(_path(state, name))))

    def add_lut(self, name: str, colors: tuple[str, ...]) -> Lut:
        """Add a lookup table of 256 colours (RRGGBB) under a new name."""
        state = self._session.store
        path = _path(state, name)
        if len(colors) != 256 or not all(re.fullmatch("[0-9A-Fa-f]{6}", each) for each in colors):
            raise Invalid(
                f"A lookup table is 256 colours written RRGGBB, such as 00FF00; {len(colors)} "
                f"were given."
            )
        table = np.frombuffer(bytes.fromhex("".join(colors)), np.uint8).reshape(256, 3)
        self._check_administrator()
        known = {each.lower() for each in (*LUT_NAMES, *added_luts(state.layout.root))}
        if name.lower() in known:
            raise Conflict(f"There is a lookup table {name!r} already: choose another name.")
        state.check_writable()
        make_folders(path.parent)
        write_file(path, lut_bytes(table))
        with self._session.writing() as unit:
            return unit.answer(Lut(name=name, added=True, colors=_hexadecimal(table)))

    def remove_lut(self, name: str) -> None:
        """Take an added lookup table away; what was drawn with it gets its colours again."""
        state = self._session.store
        self._check_administrator()
        if name in LUT_NAMES:
            raise Denied(f"The lookup table {name!r} came with the program and stays.")
        check_luts(state, (ChannelSettings(start=0, end=1, lut=name),))
        state.check_writable("freeing")
        with self._session.writing() as unit:
            unit.answer(None)
        _path(state, name).unlink(missing_ok=True)

    def _check_administrator(self) -> None:
        with self._session.reading() as (_, access):
            if not access.actor.is_admin:
                raise Denied("Lookup tables are added and removed by administrators: ask one.")
