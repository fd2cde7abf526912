"""Where the files of an object lie, relative to the repository's root."""

from __future__ import annotations

import re
from typing import Literal

from ..storage import shard

__all__ = ["file_place", "image_place", "labels_place", "object_of", "table_place"]

_Kind = Literal["image", "labels", "table", "file", "thumbnails", ""]
_KINDS: dict[str, _Kind] = {
    "Pixels/images/": "image",
    "Pixels/labels/": "labels",
    "Files/tables/": "table",
    "Files/attached/": "file",
    "Thumbnails/": "thumbnails",
}
_SHARDED = re.compile(r"(?:Dir-\d{3}/)*(\d{1,18})(?=/|$)", re.ASCII)


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


def object_of(path: str) -> tuple[_Kind, int]:
    """Whose place a path is or lies in, by kind and id; no kind for originals and all else."""
    for prefix, kind in _KINDS.items():
        if path.startswith(prefix):
            found = _SHARDED.match(path, len(prefix))
            if found is not None and found.group() == shard(int(found[1])):
                return kind, int(found[1])
    return "", 0
