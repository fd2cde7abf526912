"""Rows for a page to read: JSON of plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from ..errors import TooLarge
from .wire import pieces

__all__ = ["JSON_ROWS", "json_pieces"]

JSON_ROWS = 10_000
"""One answer has at most so many rows."""


def json_pieces(batches: Iterator[Any]) -> Iterator[bytes]:
    """Rows as one JSON object; the last of `row_ids` is the `after` of the next page."""
    names: list[str] = []
    ids: list[int] = []
    rows: list[tuple[Any, ...]] = []
    for batch in batches:
        names = batch.schema.names[1:]
        ids += batch.column(0).to_pylist()
        columns = [_cells(column.to_pylist()) for column in batch.columns[1:]]
        rows += zip(*columns, strict=True) if columns else [()] * batch.num_rows
    if len(ids) > JSON_ROWS:
        raise TooLarge(
            f"More than {JSON_ROWS:,} rows fit, and JSON has at most so many: ask for pages with "
            f"limit={JSON_ROWS} and after=(the last row_id), or for format=arrow."
        )
    body = {"columns": names, "row_ids": ids, "rows": rows}
    return pieces(json.dumps(body, allow_nan=False, default=_as_json).encode())


def _cells(values: list[Any]) -> list[Any]:
    """What JSON can hold: a missing value or NaN is null, infinities are text."""
    return [_cell(value) if isinstance(value, float | list) else value for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return _cells(value)
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _as_json(value: Any) -> Any:
    return value.isoformat()
