"""Gates: named populations of a table's rows, drawn in a plot or put together from others.

A gate is a condition with a shape.  `condition` of each shape is what it means, in the language
of conditions, and the only thing that is ever evaluated.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from .record import Owned, Record

__all__ = [
    "MOST_POINTS",
    "ConditionGate",
    "Gate",
    "GateShape",
    "PolygonGate",
    "RangeGate",
    "RectangleGate",
    "TableCells",
    "gate_condition",
]

MOST_POINTS = 400


class PolygonGate(Record):
    """The rows whose (`x`, `y`) lies inside of a polygon, by the even-odd rule.

    Its corners are values of the columns.  With `log_x` its edges are straight where x has a
    logarithmic axis, and values of 0 or less lie outside.  A point on a left or lower edge is
    inside, one on a right or upper edge outside: gates that share an edge share no row.
    """

    kind: Literal["polygon"] = "polygon"
    x: str
    y: str
    points: Annotated[
        tuple[tuple[FiniteFloat, FiniteFloat], ...], Field(min_length=3, max_length=MOST_POINTS)
    ]
    log_x: bool = False
    log_y: bool = False

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for axis, is_log in enumerate((self.log_x, self.log_y)):
            if is_log and min(point[axis] for point in self.points) <= 0:
                raise ValueError("a corner on a logarithmic axis must be above 0")
        return self

    @property
    def condition(self) -> str:
        """The gate as a condition."""
        numbers = ", ".join(repr(value) for point in self.points for value in point)
        log = "x" * self.log_x + "y" * self.log_y
        scale = f', "log {log}"' if log else ""
        return f"inside({_quoted(self.x)}, {_quoted(self.y)}, [{numbers}]{scale})"


class RangeGate(Record):
    """The rows with `low` <= `x` <= `high`; an end that is None is open."""

    kind: Literal["range"] = "range"
    x: str
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        _check_range(self.x, self.low, self.high)
        return self

    @property
    def condition(self) -> str:
        """The gate as a condition."""
        return _between(self.x, self.low, self.high)


class RectangleGate(Record):
    """The rows in a range of `x` and a range of `y`, ends included."""

    kind: Literal["rectangle"] = "rectangle"
    x: str
    y: str
    x_low: FiniteFloat
    x_high: FiniteFloat
    y_low: FiniteFloat
    y_high: FiniteFloat

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        _check_range(self.x, self.x_low, self.x_high)
        _check_range(self.y, self.y_low, self.y_high)
        return self

    @property
    def condition(self) -> str:
        """The gate as a condition."""
        return " and ".join(
            (_between(self.x, self.x_low, self.x_high), _between(self.y, self.y_low, self.y_high))
        )


class ConditionGate(Record):
    """The rows that meet a condition, such as `gate("big") & ~gate("round")`."""

    kind: Literal["condition"] = "condition"
    condition: str


GateShape = Annotated[
    PolygonGate | RangeGate | RectangleGate | ConditionGate, Field(discriminator="kind")
]


class Gate(Owned):
    """A gate of a table; `color` is RRGGBB, or empty for one that the plot chooses."""

    table_id: int
    name: str
    color: str = ""
    shape: GateShape


class TableCells(Record):
    """How the rows of a table are cells.

    All rows are of image `image_id`, or each is of the image in `image_column`; `label_column`
    holds the number of the row's object in a label image, which is `labels_id`, or the one named
    `labels_name` over each image.  What is not known is None or empty.
    """

    image_id: int | None = None
    image_column: str = ""
    label_column: str = ""
    labels_id: int | None = None
    labels_name: str = ""


def gate_condition(name: str) -> str:
    """The condition of being in the gate of that name."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'gate("{escaped}")'


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _between(name: str, low: float | None, high: float | None) -> str:
    column = _quoted(name)
    if low is None:
        return f"{column} <= {high!r}"
    return f"{column} >= {low!r}" if high is None else f"{column} between {low!r} and {high!r}"


def _check_range(name: str, low: float | None, high: float | None) -> None:
    if low is None and high is None:
        raise ValueError(f"a range of {name} needs one end at least")
    if low is not None and high is not None and low > high:
        raise ValueError(f"a range of {name} cannot begin at {low} and end at {high}")
