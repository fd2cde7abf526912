"""Result tables: immutable segments of contiguous columns, and the conditions asked of them."""

from .columns import ROW_ID, chosen, columns_of, row_bytes
from .conditions.grammar import parse
from .conditions.nodes import Condition
from .conditions.terms import Term
from .foreign.bulkmap import Bulkmap, bulkmap_of
from .foreign.convert import (
    IMPORTED,
    LINE,
    Conversion,
    Converted,
    convert_in_worker,
    converted_batches,
)
from .foreign.export import EXPORTED, export_table
from .foreign.roles import Role
from .nearest import hint
from .reading.aggregate import Summary
from .reading.files import csv_pieces, parquet_pieces
from .reading.frames import Values, arrow_schema, frame_from_arrow
from .reading.imagewise import ImageCondition, fulfilling, term_values
from .reading.merge import Merged, merged
from .reading.view import TableView
from .segments.encode import Encoded, encoded_columns, encoded_values
from .segments.segment import in_segments, segment_rows, verify, write_parts, write_segment

__all__ = [
    "EXPORTED",
    "IMPORTED",
    "LINE",
    "ROW_ID",
    "Bulkmap",
    "Condition",
    "Conversion",
    "Converted",
    "Encoded",
    "ImageCondition",
    "Merged",
    "Role",
    "Summary",
    "TableView",
    "Term",
    "Values",
    "arrow_schema",
    "bulkmap_of",
    "chosen",
    "columns_of",
    "convert_in_worker",
    "converted_batches",
    "csv_pieces",
    "encoded_columns",
    "encoded_values",
    "export_table",
    "frame_from_arrow",
    "fulfilling",
    "hint",
    "in_segments",
    "merged",
    "parquet_pieces",
    "parse",
    "row_bytes",
    "segment_rows",
    "term_values",
    "verify",
    "write_parts",
    "write_segment",
]
