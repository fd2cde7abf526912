"""Stored images that the image sets of a program's output may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from ...database import FieldRow, FileRow, ImageRow, PlateRow, WellRow
from ...results import Candidate, CandidateFile, ImageSet, stem
from ..guarded import GuardedSession
from ..plate_names import well_label
from ..records import files_of

__all__ = ["candidates"]

_AT_ONCE = 200


def candidates(
    db: GuardedSession, image_sets: Sequence[ImageSet], image_ids: Sequence[int] | None
) -> list[Candidate]:
    """The images of `image_ids`, or else all that share a file, a plate or a name with a set."""
    found: dict[int, ImageRow] = {}
    for condition in _conditions(image_sets, image_ids):
        for row in db.scalars(select(ImageRow).where(condition)):
            found[row.id] = row
    return [_candidate(db, found[image_id]) for image_id in sorted(found)]


def _conditions(
    image_sets: Sequence[ImageSet], image_ids: Sequence[int] | None
) -> Iterator[ColumnElement[bool]]:
    if image_ids is not None:
        for some in _parts(image_ids):
            yield ImageRow.id.in_(some)
        return
    files = [file for image_set in image_sets for file in image_set.files]
    for md5s in _parts({f.md5.lower() for f in files if f.md5}):
        yield _by_file(FileRow.md5.in_(md5s))
    for names in _parts({f.name for f in files if f.name}):
        yield _by_file(FileRow.name.in_(names))
    for plates in _parts({one.plate for one in image_sets if one.plate}):
        on_plate = (
            select(FieldRow.image_id)
            .join(WellRow, WellRow.id == FieldRow.well_id)
            .join(PlateRow, PlateRow.id == WellRow.plate_id)
            .where(PlateRow.name.in_(plates))
        )
        yield ImageRow.id.in_(on_plate)
    for stems in _parts({stem(name) for one in image_sets for name in one.names} - {""}):
        yield or_(*(ImageRow.name.istartswith(text, autoescape=True) for text in stems))
        yield _by_file(or_(*(FileRow.name.istartswith(text, autoescape=True) for text in stems)))


def _by_file(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return ImageRow.fileset_id.in_(select(FileRow.fileset_id).where(condition))


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    # A statement takes a limited number of values.
    every = sorted(set(values))
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]


def _candidate(db: GuardedSession, row: ImageRow) -> Candidate:
    files = db.scalars(files_of(row.fileset_id))
    place = db.execute(
        select(PlateRow.name, WellRow.row, WellRow.column, FieldRow.site)
        .join(WellRow, WellRow.plate_id == PlateRow.id)
        .join(FieldRow, FieldRow.well_id == WellRow.id)
        .where(FieldRow.image_id == row.id)
    ).first()
    return Candidate(
        image_id=row.id,
        name=row.name,
        plate=None if place is None else place[0],
        well=None if place is None else well_label(place[1], place[2]),
        site=None if place is None else place[3],
        files=tuple(
            CandidateFile(name=f.name, folder=str(Path(f.client_path).parent), md5=f.md5)
            for f in files
        ),
        height=row.size_y,
        width=row.size_x,
    )
