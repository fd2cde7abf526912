"""Rows as the records that travel: what all have in common, and annotations of every kind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session as OrmSession

from ..database import (
    AnnotationLinkRow,
    AnnotationRow,
    FileRow,
    Guarded,
    ImageRow,
    TableVersionRow,
)
from ..errors import NotFound
from ..model import (
    Annotation,
    Attached,
    Channel,
    Column,
    Comment,
    FileAnnotation,
    Image,
    KeyValues,
    Labels,
    Level,
    Placement,
    Sizes,
    TableInfo,
    Tag,
)
from .access import Access

__all__ = ["annotation_record", "attached_record", "files_of", "image_record", "owned"]


def owned(row: Guarded, access: Access) -> dict[str, Any]:
    """The fields that every `Owned` record has, with the rights of the asking user."""
    return {
        "id": row.id,
        "version": row.version,
        "owner_id": row.owner_id,
        "group_id": row.group_id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "rights": access.rights(row),
    }


def files_of(fileset_id: int | None) -> Select[Any]:
    """The select of a fileset's files; an image made from an array has none.

    Compared with no fileset, every attachment of everybody would be among them.
    """
    of = false() if fileset_id is None else FileRow.fileset_id == fileset_id
    return select(FileRow).where(of)


def image_record(row: ImageRow, access: Access) -> Image:
    """The record of an image's row."""
    return Image(
        **owned(row, access),
        name=row.name,
        description=row.description,
        sizes=Sizes(t=row.size_t, c=row.size_c, z=row.size_z, y=row.size_y, x=row.size_x),
        dtype=row.dtype,
        is_rgb=row.is_rgb,
        channels=tuple(Channel.model_validate(channel) for channel in row.channels),
        levels=tuple(Level.model_validate(level) for level in row.levels),
        pixel_size_x_um=row.pixel_size_x_um,
        pixel_size_y_um=row.pixel_size_y_um,
        pixel_size_z_um=row.pixel_size_z_um,
        time_step_s=row.time_step_s,
        acquired_at=row.acquired_at,
        format=row.format,
        fileset_id=row.fileset_id,
        series=row.series,
        pyramid=row.pyramid,
    )


def annotation_record(db: OrmSession, access: Access, row: AnnotationRow) -> Annotation:
    """The record of an annotation of any kind.

    Raises
    ------
    NotFound
        It is a file annotation whose file is gone.
    """
    common = owned(row, access) | {"namespace": row.namespace}
    details = row.details
    match row.kind:
        case "tag":
            return Tag(**common, name=row.name, description=row.description)
        case "key-values":
            return KeyValues(**common, pairs=tuple((key, value) for key, value in row.pairs))
        case "comment":
            if row.owner_id != access.actor.user_id:
                common["rights"] = common["rights"].model_copy(update={"can_edit": False})
            return Comment(**common, text=row.text)
        case "file":
            return _file(db, common, row)
        case "table":
            return _table(db, common, row)
        case "labels":
            sizes = ("dtype", "size_t", "size_z", "height", "width", "maximum")
            return Labels(
                **common,
                **{name: details[name] for name in sizes},
                name=row.name,
                image_id=row.image_id,
                placement=Placement.model_validate(details["placement"]),
                provenance=details.get("provenance"),
            )
    raise AssertionError(f"annotation {row.id} is of unknown kind {row.kind}")


def _table(db: OrmSession, common: dict[str, Any], row: AnnotationRow) -> TableInfo:
    columns = (Column.model_validate(column) for column in row.details["columns"])
    versions = select(TableVersionRow).where(TableVersionRow.table_id == row.id)
    newest = db.scalars(versions.order_by(TableVersionRow.number.desc()).limit(1)).first()
    if newest is None:
        raise NotFound(f"There is no table {row.id}.")
    return TableInfo(
        **common,
        name=row.name,
        description=row.description,
        columns=tuple(column for column in columns if column.until is None),
        rows=newest.rows,
        table_version=newest.number,
        metadata=row.details.get("metadata", {}),
        provenance=row.details.get("provenance"),
    )


def _file(db: OrmSession, common: dict[str, Any], row: AnnotationRow) -> FileAnnotation:
    file = db.get(FileRow, row.file_id)
    if file is None:
        raise NotFound(f"The file of annotation {row.id} is no longer in the repository.")
    return FileAnnotation(
        **common,
        name=file.name,
        file_id=file.id,
        size=file.size,
        mimetype=file.mimetype,
        sha256=file.sha256,
    )


def attached_record(
    db: OrmSession, access: Access, link: AnnotationLinkRow, row: AnnotationRow
) -> Attached:
    """An annotation with its link to one object; links are removed by whoever may delete them."""
    return Attached(
        link_id=link.id,
        linked_by=link.owner_id,
        can_remove=access.may(link, "can_delete"),
        annotation=annotation_record(db, access, row),
    )
