"""Chunk indexes that are lost, or of an older version: made again on first use, by a job."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ...database import AnnotationRow, FileRow, FilesetRow, ImageRow, JobRow, UserRow
from ...errors import OmeroError, Unavailable, Unreadable
from ...formats import Plan
from ...model import ImportRequest
from ...model.chunks import ChunkIndex
from ...pixels import PixelReader, needs_pyramid
from ...pixels.cascade import joined_levels
from ...pixels.rebuild import found_levels
from ...storage import replace_file
from ..guarded import GuardedSession
from ..imports.foreign import plan_filesets, read_fileset
from ..places import image_place, labels_place, object_of
from ..readers import INDEX
from ..save import levels_of
from ..state import State
from ..work import Work
from .jobs import job_kind, new_job
from .progress import Progress
from .requeue import Left

__all__ = ["Rebuilding", "index_job"]

log = logging.getLogger(__name__)

_OPTIONS = {"unguarded": "jobs"}
_LEVELS = "levels"
_ZARR = "OME-Zarr"


class Rebuilding:
    """The indexes that are being made again, and those that could not be."""

    def __init__(self, state: State, run: Callable[[list[Left]], None]) -> None:
        """`run` lets queued jobs run."""
        self._state = state
        self._run = run
        self._guard = threading.Lock()
        # The id of a job, once it is queued.
        self._begun: dict[Path, int | None] = {}

    def begin(self, folder: Path, reason: str) -> OmeroError:
        """Let the index in `folder` be made again; answers what to tell who wants to read now."""
        kind, id = object_of(folder.relative_to(self._state.layout.root).as_posix())
        restore = "ask the repository's administrator to restore it from the backup"
        read_only = self._state.why_read_only()
        if kind not in ("image", "labels") or read_only:
            return Unreadable(f"{reason}: {restore}. {read_only}".rstrip())
        with self._guard:
            is_new = folder not in self._begun
            job_id = self._begun.setdefault(folder, None)
        if is_new:
            # Not by this thread, which may be in the middle of something.
            self._state.followers.submit(self._queue, folder, kind, id)
        failure = "" if job_id is None else self._failure(job_id)
        if failure:
            failure = failure.rstrip(".")
            return Unreadable(f"{reason}, and cannot be made again: {failure}; {restore}.")
        return Unavailable(f"{reason}, and is being made again: try again in a moment.")

    def done(self, folder: Path) -> None:
        """The index is there again: another loss is another job."""
        with self._guard:
            self._begun.pop(folder, None)

    def _queue(self, folder: Path, kind: str, id: int) -> None:
        try:
            left = self._queued(kind, id)
        except OmeroError as error:
            log.warning("the chunk index in %s is not made again yet: %s", folder, error)
            self.done(folder)
            return
        with self._guard:
            self._begun[folder] = left.job_id
        self._run([left])

    def _queued(self, kind: str, id: int) -> Left:
        with self._state.books() as db:
            of_kind: Any = ImageRow if kind == "image" else AnnotationRow
            row: ImageRow | AnnotationRow | None = db.get(of_kind, id, execution_options=_OPTIONS)
            assert row is not None
            user = db.get(UserRow, row.owner_id, execution_options=_OPTIONS)
            assert user is not None
            arguments = {"kind": kind, "id": id}
            job = new_job(db, "index", user.id, row.group_id, arguments)
            return Left(job.id, job.kind, user.name, job.group_id)

    def _failure(self, job_id: int) -> str:
        with GuardedSession(self._state.engines.reader, None) as db:
            row = db.get(JobRow, job_id, execution_options=_OPTIONS)
            over = row is not None and row.state in ("failed", "cancelled")
            return row.error if over and row is not None else ""


@job_kind("index", resumable=True)
def index_job(session: Work, arguments: dict[str, Any], progress: Progress) -> None:
    """Make the chunk index of an image or a label image again."""
    state: Any = session.store
    kind, id = arguments["kind"], arguments["id"]
    place = state.layout.root / (image_place(id) if kind == "image" else labels_place(id))
    progress.tell(0, 1, f"making the chunk index of {kind} {id} again", "index")
    index = found_levels(place)
    if kind == "image":
        index = _of_image(state, id, place, index)
    if not index.header.levels:
        raise Unreadable(f"Nothing in {place} says where its pixels are.")
    state.check_writable()
    layout = state.layout
    replace_file(place / INDEX, index.to_bytes(), layout.staging(layout.pixels))
    if kind == "image":
        _say(state, id, index)
    state.readers.forget()
    state.rebuilding.done(place)
    log.info("the chunk index of %s %s was made again", kind, id)


@dataclass(frozen=True)
class _Origin:
    """Where an image came from: its number among the images of the fileset, and the files.

    `stored` are the files' paths below the fileset's folder by where they lie for a reader, and
    `states` size and time of change, by those paths, of the files that were imported.
    """

    number: int
    count: int
    format: str
    folder: Path
    channels: tuple[str | None, ...]
    stored: dict[str, str]
    states: dict[str, tuple[int, int]]


def _of_image(state: State, image_id: int, place: Path, own: ChunkIndex) -> ChunkIndex:
    """`own` levels, which were written as such, or those of the original and of the pyramid."""
    with GuardedSession(state.engines.reader, None) as db:
        row = db.get(ImageRow, image_id, execution_options=_OPTIONS)
        if row is None:
            raise Unreadable(f"There is no image {image_id}.")
        origin = None if row.fileset_id is None else _origin(state, db, row)
        shape = (row.size_t, row.size_c, row.size_z, row.size_y, row.size_x)
        dtype = row.dtype
    if not own.header.levels and origin is not None:
        own = _of_original(state, origin)
    if not own.header.levels:
        return own
    more = found_levels(place, _LEVELS)
    if more.header.levels:
        numbers = [int(path.name) for path in (place / _LEVELS).iterdir() if path.name.isdecimal()]
        own = joined_levels(own, min(numbers), more)
    roots = {"pixels": place} | ({} if origin is None else {"fileset": origin.folder})
    reader = PixelReader(own, roots)
    t, c, z, y, x = reader.sizes()
    # Transparency is stored behind the channels of a picture.
    if (t, z, y, x) != (shape[0], *shape[2:]) or c < shape[1] or reader.dtype != dtype:
        raise Unreadable(
            f"What was found is {reader.dtype} with TCZYX {t} x {c} x {z} x {y} x {x}, and the "
            f"image is {dtype} with {' x '.join(map(str, shape))}."
        )
    return own


def _origin(state: State, db: GuardedSession, row: ImageRow) -> _Origin:
    fileset = db.get(FilesetRow, row.fileset_id, execution_options=_OPTIONS)
    assert fileset is not None
    wanted = select(ImageRow.id).where(ImageRow.fileset_id == fileset.id).order_by(ImageRow.id)
    ids = list(db.scalars(wanted.execution_options(**_OPTIONS)))
    folder = state.layout.managed / fileset.folder
    files = select(FileRow).where(FileRow.fileset_id == fileset.id)
    stored, states = {}, {}
    for file in db.scalars(files, execution_options=_OPTIONS):
        path = state.layout.root / file.path
        # A worker sees what it is told to, and not where links lead.
        lies = path.resolve() if fileset.transfer == "symlink" else path
        inside = stored[str(lies)] = path.relative_to(folder).as_posix()
        states[inside] = (file.size, file.mtime_ns)
    job = db.get(JobRow, fileset.job_id or 0, execution_options=_OPTIONS)
    patterns: list[str | None] = [None]
    if job is not None and job.kind == "import":
        patterns.insert(0, ImportRequest.model_validate(job.arguments).options_of(
            fileset.source).channels)  # fmt: skip
    return _Origin(
        ids.index(row.id),
        len(ids),
        fileset.format,
        folder,
        tuple(dict.fromkeys(patterns)),
        stored,
        states,
    )


def _of_original(state: State, origin: _Origin) -> ChunkIndex:
    """The index as the import made it, by a confined worker."""
    plan = _planned(state, origin)
    contents = read_fileset(state.workers, plan)
    if len(contents.images) != origin.count:
        raise Unreadable(
            f"The original holds {len(contents.images)} images, and {origin.count} are here: "
            f"import it again."
        )
    index = contents.indexes[origin.number]
    if index is None:
        raise Unreadable("The original must be converted first: import it again.")
    files = []
    for file in index.header.files:
        inside = origin.stored[str(plan.root / file.path)]
        size, mtime_ns = origin.states[inside]
        # Of what was imported, and not of what lies there now: whoever reads it compares the two.
        told = {"path": inside, "size": size, "mtime_ns": mtime_ns}
        files.append(file.model_copy(update=told))
    return replace(index, header=index.header.model_copy(update={"files": tuple(files)}))


def _planned(state: State, origin: _Origin) -> Plan:
    paths = _named(origin)
    for channels in origin.channels:
        planned = plan_filesets(state.workers, paths, channels)
        for plan in planned.plans:
            known = all(str(path) in origin.stored for path in plan.paths)
            if plan.format == origin.format and known and len(plan.files) == len(origin.stored):
                return plan
    raise Unreadable("The originals are no longer read as one fileset: import them again.")


def _named(origin: _Origin) -> list[Path]:
    """The originals, or the folders at the top that hold them: an OME-Zarr is a folder."""
    if origin.format == _ZARR:
        return [Path(os.path.commonpath(list(origin.stored)))]
    inside = [Path(path) for path in origin.stored if Path(path).is_relative_to(origin.folder)]
    if len(inside) < len(origin.stored):
        return [Path(path) for path in origin.stored]
    tops = {path.relative_to(origin.folder).parts[0] for path in inside}
    return [origin.folder / top for top in sorted(tops)]


def _say(state: State, image_id: int, index: ChunkIndex) -> None:
    with state.books() as db, db.flushing_unchecked("jobs"):
        row = db.get(ImageRow, image_id, execution_options=_OPTIONS)
        if row is not None:
            row.levels = levels_of(index)
            if needs_pyramid(index) and row.pyramid == "complete":
                # The next opening makes it.
                row.pyramid = "wanted"
