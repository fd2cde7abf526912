"""Result tables: rows in segment files, and the manifest rows that make them exist."""

from .answers import AskedTables, RowStreams
from .exchange import Exchange
from .gates import Gates

__all__ = ["AskedTables", "Exchange", "Gates", "RowStreams"]
