"""Tables and label images of many images, written together: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas
from numpy.typing import NDArray
from sqlalchemy import select

from ..database import AnnotationLinkRow, AnnotationRow, Guarded, ImageRow, SegmentRow, now
from ..database import TableVersionRow as VersionRow
from ..errors import NotFound
from ..model import Column, Image, LinkTarget, Placement, Provenance, Segment
from ..storage import make_many_folders
from ..tables import columns_of
from .access import Access
from .containers import check_name
from .guarded import GuardedSession
from .images import image_record
from .intents import intending
from .labels import fitted, store_labels
from .places import labels_place, table_place
from .tables.links import check_links
from .tables.manifest import segment_path
from .tables.rows import store_rows
from .work import Work, Writing

__all__ = ["Added", "NewLabels", "NewTable", "add_many"]

# Each waits for the disk most of the time, and the disk takes several at once.
_THREADS = 4
_AT_ONCE = 500
_ONE_VERSION = 1

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class NewTable:
    """A table to come: the rows of `frame`, attached to an image."""

    image_id: int
    name: str
    frame: pandas.DataFrame
    namespace: str
    description: str = ""
    links: dict[str, LinkTarget] = field(default_factory=dict)
    provenance: Provenance | None = None


@dataclass(frozen=True)
class NewLabels:
    """A label image to come, over an image; axes as `LabelImages.add_labels` takes them."""

    image_id: int
    name: str
    labels: NDArray[Any]
    placement: Placement | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True)
class Added:
    """The ids of what was added, in the order in which it was given."""

    table_ids: tuple[int, ...] = ()
    labels_ids: tuple[int, ...] = ()


def add_many(
    session: Work,
    tables: Sequence[NewTable] = (),
    labels: Sequence[NewLabels] = (),
    links: Sequence[tuple[int, int]] = (),
) -> Added:
    """Attach tables and label images to images, in one transaction.

    `links` are images and annotations, not label images, that are attached to them besides.
    Files are on the disk before the rows are written; where one fails, nothing is left of any.

    Raises
    ------
    NotFound, Denied
        An image or what is linked to is not there, or the user may not annotate it.
    Invalid
        A name or a table cannot be stored, or labels do not fit their image.
    Full, Unavailable
        The disk is full, or failed.
    """
    every: list[NewTable | NewLabels] = [*tables, *labels]
    for each in every:
        check_name(each.name)
    ids = {each.image_id for each in every} | {image_id for image_id, _ in links}
    columns = [columns_of(one.frame, links=one.links) for one in tables]
    with session.reading() as (db, access):
        rows = _images(db, access, ids)
        images = {image_id: image_record(row, access) for image_id, row in rows.items()}
        for table, its in zip(tables, columns, strict=True):
            check_links(db, table.frame, its)
    stacks = [fitted(one.labels, images[one.image_id], one.placement) for one in labels]
    count = len(tables)

    def paths(reserved: list[int]) -> list[str]:
        return [
            *(table_place(each) for each in reserved[:count]),
            *(labels_place(each) for each in reserved[count:]),
        ]

    with intending(session.store, "results", paths, AnnotationRow, count + len(labels)) as intended:
        table_ids, labels_ids = intended.ids[:count], intended.ids[count:]

        def store_table(i: int) -> list[Segment]:
            return store_rows(session.store, table_ids[i], tables[i].frame, columns[i])

        def store_stack(i: int) -> dict[str, Any]:
            return store_labels(session.store, intended.paths[count + i], *stacks[i])

        # One after the other, each would wait for the disk.
        layout = session.store.layout
        first = Path(segment_path(_ONE_VERSION, "")).parent
        make_many_folders(layout.root / place / first for place in intended.paths[:count])
        make_many_folders((layout.root / place).parent for place in intended.paths[count:])
        segments = _each(store_table, range(count))
        details = _each(store_stack, range(len(labels)))
        with session.writing() as unit:
            held = _images(unit.db, unit.access, ids)
            known = _annotations(unit.db, {annotation_id for _, annotation_id in links})
            made = [
                _table_row(id, one, its, access)
                for id, one, its in zip(table_ids, tables, columns, strict=True)
            ]
            made += [
                _labels_row(id, one, its, access)
                for id, one, its in zip(labels_ids, labels, details, strict=True)
            ]
            above = [images[each.image_id] for each in every]
            _add(unit, list(zip(made, above, strict=True)))
            parts: list[tuple[Guarded, Image]] = []
            for row, of in zip(made, above, strict=True):
                parts.append((AnnotationLinkRow(annotation_id=row.id, image_id=of.id), of))
            for table_id, table, stored in zip(table_ids, tables, segments, strict=True):
                of = images[table.image_id]
                parts += [(_segment_row(table_id, segment), of) for segment in stored]
                parts.append((_version_row(table_id, len(table.frame)), of))
            for image_id, annotation_id in links:
                link = AnnotationLinkRow(annotation_id=annotation_id, image_id=image_id)
                parts.append((link, images[image_id]))
            _add(unit, parts)
            # The session forgets rows that nobody holds, and asks for each of them again.
            del held, known
            intended.end(unit.db)
    return Added(tuple(table_ids), tuple(labels_ids))


def _images(db: GuardedSession, access: Access, ids: Iterable[int]) -> dict[int, ImageRow]:
    rows = {row.id: row for row in _selected(db, ImageRow, ids)}
    for image_id in sorted(ids):
        if image_id not in rows:
            raise NotFound(f"There is no image {image_id}.")
        access.require(rows[image_id], "can_annotate")
    return rows


def _annotations(db: GuardedSession, ids: Iterable[int]) -> list[Any]:
    found = _selected(db, AnnotationRow, ids)
    missing = sorted(set(ids) - {row.id for row in found})
    if missing:
        raise NotFound(f"There is no annotation {missing[0]}.")
    return found


def _selected(db: GuardedSession, row: Any, ids: Iterable[int]) -> list[Any]:
    every = sorted(ids)
    return [
        found
        for start in range(0, len(every), _AT_ONCE)
        for found in db.scalars(select(row).where(row.id.in_(every[start : start + _AT_ONCE])))
    ]


def _each(call: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """`call` of each value, by several threads; what the first of them raises is raised.

    Nothing runs any more when this returns or raises: files that came later would stay.
    """
    if len(values) < 2:
        return [call(value) for value in values]
    with ThreadPoolExecutor(_THREADS, "results") as pool:
        jobs = [pool.submit(call, value) for value in values]
        try:
            return [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _add(unit: Writing, rows: Sequence[tuple[Guarded, Image]]) -> None:
    for row, image in rows:
        row.owner_id = unit.access.actor.user_id
        row.group_id = image.group_id
        unit.db.add(row)
    unit.db.flush()


def _told(provenance: Provenance, access: Access) -> dict[str, Any]:
    made = {
        "made_at": provenance.made_at or now(),
        "made_by": provenance.made_by or access.actor.user_name,
    }
    return provenance.model_copy(update=made).model_dump(mode="json")


def _table_row(
    id: int, table: NewTable, columns: Sequence[Column], access: Access
) -> AnnotationRow:
    return AnnotationRow(
        id=id,
        kind="table",
        name=table.name,
        namespace=table.namespace,
        description=table.description,
        details={
            "columns": [column.model_dump(mode="json") for column in columns],
            "metadata": {},
            "provenance": None if table.provenance is None else _told(table.provenance, access),
        },
    )


def _labels_row(
    id: int, labels: NewLabels, details: dict[str, Any], access: Access
) -> AnnotationRow:
    if labels.provenance is not None:
        details = details | {"provenance": _told(labels.provenance, access)}
    return AnnotationRow(
        id=id, kind="labels", name=labels.name, image_id=labels.image_id, details=details
    )


def _segment_row(table_id: int, segment: Segment) -> SegmentRow:
    return SegmentRow(
        table_id=table_id,
        since=segment.since,
        first_row=segment.first_row,
        rows=segment.rows,
        manifest=segment.model_dump(mode="json"),
    )


def _version_row(table_id: int, rows: int) -> VersionRow:
    return VersionRow(
        table_id=table_id,
        number=_ONE_VERSION,
        change="attach",
        columns=[],
        changed_rows=rows,
        rows=rows,
        next_row=rows,
    )
