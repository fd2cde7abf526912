"""Bringing images and results in: what was asked for, planned and started."""

from __future__ import annotations

from pathlib import Path

from ..errors import Invalid
from ..formats import Planned
from ..model import (
    ImportFailure,
    ImportPlan,
    ImportReport,
    ImportRequest,
    Job,
    Placement,
    PlannedFileset,
    ResultsReport,
)
from ..storage import forget_uploads, is_own_file, space
from .bring import Bringing
from .foreign import check_own, plan_filesets
from .jobs import Progress, start_job
from .render import Pictures
from .results import Attaching, plan_results
from .state import State

__all__ = ["Ingest"]


class Ingest:
    """Imports of images and of results."""

    def __init__(self, session: Pictures) -> None:
        self._session = session

    def plan(self, request: ImportRequest) -> ImportPlan:
        """What an import would make of these paths, and how much it would copy."""
        check_own(self._session, [Path(path) for path in request.paths])
        return self._described(_planned(self._session.store, request))

    def start(self, request: ImportRequest) -> Job:
        """Import; the job's report says what was made and what failed."""
        self._session.store.check_writable("imports")
        check_own(self._session, [Path(path) for path in request.paths])
        values = request.model_dump(mode="json")
        session = self._for_job()

        def run(progress: Progress) -> ImportReport:
            progress.tell(0, 0, "looking at the files")
            planned = _planned(session.store, request)
            described = self._described(planned)
            if described.bytes_to_copy > described.bytes_free:
                raise Invalid(
                    f"These files have {described.bytes_to_copy:,} bytes, and only "
                    f"{described.bytes_free:,} are free: nothing was imported."
                )
            bringing = Bringing(session, request, progress, described.bytes_to_copy)
            report = bringing.run(planned)
            forget_uploads(session.store.layout, [Path(path) for path in request.paths])
            return report

        return start_job(self._session, "import", values, run)

    def plan_results(self, path: str, image_ids: tuple[int, ...] | None = None) -> ResultsReport:
        """What `attach_results` would do: which image each image set is, and how it was found."""
        check_own(self._session, [Path(path)])
        return plan_results(self._session, path, image_ids)[2]

    def attach_results(
        self,
        path: str,
        image_ids: tuple[int, ...] | None = None,
        placement: Placement | None = None,
    ) -> Job:
        """Attach what an analysis program wrote to the images that it analysed."""
        check_own(self._session, [Path(path)])
        session = self._for_job()

        def run(progress: Progress) -> ResultsReport:
            report = Attaching(session, path, placement).run(image_ids, progress.tell)
            forget_uploads(session.store.layout, [Path(path)])
            return report

        return start_job(self._session, "results", {"path": path}, run)

    def _for_job(self) -> Pictures:
        """The user in the group that is current now, under no request's id."""
        asking = self._session
        return type(asking)(asking.store, asking.user, asking.access.actor.group_id)

    def _described(self, planned: Planned) -> ImportPlan:
        filesets = []
        for one in planned.plans:
            size = sum(path.stat().st_size for path in one.paths)
            filesets.append(
                PlannedFileset(name=one.name, format=one.format, files=one.files, size=size)
            )
        return ImportPlan(
            filesets=tuple(filesets),
            failed=planned.failed,
            ignored=planned.ignored,
            bytes_to_copy=sum(fileset.size for fileset in filesets),
            bytes_free=space(self._session.store.layout.root).free,
        )


def _planned(store: State, request: ImportRequest) -> Planned:
    relative = [path for path in request.paths if not Path(path).is_absolute()]
    if relative:
        raise Invalid(f"Paths to import are absolute, not {relative[0]!r}: give the whole path.")
    paths = [Path(path) for path in request.paths]
    for path in paths:
        if is_own_file(store.layout, path):
            raise Invalid(
                f"{path} lies in the repository itself: its images are there already. Import the "
                f"files from where they were before."
            )
    planned = plan_filesets(store.workers, paths, request.channels)
    if not planned.plans and not planned.failed:
        named = tuple(
            ImportFailure(path=p, reason="no image was found in it") for p in request.paths
        )
        return planned.model_copy(update={"failed": named})
    return planned
