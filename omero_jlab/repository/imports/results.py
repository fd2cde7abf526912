"""What analysis programs wrote, attached to the images that they analysed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, or_, select

from ...database import (
    AnnotationLinkRow,
    AnnotationRow,
    FieldRow,
    FileRow,
    ImageRow,
    PlateRow,
    WellRow,
)
from ...errors import Invalid, NotFound
from ...model import Image, Placement, ResultsReport, ResultsRow
from ...results import (
    Ambiguous,
    Candidate,
    CandidateFile,
    ImageSet,
    LabelReader,
    Matching,
    Output,
    Unmatched,
    labels_from_bytes,
    match,
    recognise,
)
from ...tables import columns_of
from ..guarded import GuardedSession
from ..pixel_access import OpenImage, open_image
from ..plate_names import well_label
from ..records import files_of
from ..work import Work

__all__ = ["Attaching", "plan_results"]

_PROVENANCE = "omero-jlab/results/pipeline"
_TABLE = "omero-jlab/results/{program}"


@dataclass
class _Prepared:
    """Everything that is to be attached to one image, read and checked."""

    image: Image
    tables: list[tuple[str, Any]] = field(default_factory=list)
    labels: list[tuple[str, NDArray[Any], Placement]] = field(default_factory=list)


def plan_results(
    session: Work, path: str, image_ids: Sequence[int] | None
) -> tuple[Output, Matching, ResultsReport]:
    """The output at `path`, the image of each of its image sets, and both as a report."""
    output = recognise(_existing(path), _label_reader(session))
    with session.reading() as (db, _):
        candidates = _candidates(db, output.image_sets, image_ids)
    matching = match(output.image_sets, candidates)
    rows = [
        ResultsRow(number=m.number, image_id=m.image_id, matched_by=m.by, note=m.note)
        for m in matching.matches
    ]
    lost: list[Unmatched | Ambiguous] = [*matching.unmatched, *matching.ambiguous]
    rows += [ResultsRow(number=u.number, image_id=None, matched_by="", note=u.reason) for u in lost]
    report = ResultsReport(
        program=output.program,
        version=output.version,
        sets=tuple(sorted(rows, key=lambda row: row.number)),
        notes=(*output.notes, *_attached_before(session, output, matching)),
    )
    return output, matching, report


def _attached_before(session: Work, output: Output, matching: Matching) -> list[str]:
    """A line where images have results of the same program already: those stay."""
    image_ids = [one.image_id for one in matching.matches]
    namespace = _TABLE.format(program=output.program.lower())
    statement = (
        select(func.count(AnnotationLinkRow.image_id.distinct()))
        .join(AnnotationRow, AnnotationRow.id == AnnotationLinkRow.annotation_id)
        .where(AnnotationRow.namespace == namespace, AnnotationLinkRow.image_id.in_(image_ids))
    )
    with session.reading() as (db, _):
        count = db.scalar(statement) or 0
    if not count:
        return []
    return [
        f"{count} of these images have results of {output.program} already; those stay, and are "
        f"not replaced: delete them first if they are the same."
    ]


class Attaching:
    """Attaches an output: all of it is read and checked before the first row is written."""

    def __init__(self, session: Any, path: str, placement: Placement | None) -> None:
        self._session = session
        self._path = path
        self._placement = placement

    def run(
        self, image_ids: Sequence[int] | None, tell: Callable[[int, int, str], None]
    ) -> ResultsReport:
        """Attach; answers what was attached.

        Raises
        ------
        Invalid
            Nothing was recognised or matched, or label images cannot be placed.
        """
        output, matching, report = plan_results(self._session, self._path, image_ids)
        if not matching.matches:
            reasons = "; ".join(dict.fromkeys(row.note for row in report.sets)) or "no image sets"
            raise Invalid(f"No image set of {self._path} is an image here: {reasons}.")
        total = 2 * len(matching.matches)
        frames = {"Image": output.image_table()}
        frames |= {name: output.object_table(name) for name in output.object_names}
        prepared = []
        for i, one in enumerate(matching.matches):
            tell(i, total, f"reading image set {one.number}")
            prepared.append(self._prepare(output, frames, one.number, one.image_id))
        made = _Made()
        try:
            for i, ready in enumerate(prepared):
                tell(len(prepared) + i, total, f"writing to image {ready.image.id}")
                self._attach(output, ready, made)
            self._attach_pipeline(output, prepared, made)
        except BaseException:
            for annotation_id in (*made.tables, *made.labels, *made.files):
                self._session.annotations.remove(annotation_id)
            raise
        return report.model_copy(
            update={
                "table_ids": tuple(made.tables),
                "labels_ids": tuple(made.labels),
                "file_ids": tuple(made.files),
                "rows": made.rows,
            }
        )

    def _prepare(
        self, output: Output, frames: Mapping[str, Any], number: int, image_id: int
    ) -> _Prepared:
        source = open_image(self._session, image_id)
        prepared = _Prepared(source.record)
        for name, frame in frames.items():
            rows = frame[frame["ImageNumber"] == number].reset_index(drop=True)
            if len(rows):
                columns_of(rows)
                prepared.tables.append((name, rows))
        image_set = next(s for s in output.image_sets if s.number == number)
        read_plane = _plane_reader(self._session, source, image_set)
        shape = (source.record.sizes.y, source.record.sizes.x)
        for file in output.label_files(number):
            if self._placement is not None:
                labels, placement = _label_reader(self._session)(file.path), self._placement
            else:
                labels, placement = output.placed_labels(
                    number, file.object_name, shape, read_plane
                )
            prepared.labels.append((file.object_name, labels, placement))
        return prepared

    def _attach(self, output: Output, prepared: _Prepared, made: _Made) -> None:
        namespace = _TABLE.format(program=output.program.lower())
        description = f"{output.program} {output.version}".strip()
        image_id = prepared.image.id
        for name, frame in prepared.tables:
            table = self._session.add_table("image", image_id, name, frame, namespace, description)
            made.tables.append(table.id)
            made.rows += len(frame)
        for name, labels, placement in prepared.labels:
            added = self._session.add_labels(image_id, name, labels, placement)
            made.labels.append(added.id)

    def _attach_pipeline(self, output: Output, prepared: list[_Prepared], made: _Made) -> None:
        if output.pipeline is None:
            return
        first, *rest = [one.image.id for one in prepared]
        attached = self._session.add_file("image", first, output.pipeline, None, _PROVENANCE)
        made.files.append(attached.annotation.id)
        for image_id in dict.fromkeys(rest):
            self._session.annotations.link("image", image_id, attached.annotation.id)


@dataclass
class _Made:
    tables: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    rows: int = 0


def _existing(path: str) -> Path:
    place = Path(path)
    if not place.exists():
        raise Invalid(
            f"{path} does not exist on the disk of the repository's server: give a path there, "
            f"or upload the folder first."
        )
    return place


def _candidates(
    db: GuardedSession, image_sets: Sequence[ImageSet], image_ids: Sequence[int] | None
) -> list[Candidate]:
    statement = select(ImageRow)
    if image_ids is not None:
        statement = statement.where(ImageRow.id.in_(image_ids))
    else:
        files = [file for image_set in image_sets for file in image_set.files]
        by_file = select(FileRow.fileset_id).where(
            or_(
                FileRow.md5.in_({f.md5.lower() for f in files if f.md5}),
                FileRow.name.in_({f.name for f in files}),
            )
        )
        plates = {image_set.plate for image_set in image_sets if image_set.plate}
        on_plate = (
            select(FieldRow.image_id)
            .join(WellRow, WellRow.id == FieldRow.well_id)
            .join(PlateRow, PlateRow.id == WellRow.plate_id)
            .where(PlateRow.name.in_(plates))
        )
        statement = statement.where(
            or_(ImageRow.fileset_id.in_(by_file), ImageRow.id.in_(on_plate))
        )
    return [_candidate(db, row) for row in db.scalars(statement.order_by(ImageRow.id)).all()]


def _candidate(db: GuardedSession, row: ImageRow) -> Candidate:
    files = db.scalars(files_of(row.fileset_id))
    place = db.execute(
        select(PlateRow.name, WellRow.row, WellRow.column, FieldRow.site)
        .join(WellRow, WellRow.plate_id == PlateRow.id)
        .join(FieldRow, FieldRow.well_id == WellRow.id)
        .where(FieldRow.image_id == row.id)
    ).first()
    return Candidate(
        image_id=row.id,
        name=row.name,
        plate=None if place is None else place[0],
        well=None if place is None else well_label(place[1], place[2]),
        site=None if place is None else place[3],
        files=tuple(
            CandidateFile(name=f.name, folder=str(Path(f.client_path).parent), md5=f.md5)
            for f in files
        ),
        height=row.size_y,
        width=row.size_x,
    )


def _label_reader(session: Work) -> LabelReader:
    """Reads foreign label images in a confined process."""

    def read(path: Path) -> NDArray[np.int32]:
        answer = session.store.workers.run(
            "omero_jlab.results:labels_to_bytes", str(path.resolve()), folder=path.parent
        )
        return labels_from_bytes(answer)

    return read


def _plane_reader(
    session: Work, source: OpenImage, image_set: ImageSet
) -> Callable[[str], NDArray[np.generic]]:
    """Answers the whole plane of the image channel that was imported from a set's file."""

    def read(channel: str) -> NDArray[np.generic]:
        wanted = next((f for f in image_set.files if f.channel == channel), None)
        if wanted is None:
            raise NotFound(f"Image set {image_set.number} has no channel {channel}.")
        sizes = source.record.sizes
        number = _channel_of(session, source, wanted.md5, wanted.name)
        return source.reader.region(0, 0, number, 0, 0, 0, sizes.y, sizes.x)

    return read


def _channel_of(session: Work, source: OpenImage, md5: str | None, name: str) -> int:
    files = session.images.files(source.record.id)  # type: ignore[attr-defined]
    for c in range(source.record.sizes.c):
        index = source.reader.index
        samples = index.header.levels[0].shape[5]
        path = index.header.files[int(index.file[0][0, c // samples, 0, 0, 0, 0])].path
        file = next((f for f in files if f.name == Path(path).name), None)
        if file is not None and (file.md5 == (md5 or "").lower() or file.name == name):
            return c
    raise NotFound(f"No channel of image {source.record.id} was read from {name}.")
