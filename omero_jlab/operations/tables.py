"""Result tables: what there is, and what is asked of them."""

from __future__ import annotations

from typing import Protocol

from pydantic import JsonValue, NonNegativeInt

from ..model import (
    Image,
    Job,
    TableChange,
    TableInfo,
    TableSummary,
    TableVersion,
    TargetKind,
)
from . import declare as http

__all__ = ["Tables"]


class Tables(Protocol):
    """Result tables; their rows come as streams."""

    @http.get("objects/{kind}/{id}/tables")
    def list(self, kind: TargetKind, id: int) -> tuple[TableInfo, ...]:
        """The tables attached to an object."""
        ...

    @http.get("tables/images")
    def images_where(self, condition: str, after: int = 0, limit: int = 1000) -> tuple[Image, ...]:
        """The images whose tables fulfil a condition, by id: `count(Nuclei[area > 120]) >= 50`.

        A condition compares one value an image: count, fraction, sum, mean, std, min, max, median
        or quantile of a table's rows, or a column of a table that has one row an image or well.
        """
        ...

    @http.get("tables/{table_id}")
    def get(self, table_id: int) -> TableInfo:
        """A table's columns and how many rows it has."""
        ...

    @http.get("tables/{table_id}/aggregate")
    def aggregate(
        self,
        table_id: int,
        measures: dict[str, tuple[str, ...]],
        by: tuple[str, ...] = (),
        condition: str | None = None,
        version: int | None = None,
    ) -> TableSummary:
        """count, sum, mean, std, min, max, median or quantile(q) of columns, by group.

        `measures` names functions by column; without one, the rows of each group are counted.
        """
        ...

    @http.get("tables/{table_id}/count")
    def count(self, table_id: int, condition: str | None = None) -> int:
        """How many rows meet a condition."""
        ...

    @http.post("tables/{table_id}/values")
    def set_values(
        self,
        table_id: int,
        values: dict[str, JsonValue],
        where: str | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Give all rows that meet a condition the same values, by column."""
        ...

    @http.post("tables/{table_id}/deleted-rows")
    def delete_rows(
        self,
        table_id: int,
        where: str | None = None,
        rows: tuple[NonNegativeInt, ...] | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Delete the rows that meet a condition, or those of these numbers."""
        ...

    @http.delete("tables/{table_id}/columns")
    def drop_column(self, table_id: int, name: str, version: int | None = None) -> TableChange:
        """Take a column away; earlier versions have it still."""
        ...

    @http.patch("tables/{table_id}/columns")
    def describe_columns(
        self,
        table_id: int,
        units: dict[str, str] | None = None,
        descriptions: dict[str, str] | None = None,
    ) -> TableInfo:
        """Say what columns mean: their units and descriptions, by name."""
        ...

    @http.patch("tables/{table_id}/metadata")
    def set_metadata(
        self, table_id: int, metadata: dict[str, str | int | float | bool | None]
    ) -> TableInfo:
        """Keep words and numbers by key with a table; a key with null is taken away."""
        ...

    @http.get("tables/{table_id}/versions")
    def versions(
        self, table_id: int, limit: int = 1000, before: int | None = None
    ) -> tuple[TableVersion, ...]:
        """The newest versions that can be read, the newest first: what was done, when, by whom."""
        ...

    @http.post("tables/{table_id}/compact")
    def compact(self, table_id: int, keep: NonNegativeInt | None = None) -> Job:
        """Begin to merge a table's small files, and to work its changes in.

        The versions before the last `keep` changes are forgotten, appends not counted; without a
        number, 100 changes are kept, and worked in when they are many.  It begins by itself.
        """
        ...
