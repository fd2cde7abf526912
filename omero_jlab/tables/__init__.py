"""Result tables: immutable segments of contiguous columns, and the conditions asked of them."""

from .columns import ROW_ID, columns_of
from .export import export_pytables
from .frames import frame_from_arrow
from .grammar import parse
from .nodes import Condition
from .segment import in_segments, verify, write_segment
from .view import TableView

__all__ = [
    "ROW_ID",
    "Condition",
    "TableView",
    "columns_of",
    "export_pytables",
    "frame_from_arrow",
    "in_segments",
    "parse",
    "verify",
    "write_segment",
]
