"""Everything that can be verified, in an order in which a later survey can go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ...database import AnnotationRow, FileRow, ImageRow, SegmentRow
from ...errors import NotFound, OmeroError
from ...model import Problem, Segment
from ...model.chunks import ChunkIndex
from ...pixels import verified_pixels, verified_without_index
from ...storage import reading
from ...tables import verify as verify_segment
from ..guarded import GuardedSession
from ..pictures.thumbnails import verified_thumbnails
from ..places import image_place, labels_place, object_of, table_place
from ..readers import INDEX
from ..state import State
from .freshness import Original, original_of
from .holdings import thumbnails_place
from .verify import Pace, sha256_of

__all__ = ["Item", "Key", "count_items", "items", "items_of"]

Key = tuple[int, int]
Found = tuple[int, list[Problem]]
_OPTIONS = {"unguarded": "jobs"}
_BATCH = 500
_LABELS = AnnotationRow.kind == "labels"
_STAGES: tuple[tuple[str, Any, Any], ...] = (
    ("original files", FileRow, None),
    ("tables", SegmentRow, None),
    ("pixels", ImageRow, None),
    ("label images", AnnotationRow, _LABELS),
)


@dataclass(frozen=True)
class Item:
    """Files that are verified together.

    Attributes
    ----------
    key : what orders items; a survey that goes on begins after it
    stage : what they are, for people
    places : the files, or folders of them, relative to the root
    in_trash : they belong to something that was deleted
    verify : how many files there were and what is wrong with some; it calls its argument with
        the number of bytes of each piece it reads
    """

    key: Key
    stage: str
    places: tuple[str, ...]
    in_trash: bool
    verify: Callable[[Pace], Found]


def count_items(state: State) -> int:
    """How many items there are."""
    total = 0
    with GuardedSession(state.engines.reader, None) as db:
        for _, row_class, condition in _STAGES:
            statement = select(func.count()).select_from(row_class)
            if condition is not None:
                statement = statement.where(condition)
            total += db.scalar(statement, execution_options=_OPTIONS) or 0
    return total


def items(state: State, after: Key = (-1, 0)) -> Iterator[Item]:
    """Every item whose key is greater than `after`, those that come meanwhile too."""
    for number, (_, row_class, condition) in enumerate(_STAGES):
        last = after[1] if number == after[0] else 0
        while number >= after[0]:
            statement = select(row_class).where(row_class.id > last)
            if condition is not None:
                statement = statement.where(condition)
            statement = statement.order_by(row_class.id).limit(_BATCH)
            with GuardedSession(state.engines.reader, None) as db:
                rows = db.scalars(statement, execution_options=_OPTIONS).all()
                found = [_item(state, db, number, row) for row in rows]
            if not found:
                break
            yield from found
            last = found[-1].key[1]


def items_of(state: State, paths: Collection[str]) -> list[Item]:
    """The items that these files belong to."""
    wanted: dict[tuple[int, int], Any] = {}
    with GuardedSession(state.engines.reader, None) as db:

        def add(number: int, *conditions: Any) -> None:
            statement = select(_STAGES[number][1]).where(*conditions)
            for row in db.scalars(statement, execution_options=_OPTIONS):
                wanted[number, row.id] = row

        for path in paths:
            kind, id = object_of(path)
            if kind == "table":
                add(1, SegmentRow.table_id == id)
            elif kind in ("image", "thumbnails"):
                add(2, ImageRow.id == id)
            elif kind == "labels":
                add(3, AnnotationRow.id == id, _LABELS)
            else:
                add(0, FileRow.path == path)
        return [_item(state, db, number, row) for (number, _), row in sorted(wanted.items())]


def _item(state: State, db: GuardedSession, number: int, row: Any) -> Item:
    root = state.layout.root
    if isinstance(row, FileRow):
        original = original_of(db, row)
        places: tuple[str, ...] = (row.path,)

        def verify(pace: Pace) -> Found:
            return 1, _verify_original(state, original, pace)

    elif isinstance(row, SegmentRow):
        segment = Segment.model_validate(row.manifest)
        place = table_place(row.table_id)
        places = (f"{place}/{segment.path}",)

        def verify(pace: Pace) -> Found:
            return 1, _verify_segment(root / place, places[0], segment, pace)

    else:
        image = isinstance(row, ImageRow)
        pixels = image_place(row.id) if image else labels_place(row.id)
        thumbnails = (thumbnails_place(state.layout, row.id),) if image else ()
        places = (pixels, *thumbnails)

        def verify(pace: Pace) -> Found:
            found = [*_verify_pixels(root, pixels, pace)]
            for each in thumbnails:
                found += _verify_drawn(root, each, pace)
            return len(found), [problem for problem in found if problem is not None]

    key, stage = (number, row.id), _STAGES[number][0]
    return Item(key, stage, places, row.deleted_at is not None, verify)


def _verify_original(state: State, original: Original, pace: Pace) -> list[Problem]:
    problem = Problem(kind="damaged", path=original.path)
    path = state.layout.root / original.path
    in_place = original.transfer == "symlink"
    try:
        with reading(path):
            found = path.stat()
        if found.st_size != original.size:
            kind = "changed" if in_place else "size"
            detail = f"has {found.st_size:,} bytes, and must have {original.size:,}"
            return [problem.model_copy(update={"kind": kind, "detail": detail})]
        sha256, verified = sha256_of(path, pace, from_disk=True)
    except NotFound:
        detail = f"it leads to {_target(path)}, which is gone" if in_place else ""
        return [problem.model_copy(update={"kind": "missing", "detail": detail})]
    except OmeroError as error:
        return [problem.model_copy(update={"detail": f"it cannot be read: {error}"})]
    if sha256 != original.sha256:
        kind = "changed" if in_place else "damaged"
        detail = "its SHA-256 is not the one it had"
        return [problem.model_copy(update={"kind": kind, "detail": detail})]
    if in_place and verified.st_mtime_ns != original.mtime_ns:
        detail = "it lies in place and was written to, though it holds what it held"
        return [problem.model_copy(update={"kind": "changed", "detail": detail})]
    if not in_place and verified.st_mtime_ns != original.mtime_ns:
        state.freshness.vouch(original, original.mtime_ns, verified)
    return []


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return "nothing"


def _verify_segment(folder: Path, path: str, segment: Segment, pace: Pace) -> list[Problem]:
    problem = Problem(kind="damaged", path=path)
    try:
        size = (folder / segment.path).stat().st_size
    except FileNotFoundError:
        return [problem.model_copy(update={"kind": "missing"})]
    except OSError as error:
        return [problem.model_copy(update={"detail": f"it cannot be read: {error}"})]
    if size != segment.size:
        detail = f"has {size:,} bytes, and must have {segment.size:,}"
        return [problem.model_copy(update={"kind": "size", "detail": detail})]
    columns = verify_segment(folder, segment, pace)
    if not columns:
        return []
    some = ", ".join(columns[:5]) + (f" and {len(columns) - 5} more" if len(columns) > 5 else "")
    return [problem.model_copy(update={"detail": f"columns {some}"})]


def _verify_pixels(root: Path, place: str, pace: Pace) -> Iterator[Problem | None]:
    """What is wrong with each file, or None."""
    path, index = f"{place}/{INDEX}", None
    try:
        data = (root / path).read_bytes()
        pace(len(data))
        index = ChunkIndex.from_bytes(data)
    except FileNotFoundError:
        yield Problem(kind="missing", path=path)
    except (OSError, OmeroError) as error:
        yield Problem(kind="damaged", path=path, detail=str(error))
    else:
        yield None
    folder = root / place
    for name, fault in (
        verified_without_index(folder, pace)
        if index is None
        else verified_pixels(index, folder, pace)
    ):
        if fault == "missing":
            yield Problem(kind="missing", path=f"{place}/{name}")
        else:
            yield Problem(kind="damaged", path=f"{place}/{name}", detail=fault) if fault else None


def _verify_drawn(root: Path, place: str, pace: Pace) -> Iterator[Problem | None]:
    for path, size, is_damaged in verified_thumbnails(root / place):
        pace(size)
        name = path.relative_to(root).as_posix()
        detail = "it will be drawn again"
        yield Problem(kind="damaged", path=name, detail=detail) if is_damaged else None
