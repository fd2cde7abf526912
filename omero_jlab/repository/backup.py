"""A copy of the repository while it is in use.

The database first, in one snapshot; then the files that it names, which never change once they
are written.  What is deleted meanwhile waits in the trash until the copy is complete.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ..database import Engines
from ..errors import Full, Invalid, Unreadable
from ..model import BackupReport
from ..storage import Layout, copy_hashed, make_folders, space, write_file
from .config import CONFIG
from .inventory import Inventory, stored_files, take_inventory
from .jobs import Progress
from .state import State

__all__ = ["back_up"]

_MARK = "backup-unfinished"


def back_up(state: State, target: Path, progress: Progress) -> BackupReport:
    """Copy the repository to `target`, which is then a repository to open.

    `target` is missing, empty, or an earlier backup of this repository: of that, files that are
    the same are left as they are.

    Raises
    ------
    Invalid
        `target` holds something else, or lies in the repository.
    Full
        There is too little room for it.
    Unreadable
        An original is not what it was when it was imported; it is named.
    """
    target = target.absolute()
    _check_target(state, target)
    with state.keeping_trash():
        make_folders(target)
        write_file(target / _MARK, b"this copy is not complete\n")
        _copy_database(state, target)
        for folder in Layout(target).folders:
            make_folders(folder)
        report = _copy_files(state, target, progress)
        for name in (CONFIG, state.layout.sentinel.name):
            if (state.layout.root / name).is_file():
                write_file(target / name, (state.layout.root / name).read_bytes())
        (target / _MARK).unlink()
    return report


def _check_target(state: State, target: Path) -> None:
    root = state.layout.root.resolve()
    if target.resolve().is_relative_to(root) or root.is_relative_to(target.resolve()):
        raise Invalid(f"{target} and the repository lie in each other: choose another folder.")
    if not target.exists() or not any(target.iterdir()):
        return
    sentinel = Layout(target).sentinel
    if sentinel.is_file() and Layout(target).identity().uuid == state.uuid:
        return
    if (target / _MARK).is_file():
        return
    raise Invalid(f"{target} holds something else than a backup of this repository.")


def _copy_database(state: State, target: Path) -> None:
    new = target / f".{state.layout.database.name}.new"
    new.unlink(missing_ok=True)
    source = sqlite3.connect(f"file:{state.layout.database}?mode=ro", uri=True)
    copy = sqlite3.connect(new)
    try:
        copy.execute("PRAGMA synchronous = FULL")
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    for old in target.glob(f"{state.layout.database.name}-*"):
        old.unlink()
    new.replace(target / state.layout.database.name)


def _copy_files(state: State, target: Path, progress: Progress) -> BackupReport:
    # What came after the snapshot is no part of it.
    inventory = _inventory_of(target)
    checksums = {path: sha for path, (_, sha) in inventory.originals.items()}
    kept = {path: size for path, size in stored_files(state) if inventory.names(path)}
    missing = [p for p in (*inventory.originals, *inventory.segments) if p not in kept]
    if missing:
        raise Unreadable(
            f"{len(missing)} files are missing, the first is {missing[0]}: see "
            f"`omero-jlab admin check`, and restore them from an earlier backup."
        )
    wanted = [(path, size) for path, size in kept.items() if not _same(state, target, path)]
    total = sum(size for _, size in wanted)
    room = space(target).free
    if total > room:
        raise Full(f"The backup needs {total:,} bytes more, and {room:,} are free in {target}.")
    done = 0
    for path, size in wanted:
        goal = target / path
        make_folders(goal.parent)
        goal.unlink(missing_ok=True)
        copied = copy_hashed(state.layout.root / path, goal)
        if path in checksums and copied.sha256 != checksums[path]:
            goal.unlink()
            raise Unreadable(
                f"{path} is not what was imported: its SHA-256 is {copied.sha256}, and was "
                f"{checksums[path]}. Restore it from an earlier backup."
            )
        done += size
        progress.tell(done, total, "copying")
    for gone in _files_below(target):
        if gone not in kept:
            (target / gone).unlink()
    return BackupReport(path=str(target), files=len(wanted), size=total)


def _inventory_of(target: Path) -> Inventory:
    layout = Layout(target)
    engines = Engines(layout.database)
    try:
        return take_inventory(layout, engines.reader)
    finally:
        engines.close()


def _same(state: State, target: Path, path: str) -> bool:
    try:
        ours, theirs = (state.layout.root / path).stat(), (target / path).stat()
    except FileNotFoundError:
        return False
    return (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def _files_below(target: Path) -> list[str]:
    layout = Layout(target)
    found = []
    for folder in (layout.managed, layout.pixels, layout.files):
        for place, _, files in os.walk(folder):
            found += [(Path(place) / name).relative_to(target).as_posix() for name in files]
    return found
