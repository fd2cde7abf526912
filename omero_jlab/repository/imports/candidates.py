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
    files = _files(db, found.values())
    places = _places(db, found)
    return [
        _candidate(row, files.get(row.fileset_id, ()), places.get(row.id))
        for _, row in sorted(found.items())
    ]


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


def _files(db: GuardedSession, rows: Iterable[ImageRow]) -> dict[int | None, list[CandidateFile]]:
    """The files of each fileset that `rows` are of."""
    found: dict[int | None, list[CandidateFile]] = {}
    for filesets in _parts({row.fileset_id for row in rows if row.fileset_id is not None}):
        statement = select(FileRow).where(FileRow.fileset_id.in_(filesets)).order_by(FileRow.id)
        for f in db.scalars(statement):
            folder = str(Path(f.client_path).parent)
            file = CandidateFile(name=f.name, folder=folder, md5=f.md5)
            found.setdefault(f.fileset_id, []).append(file)
    return found


def _places(db: GuardedSession, image_ids: Iterable[int]) -> dict[int, tuple[str, str, int]]:
    """Plate, well and site of each image that lies on a plate; the first, where it lies on more."""
    found: dict[int, tuple[str, str, int]] = {}
    for some in _parts(image_ids):
        statement = (
            select(FieldRow.image_id, PlateRow.name, WellRow.row, WellRow.column, FieldRow.site)
            .join(WellRow, WellRow.id == FieldRow.well_id)
            .join(PlateRow, PlateRow.id == WellRow.plate_id)
            .where(FieldRow.image_id.in_(some))
            .order_by(FieldRow.id)
        )
        for image_id, plate, row, column, site in db.execute(statement):
            found.setdefault(image_id, (plate, well_label(row, column), site))
    return found


def _candidate(
    row: ImageRow, files: Sequence[CandidateFile], place: tuple[str, str, int] | None
) -> Candidate:
    plate, well, site = place or (None, None, None)
    return Candidate(
        image_id=row.id,
        name=row.name,
        plate=plate,
        well=well,
        site=site,
        files=tuple(files),
        height=row.size_y,
        width=row.size_x,
    )
