"""What a backup holds, compared with what its database and its list say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ...database import Engines
from ...errors import Invalid, NotFound, OmeroError
from ...model import CheckReport, Problem
from ...storage import Layout, hash_file
from ...tables import verify as verify_segment
from ..jobs.progress import Progress
from .inventory import Inventory, take_inventory
from .manifest import FILES_LISTED, Listed, read_list

__all__ = ["BACKUP_MARK", "check_backup", "inventory_of", "verify_backup", "wrong_copy"]

BACKUP_MARK = "backup-unfinished"


def check_backup(path: Path, uuid: str | None = None) -> Layout:
    """The places of a complete backup, of the repository `uuid` where that is given.

    Raises
    ------
    NotFound, Invalid
        There is none, it is not complete, or it is one of another repository.
    """
    layout = Layout(path.absolute())
    if (layout.root / BACKUP_MARK).is_file():
        raise Invalid(f"The backup in {path} is not complete: make it again, or give another.")
    found = layout.identity()
    if uuid not in (None, found.uuid):
        raise Invalid(f"{path} is a backup of repository {found.uuid}, and this one is {uuid}.")
    if not layout.database.is_file():
        raise NotFound(f"The backup in {path} has no {layout.database.name}: give another.")
    return layout


def verify_backup(path: Path, progress: Progress) -> CheckReport:
    """What in a backup is missing or damaged: every checksum is computed anew."""
    layout = check_backup(path)
    with closing(sqlite3.connect(f"file:{layout.database}?mode=ro", uri=True)) as database:
        try:
            (said,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as error:
            said = str(error)
    problems = []
    if said != "ok":
        problems.append(Problem(kind="damaged", path=layout.database.name, detail=said))
        return CheckReport(verified=True, files=0, size=0, problems=tuple(problems))
    inventory = inventory_of(layout)
    listed = read_list(layout.root / FILES_LISTED)
    wanted = {path: size for path, (size, _) in inventory.originals.items()}
    wanted |= {path: segment.size for path, segment in inventory.segments.items()}
    wanted |= {path: each.size for path, each in listed.items() if inventory.names(path)}
    total, done = sum(wanted.values()), 0
    for name, size in sorted(wanted.items()):
        problem = _verified(layout.root, name, inventory, listed.get(name))
        if problem is not None:
            problems.append(problem)
        done += size
        progress.tell(done, total, "verifying")
    return CheckReport(verified=True, files=len(wanted), size=total, problems=tuple(problems))


def _verified(root: Path, path: str, inventory: Inventory, listed: Listed | None) -> Problem | None:
    place = root / path
    if path in inventory.in_place:
        there = place.is_symlink()
        return None if there else Problem(kind="missing", path=path)
    if not place.is_file():
        return Problem(kind="missing", path=path)
    try:
        found = hash_file(place).sha256
    except OmeroError as error:
        return Problem(kind="damaged", path=path, detail=f"it cannot be read: {error}")
    wrong = wrong_copy(place, path, found, inventory)
    if not wrong and listed is not None and listed.sha256 not in ("", found):
        wrong = "its SHA-256 is not the one it had"
    return Problem(kind="damaged", path=path, detail=wrong) if wrong else None


def wrong_copy(place: Path, path: str, sha256: str, inventory: Inventory) -> str:
    """How a copy differs from what the database says of it; empty where it does not."""
    if path in inventory.originals:
        wanted = inventory.originals[path][1]
        return "" if sha256 == wanted else f"its SHA-256 is {sha256}, and was {wanted}"
    if path in inventory.segments:
        segment = inventory.segments[path]
        if place.stat().st_size != segment.size:
            return f"has {place.stat().st_size:,} bytes, and must have {segment.size:,}"
        named = segment.model_copy(update={"path": place.name})
        columns = verify_segment(place.parent, named)
        return f"columns {', '.join(columns)}" if columns else ""
    return ""


def inventory_of(layout: Layout) -> Inventory:
    """What the database of a backup names."""
    engines = Engines(layout.database)
    try:
        return take_inventory(layout, engines.reader)
    finally:
        engines.close()
