"""A table's gates: named populations, asked for by name and put together with & | ~."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import Invalid, NotFound
from ..model import ConditionGate, GateShape, Selection, gate_condition
from ..model import Gate as GateRecord
from ..operations import AnySession

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Gate", "Gates", "Population"]


class Population:
    """Rows that meet a condition; `&`, `|` and `~` make others of them."""

    def __init__(self, session: AnySession, table_id: int, condition: str) -> None:
        self._session = session
        self._table_id = table_id
        self.condition = condition

    def __and__(self, other: Population) -> Population:
        return self._with(other, "and")

    def __or__(self, other: Population) -> Population:
        return self._with(other, "or")

    def __invert__(self) -> Population:
        return Population(self._session, self._table_id, f"not ({self.condition})")

    def __len__(self) -> int:
        return self._session.tables.count(self._table_id, self.condition)

    def rows(self) -> DataFrame:
        """The rows, indexed by their permanent numbers."""
        frame: DataFrame = self._session.read_rows(
            self._table_id, Selection(condition=self.condition)
        )
        return frame

    def __repr__(self) -> str:
        return f"<{len(self):,} rows where {self.condition}>"

    def _with(self, other: Population, word: str) -> Population:
        if not isinstance(other, Population) or other._table_id != self._table_id:
            raise Invalid(
                "A gate is put together with gates of the same table, as in "
                'table.gates["big"] & ~table.gates["round"].'
            )
        condition = f"({self.condition}) {word} ({other.condition})"
        return Population(self._session, self._table_id, condition)


class Gate(Population):
    """A named population that is kept with its table."""

    def __init__(self, session: AnySession, record: GateRecord) -> None:
        super().__init__(session, record.table_id, gate_condition(record.name))
        self.record = record

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def shape(self) -> GateShape:
        """What was drawn, or the condition that it stands for."""
        return self.record.shape

    def delete(self) -> None:
        """Take it off the table."""
        self._session.gates.remove(self.record.id)

    def __repr__(self) -> str:
        return f"<Gate {self.name!r}: {len(self):,} rows>"


class Gates:
    """The gates of a table by their names.

    ``gates["big round"] = gates["big"] & gates["round"]`` keeps one that is put together; a
    shape of `omero_jlab.model` or a condition in words are taken as well.
    """

    def __init__(self, session: AnySession, table_id: int) -> None:
        self._session = session
        self._table_id = table_id

    def __iter__(self) -> Iterator[str]:
        return iter([record.name for record in self._records()])

    def __len__(self) -> int:
        return len(self._records())

    def __contains__(self, name: object) -> bool:
        return any(record.name == name for record in self._records())

    def __getitem__(self, name: str) -> Gate:
        records = self._records()
        for record in records:
            if record.name == name:
                return Gate(self._session, record)
        names = ", ".join(repr(record.name) for record in records) or "none"
        raise NotFound(f"Table {self._table_id} has no gate {name!r}; it has {names}.")

    def __setitem__(self, name: str, meant: GateShape | Population | str) -> None:
        known = next((record for record in self._records() if record.name == name), None)
        shape: GateShape
        if isinstance(meant, Population):
            if meant._table_id != self._table_id:
                raise Invalid(f"That population is of table {meant._table_id}, not of this one.")
            shape = ConditionGate(condition=meant.condition)
        else:
            shape = ConditionGate(condition=meant) if isinstance(meant, str) else meant
        color, version = ("", None) if known is None else (known.color, known.version)
        self._session.gates.put(self._table_id, name, shape, color, version)

    def __delitem__(self, name: str) -> None:
        self[name].delete()

    def __repr__(self) -> str:
        names = ", ".join(repr(name) for name in self) or "none yet"
        return f"<Gates of table {self._table_id}: {names}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(name)}</td><td>{len(self[name]):,}</td>"
            f"<td style='text-align:left'>{html.escape(_told(self[name].shape))}</td></tr>"
            for name in self
        )
        head = "<tr><th style='text-align:left'>gate</th><th>rows</th><th></th></tr>"
        return f"<table>{head}{rows}</table>"

    def _records(self) -> tuple[GateRecord, ...]:
        return self._session.gates.list(self._table_id)


def _told(shape: GateShape) -> str:
    if shape.kind == "polygon":
        return f"{shape.x} × {shape.y}, a polygon of {len(shape.points)} corners"
    return shape.condition
