"""Files that no row names: set aside first, removed later, put back until then."""

from __future__ import annotations

import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...database import now
from ...errors import Invalid, NotFound
from ...model import CleanseReport, Quarantine, Stray
from ...storage import Layout, fsync_folder, make_folders, remove, write_file, writing
from ..jobs.progress import Progress
from ..state import State
from .holdings import lies_below
from .inventory import drawn_files, intended_paths, is_intended, stored_files, take_inventory

__all__ = [
    "find_strays",
    "forget_removed",
    "found_report",
    "quarantined_at",
    "quarantines",
    "remove_quarantines",
    "restore_quarantine",
    "set_aside",
]

_LIST = "moved.json"
_FORMAT = "%Y-%m-%dT%H%M%S.%fZ"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z")
_SHOWN = 1000


def find_strays(state: State, minutes: float, progress: Progress) -> list[Stray]:
    """The files that no row of anybody names, looked for twice.

    Left out is what changed in the last `minutes`, what an intent names, and what is being made.
    """
    progress.tell(0, 2, "looking for files that no row names")
    first = set(_strays(state, minutes))
    if not first:
        return []
    progress.tell(1, 2, "looking again")
    return [stray for stray in _strays(state, minutes) if stray in first]


def set_aside(state: State, strays: Sequence[Stray]) -> CleanseReport:
    """Move files into the quarantine, each in the top-level folder that it lies in.

    A list of what came from where is there before the first of them moves.
    """
    state.check_writable("freeing")
    name = now().strftime(_FORMAT)
    layout = state.layout
    by_folder: dict[str, list[Stray]] = defaultdict(list)
    for stray in strays:
        by_folder[stray.path.split("/", 1)[0]].append(stray)
    left = []
    for top, some in by_folder.items():
        place = layout.quarantine(layout.root / top) / name
        make_folders(place)
        _write_list(place, some)
        for stray in some:
            source = layout.root / stray.path
            if not _rename(source, place / stray.path.split("/", 1)[1]):
                left.append(f"{stray.path}: it is gone by now")
        for folder in sorted({(layout.root / s.path).parent for s in some}, reverse=True):
            _remove_empty(folder, layout)
    return _report("moved", strays, name, left)


def quarantines(layout: Layout) -> tuple[Quarantine, ...]:
    """What was set aside and is still there, the newest first."""
    found = []
    for name, places in sorted(_places(layout).items(), reverse=True):
        strays = [stray for place in places for stray in _there(place)]
        found.append(
            Quarantine(
                name=name,
                moved_at=_time(name),
                files=len(strays),
                size=sum(stray.size for stray in strays),
            )
        )
    return tuple(found)


def restore_quarantine(state: State, name: str) -> CleanseReport:
    """Put files back where they came from.

    `name` is a quarantine's, or the beginning of exactly one: a date may do.  A file is left
    where something else has taken its place.
    """
    state.check_writable()
    layout = state.layout
    whole, places = _named(layout, name)
    back, left = [], []
    for place in places:
        for stray in _there(place):
            target = layout.root / stray.path
            if os.path.lexists(target):
                left.append(f"{stray.path}: there is another file by now")
            elif _rename(place / stray.path.split("/", 1)[1], target):
                back.append(stray)
        if not any(_there(place)):
            remove(place, layout.trash(place.parent.parent))
    return _report("restored", back, whole, left)


def remove_quarantines(state: State, older_than: timedelta) -> CleanseReport:
    """Remove for good what was set aside longer ago than `older_than`."""
    state.check_writable("freeing")
    before = now() - older_than
    gone: list[Stray] = []
    for name, places in _places(state.layout).items():
        if _time(name) > before:
            continue
        for place in places:
            gone += _there(place)
            remove(place, state.layout.trash(place.parent.parent))
    return _report("removed", gone)


def quarantined_at(layout: Layout, origins: frozenset[str]) -> Iterator[str]:
    """Paths, relative to the root, of what was set aside from these places."""
    for places in _places(layout).values():
        for place in places:
            for stray in _there(place):
                if lies_below(stray.path, origins):
                    inside = stray.path.split("/", 1)[1]
                    yield (place / inside).relative_to(layout.root).as_posix()


def forget_removed(layout: Layout) -> None:
    """Take files that are gone from the quarantine out of its lists."""
    for places in _places(layout).values():
        for place in places:
            there = list(_there(place))
            if there:
                _write_list(place, there)
            else:
                remove(place, layout.trash(place.parent.parent))


def _strays(state: State, minutes: float) -> Iterator[Stray]:
    layout = state.layout
    youngest = time.time() - 60 * minutes
    files = [*stored_files(state), *drawn_files(state)]
    # Intents before rows: what was being made when they were read has its rows afterwards.
    intended = intended_paths(state.engines.reader)
    inventory = take_inventory(layout, state.engines.reader)
    for path, size in files:
        if inventory.names(path) or is_intended(path, intended):
            continue
        try:
            found = (layout.root / path).stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if max(found.st_mtime, found.st_ctime) <= youngest:
            yield Stray(path=path, size=size)


def _rename(source: Path, target: Path) -> bool:
    make_folders(target.parent)
    with writing(target):
        try:
            source.rename(target)
        except FileNotFoundError:
            return False
        fsync_folder(target.parent)
        fsync_folder(source.parent)
    return True


def _remove_empty(folder: Path, layout: Layout) -> None:
    """Remove the folder of an object that has no files; ids are never given again.

    Folders of the managed repository stay: an import may be about to use them.
    """
    while layout.managed not in folder.parents and folder.name.isdecimal():
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _write_list(place: Path, strays: Iterable[Stray]) -> None:
    listed = [{"path": stray.path, "size": stray.size} for stray in strays]
    write_file(place / _LIST, json.dumps(listed, indent=0).encode())


def _there(place: Path) -> Iterator[Stray]:
    """The files of a list that lie in the quarantine."""
    try:
        listed = json.loads((place / _LIST).read_bytes())
    except FileNotFoundError:
        return
    for each in listed:
        if os.path.lexists(place / each["path"].split("/", 1)[1]):
            yield Stray(path=each["path"], size=each["size"])


def _places(layout: Layout) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for top in layout.folders:
        folder = layout.quarantine(top)
        if folder.is_dir():
            for place in folder.iterdir():
                if _NAME.fullmatch(place.name):
                    found[place.name].append(place)
    return found


def _named(layout: Layout, name: str) -> tuple[str, list[Path]]:
    places = _places(layout)
    meant = [each for each in sorted(places) if name and each.startswith(name)]
    if not meant:
        there = ", ".join(sorted(places)) or "none"
        raise NotFound(f"There is no quarantine {name!r}; there is {there}.")
    if len(meant) > 1:
        raise Invalid(f"{name!r} may be each of {', '.join(meant)}: give more of its name.")
    return meant[0], places[meant[0]]


def _time(name: str) -> datetime:
    return datetime.strptime(name, _FORMAT).replace(tzinfo=UTC)


def _report(
    done: str, strays: Sequence[Stray], name: str = "", left: Sequence[str] = ()
) -> CleanseReport:
    return CleanseReport.model_validate(
        {
            "done": done,
            "name": name,
            "files": len(strays),
            "size": sum(stray.size for stray in strays),
            "strays": tuple(strays[:_SHOWN]),
            "left": tuple(left[:_SHOWN]),
        }
    )


def found_report(strays: Sequence[Stray]) -> CleanseReport:
    """What would be set aside."""
    return _report("found", strays)
