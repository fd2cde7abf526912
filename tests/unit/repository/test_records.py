"""Annotation rows of every kind as records."""

from __future__ import annotations

import types
from datetime import UTC, datetime
from typing import Any

import pytest

from omero_jlab.database import AnnotationLinkRow, AnnotationRow, FileRow, TableVersionRow
from omero_jlab.errors import NotFound
from omero_jlab.model import Actor, Column, GroupType, Placement
from omero_jlab.repository.access import Access
from omero_jlab.repository.records import annotation_record, attached_record, owned

TIME = datetime(2024, 1, 1, tzinfo=UTC)
OWNED = {
    "id": 7,
    "version": 3,
    "owner_id": 1,
    "group_id": 5,
    "created_at": TIME,
    "updated_at": TIME,
}


class Files:
    """A database that holds one file."""

    file = FileRow(id=4, name="notes.pdf", size=12, mimetype="application/pdf", sha256="ab")

    versions = (TableVersionRow(table_id=7, number=2, rows=24),)

    def scalars(self, statement: Any) -> Any:
        return types.SimpleNamespace(first=lambda: self.versions[0])

    def get(self, row: type[Any], number: int) -> Any:
        return self.file if (row, number) == (FileRow, 4) else None


def access(user_id: int, kind: GroupType = GroupType.READ_WRITE) -> Access:
    actor = Actor(
        user_id=user_id,
        user_name="ada",
        is_admin=False,
        member_of=frozenset({5}),
        owner_of=frozenset(),
        group_id=5,
        group_name="lab",
    )
    return Access(actor, {5: kind}, {5: "lab"})


def row(**fields: Any) -> AnnotationRow:
    empty = {"namespace": "", "name": "", "description": "", "text": "", "pairs": [], "details": {}}
    return AnnotationRow(**OWNED, **(empty | fields))


def test_owned_fields_carry_the_rights_of_who_asks() -> None:
    mine = owned(row(kind="tag"), access(1))
    assert {key: mine[key] for key in OWNED} == OWNED
    assert mine["rights"].can_delete
    theirs = owned(row(kind="tag"), access(2, GroupType.READ_ONLY))
    assert not any(theirs["rights"].model_dump().values())


def test_a_file() -> None:
    record = annotation_record(Files(), access(1), row(kind="file", file_id=4))
    assert (record.kind, record.name, record.file_id, record.size) == ("file", "notes.pdf", 4, 12)
    with pytest.raises(NotFound):
        annotation_record(Files(), access(1), row(kind="file", file_id=5))


def test_a_table() -> None:
    columns = (Column(name="area", kind="float", dtype="float64", unit="um2"),)
    details = {"columns": [c.model_dump() for c in columns]}
    record = annotation_record(Files(), access(1), row(kind="table", name="n", details=details))
    assert (record.name, record.columns, record.rows) == ("n", columns, 24)
    assert (record.version, record.table_version) == (3, 2)


def test_labels() -> None:
    placement = Placement(y=1.5, x=2, scale_y=2, scale_x=2)
    details = {
        "dtype": "uint16",
        "size_t": 1,
        "size_z": 2,
        "height": 30,
        "width": 40,
        "maximum": 99,
        "placement": placement.model_dump(),
    }
    record = annotation_record(
        Files(), access(1), row(kind="labels", name="cells", image_id=9, details=details)
    )
    assert (record.image_id, record.height, record.width, record.maximum) == (9, 30, 40, 99)
    assert record.placement == placement


def test_a_comment_is_edited_by_its_author_only() -> None:
    comment = row(kind="comment", text="why")
    assert annotation_record(Files(), access(1), comment).rights.can_edit
    assert not annotation_record(Files(), access(2), comment).rights.can_edit
    assert annotation_record(Files(), access(2), row(kind="tag")).rights.can_edit


def test_a_link_is_removed_by_who_made_it() -> None:
    link = AnnotationLinkRow(**(OWNED | {"id": 8, "owner_id": 2}))
    tag = row(kind="tag", name="t")
    read_only = GroupType.READ_ONLY
    seen = attached_record(Files(), access(2, read_only), link, tag)
    assert (seen.link_id, seen.linked_by, seen.can_remove) == (8, 2, True)
    assert not attached_record(Files(), access(1, read_only), link, tag).can_remove
