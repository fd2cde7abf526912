"""One import: its filesets one by one or several at once, and what came of them all.

A fileset that cannot be read is named with the reason, and the others go in.  What an earlier run
of the same job brought is not brought again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from ...database import (
    DatasetImageRow,
    FieldRow,
    FileRow,
    FilesetRow,
    ImageRow,
    WellRow,
)
from ...errors import OmeroError, Unavailable
from ...formats import Plan, Planned
from ...model import ImportFailure, ImportReport, ImportRequest, Skipped
from ..guarded import GuardedSession
from ..jobs.jobs import Cancelled, start_job
from ..jobs.progress import Progress
from ..state import State
from ..work import Work
from .described import main_path
from .existing import existing_images
from .fileset_import import FilesetImport, Imported

__all__ = ["Bringing", "brought_by", "report_of"]

log = logging.getLogger(__name__)

_Outcome = Imported | ImportFailure | Skipped
_COPIED = ("copy", "upload", "move")
_DOING = {
    "sniff": "reading",
    "copy": "copying",
    "verify": "verifying",
    "index": "indexing",
    "metadata": "describing",
    "settle": "storing",
}


class _EndedByAnother(Cancelled):
    """A fileset that is not imported because another one ended the import."""


class Bringing:
    """An import under way.

    Parameters
    ----------
    session : whose images they will be
    request : what was asked for
    progress : of the job
    total : the number of bytes that are left to bring
    before : what an earlier run of the job brought
    """

    def __init__(
        self,
        session: Work,
        request: ImportRequest,
        progress: Progress,
        total: int,
        before: Mapping[str, Imported],
    ) -> None:
        self._session = session
        self._request = request
        self._progress = progress
        self._before = dict(before)
        earlier = sum(one.size for one in self._before.values())
        self._total = earlier + total
        self._done = earlier
        self._guard = threading.Lock()
        self._stop = threading.Event()

    @property
    def left(self) -> int:
        """The bytes that are still to be brought."""
        return max(self._total - self._done, 0)

    def run(self, planned: Planned) -> ImportReport:
        """Import every fileset; the report names what was made and what failed.

        Raises
        ------
        Cancelled
            Somebody asked the job to stop; `progress.report` says what is done.
        Unavailable
            The disk of the repository failed; as above.
        """
        outcomes: list[_Outcome | None] = [None] * len(planned.plans)
        left = []
        for i, plan in enumerate(planned.plans):
            outcomes[i] = self._before.pop(str(main_path(plan)), None)
            if outcomes[i] is None:
                left.append(i)
        # What was moved away, or deleted, since it was brought.
        gone = list(self._before.values())
        try:
            self._bring_all(planned.plans, left, outcomes)
        finally:
            report = report_of([*gone, *outcomes], planned.failed)
            self._progress.report = report
        self._follow(report)
        return report

    def _follow(self, report: ImportReport) -> None:
        """Let the thumbnails be drawn; the images are there whether or not that can be done."""
        if report.image_ids:
            try:
                start_job(self._session, "thumbnails", {"image_ids": list(report.image_ids)})
            except OmeroError as error:
                log.warning("no thumbnails are drawn after this import: %s", error)

    def _bring_all(
        self, plans: tuple[Plan, ...], left: list[int], outcomes: list[_Outcome | None]
    ) -> None:
        rest = iter(left)

        def work() -> None:
            # `next` of a list's iterator is atomic: each fileset is taken once.
            for i in rest:
                if self._stop.is_set():
                    return
                try:
                    outcomes[i] = self._one(plans[i])
                except BaseException:
                    self._stop.set()
                    raise

        count = min(self._request.parallel, os.cpu_count() or 1, len(left))
        if count <= 1:
            work()
            return
        with ThreadPoolExecutor(count, "omero-jlab-import") as pool:
            futures = [pool.submit(work) for _ in range(count)]
        errors = [error for future in futures if (error := future.exception())]
        if errors:
            raise next((e for e in errors if not isinstance(e, _EndedByAnother)), errors[0])

    def _one(self, plan: Plan) -> _Outcome:
        path = str(main_path(plan))
        try:
            if self._request.skip_existing:
                self._tell("verify", plan.name)
                known = existing_images(self._session, plan)
                if known:
                    return Skipped(path=path, image_ids=known)
            fileset = FilesetImport(
                self._session, self._request, plan, self._progress, self._tell, self._count
            )
            return fileset.run()
        except Cancelled:
            raise
        except Unavailable as error:
            self._session.store.disk_failed(error)
            raise
        except (OmeroError, OSError) as error:
            return ImportFailure(path=path, reason=_one_line(error))
        except Exception as error:
            # The border of this fileset's work: the others go in all the same.
            log.exception("the import of %s failed", plan.name)
            reason = f"an unexpected {type(error).__name__}: {_one_line(error)}"
            return ImportFailure(path=path, reason=reason)

    def _count(self, size: int) -> None:
        with self._guard:
            self._done += size
        self._progress.count(self._done, self._total)
        self._check()

    def _tell(self, stage: str, what: str) -> None:
        self._check()
        self._progress.tell(self._done, self._total, f"{_DOING[stage]} {what}", stage)

    def _check(self) -> None:
        if self._stop.is_set():
            raise _EndedByAnother("Another fileset of this import ended it.")


def brought_by(state: State, job_id: int) -> dict[str, Imported]:
    """The filesets that a job has brought already, by where their main files lay, in order."""
    options = {"unguarded": "jobs"}
    with GuardedSession(state.engines.reader, None) as db:
        # Deleted ones too: what was deleted meanwhile is not brought again.
        statement = select(FilesetRow).where(FilesetRow.job_id == job_id).order_by(FilesetRow.id)
        return {
            row.source: _imported(db, row)
            for row in db.scalars(statement, execution_options=options).all()
        }


def _imported(db: GuardedSession, fileset: FilesetRow) -> Imported:
    options = {"unguarded": "jobs"}
    mine = ImageRow.fileset_id == fileset.id
    images = select(ImageRow.id).where(mine, ImageRow.deleted_at.is_(None)).order_by(ImageRow.id)
    plates = (
        select(WellRow.plate_id)
        .join(FieldRow, FieldRow.well_id == WellRow.id)
        .join(ImageRow, ImageRow.id == FieldRow.image_id)
        .where(mine, FieldRow.deleted_at.is_(None), WellRow.deleted_at.is_(None))
    )
    datasets = (
        select(DatasetImageRow.parent_id)
        .join(ImageRow, ImageRow.id == DatasetImageRow.child_id)
        .where(mine, DatasetImageRow.deleted_at.is_(None))
    )
    size = select(func.sum(FileRow.size)).where(FileRow.fileset_id == fileset.id)
    return Imported(
        fileset.id,
        tuple(db.scalars(images, execution_options=options)),
        tuple(dict.fromkeys(db.scalars(plates.order_by(FieldRow.id), execution_options=options))),
        tuple(
            dict.fromkeys(
                db.scalars(datasets.order_by(DatasetImageRow.id), execution_options=options)
            )
        ),
        int(db.scalar(size, execution_options=options) or 0) if fileset.transfer in _COPIED else 0,
    )


def report_of(
    outcomes: Iterable[_Outcome | None], failed: Iterable[ImportFailure] = ()
) -> ImportReport:
    """The report of what became of filesets, in their order; None for those that were not begun."""
    outcomes = list(outcomes)
    brought = [one for one in outcomes if isinstance(one, Imported)]
    return ImportReport(
        image_ids=tuple(i for one in brought for i in one.image_ids),
        fileset_ids=tuple(one.fileset_id for one in brought),
        plate_ids=tuple(dict.fromkeys(i for one in brought for i in one.plate_ids)),
        dataset_ids=tuple(dict.fromkeys(i for one in brought for i in one.dataset_ids)),
        failed=(*failed, *(one for one in outcomes if isinstance(one, ImportFailure))),
        skipped=tuple(one for one in outcomes if isinstance(one, Skipped)),
        bytes_copied=sum(one.size for one in brought),
    )


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, OmeroError):
        return f"{os.strerror(error.errno or 0)}: {error.filename or ''}".strip(": ")
    return " ".join(str(error).split())
