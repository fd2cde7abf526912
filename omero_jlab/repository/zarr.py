"""Images and plates as OME-Zarr, file by file, as their user may see them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from ..database import AnnotationRow, ImageRow
from ..model import ImagePart, Labels
from ..model.zarr import Stamp
from ..pixels import PixelReader
from ..pixels.group import ImageGroup, ZarrImage, check_version, documents, is_document
from ..pixels.ngff import (
    image_attributes,
    label_attributes,
    label_paths,
    plate_attributes,
    well_attributes,
    well_path,
)
from .access import Access
from .containers import found
from .guarded import GuardedSession
from .pictures.settings import settings_of
from .pixel_access import opened
from .places import labels_place
from .readers import INDEX
from .records import annotation_record, image_record
from .work import Work

__all__ = ["ZarrFiles", "parts_of"]


class ZarrFiles(Work):
    """The streams of images and plates as OME-Zarr."""

    def zarr_file(self, image_id: int, key: str, version: str = "0.5") -> bytes | None:
        """A file of the image as OME-Zarr; None for a chunk that is not stored, or no file."""
        wanted = check_version(version)
        with self.reading() as (db, access):
            groups = _groups(self, db, access, image_id, key)
        return ZarrImage(wanted, groups).read(key)

    def zarr_plate_file(self, plate_id: int, key: str, version: str = "0.5") -> bytes | None:
        """A file of a plate as OME-Zarr: its own, those of its wells and of their images."""
        wanted = check_version(version)
        plate = self.containers.plate(plate_id)  # type: ignore[attr-defined]
        wells = self.containers.wells(plate_id)  # type: ignore[attr-defined]
        by_path = {well_path(well): well for well in wells if well.fields}
        row, column, field, *rest = [*key.split("/"), "", "", ""]
        well = by_path.get(f"{row}/{column}")
        inside = "/".join(rest).rstrip("/")
        if well is not None and inside:
            if field not in map(str, range(len(well.fields))):
                return None
            return self.zarr_file(well.fields[int(field)].image_id, inside, version)
        rows = {path.partition("/")[0] for path in by_path}
        groups = {"": plate_attributes(plate, wells)}
        groups |= {path: {} for path in rows}
        groups |= {path: well_attributes(each.fields) for path, each in by_path.items()}
        return documents(wanted, groups, {}).get(key)


def parts_of(session: Work, image_id: int) -> tuple[ImagePart, ...]:
    """Where the files of an image and of its label images lie on this machine's disk."""
    with session.reading() as (db, access):
        groups = _groups(session, db, access, image_id, "zarr.json")
    parts = []
    for path, group in groups.items():
        roots = group.reader.roots
        state = (Path(roots["pixels"]) / INDEX).stat()
        parts.append(
            ImagePart(
                path=path,
                channels=group.channels,
                attributes=group.attributes,
                roots={name: str(folder) for name, folder in roots.items()},
                index=Stamp(size=state.st_size, mtime_ns=state.st_mtime_ns, inode=state.st_ino),
            )
        )
    return tuple(parts)


def _groups(
    session: Work, db: GuardedSession, access: Access, image_id: int, key: str
) -> dict[str, ImageGroup]:
    """The groups that the file `key` needs: a chunk needs one, and no attributes."""
    row = found(db, ImageRow, image_id)
    record = image_record(row, access)
    whole = is_document(key)
    groups = {}
    if whole or not key.startswith("labels/"):
        reader = opened(session, db, access, row).reader
        settings = settings_of(db, access, record) if whole else None
        attributes = {} if settings is None else image_attributes(record, settings, _sizes(reader))
        groups[""] = ImageGroup(reader, record.sizes.c, attributes)
    if whole or key.startswith("labels/"):
        for name, labels in label_paths(_labels(db, access, image_id)).items():
            path = f"labels/{name}"
            if whole or key.startswith(f"{path}/"):
                place = session.store.layout.root / labels_place(labels.id)
                reader = session.store.readers.get(place, 1)
                attributes = label_attributes(labels, record, _sizes(reader))
                groups[path] = ImageGroup(reader, 1, attributes)
    return groups


def _labels(db: GuardedSession, access: Access, image_id: int) -> list[Labels]:
    statement = select(AnnotationRow).where(
        AnnotationRow.kind == "labels", AnnotationRow.image_id == image_id
    )
    rows = db.scalars(statement.order_by(AnnotationRow.id)).all()
    records = (annotation_record(db, access, row) for row in rows)
    return [record for record in records if isinstance(record, Labels)]


def _sizes(reader: PixelReader) -> list[tuple[int, int, int, int, int]]:
    return [reader.sizes(level) for level in range(reader.levels)]
