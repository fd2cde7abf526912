"""Tables from files, and tables as files, for people in a notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import Invalid
from ..model import BULK_ANNOTATIONS, BulkmapReport, Job, TableInfo, TableReport, TargetKind
from ..operations import AnySession
from ..operations.paging import selection
from .progress import wait

__all__ = [
    "bulkmap_from",
    "deletemap_from",
    "export_file",
    "import_file",
    "is_path",
    "populate_from",
]


def is_path(given: Any) -> bool:
    """Whether a table is given as a file."""
    return isinstance(given, str | Path)


def import_file(
    session: AnySession,
    kind: TargetKind,
    id: int,
    path: str | Path,
    name: str | None = None,
    description: str = "",
    links: bool = True,
    quiet: bool = False,
    namespace: str = BULK_ANNOTATIONS,
) -> TableInfo:
    """The table that was made of a file of this machine."""
    there = session.upload(_existing(path))
    job = session.exchange.import_file(
        kind,
        id,
        there,
        name=name,
        namespace=namespace,
        description=description,
        links=links,
    )
    report = _report(session, job, "table", quiet)
    if not quiet:
        for note in report.notes:
            print(f"note: {note}")
    assert report.table_id is not None
    return session.tables.get(report.table_id)


def populate_from(
    session: AnySession,
    kind: TargetKind,
    id: int,
    path: str | Path,
    name: str | None = None,
    allow_nan: bool = False,
    keep_unresolved: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
) -> TableReport:
    """What came of a file of annotations of this machine."""
    there = session.upload(_existing(path))
    job = session.exchange.populate(
        kind,
        id,
        there,
        name=name,
        allow_nan=allow_nan,
        keep_unresolved=keep_unresolved,
        dry_run=dry_run,
    )
    return _report(session, job, "populate", quiet)


def bulkmap_from(
    session: AnySession,
    kind: TargetKind,
    id: int,
    config: str | Path | Mapping[str, Any],
    table_id: int | None = None,
    namespaces: Iterable[str] | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> BulkmapReport:
    """What came of making key-values of a table; see `Thing.bulkmap`."""
    chosen = None if namespaces is None else tuple(namespaces)
    job = session.exchange.bulkmap(kind, id, _config(config), table_id, chosen, dry_run)
    report = wait(session, job, "bulkmap", quiet)
    assert isinstance(report, BulkmapReport)
    return report


def deletemap_from(
    session: AnySession,
    kind: TargetKind,
    id: int,
    config: str | Path | Mapping[str, Any] | None = None,
    namespaces: Iterable[str] | None = None,
    dry_run: bool = False,
    quiet: bool = False,
) -> BulkmapReport:
    """What came of taking key-values off; see `Thing.deletemap`."""
    chosen = None if namespaces is None else tuple(namespaces)
    text = "" if config is None else _config(config)
    job = session.exchange.deletemap(kind, id, text, chosen, dry_run)
    report = wait(session, job, "deletemap", quiet)
    assert isinstance(report, BulkmapReport)
    return report


def _config(given: str | Path | Mapping[str, Any]) -> str:
    """The text of a configuration, which may be a file of this machine or a dict."""
    if isinstance(given, Mapping):
        return json.dumps(given)
    place = Path(given).expanduser().absolute()
    if not place.is_file():
        raise Invalid(f"{place} is no file of this machine: it would tell what key-values to make.")
    try:
        return place.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{place} is no text in UTF-8.") from error


def export_file(
    session: AnySession,
    table_id: int,
    path: str | Path,
    columns: Sequence[str] | None = None,
    condition: str | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """A line for everything that the file at `path` does not keep of a table."""
    from ..tables import chosen, export_table, frame_from_arrow

    info = session.tables.get(table_id)
    wanted = info.columns if columns is None else tuple(chosen(info.columns, list(columns)))

    def pages(names: Sequence[str]) -> Iterator[Any]:
        # Of one version, whatever is appended meanwhile.
        asked = selection(names, condition, version=info.table_version)
        for batch in session.read_batches(table_id, asked):
            yield frame_from_arrow([batch])

    place = Path(path).expanduser().absolute()
    return export_table(place, tuple(wanted), pages, info.metadata, overwrite)


def _existing(path: str | Path) -> Path:
    place = Path(path).expanduser().absolute()
    if not place.is_file():
        raise Invalid(f"{place} is no file of this machine: no table was attached.")
    return place


def _report(session: AnySession, job: Job, what: str, quiet: bool) -> TableReport:
    report = wait(session, job, what, quiet)
    assert isinstance(report, TableReport)
    return report
