"""A table as points: gates drawn among them, and the cells that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import traitlets
from pydantic import TypeAdapter

from ..errors import Invalid
from ..model import GateShape, gate_condition
from .fetching import STATIC
from .linked import LinkedWidget
from .viewer import ImageViewer

__all__ = ["PlotSelection", "TablePlot"]

_SHAPE: TypeAdapter[GateShape] = TypeAdapter(GateShape)


class PlotSelection(NamedTuple):
    """The rows selected in a plot: their ids, and the condition that they meet."""

    row_ids: list[int]
    condition: str


class TablePlot(LinkedWidget):
    """Shows rows as points; what is changed on the page is found in the attributes, and back.

    Attributes
    ----------
    table_id, condition : the table, and which of its rows are plotted (None for all)
    x, y, color : the columns; color may be None
    log_x, log_y : whether the axes are logarithmic
    tool : what the mouse does: pan, lasso, rectangle or range
    shape : what was drawn, as `omero_jlab.model.GateShape` in JSON; None for nothing
    gate : the name of the gate whose rows are selected, or None
    row : the id of the row that was clicked, or None
    image_id, image_column : the image that all rows are of, or the column that names it
    label_column, labels_id, labels_name
        The column with the number of a row's object, and the label image that has these numbers
        (by id, or by name where there is one for each image)
    link_id : what a viewer's `links` hold, so that it follows this plot to other images
    """

    _esm = STATIC / "plot.js"

    condition = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    x = traitlets.Unicode().tag(sync=True)
    y = traitlets.Unicode().tag(sync=True)
    color = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    log_x = traitlets.Bool().tag(sync=True)
    log_y = traitlets.Bool().tag(sync=True)
    tool = traitlets.Enum(("pan", "lasso", "rectangle", "range"), "pan").tag(sync=True)
    shape = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
    gate = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    gates_version = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        *,
        query: Callable[[str], Any] | None = None,
        keep: Callable[[str, GateShape, str], None] | None = None,
        open_image: Callable[[int], ImageViewer] | None = None,
        **traits: Any,
    ) -> None:
        super().__init__(query=query, open_image=open_image, **traits)
        self._keep = keep

    @property
    def selection(self) -> PlotSelection:
        """The rows that are selected, nobody's where nothing is; asked of the table itself."""
        condition = self._selected()
        if condition is None:
            return PlotSelection([], "")
        return PlotSelection([int(i) for i in self._rows(condition).index], condition)

    @property
    def selected(self) -> Any:
        """The rows that are selected, as a `pandas.DataFrame` with all columns.

        Without a gate it is the row that was clicked, if there is one.
        """
        condition = self._selected()
        if condition is None:
            condition = f"row_id == {-1 if self.row is None else self.row}"
        return self._rows(condition)

    def keep(self, name: str, color: str = "") -> None:
        """Keep what was drawn as a gate of the table.

        Raises
        ------
        Invalid
            Nothing was drawn.
        """
        if self.shape is None or self._keep is None:
            raise Invalid("Nothing is drawn that could be kept: take the lasso, and draw.")
        self._keep(name, _SHAPE.validate_python(self.shape), color)
        self.gates_version += 1
        self.set_trait("shape", None)
        self.gate = name

    def _selected(self) -> str | None:
        if self.shape is not None:
            found: str = _SHAPE.validate_python(self.shape).condition
        elif self.gate is not None:
            found = gate_condition(self.gate)
        else:
            return None
        return f"({self.condition}) and {found}" if self.condition else found
