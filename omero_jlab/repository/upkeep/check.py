"""Comparing rows and files, without changing either."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ...model import CheckReport, Problem
from ..jobs.progress import Progress
from ..state import State
from .inventory import (
    Inventory,
    drawn_files,
    index_of,
    intended_paths,
    is_intended,
    stored_files,
    take_inventory,
)
from .scrub import forget_orphans, note, still, with_affected
from .survey import Key, count_items, items

__all__ = ["check"]

_KEEP_S = 5.0


def check(state: State, verify: bool, progress: Progress) -> CheckReport:
    """What is missing, damaged or named by no row; with `verify`, checksums are computed anew.

    What is written or deleted meanwhile is looked at again before it counts as a problem.  A
    file that was found to be damaged is marked as such, and one that is whole again is not.
    """
    inventory, first = _disagreements_now(state)
    damaged = _verified(state, progress) if verify else _known(state)
    if first:
        inventory, again = _disagreements_now(state)
        first = [problem for problem in first if problem in again]
    bad = {problem.path for problem in first}
    problems = [*first, *(problem for problem in damaged if problem.path not in bad)]
    sizes = dict(stored_files(state))
    return CheckReport(
        verified=verify,
        files=len(sizes),
        size=sum(sizes.values()),
        in_trash=sum(map(inventory.in_trash, sizes)),
        problems=with_affected(
            state,
            (
                problem.model_copy(update={"in_trash": inventory.in_trash(problem.path)})
                for problem in problems
            ),
        ),
    )


def _disagreements_now(state: State) -> tuple[Inventory, list[Problem]]:
    intended = intended_paths(state.engines.reader)
    inventory = take_inventory(state.layout, state.engines.reader)
    return inventory, list(_disagreements(state, inventory, intended))


def _disagreements(
    state: State, inventory: Inventory, intended: frozenset[str]
) -> Iterator[Problem]:
    sizes = dict(stored_files(state))
    named = {path: size for path, (size, _) in inventory.originals.items()}
    named |= {path: segment.size for path, segment in inventory.segments.items()}
    for path, size in named.items():
        if path not in sizes:
            yield Problem(kind="missing", path=path)
        elif path in inventory.in_place:
            yield from _moved_on(state, path, *inventory.in_place[path])
        elif sizes[path] != size:
            detail = f"has {sizes[path]:,} bytes, and must have {size:,}"
            yield Problem(kind="size", path=path, detail=detail)
    for place in inventory.indexed:
        if index_of(place) not in sizes:
            yield Problem(kind="missing", path=index_of(place))
    for path in (*sizes, *(path for path, _ in drawn_files(state))):
        # What an intent names comes or goes in a moment: readers may still need it.
        if not inventory.names(path) and not is_intended(path, intended):
            yield Problem(kind="stray", path=path)


def _moved_on(state: State, path: str, size: int, mtime_ns: int) -> Iterator[Problem]:
    """What happened to a file in place since it was registered."""
    link = state.layout.root / path
    try:
        found = link.stat()
    except OSError:
        detail = f"it leads to {link.readlink()}, which is gone" if link.is_symlink() else ""
        yield Problem(kind="missing", path=path, detail=detail)
        return
    if (found.st_size, found.st_mtime_ns) != (size, mtime_ns):
        detail = f"it leads to {link.readlink()}, which was written to since it was registered"
        yield Problem(kind="changed", path=path, detail=detail)


def _known(state: State) -> list[Problem]:
    """The files that were found to be damaged before."""
    return [
        Problem(kind="damaged", path=path, detail=detail)
        for path, detail in state.damage.marks.items()
    ]


def _verified(state: State, progress: Progress) -> list[Problem]:
    """What checksums say; an interrupted check goes on where it was."""
    step = progress.step or {}
    kept: list[int] = step.get("after", [-1, 0])
    after: Key = (kept[0], kept[1])
    done, size = int(step.get("done", 0)), int(step.get("size", 0))
    problems = [Problem.model_validate(one) for one in step.get("problems", ())]
    total = max(count_items(state), done)

    def pace(read: int) -> None:
        nonlocal size
        size += read
        progress.check()

    kept_at = time.monotonic()
    for item in items(state, after):
        progress.tell(done, total, f"{size:,} bytes verified", item.stage)
        _, found = item.verify(pace)
        if found:
            found = still(state, item, found, pace)
        note(state, item, found)
        problems += found
        done += 1
        if time.monotonic() - kept_at > _KEEP_S:
            listed = [problem.model_dump(mode="json") for problem in problems]
            progress.keep({"after": list(item.key), "done": done, "size": size, "problems": listed})
            kept_at = time.monotonic()
    forget_orphans(state)
    return problems
