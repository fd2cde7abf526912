"""Result tables: immutable segments of contiguous columns, and the conditions asked of them."""

from .columns import ROW_ID, columns_of
from .conditions.grammar import parse
from .conditions.nodes import Condition
from .foreign.export import export_pytables
from .reading.frames import frame_from_arrow
from .reading.view import TableView
from .segments.segment import in_segments, verify, write_segment

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
