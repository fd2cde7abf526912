"""A copy of the repository while it is in use.

The database first, in one snapshot; then the files that it names, which never change once they
are written.  What is deleted meanwhile waits in the trash until the copy is complete.  Thumbnails
are left out: they are drawn again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ...database import Engines, belonging_of, now
from ...errors import Full, Invalid, NotFound, Unreadable
from ...model import BackupReport, Problem
from ...storage import (
    Layout,
    copy_hashed,
    fsync_folder,
    hash_file,
    make_folders,
    space,
    write_file,
    writing,
)
from ..config import CONFIG
from ..jobs.progress import Progress
from ..pictures.luts import copy_luts
from ..state import State
from .copies import BACKUP_MARK, inventory_of, wrong_copy
from .inventory import index_of, stored_files
from .manifest import FILES_COPIED, FILES_LISTED, Journal, Listed, read_list, write_list

__all__ = ["back_up", "snapshot"]

_PART = ".copying"
_NO_JOBS_OF_COPY = (
    "UPDATE job SET state = 'cancelled', finished_at = ?, error = 'This is a backup.' "
    "WHERE state IN ('queued', 'running') AND kind IN ('backup', 'verify backup', 'restore')"
)


def back_up(state: State, target: Path, progress: Progress) -> BackupReport:
    """Copy the repository to `target`, which is then a repository to open.

    `target` is missing, empty, or an earlier backup of this repository, complete or not: of
    that, files that are the same are left as they are.  A file that is missing or not what it
    was is told and does not keep the others from being copied; the backup keeps what it had.

    Raises
    ------
    Invalid
        `target` holds something else, or lies in the repository.
    Full
        There is too little room for it.
    """
    target = target.absolute()
    _check_target(state, target)
    with state.keeping_trash():
        progress.tell(0, 0, "copying the database")
        make_folders(target)
        write_file(target / BACKUP_MARK, state.uuid.encode() + b"\n")
        # Without its sentinel the copy is no repository until it is complete.
        (target / state.layout.sentinel.name).unlink(missing_ok=True)
        _copy_database(state, target)
        for folder in Layout(target).folders:
            make_folders(folder)
        report = _Copying(state, target, progress).run()
        _finish(state, target)
    return report


def snapshot(database: Path, target: Path) -> None:
    """Copy a database, in use or not, to a file that is on the disk afterwards."""
    new = target.with_name(f".{target.name}.new")
    for left in target.parent.glob(f"{new.name}*"):
        left.unlink()
    with writing(target), closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source:
        try:
            with closing(sqlite3.connect(new)) as copy:
                copy.execute("PRAGMA synchronous = FULL")
                source.backup(copy)
        except sqlite3.Error as error:
            new.unlink(missing_ok=True)
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise Full(f"No room is left to copy the database to {target}.") from error
            raise Unreadable(f"The database {database} cannot be copied: {error}.") from error
        for old in target.parent.glob(f"{target.name}-*"):
            old.unlink()
        new.replace(target)
        fsync_folder(target.parent)


class _Copying:
    """The files of one backup on their way."""

    def __init__(self, state: State, target: Path, progress: Progress) -> None:
        self._root = state.layout.root
        self._target = target
        self._progress = progress
        self._state = state
        # What came after the snapshot is no part of it.
        self._inventory = inventory_of(Layout(target))
        self._known = read_list(target / FILES_LISTED) | read_list(target / FILES_COPIED)
        self._listed: dict[str, Listed] = {}
        self._problems: list[Problem] = []

    def run(self) -> BackupReport:
        """Copy what is missing, remove what is no part of it, and write the list."""
        inventory, state = self._inventory, self._state
        kept = {path: size for path, size in stored_files(state) if inventory.names(path)}
        named = {*inventory.originals, *inventory.segments, *map(index_of, inventory.indexed)}
        wanted = []
        for path in sorted({*kept, *named}):
            if path not in kept:
                self._keep_earlier(Problem(kind="missing", path=path))
            elif not self._is_there(path):
                wanted.append(path)
        total = sum(kept[path] for path in wanted)
        room = space(self._target).free
        if total > room:
            raise Full(
                f"The backup needs {total:,} bytes more, and {room:,} are free in {self._target}."
            )
        done = copied = 0
        with Journal(self._target / FILES_COPIED) as journal:
            for path in wanted:
                before = done

                def tell(count: int) -> None:
                    nonlocal done
                    done += count
                    self._progress.tell(done, total, "copying")

                if self._copy(path, tell):
                    journal.add(self._listed[path])
                    copied += 1
                done = before + kept[path]
                self._progress.tell(done, total, "copying")
        for gone in _files_below(self._target):
            if gone not in self._listed:
                (self._target / gone).unlink()
        write_list(self._target / FILES_LISTED, self._listed.values())
        return BackupReport(
            path=str(self._target),
            files=copied,
            size=total,
            kept=len(self._listed) - copied,
            problems=tuple(self._problems),
        )

    def _is_there(self, path: str) -> bool:
        """Whether the backup has a file as it is here, from an earlier or interrupted one."""
        ours, theirs = _stamp(self._root / path), _stamp(self._target / path)
        if ours != theirs or theirs is None:
            return False
        listed = self._known.get(path)
        if listed is None or (listed.size, listed.mtime_ns) != theirs:
            # Another program copied it, or an interruption came before it was noted.
            if (self._target / path).is_symlink():
                return False
            found = hash_file(self._target / path, lambda _: self._progress.check())
            if wrong_copy(self._target / path, path, found.sha256, self._inventory):
                return False
            if path not in self._inventory.originals and path not in self._inventory.segments:
                return False
            listed = Listed(path, *theirs, found.sha256)
        self._listed[path] = listed
        return True

    def _copy(self, path: str, tell: Callable[[int], object]) -> bool:
        source, goal = self._root / path, self._target / path
        # Under its own name: a segment is verified by it.
        aside = self._target / _PART / goal.name
        make_folders(aside.parent)
        make_folders(goal.parent)
        aside.unlink(missing_ok=True)
        try:
            if source.is_symlink():
                # What lies in place is no part of the repository: its link is.
                aside.symlink_to(source.readlink())
                changed = source.lstat().st_mtime_ns
                os.utime(aside, ns=(changed, changed), follow_symlinks=False)
                sha256 = ""
            else:
                sha256 = copy_hashed(source, aside, tell).sha256
        except (NotFound, Unreadable) as error:
            self._keep_earlier(Problem(kind="damaged", path=path, detail=str(error)))
            return False
        wrong = "" if not sha256 else wrong_copy(aside, path, sha256, self._inventory)
        if wrong:
            aside.unlink()
            self._keep_earlier(Problem(kind="damaged", path=path, detail=wrong))
            return False
        with writing(goal):
            aside.replace(goal)
            fsync_folder(goal.parent)
        stamp = _stamp(goal)
        assert stamp is not None
        self._listed[path] = Listed(path, *stamp, sha256)
        return True

    def _keep_earlier(self, problem: Problem) -> None:
        """Note what is wrong here, and what an earlier backup has of it stays."""
        path = problem.path
        listed = self._known.get(path)
        stamp = _stamp(self._target / path)
        if listed is not None and stamp == (listed.size, listed.mtime_ns):
            self._listed[path] = listed
            detail = f"{problem.detail}; the backup has an earlier copy".removeprefix("; ")
            problem = problem.model_copy(update={"detail": detail})
        self._problems.append(problem)


def _check_target(state: State, target: Path) -> None:
    root = state.layout.root.resolve()
    if target.resolve().is_relative_to(root) or root.is_relative_to(target.resolve()):
        raise Invalid(f"{target} and the repository lie in each other: choose another folder.")
    if not target.exists() or not any(target.iterdir()):
        return
    if (target / BACKUP_MARK).is_file():
        said = (target / BACKUP_MARK).read_text(encoding="utf-8", errors="replace").strip()
        # The first release wrote no identity here.
        if said == state.uuid or " " in said:
            return
    elif Layout(target).sentinel.is_file() and Layout(target).identity().uuid == state.uuid:
        return
    raise Invalid(f"{target} holds something else than a backup of this repository.")


def _copy_database(state: State, target: Path) -> None:
    goal = Layout(target).database
    snapshot(state.layout.database, goal)
    with closing(sqlite3.connect(goal)) as copy:
        copy.execute("PRAGMA synchronous = FULL")
        copy.execute(_NO_JOBS_OF_COPY, (now().replace(tzinfo=None).isoformat(" "),))
        copy.commit()


def _finish(state: State, target: Path) -> None:
    """Write what makes a copy a repository, last of all the sentinel."""
    layout = Layout(target)
    if (state.layout.root / CONFIG).is_file():
        write_file(target / CONFIG, (state.layout.root / CONFIG).read_bytes())
    else:
        (target / CONFIG).unlink(missing_ok=True)
    copy_luts(state.layout.root, target)
    engines = Engines(layout.database)
    try:
        belonging = belonging_of(engines.reader)
    finally:
        engines.close()
    write_file(layout.sentinel, state.layout.sentinel.read_bytes())
    if belonging is not None and layout.identity().generation != belonging.generation:
        # It was raised between the snapshot and now.
        layout.set_generation(belonging.generation)
    with writing(target):
        (target / FILES_COPIED).unlink(missing_ok=True)
        shutil.rmtree(target / _PART, ignore_errors=True)
        (target / BACKUP_MARK).unlink()
        fsync_folder(target)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _files_below(target: Path) -> Iterator[str]:
    layout = Layout(target)
    for folder in (layout.managed, layout.pixels, layout.files):
        for place, _, files in os.walk(folder):
            for name in files:
                yield (Path(place) / name).relative_to(target).as_posix()
