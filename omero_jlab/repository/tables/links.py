"""Whether what a table's rows link to is there, for the eyes of who writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import pandas
from sqlalchemy import select

from ...database import AnnotationRow, FilesetRow, RoiRow
from ...errors import Invalid, NotFound
from ...model import Column
from ..guarded import GuardedSession
from ..index import TARGETS

__all__ = ["check_links"]

_CLASSES: dict[str, type[Any]] = {
    **TARGETS,
    "fileset": FilesetRow,
    "roi": RoiRow,
    "label": AnnotationRow,
}
_AT_ONCE = 5000
_SHOWN = 5


def check_links(db: GuardedSession, frame: pandas.DataFrame, columns: Sequence[Column]) -> None:
    """Raise where a column of `frame` links to something that the writer does not see.

    Raises
    ------
    NotFound
        It is hidden or not there; the message names the first few.
    Invalid
        A column that links holds something else than ids.
    """
    for column in columns:
        if column.target is None or column.name not in frame.columns:
            continue
        ids = _ids(frame[column.name], column)
        seen = set()
        for start in range(0, len(ids), _AT_ONCE):
            seen.update(_visible(db, column.target, ids[start : start + _AT_ONCE]))
        missing = [each for each in ids if each not in seen]
        if missing:
            shown = ", ".join(map(str, missing[:_SHOWN]))
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise NotFound(
                f"Column {column.name!r} links to {column.target} {shown}{more}, which "
                f"{'is' if len(missing) == 1 else 'are'} not here or not visible to you."
            )


def _ids(values: pandas.Series[Any], column: Column) -> list[int]:
    given = values.dropna().unique()
    try:
        numbers = numpy.asarray(given).astype("i8")
        same = bool((numbers == numpy.asarray(given)).all())
    except (TypeError, ValueError, OverflowError):
        same = False
    if not same:
        raise Invalid(
            f"Column {column.name!r} links to {column.target}: it must hold ids, whole numbers."
        )
    return [int(number) for number in numbers]


def _visible(db: GuardedSession, target: str, ids: list[int]) -> set[int]:
    row = _CLASSES[target]
    statement = select(row.id).where(row.id.in_(ids))
    if target == "label":
        statement = statement.where(AnnotationRow.kind == "labels")
    return set(db.scalars(statement))
