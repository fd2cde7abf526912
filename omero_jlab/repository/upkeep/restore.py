"""Out of a backup: the whole repository into a new folder, or single files of this one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...errors import Invalid, NotFound, OmeroError, Unreadable
from ...model import Problem, RestoreReport
from ...model.chunks import ChunkIndex
from ...pixels import verified_pixels
from ...storage import (
    Layout,
    Stage,
    copy_hashed,
    fsync_folder,
    hash_file,
    make_folders,
    write_file,
    writing,
)
from ..config import CONFIG
from ..jobs.progress import Progress
from ..pictures.luts import copy_luts
from ..places import image_place, labels_place, object_of
from ..readers import INDEX
from ..state import State
from .check import check
from .copies import check_backup, wrong_copy
from .inventory import Inventory, index_of, take_inventory
from .manifest import FILES_LISTED, Listed, read_list
from .scrub import note
from .survey import items_of

__all__ = ["restore_damaged", "restore_to"]

_MARK = "restore-unfinished"


def restore_to(
    backup: Path, target: Path, tell: Callable[[int, int], object] = lambda done, total: None
) -> RestoreReport:
    """Copy a backup to a new or empty folder, which is then a repository to open.

    Every file is compared with the checksum that it had when it was copied; one that is not what
    it was is left out and told.  `tell` is called with the bytes copied and those to copy.

    Raises
    ------
    Invalid
        `target` holds something, or lies in the backup.
    NotFound, Unreadable
        There is no complete backup, or its database is damaged.
    """
    source = check_backup(backup)
    root = target.absolute()
    inside = root.resolve().is_relative_to(source.root.resolve())
    if inside or source.root.resolve().is_relative_to(root.resolve()):
        raise Invalid(f"{root} and the backup lie in each other: choose another folder.")
    if root.exists() and any(root.iterdir()) and not (root / _MARK).is_file():
        raise Invalid(f"{root} is not empty: give a new or an empty folder.")
    listed = read_list(source.root / FILES_LISTED)
    if not listed:
        raise NotFound(
            f"The backup in {backup} has no list of its files: an earlier omero-jlab made it. It "
            "is a repository itself: copy the folder, or make a backup into it again first."
        )
    goal = Layout(root)
    make_folders(root)
    write_file(root / _MARK, b"this copy is not complete\n")
    goal.ensure_folders()
    copy_hashed(source.database, _free(goal.root / source.database.name))
    if (source.root / CONFIG).is_file():
        write_file(root / CONFIG, (source.root / CONFIG).read_bytes())
    copy_luts(source.root, root)
    total, done = sum(each.size for each in listed.values()), 0
    restored, left = [], []
    for path, each in sorted(listed.items()):
        problem = _copy_listed(source.root / path, root / path, each)
        if problem is None:
            restored.append(path)
        else:
            left.append(problem)
        done += each.size
        tell(done, total)
    write_file(goal.sentinel, source.sentinel.read_bytes())
    with writing(root):
        (root / _MARK).unlink()
        fsync_folder(root)
    return RestoreReport(restored=tuple(restored), left=tuple(left))


def restore_damaged(state: State, path: Path, verify: bool, progress: Progress) -> RestoreReport:
    """Put files that are missing or damaged here back from a backup of this repository.

    Each is copied aside and compared with what the database has of it, before it takes the place
    of the damaged one; afterwards it is no longer marked as damaged.

    Raises
    ------
    Invalid, NotFound
        There is no complete backup of this repository.
    """
    state.check_writable()
    backup = check_backup(path, state.uuid)
    report = check(state, verify, progress)
    inventory = take_inventory(state.layout, state.engines.reader)
    listed = read_list(backup.root / FILES_LISTED)
    wrong = {p.path: p for p in report.problems if p.kind in ("missing", "size", "damaged")}
    wrong |= {p: Problem(kind="damaged", path=p) for p in state.damage.marks if p not in wrong}
    restored, left = [], []
    # An index first: by it the files of its folder are verified.
    ordered = sorted(wrong, key=lambda each: (not each.endswith(f"/{INDEX}"), each))
    for number, name in enumerate(ordered):
        progress.tell(number, len(ordered), "restoring")
        try:
            _restore(state, backup, name, inventory, listed.get(name))
        except OmeroError as error:
            left.append(wrong[name].model_copy(update={"detail": str(error)}))
            continue
        restored.append(name)
    for item in items_of(state, restored):
        note(state, item, item.verify(lambda size: progress.check())[1])
    return RestoreReport(restored=tuple(restored), left=tuple(left))


def _restore(
    state: State, backup: Layout, path: str, inventory: Inventory, listed: Listed | None
) -> None:
    source, goal = backup.root / path, state.layout.root / path
    if path in inventory.in_place:
        raise Invalid("it lies outside of the repository: put it back where its link leads to")
    if not inventory.names(path):
        raise Invalid("no row names it")
    if not source.is_file() or source.is_symlink():
        raise NotFound("the backup has no such file")
    top = state.layout.root / path.split("/", 1)[0]
    with Stage(state.layout.staging(top)) as stage:
        staged = stage.path / goal.name
        sha256 = copy_hashed(source, staged).sha256
        reason = _wrong(state, staged, path, sha256, inventory)
        if not reason and listed is not None and listed.sha256 not in ("", sha256):
            reason = "its SHA-256 is not the one that it was copied with"
        if reason:
            raise Unreadable(f"the backup's copy is damaged, too: {reason}")
        state.check_writable()
        make_folders(goal.parent)
        with writing(goal):
            staged.replace(goal)
            fsync_folder(goal.parent)


def _wrong(state: State, staged: Path, path: str, sha256: str, inventory: Inventory) -> str:
    """How a copy differs from what the database, or an index, says of it; empty if it does not."""
    if path in inventory.originals or path in inventory.segments:
        return wrong_copy(staged, path, sha256, inventory)
    kind, number = object_of(path)
    if kind not in ("image", "labels"):
        return ""
    place = image_place(number) if kind == "image" else labels_place(number)
    if path == index_of(place):
        with suppress(OmeroError):
            ChunkIndex.from_bytes(staged.read_bytes())
            return ""
        return "it is not what was written"
    return _wrong_pixels(state.layout.root / place, staged, path.removeprefix(f"{place}/"))


def _wrong_pixels(folder: Path, staged: Path, name: str) -> str:
    """What is wrong with a file of pixels, by the index that lies in `folder`."""
    index = ChunkIndex.from_bytes((folder / INDEX).read_bytes())
    place = staged.parent / "verified" / name
    place.parent.mkdir(parents=True)
    staged.rename(place)
    try:
        for path, fault in verified_pixels(index, staged.parent / "verified", lambda size: None):
            if path == name:
                return fault
        return ""
    finally:
        place.rename(staged)


def _copy_listed(source: Path, goal: Path, listed: Listed) -> Problem | None:
    if source.is_symlink():
        make_folders(goal.parent)
        _free(goal).symlink_to(source.readlink())
        return None
    if not source.is_file():
        return Problem(kind="missing", path=listed.path)
    make_folders(goal.parent)
    if goal.is_file() and hash_file(goal).sha256 == listed.sha256:
        return None
    try:
        found = copy_hashed(source, _free(goal)).sha256
    except Unreadable as error:
        return Problem(kind="damaged", path=listed.path, detail=str(error))
    if found == listed.sha256:
        return None
    goal.unlink()
    return Problem(kind="damaged", path=listed.path, detail="its SHA-256 is not the one it had")


def _free(path: Path) -> Path:
    """The path, where nothing lies any more."""
    path.unlink(missing_ok=True)
    return path
