"""Whether the disk under the repository is still the one it was opened on."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import NotFound, OmeroError, Unavailable
from .disk import Space, guard_writes, reading
from .layout import Layout
from .mounts import Mount, mount_of

__all__ = ["Guard"]

_DEAD = {
    errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESHUTDOWN,
    errno.EREMOTEIO,
}  # fmt: skip
_OPEN = os.O_RDONLY | os.O_CLOEXEC
_Place = tuple[int, int]


class Guard:
    """Remembers the sentinel and where it lies: a lost mount must not fill the mount point.

    A descriptor of each folder is held, so that no other file system can get its numbers: what
    lies there under the same path and has other numbers is a copy, however like it is.  From its
    making on `writing` asks it about every path below the root.

    Parameters
    ----------
    others
        Folders elsewhere that the repository cannot do without.
    """

    def __init__(self, layout: Layout, others: Sequence[Path] = ()) -> None:
        self._layout = layout
        self._folders = (
            layout.root, layout.managed, layout.pixels, layout.files, layout.thumbnails, *others,
        )  # fmt: skip
        self._held: dict[Path, int] = {}
        self.accept()
        guard_writes(layout.root, self.check)

    def accept(self) -> None:
        """Take what lies there now for the repository."""
        self.let_go()
        self._identity = self._layout.identity()
        self._text = self._read()
        self._mount = mount_of(self._layout.root)
        places: dict[Path, _Place] = {}
        for folder in self._folders:
            with reading(folder):
                self._held[folder] = os.open(folder, _OPEN | os.O_DIRECTORY)
            found = os.fstat(self._held[folder])
            places[folder] = (found.st_dev, found.st_ino)
        self._places = places

    def check(self) -> None:
        """Return if the repository may be written.

        Raises
        ------
        Unavailable
            It is gone, is another one, lies on another file system, or may not be written.  Work
            goes on by itself when it is back.
        """
        reason = self._reason()
        if reason:
            raise Unavailable(f"The repository in {self._layout.root} takes no writes: {reason}")

    def is_dead(self) -> bool:
        """Whether the file system that it was opened on answers nothing but errors."""
        held = self._held.get(self._layout.root)
        if held is None:
            return False
        try:
            os.close(os.open(self._layout.sentinel.name, _OPEN, dir_fd=held))
        except OSError as error:
            return error.errno in _DEAD
        return False

    def let_go(self) -> None:
        """Hold nothing open any more: a dead file system can be mounted anew only then."""
        held, self._held = self._held, {}
        for descriptor in held.values():
            os.close(descriptor)

    def is_back(self) -> bool:
        """Whether the repository lies there again, to be accepted, on a file system made anew.

        While the old file system lives, another one is a copy of it; but that of a server, which
        has other numbers whenever it is mounted, is known by its address.
        """
        try:
            if self._read() != self._text:
                return False
        except OmeroError:
            return False
        if not self._held:
            return True
        known, found = self._mount, mount_of(self._layout.root)
        return (
            known is not None
            and known.is_network
            and found == known
            and self._other_folder() is not None
        )

    def space(self) -> Space | None:
        """The room on the file system that is held; None while none is."""
        held = self._held.get(self._layout.root)
        if held is None:
            return None
        try:
            found = os.statvfs(held)
        except OSError:
            return None
        return Space(total=found.f_blocks * found.f_frsize, free=found.f_bavail * found.f_frsize)

    def mount(self) -> Mount | None:
        """What the repository lay on when it was accepted."""
        return self._mount

    def close(self) -> None:
        """Guard nothing any more."""
        guard_writes(self._layout.root, None)
        self.let_go()

    def __del__(self) -> None:
        self.let_go()

    def _read(self) -> bytes:
        with reading(self._layout.sentinel):
            descriptor = os.open(self._layout.sentinel, _OPEN | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                return os.read(descriptor, 1 << 16)
            finally:
                os.close(descriptor)

    def _reason(self) -> str:
        root, sentinel = self._layout.root, self._layout.sentinel.name
        try:
            text = self._read()
        except NotFound:
            if self._other_folder() is None:
                return f"its {sentinel} is gone. Put it back."
            return "no repository is there. Mount its disk; work goes on when it is back."
        except OmeroError as error:
            return f"{error} Its disk needs looking after; work goes on when it is back."
        if text != self._text:
            return self._other_identity()
        other = self._other_folder()
        if other == root:
            return (
                "another file system or folder with a copy of it is mounted there. Mount the "
                "right disk there, or start again to use the copy."
            )
        if other is not None:
            return f"{other} is not the folder it was. Mount the right disk there."
        if not self._held:
            return "its disk failed. Mount it anew; work goes on when it is back."
        if os.statvfs(root).f_flag & os.ST_RDONLY:
            return "its file system is mounted read-only. Mount it for writing."
        for folder in self._folders:
            if not os.access(folder, os.W_OK | os.X_OK):
                return f"this account may not write {folder}. Give it the right to."
        return ""

    def _other_folder(self) -> Path | None:
        """The first folder that is not the one that it was."""
        for folder, place in self._places.items():
            try:
                found = folder.stat()
            except OSError:
                return folder
            if (found.st_dev, found.st_ino) != place:
                return folder
        return None

    def _other_identity(self) -> str:
        was = self._identity
        try:
            found = self._layout.identity()
        except OmeroError as error:
            return f"{error} It was repository {was.uuid} at the start."
        if found.uuid != was.uuid:
            return (
                f"another repository, {found.uuid}, is mounted there; this one is {was.uuid}. "
                f"Mount the right disk there."
            )
        if found.generation < was.generation:
            return (
                f"an older state of it, generation {found.generation}, is mounted there; this "
                f"is generation {was.generation}. Mount the right disk there."
            )
        return (
            f"another program has opened it since (generation {found.generation}, run "
            f"{found.run or 'unknown'}; this is {was.generation}, run {was.run or 'unknown'}). "
            f"End one of the two."
        )
