"""A table on a page, as points or as rows: which of its rows are which cells."""

from __future__ import annotations

import difflib
import secrets
from typing import TYPE_CHECKING, Any

from ..errors import Invalid, NotFound
from ..model import GateShape, Selection, TableCells, TableInfo
from ..operations import AnySession
from .fetch import Fetch

if TYPE_CHECKING:
    from ..widgets import ImageViewer, TablePlot, TableView

__all__ = ["plot_of", "view_of"]

_NUMBERS = ("integer", "float", "timestamp", "link")


def plot_of(
    session: AnySession,
    table: TableInfo,
    x: str,
    y: str,
    color: str | None,
    condition: str | None,
    labels: Any,
    label_column: str | None,
    log: str,
    height_px: int,
) -> TablePlot:
    """The widget that shows two columns as points.

    Raises
    ------
    NotFound
        There is no such column.
    Invalid
        A column is not of numbers, `log` names no axis, the condition means nothing.
    """
    from ..widgets import TablePlot

    for name in (x, y):
        if _kind(table, name) not in _NUMBERS:
            raise Invalid(
                f"Column {name!r} is of {_kind(table, name)} values, and an axis takes numbers or "
                f"times: colour the points by it instead, color={name!r}."
            )
    if color is not None and _kind(table, color) == "array":
        raise Invalid(f"Column {color!r} holds arrays, which no colour stands for.")
    if log not in ("", "x", "y", "xy"):
        raise Invalid(f"log={log!r} names no axis: say 'x', 'y' or 'xy'.")
    if condition is not None:
        session.tables.count(table.id, condition)

    def keep(name: str, shape: GateShape, color: str) -> None:
        session.gates.put(table.id, name, shape, color)

    return TablePlot(
        keep=keep,
        condition=condition,
        x=x,
        y=y,
        color=color,
        log_x="x" in log,
        log_y="y" in log,
        height_px=height_px,
        **_linked(session, table, labels, label_column),
    )


def view_of(
    session: AnySession,
    table: TableInfo,
    condition: str | None,
    order_by: str | None,
    descending: bool,
    labels: Any,
    label_column: str | None,
    height_px: int,
) -> TableView:
    """The widget that shows a table's rows.

    Raises
    ------
    NotFound
        There is no such column.
    Invalid
        The condition means nothing.
    """
    from ..widgets import TableView

    if order_by is not None:
        _kind(table, order_by)
    if condition is not None:
        session.tables.count(table.id, condition)
    return TableView(
        condition=condition or "",
        order_by=order_by,
        descending=descending,
        height_px=height_px,
        **_linked(session, table, labels, label_column),
    )


def _linked(
    session: AnySession, table: TableInfo, labels: Any, label_column: str | None
) -> dict[str, Any]:
    """What a widget with a table's rows is made of, but for what it shows of them."""

    def query(condition: str) -> Any:
        return session.read_rows(table.id, Selection(condition=condition))

    def open_image(image_id: int) -> ImageViewer:
        from .image import Image

        return Image(session, session.images.get(image_id)).view()

    return {
        "repository": session.server.status().repository,
        "fetch": Fetch(session),
        "query": query,
        "open_image": open_image,
        "table_id": table.id,
        "link_id": secrets.token_hex(8),
        **_cells(session, table, labels, label_column).model_dump(),
    }


def _kind(table: TableInfo, name: str) -> str:
    for column in table.columns:
        if column.name == name:
            return column.kind
    names = [column.name for column in table.columns]
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names[:8])}."
    raise NotFound(f"Table {table.name!r} has no column {name!r}; {hint}")


def _cells(
    session: AnySession, table: TableInfo, labels: Any, label_column: str | None
) -> TableCells:
    """What the repository knows of the table's cells, and what is said here instead."""
    change: dict[str, Any] = {}
    if label_column is not None:
        _kind(table, label_column)
        change["label_column"] = label_column
    if isinstance(labels, str):
        change |= {"labels_id": None, "labels_name": labels}
    elif labels is not None:
        record = getattr(labels, "record", labels)
        change |= {
            "image_id": record.image_id,
            "image_column": "",
            "labels_id": record.id,
            "labels_name": record.name,
        }
    return session.gates.cells(table.id).model_copy(update=change)
