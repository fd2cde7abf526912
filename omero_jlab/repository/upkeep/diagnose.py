"""What somebody who helps must know first."""

from __future__ import annotations

import platform
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import func, select

from ...database import AnnotationRow, ImageRow, UserRow, schema_of
from ...model import Diagnostics
from ...storage import Layout, mount_of
from ...version import __version__
from ..config import CONFIG
from ..guarded import GuardedSession
from ..state import State

__all__ = ["diagnose", "exposed", "exposure"]


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
    condition = state.disk.condition()
    yield from filter(None, (condition.reason, condition.warning))
    open_to_all = exposed(state.layout)
    if open_to_all and not state.disk.notes:
        yield exposure(open_to_all)
    if state.config.database.path and state.layout.database_elsewhere != state.layout.database:
        yield (
            f"The configuration names the database {state.config.database.path}, but "
            f"{state.layout.database} is there and is used: move one of them away."
        )
    mount = mount_of(state.layout.database)
    if mount is not None and mount.is_network:
        yield (
            f"The database lies on a file system of a server ({mount.kind}): a local disk is "
            f"faster and safer. Move it there and name it in config.toml: [database] path."
        )
    if state.workers.confinement != "landlock":
        yield (
            "This system has no Landlock: foreign files are read in processes of their own, but "
            "those see what this account sees. Linux 5.13 or newer has it."
        )


def exposed(layout: Layout) -> list[Path]:
    """Folders and files of the repository that everybody on this machine may write."""
    places = (layout.root, *layout.folders, layout.sentinel, layout.database, layout.root / CONFIG)
    return [place for place in places if place.exists() and place.stat().st_mode & stat.S_IWOTH]


def exposure(places: Sequence[Path]) -> str:
    """What to do about places that everybody may write."""
    return f"Everybody on this machine may write {', '.join(map(str, places))}: chmod o-w them."
