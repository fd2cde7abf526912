"""What follows an import: the missing levels of large images, and thumbnails."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ...database import FilesetRow, ImageRow, JobRow, UserRow
from ...errors import Full, NotFound, OmeroError, Unavailable, Unreadable
from ...model.chunks import ChunkIndex
from ...pixels import needs_pyramid
from ...pixels.cascade import unfinished
from ...pixels.encode import codec_name
from ...storage import remove, replace_file
from ...workers import JobProcess, JobProcessEnded
from ..imports.import_log import add_line
from ..people.capabilities import Zarr
from ..pictures.render import Pictures
from ..places import image_place
from ..readers import INDEX
from ..save import levels_of
from ..state import State
from .jobs import Cancelled, job_kind, new_job
from .progress import Progress
from .requeue import Left

__all__ = ["forgotten_pyramids", "pyramid_job", "thumbnails_job"]

log = logging.getLogger(__name__)

LASTS_S = 3600
"""How long the right to read an image holds that workers of a cluster get, unless renewed."""

_PARTS = 1000
_LINES = 100
_LEVELS = "levels"
# Called by name in a process of its own: what they import is nothing that this one needs.
_ALONE = "omero_jlab.pixels.in_process:pyramid_in_process"
_CLUSTER = "omero_jlab.remote.cluster"


def _give_up(state: State, _job_id: int, arguments: dict[str, Any]) -> None:
    """Say of images that their pyramids cannot be made, and remove what there is of them."""
    with state.books() as db, db.flushing_unchecked("jobs"):
        for image_id in arguments["image_ids"]:
            row = db.get(ImageRow, image_id, execution_options={"unguarded": "jobs"})
            if row is not None and row.pyramid == "wanted":
                row.pyramid = "failed"
    pixels = state.layout.pixels
    for image_id in arguments["image_ids"]:
        levels = state.layout.root / image_place(image_id) / _LEVELS
        remove(unfinished(levels), state.layout.trash(pixels))


@job_kind("pyramid", resumable=True, retried=True, behind=True, given_up=_give_up)
def pyramid_job(session: Pictures, arguments: dict[str, Any], progress: Progress) -> None:
    """Make the missing levels of some images, in a process of its own."""
    ids: list[int] = arguments["image_ids"]
    state = session.store
    failures = []
    with state.processes.one(progress.check) as process:
        for i, image_id in enumerate(ids):
            making = _Making(session, process, progress, i, len(ids))
            try:
                making.run(image_id)
            except (Full, Unavailable, Cancelled) as error:
                # No fault of the image's: it stays wanted.
                state.disk_failed(error)
                raise
            except OmeroError as error:
                log.error("no pyramid for image %s: %s", image_id, error)
                failures.append(f"image {image_id}: {error}")
    for image_id in ids:
        _draw(session, image_id)
    if failures:
        raise Unreadable(f"No pyramid could be made of {'; '.join(failures)}")


class _Making:
    """The pyramid of one image, the `number`-th of `count`."""

    def __init__(
        self, session: Pictures, process: JobProcess, progress: Progress, number: int, count: int
    ) -> None:
        self._session = session
        self._state = session.store
        self._process = process
        self._progress = progress
        self._first = number * _PARTS
        self._total = count * _PARTS
        self._message = ""
        self._reach: _Reach | None = None

    def run(self, image_id: int) -> None:
        """Make the levels and say so in the image's row; one that needs none is left alone."""
        state = self._state
        options = {"unguarded": "jobs"}
        with state.books() as db:
            row = db.get(ImageRow, image_id, execution_options=options)
            if row is None or row.deleted_at is not None or row.pyramid != "wanted":
                return
            self._message = f"making the pyramid of {row.name}"
            fileset = db.get(FilesetRow, row.fileset_id or 0, execution_options=options)
        state.check_writable()
        place = state.layout.root / image_place(image_id)
        roots = {"pixels": str(place)}
        if fileset is not None:
            roots["fileset"] = str(state.layout.managed / fileset.folder)
        index = ChunkIndex.from_bytes((place / INDEX).read_bytes())
        outcome, kept = "complete", len(index.header.levels)
        try:
            if needs_pyramid(index):
                if fileset is not None:
                    originals = (e for e in index.header.files if e.root == "fileset")
                    state.freshness.settle(Path(roots["fileset"]), originals)
                index = self._built(image_id, place, roots)
        except (Full, Unavailable, Cancelled):
            raise
        except OmeroError:
            outcome = "failed"
            raise
        finally:
            if outcome == "failed":
                self._say(image_id, outcome, index)
        self._say(image_id, outcome, index)
        levels = index.header.levels
        stored = sorted({codec_name(level) for level in levels[kept - 1 :]} if kept else ())
        told = f"image {image_id}, {len(levels)} levels, stored as {' and '.join(stored)}"
        log.info("%s: %s", self._message, told)
        if fileset is not None:
            add_line(state.layout, fileset.folder, "pyramid", told)

    def _built(self, image_id: int, place: Path, roots: dict[str, str]) -> ChunkIndex:
        files = str(place / INDEX), roots, str(place / _LEVELS)
        function, *more = self._help(image_id)
        try:
            answer = self._process.run(function, *files, *more, tell=self._tell, check=self._check)
        finally:
            for line in self._process.said()[:_LINES]:
                log.warning("%s: %s", self._message, line)
            if self._reach is not None:
                self._reach.end()
                self._reach = None
        index = ChunkIndex.from_bytes(answer)
        layout = self._state.layout
        replace_file(place / INDEX, answer, layout.staging(layout.pixels))
        return index

    def _help(self, image_id: int) -> tuple[Any, ...]:
        """Which function makes the levels, and what it needs to know of the cluster, if any."""
        dask = self._state.config.dask
        if not dask.address:
            return (_ALONE,)
        try:
            answer = self._process.run(
                f"{_CLUSTER}:threads_of_cluster", dask.address, tell=_silent, check=self._check
            )
        except Unavailable as error:
            if isinstance(error, JobProcessEnded):
                raise
            log.warning("the pyramid of image %s is made without a cluster: %s", image_id, error)
            return (_ALONE,)
        reach = None
        if dask.url:
            self._reach = _Reach(self._session, image_id)
            reach = dask.url, self._reach.secret, image_id
        return f"{_CLUSTER}:pyramid_on_cluster", dask.address, json.loads(answer), reach

    def _tell(self, done: int, total: int) -> None:
        at = self._first + _PARTS * done // max(1, total)
        self._progress.tell(at, self._total, self._message, "pyramid")

    def _check(self) -> None:
        self._progress.check()
        if self._reach is not None:
            self._reach.renew()
        # The disk may go away while the process writes.
        self._state.check_writable("freeing")

    def _say(self, image_id: int, outcome: str, index: ChunkIndex) -> None:
        with self._state.books() as db, db.flushing_unchecked("jobs"):
            row = db.get(ImageRow, image_id, execution_options={"unguarded": "jobs"})
            if row is not None:
                row.pyramid = outcome
                row.levels = levels_of(index)


class _Reach:
    """The right to read an image that a cluster's workers get: renewed until the levels are made.

    What is left of it after a crash ends by itself, within the hour.
    """

    def __init__(self, session: Pictures, image_id: int) -> None:
        self._zarr = Zarr(session)
        self._made = self._zarr.add_capability(image_id, LASTS_S)
        self._due = time.monotonic() + LASTS_S / 2
        self.secret = self._made.secret

    def renew(self) -> None:
        """Let it hold as long again, where half of its time is gone."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LASTS_S / 2
        try:
            self._zarr.renew_capability(self._made.id, LASTS_S)
        except OmeroError as error:
            # What the workers cannot read is made here.
            log.warning("the right of the workers of a cluster is not renewed: %s", error)

    def end(self) -> None:
        """Make it worthless."""
        try:
            self._zarr.remove_capability(self._made.id)
        except OmeroError as error:
            log.info("the right of the workers of a cluster ends by itself: %s", error)


@job_kind("thumbnails", resumable=True, behind=True)
def thumbnails_job(session: Pictures, arguments: dict[str, Any], progress: Progress) -> None:
    """Draw the thumbnails of some images; one that is asked for before is drawn then."""
    ids: list[int] = arguments["image_ids"]
    for i, image_id in enumerate(ids):
        progress.tell(i, len(ids), f"drawing the thumbnail of image {image_id}", "thumbnails")
        _draw(session, image_id)


def _draw(session: Pictures, image_id: int) -> None:
    """Draw a thumbnail; the image is there whether or not that can be done."""
    try:
        with session.reading() as (db, _):
            row = db.get(ImageRow, image_id)
        if row is None or row.pyramid == "wanted":
            # From its pyramid it is drawn in a moment.
            return
        session.thumbnail(image_id)
    except (OmeroError, OSError) as error:
        log.warning("no thumbnail of image %s: %s", image_id, error)


def forgotten_pyramids(state: State) -> list[Left]:
    """Queued jobs for images that wait for their pyramids while no job makes them."""
    options = {"unguarded": "jobs"}
    jobs = []
    with state.books() as db:
        queued = select(JobRow).where(JobRow.kind == "pyramid", JobRow.state == "queued")
        waited = db.scalars(queued, execution_options=options)
        known = {image_id for row in waited for image_id in row.arguments["image_ids"]}
        wanted = select(ImageRow).where(ImageRow.pyramid == "wanted")
        wanted = wanted.where(ImageRow.deleted_at.is_(None)).order_by(ImageRow.id)
        for row in db.scalars(wanted, execution_options=options).all():
            if row.id in known:
                continue
            user = db.get(UserRow, row.owner_id, execution_options=options)
            if user is None:
                raise NotFound(f"Image {row.id} has no owner.")
            job = new_job(db, "pyramid", user.id, row.group_id, {"image_ids": [row.id]})
            jobs.append(Left(job.id, job.kind, user.name, job.group_id))
    return jobs


def _silent(_done: int, _total: int) -> None:
    pass
