"""Rows of a file of annotations, with links to the objects that its cells name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow  # type: ignore[import-untyped]

from ...errors import Invalid
from ...model import Column, LinkTarget, Unresolved
from ...tables import LINE, Converted, Role
from .resolve import Objects, Scope

__all__ = ["Populating"]

_LISTED = 1000
_NAME = {
    "image": "Image", "well": "Well", "plate": "Plate", "dataset": "Dataset", "roi": "Roi",
}  # fmt: skip
# Wells are found in their plate, and images in theirs or in their dataset.
_ORDER = ("plate", "dataset", "well", "image", "roi")


@dataclass(frozen=True)
class _Cells:
    """A column of the file that names objects."""

    place: int
    name: str
    role: Role


@dataclass
class Populating:
    """Turns batches of a bulk file into batches of a table.

    A column that names objects becomes one of links, in its place, and their names follow in a
    column of its own, as `Well` and `Well Name`; where names stay (`Image Name`), a column of links
    (`Image`) is added.

    Attributes
    ----------
    unresolved : the first thousand cells that name no one object
    unresolved_count : how many there are
    empty : how many cells name nothing, by column
    left_out : how many rows are of another plate or dataset than the one that they are for
    """

    made: Converted
    objects: Objects
    unresolved: list[Unresolved] = field(default_factory=list)
    unresolved_count: int = 0
    empty: dict[str, int] = field(default_factory=dict)
    left_out: int = 0

    def __post_init__(self) -> None:
        self._cells = self._found_cells()
        kept = [column for column in self.made.columns if column.name != LINE]
        self._kept = [self._as_link(column) for column in kept]
        self._added = self._found_added([column.name for column in kept])
        self.columns = (*self._kept, *(column for column, _, _ in self._added))

    def _found_cells(self) -> dict[str, _Cells]:
        """The column of each kind of object: by id or either before by name."""
        found: dict[str, _Cells] = {}
        for place, (column, role) in enumerate(
            zip(self.made.columns, self.made.roles, strict=False)
        ):
            if role.object is None:
                continue
            before = found.get(role.object)
            if before is None or (before.role.named and not role.named):
                found[role.object] = _Cells(place, column.name, role)
        return found

    def check(self) -> None:
        """Raise `Invalid` where no column names an object."""
        if not self._cells:
            names = ", ".join(column.name for column in self.made.columns[:8])
            raise Invalid(
                f"No column names images, wells, plates, datasets or ROIs (there are {names}): "
                f"call one Image, Image Name, Well, Plate, Dataset or Roi, or say it in a first "
                f"line such as '# header image,d,s'."
            )

    def _as_link(self, column: Column) -> Column:
        for kind, cells in self._cells.items():
            if cells.name == column.name and not cells.role.named:
                return _link(column.name, kind)
        return column

    def _found_added(self, names: Sequence[str]) -> list[tuple[Column, str, bool]]:
        """Columns to be added, of which kind of object, and whether they are its names."""
        taken = {name.lower() for name in names}
        found = []
        for kind in _ORDER:
            cells = self._cells.get(kind)
            if cells is None:
                continue
            is_name = not cells.role.named
            name = f"{_NAME[kind]} Name" if is_name else _NAME[kind]
            if kind == "dataset" and not is_name and "image" in self._cells:
                continue
            if name.lower() in taken:
                continue
            text = Column(name=name, kind="string", dtype="string", nullable=True)
            found.append((text if is_name else _link(name, kind), kind, is_name))
        return found

    def batches(self, batches: Iterator[pyarrow.RecordBatch]) -> Iterator[list[pyarrow.Array]]:
        """The values of `columns`, batch by batch; what is not resolved is without a link."""
        for whole in batches:
            batch = self._of_target(whole)
            lines = batch.column(batch.num_columns - 1).to_pylist()
            ids = self._resolved(batch, lines)
            arrays = []
            for place, column in enumerate(self._kept):
                if column.kind == "link":
                    target = str(column.target)
                    arrays.append(pyarrow.array(ids[target], pyarrow.int64()))
                else:
                    arrays.append(batch.column(place))
            for _, kind, is_name in self._added:
                if is_name:
                    # What names no object stays as it was told.
                    told = batch.column(self._cells[kind].place).to_pylist()
                    words = [
                        cell if number is None else self.objects.label(kind, number)
                        for cell, number in zip(told, ids[kind], strict=True)
                    ]
                    arrays.append(pyarrow.array(words, pyarrow.large_string()))
                else:
                    arrays.append(pyarrow.array(ids[kind], pyarrow.int64()))
            yield arrays

    def _of_target(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """The rows that speak of the plate or dataset that the file is for.

        So a screen's file serves each of its plates, as with OMERO's.
        """
        own = self.objects.own
        cells = self._cells.get(own[0]) if own is not None else None
        if own is None or cells is None:
            return batch
        kind, number, name = own
        words = batch.column(cells.place).to_pylist()
        told = [(word or "").strip() for word in words]
        # What names nothing, or a plate that there is nowhere, is told as such.
        others = [
            bool(word) and word != name and not (cells.role.by != "name" and word == str(number))
            for word in told
        ]
        if kind == "plate" or cells.role.named:
            self.left_out += sum(others)
            return batch.filter(pyarrow.array([not other for other in others], pyarrow.bool_()))
        return batch

    def _resolved(self, batch: pyarrow.RecordBatch, lines: list[int]) -> dict[str, list[Any]]:
        """Ids of each kind of object, None where the cell names none."""
        found: dict[str, list[Any]] = {}
        known: dict[tuple[str, str, Scope], Any] = {}
        # What lies in a plate or dataset that is not there is not looked for elsewhere.
        lost: set[int] = set()
        for kind in (each for each in _ORDER if each in self._cells):
            cells = self._cells[kind]
            plates = found.get("plate", [None] * len(lines))
            datasets = found.get("dataset", [None] * len(lines))
            ids: list[Any] = []
            words = batch.column(cells.place).to_pylist()
            for line, word, plate, dataset in zip(lines, words, plates, datasets, strict=True):
                cell = (word or "").strip()
                if line in lost and kind in ("well", "image"):
                    ids.append(None)
                    continue
                if not cell:
                    self.empty[cells.name] = self.empty.get(cells.name, 0) + 1
                    ids.append(None)
                    continue
                scope: Scope = (plate, dataset)
                key = (kind, cell, scope)
                if key not in known:
                    known[key] = self.objects.find(kind, cell, cells.role.by, scope)
                answer = known[key]
                if isinstance(answer, str):
                    self._missed(line, cells.name, cell, answer)
                    lost.add(line)
                    answer = None
                ids.append(answer)
            found[kind] = ids
        return found

    def _missed(self, line: int, column: str, value: str, reason: str) -> None:
        self.unresolved_count += 1
        if len(self.unresolved) < _LISTED:
            self.unresolved.append(
                Unresolved(line=line, column=column, value=value[:200], reason=reason)
            )

    def notes(self) -> tuple[str, ...]:
        """What is to be known of the links."""
        empty = [
            f"{count:,} rows name nothing in column {name!r}" for name, count in self.empty.items()
        ]
        if self.left_out and self.objects.own is not None:
            kind, number, _ = self.objects.own
            empty.append(f"{self.left_out:,} rows are of another {kind} than {number}: left out")
        return tuple(empty)


def _link(name: str, kind: str) -> Column:
    target = cast(LinkTarget, kind)
    return Column(name=name, kind="link", dtype="int64", target=target, nullable=True)
