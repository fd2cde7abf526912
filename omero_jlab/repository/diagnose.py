"""What somebody who helps must know first."""

from __future__ import annotations

import platform
import stat
from collections.abc import Iterator

from sqlalchemy import func, select

from ..database import AnnotationRow, ImageRow, UserRow, schema_of
from ..model import Diagnostics
from ..version import __version__
from .guarded import GuardedSession
from .state import State

__all__ = ["diagnose"]


def diagnose(state: State) -> Diagnostics:
    """Versions, counts, and what is not as it should be."""
    with GuardedSession(state.engines.reader, None) as db:

        def count(row: type[ImageRow | AnnotationRow | UserRow], *conditions: object) -> int:
            statement = select(func.count()).select_from(row).where(*conditions)  # type: ignore[arg-type]
            return db.scalar(statement.execution_options(unguarded="jobs")) or 0

        images = count(ImageRow, ImageRow.deleted_at.is_(None))
        is_table = AnnotationRow.kind == "table"
        tables = count(AnnotationRow, is_table, AnnotationRow.deleted_at.is_(None))
        users = count(UserRow)
    return Diagnostics(
        version=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        root=str(state.layout.root),
        repository=state.uuid,
        schema_version=schema_of(state.engines.reader) or "",
        tier=state.tier,
        confinement=state.workers.confinement,
        users=users,
        images=images,
        tables=tables,
        findings=tuple(_findings(state)),
    )


def _findings(state: State) -> Iterator[str]:
    if reason := state.why_read_only():
        yield reason
    if warning := state.warning():
        yield warning
    if state.workers.confinement != "landlock":
        yield (
            "This system has no Landlock: foreign files are read in processes of their own, but "
            "those see what this account sees. Linux 5.13 or newer has it."
        )
    for folder in (state.layout.root, *state.layout.folders):
        if folder.is_dir() and folder.stat().st_mode & stat.S_IWOTH:
            yield f"{folder} can be written by everybody: chmod o-w it."
