"""Gates of tables: named populations, each with an owner of its own."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping

from pydantic import TypeAdapter
from sqlalchemy import select

from ...database import AnnotationRow, GateRow
from ...errors import Conflict, Invalid, NotFound
from ...model import Column, Gate, GateShape, TableCells, TableInfo, gate_condition
from ...tables import parse
from ..access import Access
from ..containers import check_name, found
from ..guarded import GuardedSession
from ..records import annotation_record, owned
from ..work import Work, fresh
from .cells import cells_of

__all__ = ["Gates", "conditions_of"]

_SHAPE: TypeAdapter[GateShape] = TypeAdapter(GateShape)
_COLOR = re.compile(r"([0-9A-Fa-f]{6})?")
_MOST_GATES = 200

Columns = tuple[Column, ...]


class Gates:
    """Named populations of a table's rows."""

    def __init__(self, session: Work) -> None:
        self._session = session

    def list(self, table_id: int) -> tuple[Gate, ...]:
        """The gates of a table, in the order in which they were made."""
        with self._session.reading() as (db, access):
            _table(db, table_id)
            return tuple(_record(row, access) for row in _rows(db, table_id))

    def cells(self, table_id: int) -> TableCells:
        """In which images, and under which numbers there, the rows of a table are cells."""
        with self._session.reading() as (db, access):
            return cells_of(db, _info(db, access, _table(db, table_id)))

    def put(
        self,
        table_id: int,
        name: str,
        shape: GateShape,
        color: str = "",
        version: int | None = None,
    ) -> Gate:
        """Keep a gate with a table, or change the one of that name, of which `version` is read.

        Raises
        ------
        Conflict
            There is one of that name, which is at another version.
        Invalid
            The name, colour or condition cannot be; the table has too many gates.
        """
        check_name(name)
        if not name.isprintable():
            raise Invalid(f"The name {name!r} has characters that cannot be shown in a legend.")
        if not _COLOR.fullmatch(color):
            raise Invalid(f"Gate {name!r} has the colour {color!r}: colours are RRGGBB.")
        with self._session.writing() as unit:
            table = _table(unit.db, table_id)
            rows = _rows(unit.db, table_id)
            others = {row.name: _condition(row) for row in rows if row.name != name}
            known = next((row for row in rows if row.name == name), None)
            gates = others | {name: shape.condition}
            # By its name, so that a gate made of itself is noticed.
            parse(gate_condition(name), _columns(unit.db, unit.access, table), lambda: gates)
            if known is None:
                if version is not None:
                    raise NotFound(f"Table {table_id} has no gate {name!r} that could be changed.")
                if len(rows) >= _MOST_GATES:
                    raise Invalid(f"Table {table_id} has {len(rows)} gates; remove some first.")
                unit.access.require(table, "can_annotate")
                known = GateRow(table_id=table_id, name=name)
                known.color, known.shape = color.upper(), shape.model_dump(mode="json")
                return unit.answer(_record(unit.new(known, table.group_id), unit.access))
            unit.access.require(known, "can_edit")
            if version is None:
                raise Conflict(
                    f"Table {table_id} has a gate {name!r} already: take another name, or send "
                    f"its version ({known.version}) to change it."
                )
            fresh(known, version)
            known.color, known.shape = color.upper(), shape.model_dump(mode="json")
            unit.db.flush()
            return unit.answer(_record(known, unit.access))

    def remove(self, gate_id: int) -> None:
        """Remove a gate from its table.

        Raises
        ------
        Conflict
            Another gate is made of it.
        """
        with self._session.writing() as unit:
            row = found(unit.db, GateRow, gate_id)
            unit.access.require(row, "can_delete")
            columns = _columns(unit.db, unit.access, _table(unit.db, row.table_id))
            gates = {each.name: _condition(each) for each in _rows(unit.db, row.table_id)}
            left = {each: condition for each, condition in gates.items() if each != row.name}
            users = [
                each
                for each, condition in left.items()
                if _means(condition, columns, gates) and not _means(condition, columns, left)
            ]
            if users:
                raise Conflict(
                    f"Gate {row.name!r} is part of {', '.join(map(repr, users))}: remove those "
                    f"first."
                )
            unit.db.delete(row)
            return unit.answer(None)


def conditions_of(session: Work, table_id: int) -> Mapping[str, str]:
    """The conditions of a table's gates by their names."""
    with session.reading() as (db, _):
        return {row.name: _condition(row) for row in _rows(db, table_id)}


def _table(db: GuardedSession, table_id: int) -> AnnotationRow:
    row = db.get(AnnotationRow, table_id)
    if row is None or row.kind != "table":
        raise NotFound(f"There is no table {table_id}.")
    return row


def _columns(db: GuardedSession, access: Access, table: AnnotationRow) -> Columns:
    return _info(db, access, table).columns


def _info(db: GuardedSession, access: Access, table: AnnotationRow) -> TableInfo:
    record = annotation_record(db, access, table)
    assert isinstance(record, TableInfo)
    return record


def _rows(db: GuardedSession, table_id: int) -> builtins.list[GateRow]:
    statement = select(GateRow).where(GateRow.table_id == table_id).order_by(GateRow.id)
    return [*db.scalars(statement)]


def _condition(row: GateRow) -> str:
    return _SHAPE.validate_python(row.shape).condition


def _means(condition: str, columns: Columns, gates: Mapping[str, str]) -> bool:
    try:
        parse(condition, columns, lambda: gates)
    except Invalid:
        return False
    return True


def _record(row: GateRow, access: Access) -> Gate:
    return Gate(
        **owned(row, access),
        table_id=row.table_id,
        name=row.name,
        color=row.color,
        shape=_SHAPE.validate_python(row.shape),
    )
