"""Images found by what their tables say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from ...database import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    FieldRow,
    ImageRow,
    ProjectDatasetRow,
    ScreenPlateRow,
    SegmentRow,
    TableVersionRow,
    WellRow,
)
from ...errors import Invalid
from ...model import Column, Segment
from ...tables import ImageCondition, TableView, Term, fulfilling, hint, term_values
from ..guarded import GuardedSession
from ..places import table_place
from .gates import conditions_of
from .manifest import columns_at
from .rows import Rows

__all__ = ["images_where"]

T = TypeVar("T")
_AT_ONCE = 1000
_NAMES = {
    "image": "image", "image_id": "image", "imageid": "image", "image id": "image",
    "well": "well", "well_id": "well", "wellid": "well", "well id": "well",
}  # fmt: skip


@dataclass
class _Table:
    """A table, the images that it speaks of, and the column that tells them apart.

    `by` is None where all rows are about each of `images`; `images_of` are those of an id there.
    """

    row: AnnotationRow
    columns: tuple[Column, ...]
    images: set[int]
    by: str | None = None
    images_of: dict[int, list[int]] = field(default_factory=dict)


def images_where(session: Rows, condition: str, after: int, limit: int) -> list[int]:
    """Ids of the first `limit` images behind the image `after` that fulfil `condition`."""
    asked = ImageCondition(condition)
    named: dict[str, list[_Table]] = {}
    with session.reading() as (db, _):
        for name in dict.fromkeys(term.table for term in asked.terms):
            named[name] = list(_about_images(db, name, _tables(db, name)))
    parsed, columns = asked.parsed(
        {name: [table.columns for table in tables] for name, tables in named.items()}
    )
    images = sorted({i for tables in named.values() for t in tables for i in t.images if i > after})
    values: dict[str, dict[int, Any]] = {term.text: {} for term in asked.terms}
    done: set[tuple[str, int]] = set()
    found: list[int] = []
    for some in _parted(images):
        with session.reading() as (db, _):
            statement = select(ImageRow.id).where(ImageRow.id.in_(some)).order_by(ImageRow.id)
            visible = list(db.scalars(statement))
        wanted = set(visible)
        for name, tables in named.items():
            terms = [term for term in asked.terms if term.table == name]
            todo = [t for t in tables if (name, t.row.id) not in done and t.images & wanted]
            done |= {(name, table.row.id) for table in todo}
            for table, view in _views(session, todo):
                fit = [term for term in terms if asked.fits(term, table.columns)]
                _collect(table, view, fit, values)
        found += fulfilling(parsed, columns, visible, values)
        if len(found) >= limit:
            break
    return found[:limit]


def _collect(
    table: _Table, view: TableView, terms: Sequence[Term], values: dict[str, dict[int, Any]]
) -> None:
    """Add what `terms` are for the images of a table; later tables go before earlier ones."""
    for term, each in zip(terms, term_values(view, terms, table.by), strict=True):
        known = values[term.text]
        # An image without a row has none of them, and of none there is no mean.
        nothing = 0 if term.function == "count" else None
        if table.by is None:
            known.update(dict.fromkeys(table.images, each.get(None, nothing)))
            continue
        known.update(dict.fromkeys(table.images, nothing))
        for key, value in each.items():
            for image in table.images_of.get(key, ()) if key is not None else ():
                known[image] = value


def _tables(db: GuardedSession, name: str) -> list[AnnotationRow]:
    """The tables of that name, or else that number, oldest first."""
    tables = select(AnnotationRow).where(AnnotationRow.kind == "table").order_by(AnnotationRow.id)
    rows = list(db.scalars(tables.where(AnnotationRow.name == name)))
    if not rows and name.isdecimal() and len(name) < 19:
        rows = list(db.scalars(tables.where(AnnotationRow.id == int(name))))
    if not rows:
        names = select(AnnotationRow.name).where(AnnotationRow.kind == "table").distinct()
        known = sorted(db.scalars(names.limit(1000)))
        what = hint(name, known) if known else "you see no tables here"
        raise Invalid(f"there is no table {name[:80]!r}; {what}")
    return rows


def _about_images(db: GuardedSession, name: str, rows: Sequence[AnnotationRow]) -> Iterator[_Table]:
    targets: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for some in _parted([row.id for row in rows]):
        statement = select(AnnotationLinkRow).where(AnnotationLinkRow.annotation_id.in_(some))
        for link in db.scalars(statement):
            for kind, column in TARGET_COLUMNS.items():
                if getattr(link, column) is not None:
                    targets[link.annotation_id][kind].append(getattr(link, column))
    inside = _Inside(db)
    useless = ""
    found = 0
    for row in rows:
        on = targets[row.id]
        columns = columns_at(row)
        images = {image for kind, ids in on.items() for id in ids for image in inside.of(kind, id)}
        linking = None if set(on) == {"image"} and len(images) == 1 else _linking(columns)
        table = _Table(row, columns, images)
        if linking is not None:
            table.by, kind = linking
            for image in sorted(images) if kind == "image" else ():
                table.images_of[image] = [image]
            if kind == "well":
                table.images_of = inside.by_well(images)
        elif not set(on) <= {"image", "well"}:
            useless = next(kind for kind in on if kind not in ("image", "well"))
            continue
        found += 1
        yield table
    if not found:
        raise Invalid(
            f"table {name[:80]!r} lies on a {useless} and has no column that says which image or "
            "well a row is of: give it one of kind link, or ids in a column called Image, "
            "image_id, Well or well_id"
        )


def _linking(columns: Iterable[Column]) -> tuple[str, str] | None:
    """The column that holds ids of images, or else of wells, and which of them."""
    known: dict[str, str] = {}
    for column in columns:
        kind = column.target if column.kind == "link" else None
        if column.kind == "integer":
            kind = _NAMES.get(column.name.casefold())  # type: ignore[assignment]
        if kind in ("image", "well") and (column.kind == "link" or kind not in known):
            known[kind] = column.name
    for kind in ("image", "well"):
        if kind in known:
            return known[kind], kind
    return None


class _Inside:
    """The images in containers, each container asked for once."""

    def __init__(self, db: GuardedSession) -> None:
        self._db = db
        self._known: dict[tuple[str, int], list[int]] = {}

    def of(self, kind: str, id: int) -> list[int]:
        """The images in an object; an image is in itself."""
        if kind == "image":
            return [id]
        if (kind, id) not in self._known:
            self._known[kind, id] = list(self._db.scalars(_STATEMENTS[kind](id)))
        return self._known[kind, id]

    def by_well(self, images: set[int]) -> dict[int, list[int]]:
        """Those of `images` that lie in wells, by well."""
        found: dict[int, list[int]] = defaultdict(list)
        for some in _parted(sorted(images)):
            statement = select(FieldRow).where(FieldRow.image_id.in_(some))
            for row in self._db.scalars(statement):
                found[row.well_id].append(row.image_id)
        return dict(found)


def _in_well(id: int) -> Any:
    return select(FieldRow.image_id).where(FieldRow.well_id == id)


def _in_plate(id: int) -> Any:
    wells = select(FieldRow.image_id).join(WellRow, WellRow.id == FieldRow.well_id)
    return wells.where(WellRow.plate_id == id)


def _in_screen(id: int) -> Any:
    wells = select(FieldRow.image_id).join(WellRow, WellRow.id == FieldRow.well_id)
    plates = wells.join(ScreenPlateRow, ScreenPlateRow.child_id == WellRow.plate_id)
    return plates.where(ScreenPlateRow.parent_id == id)


def _in_dataset(id: int) -> Any:
    return select(DatasetImageRow.child_id).where(DatasetImageRow.parent_id == id)


def _in_project(id: int) -> Any:
    images = select(DatasetImageRow.child_id).join(
        ProjectDatasetRow, ProjectDatasetRow.child_id == DatasetImageRow.parent_id
    )
    return images.where(ProjectDatasetRow.parent_id == id)


_STATEMENTS = {
    "well": _in_well,
    "plate": _in_plate,
    "screen": _in_screen,
    "dataset": _in_dataset,
    "project": _in_project,
}


def _views(session: Rows, tables: Sequence[_Table]) -> Iterator[tuple[_Table, TableView]]:
    """The newest version of each of `tables`, a thousand in two questions to the database."""
    store = session.store
    for some in _parted(tables):
        ids = [table.row.id for table in some]
        pins = {id: store.pins.new(id) for id in ids}
        segments: dict[int, list[Segment]] = defaultdict(list)
        with session.reading() as (db, _):
            versions = {row.table_id: row for row in db.scalars(_newest(ids))}
            held = select(SegmentRow).where(SegmentRow.table_id.in_(ids))
            for row in db.scalars(held.order_by(SegmentRow.table_id, SegmentRow.first_row)):
                version = versions.get(row.table_id)
                if version is not None and row.since <= version.number:
                    manifest = row.manifest | {"since": row.since}
                    segments[row.table_id].append(Segment.model_validate(manifest))
        for table in some:
            id = table.row.id
            if id not in versions:
                continue
            view = TableView(
                store.layout.root / table_place(id),
                table.columns,
                tuple(segments[id]),
                store.freshness,
                versions[id].next_row,
                pins[id],
            )
            yield table, view.with_gates(partial(conditions_of, session, id))


def _newest(ids: Sequence[int]) -> Any:
    other = aliased(TableVersionRow)
    last = (
        select(func.max(other.number))
        .where(other.table_id == TableVersionRow.table_id)
        .scalar_subquery()
    )
    return select(TableVersionRow).where(
        TableVersionRow.table_id.in_(ids), TableVersionRow.number == last
    )


def _parted(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items`, as many at once as a statement names."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
