"""A table's rows, page by page."""

from __future__ import annotations

import traitlets

from .fetching import STATIC
from .linked import LinkedWidget

__all__ = ["TableView"]


class TableView(LinkedWidget):
    """Shows rows; what is changed on the page is found in the attributes, and back.

    Attributes
    ----------
    condition : only rows that meet it are shown; empty for all
    order_by, descending : the column that sorts (None: as the rows were added), and which way
    """

    _esm = STATIC / "table.js"

    condition = traitlets.Unicode().tag(sync=True)
    order_by = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    descending = traitlets.Bool().tag(sync=True)
