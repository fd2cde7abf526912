"""What a condition is made of, each part knowing what kind of value it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...model import Column

__all__ = [
    "All", "Any", "Arithmetic", "Comparison", "Condition", "Constant", "Inside", "Kind", "Member",
    "Missing", "Name", "Negative", "Node", "Not", "Text",
]  # fmt: skip

Kind = Literal["truth", "number", "text", "time", "array"]

_KINDS: dict[str, Kind] = {
    "bool": "truth",
    "integer": "number",
    "float": "number",
    "string": "text",
    "timestamp": "time",
    "array": "array",
    "link": "number",
}


@dataclass(frozen=True, slots=True)
class Name:
    """The values of a column."""

    column: Column

    @property
    def kind(self) -> Kind:
        return _KINDS[self.column.kind]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value from the condition itself; a time is microseconds since 1970."""

    value: bool | int | float | str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Node
    kind: Kind = "number"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operator` is one of + - * /."""

    operator: str
    left: Node
    right: Node
    kind: Kind = "number"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator` is one of < <= > >= == !=; a constant never stands on the left."""

    operator: str
    left: Node
    right: Node
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class Member:
    """Whether a value is one of `values`; a missing one never is."""

    operand: Node
    values: tuple[bool | int | float | str, ...]
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class Text:
    """Whether a text contains, starts with or ends with `wanted`."""

    test: Literal["contains", "startswith", "endswith"]
    operand: Node
    wanted: str
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a value is missing or NaN."""

    operand: Node
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class Inside:
    """Whether (`x`, `y`) lies inside of a polygon, whose edges are straight on a log axis or not.

    `corners` are in the coordinates of the axes: logarithms where the axis is one.
    """

    x: Node
    y: Node
    corners: tuple[tuple[float, float], ...]
    log_x: bool = False
    log_y: bool = False
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Node, ...]
    kind: Kind = "truth"


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple[Node, ...]
    kind: Kind = "truth"


Node = (
    Name
    | Constant
    | Negative
    | Arithmetic
    | Comparison
    | Member
    | Text
    | Missing
    | Inside
    | Not
    | All
    | Any
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was understood: its text, and the names of the columns it reads."""

    text: str
    root: Node
    columns: tuple[str, ...]
