"""Projects, datasets, screens, plates and wells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import func, select

from ..database import (
    DatasetImageRow,
    DatasetRow,
    FieldRow,
    Guarded,
    PlateRow,
    ProjectDatasetRow,
    ProjectRow,
    ScreenPlateRow,
    ScreenRow,
    WellRow,
)
from ..errors import Invalid, NotFound
from ..model import Dataset, Field, Plate, Project, Screen, Well
from .access import Access
from .guarded import GuardedSession
from .plate_names import well_label
from .records import owned
from .work import Work, Writing

__all__ = ["Containers", "check_name", "container_named", "counts", "found"]

R = TypeVar("R", bound=Guarded)
_LARGEST_ID = 2**63 - 1


def found(db: GuardedSession, row: type[R], number: int) -> R:
    """The row with an id, or `NotFound`, alike for what is hidden and what is not there."""
    one = db.get(row, number) if 0 < number <= _LARGEST_ID else None
    if one is None:
        raise NotFound(f"There is no {row.__name__.removesuffix('Row').lower()} {number}.")
    return one


def container_named(unit: Writing, row: type[Any], name: str, **fields: Any) -> Any:
    """The actor's own container of that name in the current group, made where it is missing."""
    check_name(name)
    actor = unit.access.actor
    known = unit.db.scalars(
        select(row)
        .where(row.name == name, row.group_id == actor.group_id, row.owner_id == actor.user_id)
        .order_by(row.id)
    ).first()
    return known or unit.new(row(name=name, **fields))


def check_name(name: str) -> None:
    """Raise `Invalid` for a name that is blank or too long to be shown in a list."""
    if not name.strip() or len(name) > 255:
        raise Invalid(f"A name has 1 to 255 characters; {name[:40]!r} has {len(name)}.")


class Containers:
    """What holds images."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def projects(self, name: str | None = None) -> tuple[Project, ...]:
        """The projects, by name."""
        with self._session.reading() as (db, access):
            return _projects(db, access, _named(db, ProjectRow, name))

    def project(self, id: int) -> Project:
        """One project."""
        with self._session.reading() as (db, access):
            return _projects(db, access, [found(db, ProjectRow, id)])[0]

    def add_project(self, name: str, description: str = "") -> Project:
        """Make a project."""
        check_name(name)
        with self._session.writing() as unit:
            row = unit.new(ProjectRow(name=name, description=description))
            return unit.answer(_projects(unit.db, unit.access, [row])[0])

    def datasets(
        self, name: str | None = None, project_id: int | None = None
    ) -> tuple[Dataset, ...]:
        """The datasets, by name."""
        with self._session.reading() as (db, access):
            return _datasets(
                db, access, _named(db, DatasetRow, name, ProjectDatasetRow, project_id)
            )

    def dataset(self, id: int) -> Dataset:
        """One dataset."""
        with self._session.reading() as (db, access):
            return _datasets(db, access, [found(db, DatasetRow, id)])[0]

    def add_dataset(
        self, name: str, description: str = "", project_id: int | None = None
    ) -> Dataset:
        """Make a dataset, in a project where one is named."""
        check_name(name)
        with self._session.writing() as unit:
            group = None if project_id is None else found(unit.db, ProjectRow, project_id).group_id
            row = unit.new(DatasetRow(name=name, description=description), group)
            if project_id is not None:
                unit.new(ProjectDatasetRow(parent_id=project_id, child_id=row.id), group)
            return unit.answer(_datasets(unit.db, unit.access, [row])[0])

    def screens(self, name: str | None = None) -> tuple[Screen, ...]:
        """The screens, by name."""
        with self._session.reading() as (db, access):
            return _screens(db, access, _named(db, ScreenRow, name))

    def screen(self, id: int) -> Screen:
        """One screen."""
        with self._session.reading() as (db, access):
            return _screens(db, access, [found(db, ScreenRow, id)])[0]

    def add_screen(self, name: str, description: str = "") -> Screen:
        """Make a screen."""
        check_name(name)
        with self._session.writing() as unit:
            row = unit.new(ScreenRow(name=name, description=description))
            return unit.answer(_screens(unit.db, unit.access, [row])[0])

    def plates(self, name: str | None = None, screen_id: int | None = None) -> tuple[Plate, ...]:
        """The plates, by name."""
        with self._session.reading() as (db, access):
            return _plates(db, access, _named(db, PlateRow, name, ScreenPlateRow, screen_id))

    def plate(self, id: int) -> Plate:
        """One plate."""
        with self._session.reading() as (db, access):
            return _plates(db, access, [found(db, PlateRow, id)])[0]

    def wells(self, id: int) -> tuple[Well, ...]:
        """The wells of a plate that have images, row by row."""
        with self._session.reading() as (db, access):
            found(db, PlateRow, id)
            rows = db.scalars(
                select(WellRow).where(WellRow.plate_id == id).order_by(WellRow.row, WellRow.column)
            )
            return _wells(db, access, rows.all())

    def well(self, id: int) -> Well:
        """One well."""
        with self._session.reading() as (db, access):
            return _wells(db, access, [found(db, WellRow, id)])[0]


def _named(
    db: GuardedSession,
    row: type[Any],
    name: str | None,
    link: type[Any] | None = None,
    parent_id: int | None = None,
) -> Sequence[Any]:
    statement = select(row).order_by(row.name, row.id)
    if name is not None:
        statement = statement.where(row.name == name)
    if link is not None and parent_id is not None:
        statement = statement.join(link, link.child_id == row.id).where(link.parent_id == parent_id)
    return db.scalars(statement).all()


def counts(db: GuardedSession, column: Any, ids: Sequence[int]) -> dict[int, int]:
    """How many visible rows have each of `ids` in `column`."""
    statement = select(column, func.count()).where(column.in_(ids)).group_by(column)
    return {key: count for key, count in db.execute(statement)}


def _projects(db: GuardedSession, access: Access, rows: Sequence[Any]) -> tuple[Project, ...]:
    inside = counts(db, ProjectDatasetRow.parent_id, [row.id for row in rows])
    return tuple(
        Project(
            **owned(row, access),
            name=row.name,
            description=row.description,
            dataset_count=inside.get(row.id, 0),
        )
        for row in rows
    )


def _datasets(db: GuardedSession, access: Access, rows: Sequence[Any]) -> tuple[Dataset, ...]:
    inside = counts(db, DatasetImageRow.parent_id, [row.id for row in rows])
    return tuple(
        Dataset(
            **owned(row, access),
            name=row.name,
            description=row.description,
            image_count=inside.get(row.id, 0),
        )
        for row in rows
    )


def _screens(db: GuardedSession, access: Access, rows: Sequence[Any]) -> tuple[Screen, ...]:
    inside = counts(db, ScreenPlateRow.parent_id, [row.id for row in rows])
    return tuple(
        Screen(
            **owned(row, access),
            name=row.name,
            description=row.description,
            plate_count=inside.get(row.id, 0),
        )
        for row in rows
    )


def _plates(db: GuardedSession, access: Access, rows: Sequence[Any]) -> tuple[Plate, ...]:
    ids = [row.id for row in rows]
    wells = counts(db, WellRow.plate_id, ids)
    per_plate = (
        select(WellRow.plate_id, func.count())
        .join(FieldRow, FieldRow.well_id == WellRow.id)
        .where(WellRow.plate_id.in_(ids))
        .group_by(WellRow.plate_id)
    )
    fields = {key: count for key, count in db.execute(per_plate)}
    return tuple(
        Plate(
            **owned(row, access),
            name=row.name,
            description=row.description,
            rows=row.rows,
            columns=row.columns,
            well_count=wells.get(row.id, 0),
            field_count=fields.get(row.id, 0),
        )
        for row in rows
    )


def _wells(db: GuardedSession, access: Access, rows: Sequence[Any]) -> tuple[Well, ...]:
    ids = [row.id for row in rows]
    statement = select(FieldRow).where(FieldRow.well_id.in_(ids)).order_by(FieldRow.site)
    fields: dict[int, list[Field]] = {}
    for field in db.scalars(statement):
        fields.setdefault(field.well_id, []).append(Field(image_id=field.image_id, site=field.site))
    return tuple(
        Well(
            **owned(row, access),
            plate_id=row.plate_id,
            row=row.row,
            column=row.column,
            label=well_label(row.row, row.column),
            fields=tuple(fields.get(row.id, ())),
        )
        for row in rows
    )
