"""Bringing images and results in: what was asked for, planned and started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...model import (
    ImportPlan,
    ImportRequest,
    Job,
    Placement,
    ResultsReport,
)
from ...results import checked_axes
from ..jobs.jobs import Progress, job_kind, start_job
from ..pictures.render import Pictures
from .foreign import check_own
from .import_job import import_job
from .planning import describe_plan, plan_request
from .prepared import Told
from .results import Attaching, plan_results
from .transfer import check_paths

__all__ = ["Ingest", "import_job"]


class Ingest:
    """Imports of images and of results."""

    def __init__(self, session: Pictures) -> None:
        self._session = session

    def plan(self, request: ImportRequest, images: bool = False) -> ImportPlan:
        """What an import would make of these paths, and how much it would copy."""
        check_paths(self._session, request)
        planned = plan_request(self._session.store, request)
        return describe_plan(self._session, request, planned, images)

    def start(self, request: ImportRequest) -> Job:
        """Import; the job's report says what was made and what failed."""
        self._session.store.check_writable("imports")
        check_paths(self._session, request)
        self._session.store.uploads.use(Path(path) for path in request.all_paths)
        return start_job(self._session, "import", request.model_dump(mode="json"))

    def plan_results(self, path: str, image_ids: tuple[int, ...] | None = None) -> ResultsReport:
        """What `attach_results` would do: which image each image set is, and how it was found."""
        check_own(self._session, [Path(path)])
        return plan_results(self._session, path, image_ids).report

    def attach_results(
        self,
        path: str,
        image_ids: tuple[int, ...] | None = None,
        placement: Placement | None = None,
        axes: str = "",
        again: bool = False,
        overlay: bool = False,
    ) -> Job:
        """Attach what an analysis program wrote to the images that it analysed."""
        check_own(self._session, [Path(path)])
        self._session.store.uploads.use([Path(path)])
        arguments = {
            "path": path,
            "image_ids": None if image_ids is None else list(image_ids),
            "placement": None if placement is None else placement.model_dump(mode="json"),
            "axes": checked_axes(axes),
            "again": again,
            "overlay": overlay,
        }
        return start_job(self._session, "results", arguments)


@job_kind("results")
def results_job(session: Pictures, arguments: dict[str, Any], progress: Progress) -> ResultsReport:
    """Attach what an analysis program wrote."""
    path, ids = arguments["path"], arguments["image_ids"]
    told = arguments["placement"]
    placement = None if told is None else Placement.model_validate(told)
    words = Told(
        placement,
        arguments.get("axes", ""),
        arguments.get("again", False),
        arguments.get("overlay", False),
    )
    report = Attaching(session, path, words).run(ids, progress.tell)
    session.store.uploads.forget([Path(path)])
    return report
