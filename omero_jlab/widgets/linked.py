"""What shows a table's rows beside viewers: which cells the rows are, and who follows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from ..errors import Invalid
from .fetching import FetchingWidget
from .viewer import ImageViewer

__all__ = ["LinkedWidget"]


class LinkedWidget(FetchingWidget):
    """Shows rows of a table; viewers on the same page mark the cell of a row that is clicked.

    Attributes
    ----------
    table_id : the table
    row : the id of the row that was clicked, or None
    image_id, image_column : the image that all rows are of, or the column that names it
    label_column, labels_id, labels_name
        The column with the number of a row's object, and the label image that has these numbers
        (by id, or by name where there is one for each image)
    link_id : what a viewer's `links` hold, so that it follows to other images
    """

    table_id = traitlets.Int().tag(sync=True)
    row = traitlets.Int(None, allow_none=True).tag(sync=True)
    image_id = traitlets.Int(None, allow_none=True).tag(sync=True)
    image_column = traitlets.Unicode().tag(sync=True)
    label_column = traitlets.Unicode().tag(sync=True)
    labels_id = traitlets.Int(None, allow_none=True).tag(sync=True)
    labels_name = traitlets.Unicode().tag(sync=True)
    link_id = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        *,
        query: Callable[[str], Any] | None = None,
        open_image: Callable[[int], ImageViewer] | None = None,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self._query = query
        self._open_image = open_image

    @property
    def selected(self) -> Any:
        """The row that was clicked, as a `pandas.DataFrame` with all columns; empty for none."""
        return self._rows(f"row_id == {-1 if self.row is None else self.row}")

    def view(self, image: Any = None) -> ImageViewer:
        """A viewer that follows: of `image`, or of the one the marked row is in.

        Raises
        ------
        Invalid
            The table does not say in which image its rows are.
        """
        if image is None:
            image_id = self._image_shown()
            if self._open_image is None:
                raise Invalid("There is no repository behind this widget.")
            viewer = self._open_image(image_id)
        else:
            viewer = image.view()
        return self.link(viewer)

    def link(self, viewer: ImageViewer) -> ImageViewer:
        """Let a viewer follow to other images.

        On the image that it shows it marks the cells in any case, and a click on a cell marks its
        row.
        """
        viewer.links = [*viewer.links, self.link_id]
        return viewer

    def _rows(self, condition: str) -> Any:
        if self._query is None:
            raise Invalid("There is no repository behind this widget.")
        return self._query(condition)

    def _image_shown(self) -> int:
        if self.image_id is not None:
            return self.image_id
        if self.image_column:
            rows = self.selected
            if not len(rows):
                rows = self._rows("row_id >= 0")
            if len(rows):
                return int(rows[self.image_column].iloc[0])
        raise Invalid(
            "The table does not say in which image its rows are: name it, as in .view(image)."
        )
