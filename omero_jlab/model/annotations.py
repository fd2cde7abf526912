"""What is attached to objects: tags, key-values, comments, files, tables, label images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .provenance import Provenance
from .record import Owned, Record
from .table import Column

__all__ = [
    "Annotation",
    "Attached",
    "Comment",
    "FileAnnotation",
    "KeyValues",
    "Labels",
    "Placement",
    "TableChange",
    "TableInfo",
    "Tag",
]


class _Annotation(Owned):
    namespace: str = ""


class Tag(_Annotation):
    """A word that several objects share."""

    kind: Literal["tag"] = "tag"
    name: str
    description: str = ""


class KeyValues(_Annotation):
    """Ordered pairs of key and value; a key may occur more than once."""

    kind: Literal["key-values"] = "key-values"
    pairs: tuple[tuple[str, str], ...]


class Comment(_Annotation):
    """A remark; edited by its author only."""

    kind: Literal["comment"] = "comment"
    text: str


class FileAnnotation(_Annotation):
    """A file attached to an object; `size` in bytes."""

    kind: Literal["file"] = "file"
    name: str
    file_id: int
    size: int
    mimetype: str
    sha256: str


class TableInfo(_Annotation):
    """A table attached to an object; `table_version` is the newest that can be read.

    `metadata` are words and numbers by key, `provenance` says how its rows were made.
    """

    kind: Literal["table"] = "table"
    name: str
    description: str = ""
    columns: tuple[Column, ...]
    rows: int
    table_version: int
    metadata: dict[str, str | int | float | bool] = Field(default_factory=dict)
    provenance: Provenance | None = None


class TableChange(Record):
    """What a change of rows or columns made: the table, and how many rows were changed."""

    table: TableInfo
    changed_rows: int


class Placement(Record):
    """Where a label image lies in the plane of its image, in pixels of level 0.

    A label pixel covers `scale_y` × `scale_x` image pixels; the first lies at `y`, `x`.
    """

    y: float = 0.0
    x: float = 0.0
    scale_y: float = 1.0
    scale_x: float = 1.0


class Labels(_Annotation):
    """A label image over an image: 0 is background, n is object n.  Shape `height`, `width`."""

    kind: Literal["labels"] = "labels"
    name: str
    image_id: int
    dtype: str
    size_t: int
    size_z: int
    height: int
    width: int
    maximum: int
    placement: Placement
    provenance: Provenance | None = None


Annotation = Annotated[
    Tag | KeyValues | Comment | FileAnnotation | TableInfo | Labels, Field(discriminator="kind")
]


class Attached(Record):
    """An annotation together with its link to one object, which has an owner of its own."""

    link_id: int
    linked_by: int
    can_remove: bool
    annotation: Annotation
