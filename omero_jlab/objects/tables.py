"""A result table attached to an object."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import Invalid
from ..model import (
    Column,
    CompactionReport,
    LinkTarget,
    Provenance,
    TableChange,
    TableInfo,
    TableVersion,
    gate_condition,
)
from ..operations import AnySession
from ..operations.paging import selection
from .exchange import export_file
from .gates import Gates
from .labels import Labels
from .metadata import Metadata, plain
from .plotting import plot_of, view_of
from .progress import wait
from .provenance import provenance_html
from .table_reading import arrow_of, dask_of, download, frame_of_summary

if TYPE_CHECKING:
    import dask.dataframe
    import pyarrow  # type: ignore[import-untyped]
    from pandas import DataFrame

    from ..widgets import TablePlot, TableView

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
        after: int | None = None,
        gate: str | None = None,
    ) -> DataFrame:
        """The rows that meet a condition, written as for `DataFrame.query`, and lie in a gate.

        The index holds the rows' permanent numbers; `version` reads the table as it was.  Pages
        are told by `limit` and `offset`, or, at the same speed however far they lie, by `limit`
        and `after`: the number of the row behind which the page begins.
        """
        asked = selection(
            columns, _gated(condition, gate), order_by, descending, limit, offset, version, after
        )
        frame: DataFrame = self._session.read_rows(self.id, asked)
        return frame

    def aggregate(
        self,
        measures: Mapping[str, str | Sequence[str]] | None = None,
        by: str | Sequence[str] = (),
        condition: str | None = None,
        version: int | None = None,
    ) -> DataFrame:
        """count, sum, mean, std, min, max, median or "quantile(0.9)" of columns, as in pandas.

        `measures` names functions by column, {"area": ["mean", "std"]}; without it, rows are
        counted.  `by` names one or more columns whose values make groups.  The repository reads
        the rows, and sends the result alone.
        """
        wanted = measures or {}
        asked = {k: (v,) if isinstance(v, str) else tuple(v) for k, v in wanted.items()}
        keys = (by,) if isinstance(by, str) else tuple(by)
        found = self._session.tables.aggregate(self.id, asked, keys, condition, version)
        return frame_of_summary(found, wanted)

    def to_arrow(
        self,
        condition: str | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> pyarrow.Table:
        """The rows as a `pyarrow.Table`, with `row_id` as the first column."""
        return arrow_of(self._session, self.id, condition, columns, version)

    def to_dask(
        self,
        condition: str | None = None,
        columns: Sequence[str] | None = None,
        partition_rows: int | None = None,
        version: int | None = None,
    ) -> dask.dataframe.DataFrame:
        """The rows as a dask DataFrame, in partitions of about 64 MB, known by `row_id`.

        The table's version is the one of now, and is kept as long as the frame lives, whatever is
        changed later.  On a cluster the workers ask the server: the graph holds its address and a
        right to read this table that is renewed meanwhile, and no path and no token of yours.
        """
        return dask_of(self._session, self.record, condition, columns, partition_rows, version)

    def download(
        self,
        path: str | Path,
        condition: str | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        safe: bool = True,
    ) -> Path:
        """Write the rows to a `.csv` or `.parquet` file of this machine.

        A spreadsheet runs a cell that begins like a formula: in CSV, texts and column names that
        begin with = + - @, a tab or a carriage return get an apostrophe before them.  Numbers
        stay as they are, and so does everything with `safe=False`.
        """
        return download(self._session, self.id, path, condition, columns, version, safe)

    def export(
        self,
        path: str | Path,
        columns: Sequence[str] | None = None,
        condition: str | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the rows to a file of this machine, as its suffix says.

        `.h5` is a file of OMERO.tables, which OMERO and PyTables open as their own; what it cannot
        hold is printed.  `.feather` and `.arrow` are Arrow's, `.csv` and `.parquet` as `download`
        writes them.
        """
        place = Path(path).expanduser().absolute()
        if place.suffix.lower() in (".csv", ".parquet"):
            if place.exists() and not overwrite:
                raise Invalid(f"{place} is there already: choose another name, or overwrite=True.")
            return self.download(place, condition, columns)
        for note in export_file(self._session, self.id, place, columns, condition, overwrite):
            print(f"note: {note}")
        return place

    def to_pandas(self) -> DataFrame:
        """All rows."""
        return self.query()

    def count(self, condition: str | None = None) -> int:
        """How many rows meet a condition."""
        return self._session.tables.count(self.id, condition)

    @property
    def gates(self) -> Gates:
        """The gates that are kept with the table, by name."""
        return Gates(self._session, self.id)

    def plot(
        self,
        x: str,
        y: str,
        color: str | None = None,
        condition: str | None = None,
        labels: Labels | str | None = None,
        label_column: str | None = None,
        log: str = "",
        height_px: int = 480,
    ) -> TablePlot:
        """The rows as points; what is drawn around lights up in the viewers of the notebook.

        A click on a point shows its cell, a click on a cell its point; `plot.selected` has the
        rows, `plot.view()` opens a viewer that follows to other images.

        Parameters
        ----------
        x, y, color : columns; a colour may be of texts or numbers
        condition : which rows are plotted; all by itself
        labels
            The label image whose numbers are the rows' cells, or its name where rows are of many
            images; by itself the one that has the table's name.
        label_column
            The column that holds these numbers; by itself `label`, `ObjectNumber` and the like.
        log : the logarithmic axes: "x", "y" or "xy"
        """
        return plot_of(
            self._session, self.record, x, y, color, condition, labels, label_column, log, height_px
        )

    def view(
        self,
        condition: str | None = None,
        order_by: str | None = None,
        descending: bool = False,
        labels: Labels | str | None = None,
        label_column: str | None = None,
        height_px: int = 420,
    ) -> TableView:
        """The rows page by page, to sort, to filter and to download.

        A click on a row marks its cell in the viewers of the notebook, a click on a cell its row;
        `view.view()` opens a viewer that follows to other images.  What is said of `labels` and
        `label_column` in `plot` holds here.
        """
        return view_of(
            self._session, self.record, condition, order_by, descending, labels, label_column,
            height_px,
        )  # fmt: skip

    def append(self, frame: DataFrame, version: int | None = None) -> None:
        """Append rows; they are durable when this returns.

        Everything that changes a table takes `version`: where you give the one that you have
        read (`table.version`) and somebody else was faster, nothing is changed.

        Raises
        ------
        Conflict
            The table is at another version.
        """
        self.record = self._session.append_rows(self.id, rows_of(frame), version)

    def update(
        self,
        values: DataFrame | Mapping[str, Any],
        where: str | None = None,
        version: int | None = None,
    ) -> int:
        """Give rows other values; answers how many rows were changed.

        Either a DataFrame whose index names the rows, as `query` answers it, with the columns to
        be changed; or values by column, for all rows that meet the condition `where`:
        ``table.update({"class": "mitotic"}, where="area > 120")``.
        """
        if isinstance(values, Mapping):
            given = {name: plain(value) for name, value in values.items()}
            return self._changed(self._session.tables.set_values(self.id, given, where, version))
        if where is not None:
            raise Invalid(
                "A DataFrame names the rows by its index: give a condition with values by column."
            )
        return self._changed(self._session.update_rows(self.id, values, version))

    def delete_rows(
        self,
        where: str | None = None,
        rows: Iterable[int] | None = None,
        version: int | None = None,
    ) -> int:
        """Delete the rows that meet a condition, or those of these numbers; answers how many.

        Their numbers are never given to other rows.
        """
        numbers = None if rows is None else tuple(int(row) for row in rows)
        return self._changed(self._session.tables.delete_rows(self.id, where, numbers, version))

    def add_column(
        self,
        name: str,
        values: Any,
        unit: str = "",
        description: str = "",
        link: LinkTarget | None = None,
        version: int | None = None,
    ) -> None:
        """Add a column; `values` are one a row, or a Series whose index names the rows.

        Rows that are not named have no value, and neither have rows appended without one.
        `link` says that the values are ids of objects of that kind.
        """
        from pandas import Series

        series = values.rename(name) if isinstance(values, Series) else Series(values, name=name)
        self._changed(
            self._session.add_columns(
                self.id,
                series.to_frame(),
                {name: unit} if unit else None,
                {name: description} if description else None,
                {name: link} if link is not None else None,
                version,
            )
        )

    def drop_column(self, name: str, version: int | None = None) -> None:
        """Take a column away; earlier versions have it still."""
        self._changed(self._session.tables.drop_column(self.id, name, version))

    def describe_columns(
        self,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
    ) -> None:
        """Say what columns mean, by name; what is not named stays as it is."""
        self.record = self._session.tables.describe_columns(
            self.id,
            None if units is None else dict(units),
            None if descriptions is None else dict(descriptions),
        )

    @property
    def version(self) -> int:
        """The version that you have read; every change of rows or columns makes the next."""
        return self.record.table_version

    def versions(self) -> tuple[TableVersion, ...]:
        """What was done to the table, when and by whom, the newest first; `query` reads each.

        All appends and the last 100 other changes can be looked behind, unless `compact` was
        told to keep fewer.
        """
        found: list[TableVersion] = []
        while some := self._session.tables.versions(
            self.id, before=found[-1].number if found else None
        ):
            found += some
        return tuple(found)

    def compact(self, keep: int | None = None) -> CompactionReport | None:
        """Merge small files and work changes in; row numbers stay.

        The repository does so by itself, in the background, every 64 versions.  The versions
        before the last `keep` changes are forgotten (100 unless told); appends do not count as
        changes, and ``keep=0`` leaves the table as it is now alone.
        """
        job = self._session.tables.compact(self.id, keep)
        return cast("CompactionReport | None", wait(self._session, job, "compacting", quiet=True))

    @property
    def metadata(self) -> Metadata:
        """Words and numbers by key, kept with the table: ``table.metadata["threshold"] = 0.5``."""
        return Metadata(lambda: self.record.metadata, self._set_metadata)

    @property
    def provenance(self) -> Provenance | None:
        """How the rows were made, where that is known."""
        return self.record.provenance

    def refresh(self) -> None:
        """Read the record again: others may have changed the table."""
        self.record = self._session.tables.get(self.id)

    def _set_metadata(self, facts: Mapping[str, Any]) -> None:
        self.record = self._session.tables.set_metadata(self.id, dict(facts))

    def _changed(self, change: TableChange) -> int:
        self.record = change.table
        return change.changed_rows

    def delete(self) -> None:
        """Delete the table."""
        self._session.annotations.remove(self.id)

    def __repr__(self) -> str:
        return f"<Table {self.id} {self.name!r}: {len(self):,} rows × {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        head = self.query(limit=5).to_html(max_cols=12, border=0, escape=True)
        made = provenance_html(self.provenance)
        return f"<div><strong>{html.escape(repr(self)[1:-1])}</strong>{head}{made}</div>"


def _gated(condition: str | None, gate: str | None) -> str | None:
    if gate is None:
        return condition
    inside = gate_condition(gate)
    return inside if condition is None else f"({condition}) & {inside}"
