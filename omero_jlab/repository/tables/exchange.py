"""Tables from files of other programs: read in a confined process, and attached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas
import pyarrow  # type: ignore[import-untyped]

from ...errors import Invalid, NotFound
from ...model import BULK_ANNOTATIONS, Column, Job, NamespaceUse, TableReport, TargetKind
from ...storage import Stage
from ...tables import (
    IMPORTED,
    Conversion,
    Converted,
    arrow_schema,
    bulkmap_of,
    converted_batches,
    frame_from_arrow,
)
from ..containers import found
from ..imports.foreign import check_own
from ..index import TARGETS
from ..jobs.jobs import Progress, job_kind, start_job
from ..work import Work
from .bulkmap import bulk_table
from .deletemap import namespaces_of
from .links import check_links
from .populate import Populating
from .resolve import Objects
from .storing import check_target, store_table

__all__ = ["Exchange"]

_WORKER = "omero_jlab.tables:convert_in_worker"
_LEAST_S = 60.0
_BYTES_PER_S = 2e6


class Exchange:
    """Tables from files, on the disk of the repository's owner process."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def import_file(
        self,
        kind: TargetKind,
        id: int,
        path: str,
        name: str | None = None,
        namespace: str = BULK_ANNOTATIONS,
        description: str = "",
        links: bool = True,
    ) -> Job:
        """Attach the table in a file: OMERO.tables, CSV, Parquet or Feather."""
        return self._start(
            "table",
            kind,
            id,
            path,
            name,
            {"namespace": namespace, "description": description, "links": links},
        )

    def populate(
        self,
        kind: TargetKind,
        id: int,
        path: str,
        name: str | None = None,
        namespace: str = BULK_ANNOTATIONS,
        allow_nan: bool = False,
        keep_unresolved: bool = False,
        dry_run: bool = False,
    ) -> Job:
        """Attach a text file of annotations, as `omero metadata populate` does."""
        return self._start(
            "populate",
            kind,
            id,
            path,
            name,
            {
                "namespace": namespace,
                "allow_nan": allow_nan,
                "keep_unresolved": keep_unresolved,
                "dry_run": dry_run,
            },
        )

    def bulkmap(
        self,
        kind: TargetKind,
        id: int,
        config: str,
        table_id: int | None = None,
        namespaces: tuple[str, ...] | None = None,
        dry_run: bool = False,
    ) -> Job:
        """Attach key-values made of the rows of a bulk annotation table."""
        session = self._session
        check_target(session, kind, id, "bulkmap")
        # What is wrong is told at once.
        asked = bulkmap_of(config)
        info = bulk_table(session, kind, id, table_id)
        asked.groups([column.name for column in info.columns])
        arguments = {"kind": kind, "id": id, "config": config, "table_id": info.id}
        return start_job(session, "bulkmap", arguments | _chosen(namespaces, dry_run))

    def deletemap(
        self,
        kind: TargetKind,
        id: int,
        config: str = "",
        namespaces: tuple[str, ...] | None = None,
        dry_run: bool = False,
    ) -> Job:
        """Take key-values off an object and all that lies in it."""
        session = self._session
        with session.reading() as (db, _):
            found(db, TARGETS[kind], id)
        if config:
            bulkmap_of(config)
        arguments = {"kind": kind, "id": id, "config": config}
        return start_job(session, "deletemap", arguments | _chosen(namespaces, dry_run))

    def namespaces(self, kind: TargetKind, id: int) -> tuple[NamespaceUse, ...]:
        """The namespaces of key-values on an object and on all that lies in it."""
        with self._session.reading() as (db, _):
            return tuple(namespaces_of(db, kind, id))

    def _start(
        self,
        job: str,
        kind: TargetKind,
        id: int,
        path: str,
        name: str | None,
        more: dict[str, Any],
    ) -> Job:
        session, place = self._session, Path(path)
        called = name or place.stem
        check_target(session, kind, id, called)
        check_own(session, [place])
        if place.suffix.lower() not in IMPORTED:
            raise Invalid(
                f"{place.name} names no format of tables: it may end with {', '.join(IMPORTED)}."
            )
        if not place.is_file():
            raise Invalid(f"{path} is no file on the disk of the repository's server.")
        session.store.check_writable("imports")
        session.store.uploads.use([place])
        arguments = {"kind": kind, "id": id, "path": path, "name": called} | more
        return start_job(session, job, arguments)


def _chosen(namespaces: tuple[str, ...] | None, dry_run: bool) -> dict[str, Any]:
    return {"namespaces": None if namespaces is None else list(namespaces), "dry_run": dry_run}


@job_kind("table")
def import_job(session: Work, arguments: dict[str, Any], progress: Progress) -> TableReport:
    """Attach the table in a file."""
    kind, id, name = arguments["kind"], arguments["id"], arguments["name"]
    asked = Conversion(links=arguments["links"])
    with _converted(session, arguments["path"], asked, progress) as found:
        columns, notes = _links_here(session, found)
        info = store_table(
            session,
            kind,
            id,
            name,
            columns,
            (_frame(columns, batch) for batch in found.batches()),
            arguments["namespace"],
            arguments["description"],
            found.made.metadata,
            lambda rows: progress.tell(rows, found.made.rows, "storing rows"),
        )
        return TableReport(
            table_id=info.id,
            name=name,
            format=found.made.format,
            columns=info.columns,
            rows=info.rows,
            notes=(*found.made.notes, *notes),
        )


@job_kind("populate")
def populate_job(session: Work, arguments: dict[str, Any], progress: Progress) -> TableReport:
    """Attach a text file of annotations, with links to what its cells name."""
    kind, id, name = arguments["kind"], arguments["id"], arguments["name"]
    asked = Conversion(bulk=True, allow_nan=arguments["allow_nan"])
    dry_run = arguments["dry_run"]
    with _converted(session, arguments["path"], asked, progress, dry_run) as found:
        with session.reading() as (db, _):
            first = Populating(found.made, Objects(db, kind, id))
            first.check()
            for _arrays in first.batches(found.batches()):
                progress.check()
            rows = found.made.rows - first.left_out
            if first.left_out and not rows:
                raise Invalid(
                    f"None of the {first.left_out:,} rows is of {kind} {id}, so that nothing was "
                    f"attached: they name others."
                )
            report = TableReport(
                name=name,
                format=found.made.format,
                columns=first.columns,
                rows=rows,
                notes=(*found.made.notes, *first.notes()),
                unresolved=tuple(first.unresolved),
                unresolved_count=first.unresolved_count,
            )
        if dry_run:
            return report
        if report.unresolved_count and not arguments["keep_unresolved"]:
            raise Invalid(_refusal(report, kind, id))
        again = Populating(found.made, first.objects)
        info = store_table(
            session,
            kind,
            id,
            name,
            again.columns,
            (
                frame_from_arrow([_batch(again.columns, arrays)])
                for arrays in again.batches(found.batches())
            ),
            arguments["namespace"],
            "",
            found.made.metadata,
            lambda rows: progress.tell(rows, found.made.rows, "storing rows"),
        )
        return report.model_copy(update={"table_id": info.id, "columns": info.columns})


def _refusal(report: TableReport, kind: str, id: int) -> str:
    shown = "; ".join(
        f"line {each.line}: {each.column} {each.value!r}: {each.reason}"
        for each in report.unresolved[:5]
    )
    count = report.unresolved_count
    cells = "1 cell names" if count == 1 else f"{count:,} cells name"
    return (
        f"{cells} no one object in {kind} {id}, so that nothing was attached: {shown}. "
        f"A dry run lists them; keep_unresolved attaches the rows without links."
    )


@dataclass(frozen=True)
class _Found:
    """A file as a worker read it."""

    made: Converted
    rows: Path

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        """Its rows."""
        return converted_batches(self.rows, self.made)


@contextmanager
def _converted(
    session: Work, path: str, asked: Conversion, progress: Progress, keep: bool = False
) -> Iterator[_Found]:
    """The table in the file at `path`, as long as the block lasts; an upload goes, unless kept."""
    store, place = session.store, Path(path)
    layout = store.layout
    try:
        progress.tell(0, 0, f"reading {place.name}")
        with Stage(layout.staging(layout.files)) as stage:
            rows = stage.path / "rows.arrow"
            answer = store.workers.run(
                _WORKER,
                str(place.resolve()),
                str(rows.resolve()),
                asked.model_dump_json(),
                folder=place,
                writable=stage.path,
                timeout_s=_LEAST_S + place.stat().st_size / _BYTES_PER_S,
            )
            yield _Found(Converted.model_validate_json(answer), rows)
    except BaseException:
        # Who tries again need not send it again.
        store.uploads.release([place])
        raise
    if keep:
        store.uploads.release([place])
    else:
        store.uploads.forget([place])


def _links_here(session: Work, found: _Found) -> tuple[tuple[Column, ...], list[str]]:
    """The columns, with links only where each leads to an object that the user sees."""
    ids: dict[str, set[int]] = {
        column.name: set() for column in found.made.columns if column.kind == "link"
    }
    for batch in found.batches() if ids else ():
        for name, seen in ids.items():
            place = batch.schema.get_field_index(name)
            seen.update(batch.column(place).drop_null().unique().to_pylist())
    columns, notes = [], []
    for column in found.made.columns:
        if column.kind == "link":
            try:
                with session.reading() as (db, _):
                    given = pandas.DataFrame({column.name: sorted(ids[column.name])})
                    check_links(db, given, [column])
            except NotFound as error:
                notes.append(f"{error} It holds plain numbers and no links.")
                column = column.model_copy(update={"kind": "integer", "target": None})
        columns.append(column)
    return tuple(columns), notes


def _frame(columns: tuple[Column, ...], batch: pyarrow.RecordBatch) -> pandas.DataFrame:
    return frame_from_arrow([_batch(columns, batch.columns)])


def _batch(columns: tuple[Column, ...], arrays: list[pyarrow.Array]) -> pyarrow.RecordBatch:
    schema = arrow_schema(columns, with_row_id=False)
    cast = [array.cast(kind) for array, kind in zip(arrays, schema.types, strict=True)]
    return pyarrow.RecordBatch.from_arrays(cast, schema=schema)
