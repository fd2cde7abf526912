"""Where the files of an object lie, relative to the repository's root."""

from __future__ import annotations

from ..storage import shard

__all__ = ["file_place", "image_place", "labels_place", "table_place"]


def image_place(image_id: int) -> str:
    """The folder of an image's chunk index and of what was made for it."""
    return f"Pixels/images/{shard(image_id)}"


def labels_place(labels_id: int) -> str:
    """The folder of a label image."""
    return f"Pixels/labels/{shard(labels_id)}"


def table_place(table_id: int) -> str:
    """The folder of a table's segments."""
    return f"Files/tables/{shard(table_id)}"


def file_place(file_id: int) -> str:
    """An attached file."""
    return f"Files/attached/{shard(file_id)}"
