"""Result tables: rows in segment files, and the manifest rows that make them exist."""

from .rows import Rows, Tables

__all__ = ["Rows", "Tables"]
