"""Key-values of an object and of all that lies in it: counted by namespace, and taken off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import func, select

from ...database import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    FieldRow,
    ProjectDatasetRow,
    ScreenPlateRow,
    WellRow,
)
from ...model import BULK_ANNOTATIONS, BulkmapReport, NamespaceUse, TargetKind
from ...tables import bulkmap_of
from ..containers import found
from ..deletion import alive
from ..guarded import GuardedSession
from ..index import TARGETS
from ..jobs.jobs import Progress, job_kind
from ..upkeep.trash import batches, throw_away

__all__ = ["deletemap_job", "namespaces_of"]

_AT_ONCE = 1000


def namespaces_of(db: GuardedSession, kind: TargetKind, id: int) -> Iterator[NamespaceUse]:
    """The namespaces of key-values on an object and on what lies in it, by name."""
    used: dict[str, tuple[set[int], int]] = {}
    for target, ids in _inside(db, kind, id).items():
        column = getattr(AnnotationLinkRow, TARGET_COLUMNS[target])
        for some in batches(ids):
            statement = (
                select(AnnotationRow.namespace, AnnotationRow.id, func.count(AnnotationLinkRow.id))
                .join(AnnotationLinkRow, AnnotationLinkRow.annotation_id == AnnotationRow.id)
                .where(AnnotationRow.kind == "key-values", column.in_(some))
                .group_by(AnnotationRow.namespace, AnnotationRow.id)
            )
            for namespace, annotation, links in db.execute(statement):
                known, count = used.get(namespace, (set(), 0))
                used[namespace] = known | {annotation}, count + links
    for namespace, (found_there, count) in sorted(used.items()):
        yield NamespaceUse(namespace=namespace, annotations=len(found_there), links=count)


def _inside(db: GuardedSession, kind: TargetKind, id: int) -> dict[str, set[int]]:
    """Ids of an object and of what lies in it, by kind."""
    found(db, TARGETS[kind], id)
    ids: dict[str, set[int]] = defaultdict(set)
    ids[kind].add(id)
    steps: tuple[tuple[str, Any, str, Any], ...] = (
        ("screen", ScreenPlateRow.parent_id, "plate", ScreenPlateRow.child_id),
        ("plate", WellRow.plate_id, "well", WellRow.id),
        ("well", FieldRow.well_id, "image", FieldRow.image_id),
        ("project", ProjectDatasetRow.parent_id, "dataset", ProjectDatasetRow.child_id),
        ("dataset", DatasetImageRow.parent_id, "image", DatasetImageRow.child_id),
    )
    for parent, column, child, inside in steps:
        for some in batches(ids.get(parent, ())):
            ids[child].update(db.scalars(select(inside).where(column.in_(some))))
    return ids


@job_kind("deletemap", freeing=True)
def deletemap_job(session: Any, arguments: dict[str, Any], progress: Progress) -> BulkmapReport:
    """Take key-values off an object and what lies in it."""
    kind, id = arguments["kind"], arguments["id"]
    namespaces = _namespaces(arguments["namespaces"], arguments["config"])
    links: dict[int, list[int]] = defaultdict(list)
    spaces: dict[int, str] = {}
    with session.reading() as (db, access):
        for link, annotation in _hanging(db, kind, id, namespaces):
            # Before the first goes, so that none goes where one must stay.
            access.require(link, "can_delete")
            links[annotation.id].append(link.id)
            spaces[annotation.id] = annotation.namespace
    counts: dict[str, list[int]] = {}
    gone = 0
    total = sum(map(len, links.values()))
    done = 0
    for some in _portions(links):
        if arguments["dry_run"]:
            with session.reading() as (db, access):
                orphans = _orphans(db, access, some)
        else:
            with session.writing(freeing=True) as unit:
                orphans = _take_off(unit, some)
        gone += len(orphans)
        for annotation_id, ids in some.items():
            count = counts.setdefault(spaces[annotation_id], [0, 0])
            count[0] += annotation_id in orphans
            count[1] += len(ids)
            done += len(ids)
        progress.tell(done, total, "taking key-values off")
    return BulkmapReport(
        removed=True,
        dry_run=arguments["dry_run"],
        annotations=gone,
        links=total,
        namespaces=tuple(
            NamespaceUse(namespace=namespace, annotations=count[0], links=count[1])
            for namespace, count in sorted(counts.items())
        ),
        notes=() if total else (f"there are no key-values in {', '.join(namespaces)}",),
    )


def _namespaces(asked: list[str] | None, config: str) -> tuple[str, ...]:
    if asked is not None:
        return tuple(asked)
    return bulkmap_of(config).namespaces if config else (BULK_ANNOTATIONS,)


def _hanging(
    db: GuardedSession, kind: TargetKind, id: int, namespaces: Iterable[str]
) -> Iterator[tuple[AnnotationLinkRow, AnnotationRow]]:
    for target, ids in _inside(db, kind, id).items():
        column = getattr(AnnotationLinkRow, TARGET_COLUMNS[target])
        for some in batches(ids):
            statement = (
                select(AnnotationLinkRow, AnnotationRow)
                .join(AnnotationRow, AnnotationRow.id == AnnotationLinkRow.annotation_id)
                .where(AnnotationRow.kind == "key-values", column.in_(some))
                .where(AnnotationRow.namespace.in_(tuple(namespaces)))
            )
            yield from db.execute(statement)


def _portions(links: dict[int, list[int]]) -> Iterator[dict[int, list[int]]]:
    """All links of an annotation go at once, so that it is known whether it goes, too."""
    portion: dict[int, list[int]] = {}
    count = 0
    for annotation, ids in links.items():
        portion[annotation] = ids
        count += len(ids)
        if count >= _AT_ONCE:
            yield portion
            portion, count = {}, 0
    if portion:
        yield portion


def _orphans(db: GuardedSession, access: Any, links: dict[int, list[int]]) -> set[int]:
    """The annotations that hang nowhere else and that the actor may delete."""
    going = {number for ids in links.values() for number in ids}
    staying = {
        link.annotation_id
        for link in alive(db, AnnotationLinkRow.annotation_id, links)
        if link.id not in going
    }
    rows = alive(db, AnnotationRow.id, set(links) - staying)
    return {row.id for row in rows if access.may(row, "can_delete")}


def _take_off(unit: Any, links: dict[int, list[int]]) -> set[int]:
    orphans = _orphans(unit.db, unit.access, links)
    rows: list[Any] = list(alive(unit.db, AnnotationRow.id, orphans))
    for some in batches(number for ids in links.values() for number in ids):
        wanted = select(AnnotationLinkRow).where(AnnotationLinkRow.id.in_(some))
        for link in unit.db.scalars(wanted):
            unit.access.require(link, "can_delete")
            rows.append(link)
    if rows:
        throw_away(unit, rows[0], rows)
    return orphans
