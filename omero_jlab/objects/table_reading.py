"""A table's rows for other tools: dask DataFrames, Arrow tables, files, aggregates."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Full, Invalid, Unavailable
from ..model import Summarised, TableInfo, TableSummary
from ..operations import AnySession
from ..operations.paging import selection
from ..remote import RemoteSession
from ..remote.renewing import Renewing

if TYPE_CHECKING:
    import dask.dataframe
    import pyarrow  # type: ignore[import-untyped]
    from pandas import DataFrame

__all__ = ["arrow_of", "dask_of", "download", "frame_of_summary"]

log = logging.getLogger(__name__)

LASTS_S = 3600
"""How long a version is kept, and may be read by others, unless that is renewed."""

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

    batches = session.read_batches(table_id, selection(columns, condition, version=version))
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
    asked = selection(columns, condition, version=version)
    found = session.export_rows(table_id, format, asked, safe)
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
    """Reads the rows of one partition; pickled, it carries the server's address and a right to
    read this table, which is renewed, and keeps the version, as long as this object lives.
    """

    def __init__(
        self, session: AnySession, selection: tuple[Any, ...], renewing: Renewing | None = None
    ) -> None:
        self._session = session
        self._selection = selection
        self._renewing = renewing

    def __reduce__(self) -> tuple[Any, ...]:
        return _Part, (self._session, self._selection)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return type(self).__name__, self._session.address(), self._selection

    def __call__(self, rows: tuple[int, int]) -> DataFrame:
        table_id, columns, condition, version = self._selection
        some = f"row_id >= {rows[0]} & row_id < {rows[1]}"
        asked = some if condition is None else f"({condition}) & {some}"
        frame: DataFrame = self._session.read_rows(
            table_id, selection(columns, asked, version=version)
        )
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
    empty = session.read_rows(info.id, selection(columns, limit=0, version=at))
    ends = session.tables.aggregate(info.id, {"row_id": ("max",)}, version=at)
    last = ends.measures[0].values[0]
    stop = 1 if last is None else int(last) + 1
    step = partition_rows or max(_rows_of(64 << 20, len(empty.columns)), 1)
    if step < 1:
        raise Invalid(f"A partition has at least one row, not {step}.")
    starts = list(range(0, stop, step))
    meta = empty.set_axis(empty.index.astype("int64").rename("row_id"), axis=0)
    own, renewing = _held(session, info.id, at)
    return dask.dataframe.from_map(
        _Part(own, (info.id, columns, condition, at), renewing),
        [(start, min(start + step, stop)) for start in starts],
        meta=meta,
        divisions=(*starts, stop),
        label=f"table-{info.id}",
    )


def _rows_of(size: int, columns: int) -> int:
    return size // (8 * (columns + 1))


def _held(session: Any, table_id: int, version: int) -> tuple[Any, Renewing | None]:
    """A Session for whoever reads one version of a table, and what keeps that version."""
    transport = getattr(session, "transport", None)
    if transport is not None and transport.is_delegated:
        # A worker has no more to give than what it was given.
        return session, None
    try:
        made = session.delegations.add(table_id=table_id, table_version=version, seconds=LASTS_S)
    except (Unavailable, Full) as error:
        # Where nothing can be written, nothing is compacted either.
        log.info("version %s of table %s is not kept: %s", version, table_id, error)
        return session, None
    renewing = Renewing(partial(session.delegations.renew, made.id, LASTS_S), LASTS_S / 3)
    url = session.address()
    return (session if url is None else RemoteSession(url, made.secret)), renewing


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
