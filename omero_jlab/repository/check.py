"""Comparing rows and files, without changing either."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import OmeroError
from ..model import CheckReport, Problem
from ..model.chunks import ChunkIndex
from ..storage import hash_file
from ..tables import verify as verify_segment
from .inventory import Inventory, index_of, stored_files, take_inventory
from .jobs import Progress
from .state import State

__all__ = ["check"]


def check(state: State, verify: bool, progress: Progress) -> CheckReport:
    """What is missing, damaged or named by no row; with `verify`, checksums are computed anew.

    What is written or deleted meanwhile is looked at again before it counts as a problem.
    """
    first = _problems(state, verify, progress)
    sizes = dict(stored_files(state))
    problems = first and _still(first, _problems(state, False, progress))
    return CheckReport(
        verified=verify,
        files=len(sizes),
        size=sum(sizes.values()),
        problems=tuple(sorted(problems, key=lambda p: p.path)),
    )


def _still(first: list[Problem], again: list[Problem]) -> list[Problem]:
    """The problems that were no mere work in progress; damage is not looked for twice."""
    return [problem for problem in first if problem.kind == "damaged" or problem in again]


def _problems(state: State, verify: bool, progress: Progress) -> list[Problem]:
    inventory = take_inventory(state.layout, state.engines.reader)
    sizes = dict(stored_files(state))
    problems = list(_disagreements(inventory, sizes))
    if verify:
        bad = {problem.path for problem in problems}
        problems += _damage(state, inventory, bad, progress)
    return problems


def _disagreements(inventory: Inventory, sizes: dict[str, int]) -> Iterator[Problem]:
    named = {path: size for path, (size, _) in inventory.originals.items()}
    named |= {path: segment.size for path, segment in inventory.segments.items()}
    for path, size in named.items():
        if path not in sizes:
            yield Problem(kind="missing", path=path)
        elif sizes[path] != size:
            detail = f"has {sizes[path]:,} bytes, and must have {size:,}"
            yield Problem(kind="size", path=path, detail=detail)
    for place in inventory.indexed:
        if index_of(place) not in sizes:
            yield Problem(kind="missing", path=index_of(place))
    for path in sizes:
        if not inventory.names(path):
            yield Problem(kind="stray", path=path)


def _damage(
    state: State, inventory: Inventory, skip: set[str], progress: Progress
) -> Iterator[Problem]:
    root = state.layout.root
    total = sum(size for size, _ in inventory.originals.values())
    total += sum(segment.size for segment in inventory.segments.values())
    done = 0
    for path, (size, sha256) in inventory.originals.items():
        if path not in skip and hash_file(root / path).sha256 != sha256:
            yield Problem(kind="damaged", path=path, detail="its SHA-256 is not the one it had")
        done += size
        progress.tell(done, total, "verifying")
    for path, segment in inventory.segments.items():
        if path not in skip:
            folder = root / path.removesuffix(f"/{segment.path}")
            for column in verify_segment(folder, segment):
                yield Problem(kind="damaged", path=path, detail=f"column {column}")
        done += segment.size
        progress.tell(done, total, "verifying")
    for place in inventory.indexed:
        path = index_of(place)
        if path not in skip:
            yield from _damaged_index(state, place)


def _damaged_index(state: State, place: str) -> Iterator[Problem]:
    root = state.layout.root
    try:
        index = ChunkIndex.from_bytes((root / index_of(place)).read_bytes())
    except OmeroError as error:
        yield Problem(kind="damaged", path=index_of(place), detail=str(error))
        return
    for entry in index.header.files:
        if entry.root != "pixels":
            continue
        path = root / place / entry.path
        if not path.is_file():
            yield Problem(kind="missing", path=f"{place}/{entry.path}")
        elif path.stat().st_size != entry.size:
            yield Problem(kind="size", path=f"{place}/{entry.path}")
