"""Whether the disk under the repository is still the one it was opened on."""

from __future__ import annotations

from ..errors import OmeroError, Unavailable
from .disk import reading
from .layout import Layout

__all__ = ["Guard"]


class Guard:
    """Remembers the sentinel and compares: a lost mount must not fill the mount point.

    Made when the repository is opened, after the generation was written.  A check is a look at
    one inode and a read of one small file.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._identity = layout.identity()
        self._place = self._look()

    def check(self) -> None:
        """Return if the repository may be written.

        Raises
        ------
        Unavailable
            The sentinel is gone, is another file, on another file system, or names another
            repository or generation.  Work goes on by itself when it is back.
        """
        root = self._layout.root
        try:
            place, identity = self._look(), self._layout.identity()
        except OmeroError as error:
            raise Unavailable(
                f"The repository in {root} takes no writes: {error} Its disk may be gone; work "
                "goes on when it is back."
            ) from error
        if place != self._place:
            what = "another file system" if place[0] != self._place[0] else "another file"
            raise Unavailable(
                f"The repository in {root} takes no writes: its {self._layout.sentinel.name} lies "
                f"on {what} than at the start. Mount the right disk there, or start again."
            )
        if identity != self._identity:
            raise Unavailable(
                f"The repository in {root} takes no writes: it is {identity.uuid}, generation "
                f"{identity.generation}, and was {self._identity.uuid}, generation "
                f"{self._identity.generation}, at the start. Mount the right disk there."
            )

    def _look(self) -> tuple[int, int]:
        with reading(self._layout.sentinel):
            found = self._layout.sentinel.stat(follow_symlinks=False)
        return found.st_dev, found.st_ino
