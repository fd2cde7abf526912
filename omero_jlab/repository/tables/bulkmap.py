"""Key-values on images and wells, made of the rows of a table that name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from ...database import (
    TARGET_COLUMNS,
    AnnotationLinkRow,
    AnnotationRow,
    FieldRow,
    ImageRow,
    WellRow,
)
from ...errors import Invalid
from ...model import (
    BULK_ANNOTATIONS,
    BulkmapReport,
    Column,
    MadePairs,
    NamespaceUse,
    TableInfo,
    TargetKind,
)
from ...operations.paging import selection
from ...tables import Bulkmap, bulkmap_of
from ..containers import found
from ..deletion import alive
from ..guarded import GuardedSession
from ..index import TARGETS
from ..jobs.jobs import Progress, job_kind
from ..upkeep.trash import batches, throw_away

__all__ = ["bulk_table", "bulkmap_job"]

_AT_ONCE = 500
_SHOWN = 3
_MOST_PAIRS = 5_000_000
Target = tuple[str, int]


@dataclass
class _Made:
    """Key-values to be: new, or added to those that are there."""

    namespace: str
    pairs: list[tuple[str, str]]
    targets: dict[Target, None] = field(default_factory=dict)
    known: AnnotationRow | None = None


def bulk_table(session: Any, kind: TargetKind, id: int, table_id: int | None) -> TableInfo:
    """The table that is named, or the newest bulk annotation table of an object.

    Raises
    ------
    Invalid
        It has none, or the table names no images and no wells.
    """
    listed: tuple[TableInfo, ...] = session.tables.list(kind, id)
    if table_id is None:
        bulk = [info for info in listed if info.namespace == BULK_ANNOTATIONS]
        if not bulk:
            raise Invalid(
                f"{kind.capitalize()} {id} has no table of bulk annotations: populate one first, "
                f"or name a table that is attached elsewhere."
            )
        info = bulk[-1]
    else:
        info = session.tables.get(table_id)
    if not _linking(info.columns):
        raise Invalid(
            f"Table {info.id} ({info.name}) has no column of images or wells, on which key-values "
            f"could hang: attach it with populate, which makes them."
        )
    return info


def _linking(columns: Iterable[Column]) -> list[tuple[int, str]]:
    return [
        (place, str(column.target))
        for place, column in enumerate(columns)
        if column.kind == "link" and column.target in ("image", "well")
    ]


@job_kind("bulkmap")
def bulkmap_job(session: Any, arguments: dict[str, Any], progress: Progress) -> BulkmapReport:
    """Attach key-values made of a table's rows."""
    config = bulkmap_of(arguments["config"])
    table_id, dry_run = arguments["table_id"], arguments["dry_run"]
    wanted = arguments["namespaces"]
    for namespace in wanted or ():
        if namespace not in config.namespaces:
            told = ", ".join(config.namespaces[:20])
            raise Invalid(f"No group of the configuration has the namespace {namespace!r}: {told}.")
    info = session.tables.get(table_id)
    with session.reading() as (db, _):
        group_id = found(db, TARGETS[arguments["kind"]], arguments["id"]).group_id
    made, notes = _gathered(session, info, config, wanted, progress)
    with session.reading() as (db, _):
        _meet(db, made, config, group_id)
    report = BulkmapReport(
        dry_run=dry_run,
        table_id=table_id,
        annotations=sum(each.known is None for each in made),
        reused=sum(each.known is not None for each in made),
        links=sum(len(each.targets) for each in made),
        namespaces=tuple(_uses(made)),
        shown=tuple(
            MadePairs(
                namespace=each.namespace,
                pairs=tuple(each.pairs),
                targets=tuple(f"{kind} {number}" for kind, number in list(each.targets)[:_SHOWN]),
            )
            for each in made[:_SHOWN]
        ),
        notes=(*config.notes, *notes),
    )
    if not dry_run:
        _attach(session, made, group_id, progress)
    return report


def _gathered(
    session: Any,
    info: TableInfo,
    config: Bulkmap,
    wanted: list[str] | None,
    progress: Progress,
) -> tuple[list[_Made], list[str]]:
    """Key-values of all rows, those that are one by their primary keys joined."""
    names = [column.name for column in info.columns]
    groups = [g for g in config.groups(names) if wanted is None or g.namespace in wanted]
    linking = _linking(info.columns)
    seen = _Seen(session, config.well_to_images)
    keyed: dict[tuple[str, frozenset[tuple[str, str]]], _Made] = {}
    made: list[_Made] = []
    done = pairs_count = nowhere = keyless = 0
    for batch in session.read_batches(info.id, selection(names, version=info.table_version)):
        columns = [_words(batch.column(place + 1)) for place in range(len(names))]
        links = [(kind, batch.column(place + 1).to_pylist()) for place, kind in linking]
        seen.look(links)
        for number, row in enumerate(zip(*columns, strict=True)):
            targets = seen.targets((kind, ids[number]) for kind, ids in links)
            nowhere += not targets
            for group in groups if targets else ():
                pairs = group.pairs(row)
                if not pairs:
                    continue
                _check_pairs(group.namespace, pairs, done + number)
                primary = config.primary.get(group.namespace)
                if primary is None:
                    each = _Made(group.namespace, list(pairs))
                    made.append(each)
                elif missing := primary - {key for key, _ in pairs}:
                    if not config.skip_missing:
                        names_of = ", ".join(sorted(missing))
                        raise Invalid(
                            f"Row {done + number} of the table has no {names_of}, a primary key "
                            f"of {group.namespace}: ignore_missing_primary_key leaves such rows "
                            f"out."
                        )
                    keyless += 1
                    continue
                else:
                    key = frozenset(pair for pair in pairs if pair[0] in primary)
                    each = keyed.get((group.namespace, key)) or _Made(group.namespace, [])
                    if not each.pairs:
                        keyed[group.namespace, key] = each
                        made.append(each)
                    known = set(each.pairs)
                    each.pairs += [pair for pair in pairs if pair not in known]
                each.targets |= targets
                pairs_count += len(pairs)
        if pairs_count > _MOST_PAIRS:
            raise Invalid(
                f"The table makes more than {_MOST_PAIRS:,} pairs: choose fewer columns, or "
                f"namespaces one after the other."
            )
        done += batch.num_rows
        progress.tell(done, info.rows, "reading rows")
    notes = seen.notes()
    if nowhere:
        notes.append(f"{nowhere:,} rows name no image and no well, and were left out")
    if keyless:
        notes.append(f"{keyless:,} times a primary key is missing, and nothing was made of it")
    return made, notes


def _check_pairs(namespace: str, pairs: tuple[tuple[str, str], ...], row: int) -> None:
    if len(set(pairs)) < len(pairs):
        twice = next(pair for pair in pairs if pairs.count(pair) > 1)
        raise Invalid(
            f"Row {row} of the table gives {twice[0]!r}: {twice[1]!r} twice in {namespace}, which "
            f"OMERO does not allow: omitempty leaves out empty values, clientname renames keys."
        )
    if not all(key.strip() for key, _ in pairs):
        raise Invalid(f"Row {row} of the table gives a key without a name in {namespace}.")


def _words(column: Any) -> list[str | None]:
    """Cells as OMERO shows them; None where a value is missing."""
    return [
        None if value is None or value != value else _word(value) for value in column.to_pylist()
    ]


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


class _Seen:
    """The objects of a table that are there and that the actor sees."""

    def __init__(self, session: Any, well_to_images: bool) -> None:
        self._session = session
        self._well_to_images = well_to_images
        self._known: dict[str, set[int]] = {"image": set(), "well": set()}
        self._gone: dict[str, set[int]] = {"image": set(), "well": set()}
        self._images: dict[int, list[int]] = {}

    def look(self, links: list[tuple[str, list[int | None]]]) -> None:
        """Learn of the objects that a batch names."""
        with self._session.reading() as (db, _):
            for kind, ids in links:
                row_class: Any = ImageRow if kind == "image" else WellRow
                known, gone = self._known[kind], self._gone[kind]
                new = {number for number in ids if number is not None} - known - gone
                for some in batches(new):
                    known.update(db.scalars(select(row_class.id).where(row_class.id.in_(some))))
                    if kind == "well" and self._well_to_images:
                        fields = select(FieldRow.well_id, FieldRow.image_id)
                        for well, image in db.execute(fields.where(FieldRow.well_id.in_(some))):
                            self._images.setdefault(well, []).append(image)
                gone |= new - known

    def targets(self, links: Iterable[tuple[str, int | None]]) -> dict[Target, None]:
        """What the key-values of a row hang on."""
        made: dict[Target, None] = {}
        for kind, number in links:
            if number is not None and number in self._known[kind]:
                made[kind, number] = None
                if kind == "well":
                    made |= {("image", image): None for image in self._images.get(number, ())}
        return made

    def notes(self) -> list[str]:
        """What is named and not there."""
        return [
            f"{len(ids):,} {kind}s that the table names are not there any more, or not for you"
            for kind, ids in self._gone.items()
            if ids
        ]


def _meet(db: GuardedSession, made: list[_Made], config: Bulkmap, group_id: int) -> None:
    """Find the key-values that are there already, by their primary keys."""
    for namespace, primary in config.primary.items():
        wanted = {
            frozenset(pair for pair in each.pairs if pair[0] in primary): each
            for each in made
            if each.namespace == namespace
        }
        statement = select(AnnotationRow).where(
            AnnotationRow.kind == "key-values",
            AnnotationRow.namespace == namespace,
            AnnotationRow.group_id == group_id,
        )
        for row in db.scalars(statement.order_by(AnnotationRow.id)) if wanted else ():
            key = frozenset((k, v) for k, v in row.pairs if k in primary)
            each = wanted.get(key)
            if each is not None and each.known is None:
                each.known = row


def _uses(made: Iterable[_Made]) -> Iterator[NamespaceUse]:
    counts: dict[str, list[int]] = {}
    for each in made:
        count = counts.setdefault(each.namespace, [0, 0])
        count[0] += each.known is None
        count[1] += len(each.targets)
    for namespace, (new, links) in counts.items():
        yield NamespaceUse(namespace=namespace, annotations=new, links=links)


def _attach(session: Any, made: list[_Made], group_id: int, progress: Progress) -> None:
    """Write everything, a bounded number of rows at a time; where it fails, what is new goes."""
    total = sum(len(each.targets) for each in made)
    created: list[int] = []
    done = 0
    try:
        for some in _portions(made):
            with session.writing() as unit:
                created += _written(unit, some, group_id)
            done += sum(len(targets) for _, targets in some)
            progress.tell(done, total, "attaching key-values")
    except BaseException:
        _take_back(session, created)
        raise


def _portions(made: list[_Made]) -> Iterator[list[tuple[_Made, list[Target]]]]:
    portion: list[tuple[_Made, list[Target]]] = []
    room = _AT_ONCE
    for each in made:
        targets = list(each.targets)
        while targets:
            portion.append((each, targets[:room]))
            room -= len(portion[-1][1])
            targets = targets[len(portion[-1][1]) :]
            if room <= 0:
                yield portion
                portion, room = [], _AT_ONCE
    if portion:
        yield portion


def _written(unit: Any, some: list[tuple[_Made, list[Target]]], group_id: int) -> list[int]:
    owned = {"owner_id": unit.access.actor.user_id, "group_id": group_id}
    new, before = [], set()
    for each, _ in some:
        pairs = [[key, value] for key, value in each.pairs]
        if each.known is None:
            each.known = AnnotationRow(
                kind="key-values", pairs=pairs, namespace=each.namespace, **owned
            )
            unit.db.add(each.known)
            new.append(each.known)
        elif each.known.id is not None:
            row = found(unit.db, AnnotationRow, each.known.id)
            more = [pair for pair in pairs if pair not in row.pairs]
            if more:
                row.pairs = [*row.pairs, *more]
            before.add(row.id)
    unit.db.flush()
    hanging: set[tuple[int, str, int]] = set()
    for link in alive(unit.db, AnnotationLinkRow.annotation_id, before):
        for kind, column in TARGET_COLUMNS.items():
            if getattr(link, column) is not None:
                hanging.add((link.annotation_id, kind, getattr(link, column)))
    for each, targets in some:
        assert each.known is not None
        number = each.known.id
        for kind, target in targets:
            if (number, kind, target) not in hanging:
                place = {TARGET_COLUMNS[kind]: target}
                unit.db.add(AnnotationLinkRow(annotation_id=number, **place, **owned))
    unit.db.flush()
    return [row.id for row in new]


def _take_back(session: Any, created: list[int]) -> None:
    for some in batches(created):
        with session.writing(freeing=True) as unit:
            rows: list[Any] = list(alive(unit.db, AnnotationRow.id, some))
            links = list(alive(unit.db, AnnotationLinkRow.annotation_id, some))
            if rows:
                throw_away(unit, rows[0], [*rows, *links])
