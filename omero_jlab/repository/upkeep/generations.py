"""Whether a database and files belong together: both tell the repository and its generation.

The generation grows in both at each opening: first `next_generation` in the database, then the
sentinel, then `generation` in the database.  A crash in between leaves the sentinel at one of the
two.  Whatever else it says is another state of the repository than the database's: one of them
came from a backup, or from a copy that went on alone.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from ...database import Belonging, RepositoryRow
from ...errors import Conflict, Invalid, NotFound
from ...storage import Layout

__all__ = [
    "begin_generation",
    "check_belonging",
    "check_place",
    "end_generation",
    "ensure_database",
]

log = logging.getLogger(__name__)


def ensure_database(layout: Layout) -> None:
    """Make an empty database for a repository that is new.

    Raises
    ------
    NotFound
        It is not new, and its database is missing.
    """
    if layout.database.exists():
        return
    if layout.identity().generation > 1 or layout.holds_files():
        raise NotFound(
            f"The repository in {layout.root} has lost its database {layout.database}: mount the "
            f"disk that holds it, or restore it from the backup."
        )
    layout.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.database.touch(mode=0o600)


def check_belonging(layout: Layout, found: Belonging | None) -> None:
    """Return where database and files are of one repository and one generation.

    Raises
    ------
    Invalid
        They are of two repositories.
    Conflict
        They are of two generations; both are named.
    """
    if found is None:
        return
    files = layout.identity()
    if found.uuid != files.uuid:
        raise Invalid(
            f"The database at {layout.database} belongs to repository {found.uuid}, these folders "
            f"to {files.uuid}: put the two that belong together side by side."
        )
    if files.generation in (found.generation, found.next_generation):
        return
    older = "older" if found.next_generation < files.generation else "newer"
    raise Conflict(
        f"The database {layout.database} is {older} than the files of the repository: it is of "
        f"generation {found.generation}, and {layout.sentinel} of {files.generation}. Restore the "
        f"one that belongs to the other. Or take them as they are: `omero-jlab admin relocate "
        f"--adopt --repository {layout.root}`, followed by `omero-jlab admin check`, which names "
        f"what the two disagree on."
    )


def begin_generation(row: RepositoryRow, layout: Layout) -> int:
    """The generation to come, noted in the database's row before the sentinel gets it."""
    following = max(row.generation, layout.identity().generation) + 1
    row.next_generation = following
    return following


def end_generation(row: RepositoryRow, layout: Layout) -> None:
    """Note that the sentinel has it, and where it lies."""
    row.generation = row.next_generation
    row.place = place_of(layout.root)


def check_place(row: RepositoryRow, layout: Layout, tier: str) -> None:
    """Return where the repository lies where it lay before; elsewhere, only say so in the log.

    Raises
    ------
    Conflict
        A team's repository lies elsewhere than before: one of the two may be in use.
    """
    before, here = row.place, place_of(layout.root)
    if before is None or all(before[key] == here[key] for key in ("inode", "file_system")):
        return
    if tier == "team":
        raise Conflict(
            f"The repository in {layout.root} is a copy, or was moved: it lay in "
            f"{before['path']}. If the other one is out of use: `omero-jlab admin relocate "
            f"--adopt --repository {layout.root}`."
        )
    log.warning("the repository in %s was copied or moved from %s", layout.root, before["path"])


def place_of(root: Path) -> dict[str, Any]:
    """Where a folder lies: its path, its number, and what its file system calls itself."""
    found = root.stat()
    name = os.statvfs(root).f_fsid
    # Some file systems have no name but the device's number, which another start may change.
    major, minor = os.major(found.st_dev), os.minor(found.st_dev)
    device = (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)
    return {
        "path": str(root),
        "inode": found.st_ino,
        "file_system": "" if name in (0, device) else f"{name:x}",
    }
