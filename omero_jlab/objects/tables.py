"""A result table attached to an object."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Invalid
from ..model import Column, TableInfo
from ..operations import AnySession

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Table", "rows_of"]


def rows_of(frame: Any) -> DataFrame:
    """The rows of a `pandas.DataFrame`, the named levels of its index as columns before them.

    What `groupby` or `set_index` made an index is part of the result; the numbers that a query
    gave the rows of another table are not.

    Raises
    ------
    Invalid
        It is no DataFrame.
    """
    from pandas import DataFrame

    if not isinstance(frame, DataFrame):
        raise Invalid(
            f"A table is made of a pandas.DataFrame, not of {type(frame).__name__}: convert it "
            f"with pandas.DataFrame(…), or a Series with its to_frame()."
        )
    named = [name for name in frame.index.names if name is not None and name != "row_id"]
    return frame.reset_index(level=named, allow_duplicates=True) if named else frame


class Table:
    """A table; its rows are read when they are asked for."""

    def __init__(self, session: AnySession, info: TableInfo) -> None:
        self._session = session
        self.record = info

    @property
    def id(self) -> int:
        """The table's number."""
        return self.record.id

    @property
    def name(self) -> str:
        """The table's name."""
        return self.record.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in their order."""
        return self.record.columns

    def __len__(self) -> int:
        return self.record.rows

    def query(
        self,
        condition: str | None = None,
        columns: Sequence[str] | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        version: int | None = None,
    ) -> DataFrame:
        """The rows that meet a condition, written as for `DataFrame.query`.

        The index holds the rows' permanent numbers; `version` reads the table as it was.
        """
        frame: DataFrame = self._session.read_rows(
            self.id, columns, condition, order_by, descending, limit, offset, version
        )
        return frame

    def to_pandas(self) -> DataFrame:
        """All rows."""
        return self.query()

    def count(self, condition: str | None = None) -> int:
        """How many rows meet a condition."""
        return self._session.tables.count(self.id, condition)

    def append(self, frame: DataFrame) -> None:
        """Append rows; they are durable when this returns."""
        self.record = self._session.append_rows(self.id, rows_of(frame))

    def delete(self) -> None:
        """Delete the table."""
        self._session.annotations.remove(self.id)

    def __repr__(self) -> str:
        return f"<Table {self.id} {self.name!r}: {len(self):,} rows × {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        head = self.query(limit=5).to_html(max_cols=12, border=0, escape=True)
        return f"<div><strong>{html.escape(repr(self)[1:-1])}</strong>{head}</div>"
