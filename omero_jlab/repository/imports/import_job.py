"""The job that imports: planned, brought, reported; or gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import Invalid
from ...model import ImportReport, ImportRequest
from ...storage import within_uploads
from ..jobs.jobs import Progress, job_kind
from ..pictures.render import Pictures
from ..state import State
from .bring import Bringing, brought_by, report_of
from .planning import describe_plan, plan_request

__all__ = ["import_job"]


def _given_up(state: State, job_id: int, _arguments: dict[str, Any]) -> ImportReport:
    return report_of(brought_by(state, job_id).values())


@job_kind("import", resumable=True, given_up=_given_up)
def import_job(session: Pictures, arguments: dict[str, Any], progress: Progress) -> ImportReport:
    """Import what was asked for; what an earlier run brought is not brought again."""
    request = ImportRequest.model_validate(arguments)
    if progress.step is not None:
        report = ImportReport.model_validate(progress.step["report"])
    else:
        uploads, paths = session.store.uploads, [Path(path) for path in request.all_paths]
        uploads.use(paths)
        try:
            report = _imported(session, request, progress)
        except BaseException:
            # Who imports them again need not send them again.
            uploads.release(paths)
            raise
        # Without the uploads, a later run would find nothing to import.
        progress.keep({"report": report.model_dump(mode="json")})
    session.store.uploads.forget(Path(path) for path in request.all_paths)
    return report


def _imported(session: Pictures, request: ImportRequest, progress: Progress) -> ImportReport:
    store = session.store
    before = brought_by(store, progress.job_id)
    progress.report = report_of(before.values())
    progress.tell(0, 0, "looking at the files", "sniff")
    planned = plan_request(store, request, before)
    described = describe_plan(session, request, planned)
    left = [
        fileset
        for fileset in described.filesets
        if fileset.transfer in ("copy", "move")
        and not fileset.existing
        and fileset.path not in before
    ]
    # What was uploaded has its room already.
    needed = sum(f.size for f in left if not within_uploads(store.layout, Path(f.path)))
    free = described.bytes_free - store.uploads.owed
    if needed > max(free, 0):
        raise Invalid(
            f"These files have {needed:,} bytes, and only {max(free, 0):,} are free: "
            f"nothing {'more ' if before else ''}was imported."
        )
    bringing = Bringing(session, request, progress, sum(f.size for f in left), before)
    with store.uploads.keeping(lambda: min(needed, bringing.left)):
        return bringing.run(planned)
