"""A table's rows for other tools: dask DataFrames, Arrow tables, files, aggregates."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Invalid
from ..model import Summarised, TableInfo, TableSummary
from ..operations import AnySession

if TYPE_CHECKING:
    import dask.dataframe
    import pyarrow  # type: ignore[import-untyped]
    from pandas import DataFrame

__all__ = ["arrow_of", "dask_of", "download", "frame_of_summary"]

_NO_TIME = -(2**63)
_FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}


def arrow_of(
    session: AnySession,
    table_id: int,
    condition: str | None,
    columns: Sequence[str] | None,
    version: int | None,
) -> pyarrow.Table:
    """The rows as a `pyarrow.Table`, `row_id` first."""
    import pyarrow

    batches = session.read_batches(table_id, columns, condition, version=version)
    return pyarrow.Table.from_batches(batches)


def download(
    session: AnySession,
    table_id: int,
    path: str | Path,
    condition: str | None,
    columns: Sequence[str] | None,
    version: int | None,
    safe: bool,
) -> Path:
    """Write the rows to the file `path` of this machine, whole or not at all."""
    place = Path(path).expanduser().absolute()
    format = _FORMATS.get(place.suffix.lower())
    if format is None:
        raise Invalid(
            f"A table is downloaded as .csv or .parquet, not as {place.name!r}: name a file that "
            "ends so."
        )
    if not place.parent.is_dir():
        raise Invalid(f"There is no folder {place.parent} to download into.")
    found = session.export_rows(table_id, format, columns, condition, version=version, safe=safe)
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            for piece in found:
                file.write(piece)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return place


class _Part:
    """Reads the rows of one partition; pickled, it carries the server's address and a token."""

    def __init__(self, session: AnySession, selection: tuple[Any, ...]) -> None:
        self._session = session
        self._selection = selection

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return type(self).__name__, self._session.address(), self._selection

    def __call__(self, rows: tuple[int, int]) -> DataFrame:
        table_id, columns, condition, version = self._selection
        some = f"row_id >= {rows[0]} & row_id < {rows[1]}"
        asked = some if condition is None else f"({condition}) & {some}"
        frame: DataFrame = self._session.read_rows(table_id, columns, asked, version=version)
        return frame


def dask_of(
    session: AnySession,
    info: TableInfo,
    condition: str | None,
    columns: Sequence[str] | None,
    partition_rows: int | None,
    version: int | None,
) -> dask.dataframe.DataFrame:
    """The rows as a dask DataFrame whose partitions are ranges of row numbers."""
    import dask.dataframe

    at = info.table_version if version is None else version
    empty = session.read_rows(info.id, columns, None, limit=0, version=at)
    ends = session.tables.aggregate(info.id, {"row_id": ("max",)}, version=at)
    last = ends.measures[0].values[0]
    stop = 1 if last is None else int(last) + 1
    step = partition_rows or max(_rows_of(64 << 20, len(empty.columns)), 1)
    if step < 1:
        raise Invalid(f"A partition has at least one row, not {step}.")
    starts = list(range(0, stop, step))
    meta = empty.set_axis(empty.index.astype("int64").rename("row_id"), axis=0)
    return dask.dataframe.from_map(
        _Part(_carried(session), (info.id, columns, condition, at)),
        [(start, min(start + step, stop)) for start in starts],
        meta=meta,
        divisions=(*starts, stop),
        label=f"table-{info.id}",
    )


def _rows_of(size: int, columns: int) -> int:
    return size // (8 * (columns + 1))


def _carried(session: AnySession) -> Any:
    """A Session that other processes can use: one by address and token where there is one."""
    remote: Callable[[], Any] | None = getattr(session, "remote", None)
    if remote is None:
        return session
    return remote()


def frame_of_summary(found: TableSummary, wanted: Mapping[str, str | Sequence[str]]) -> DataFrame:
    """`found` in the form that pandas gives it.

    Grouped, a row is a group and columns have two levels, or one where each function was named
    by itself; over all rows, a row is a function.  Without measures, one column `count`.
    """
    import pandas

    series = [(each.of, each.function, _series(each)) for each in found.measures]
    if not wanted:
        frame = pandas.DataFrame({"count": series[0][2]})
    elif not found.keys:
        names = list(dict.fromkeys(function for _, function, _ in series))
        columns: dict[str, dict[str, Any]] = {}
        for of, function, values in series:
            columns.setdefault(of, {})[function] = values.iloc[0]
        return pandas.DataFrame(
            {of: [values.get(name) for name in names] for of, values in columns.items()},
            index=names,
        )
    elif all(isinstance(functions, str) for functions in wanted.values()):
        frame = pandas.DataFrame({of: values for of, _, values in series})
    else:
        labels = pandas.MultiIndex.from_tuples([(of, name) for of, name, _ in series])
        frame = pandas.concat([values for _, _, values in series], axis=1)
        frame.columns = labels
    if found.keys:
        keys = {each.of: _series(each) for each in found.keys}
        frame.index = (
            pandas.MultiIndex.from_frame(pandas.DataFrame(keys))
            if len(keys) > 1
            else pandas.Index(next(iter(keys.values())), name=next(iter(keys)))
        )
    return frame


def _series(found: Summarised) -> Any:
    """The values with their type; floats that JSON named are floats again."""
    import numpy
    import pandas

    column, values = found.column, list(found.values)
    if column.kind == "timestamp":
        known = [_NO_TIME if each is None else int(each) for each in values]
        times = pandas.Series(numpy.array(known, "i8").view("M8[us]"))
        return times.dt.tz_localize("UTC") if column.dtype.endswith("UTC]") else times
    if column.kind == "string":
        return pandas.Series(values, dtype="str")
    if column.kind == "float":
        return pandas.Series([math.nan if each is None else float(each) for each in values])
    plain = {"bool": "boolean"}.get(column.kind, "UInt64" if column.dtype == "uint64" else "Int64")
    whole = plain if None in values else {"boolean": "bool"}.get(plain, plain.lower())
    return pandas.Series(values, dtype=whole)
