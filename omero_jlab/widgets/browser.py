"""The repository at a glance: tree, thumbnails, filter, search, metadata."""

from __future__ import annotations

import traitlets

from .fetching import STATIC, FetchingWidget

__all__ = ["RepositoryBrowser"]


class RepositoryBrowser(FetchingWidget):
    """Shows the repository; a double click on a thumbnail opens the image below.

    Attributes
    ----------
    selected : what is marked among the thumbnails: dicts of kind and id
    filter : only what has this in its name is shown
    opened, opened_table : the image, or the table, that is shown below the thumbnails, or None
    """

    _esm = STATIC / "browser.js"

    selected = traitlets.List(traitlets.Dict()).tag(sync=True)
    filter = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Int(None, allow_none=True).tag(sync=True)
    opened_table = traitlets.Int(None, allow_none=True).tag(sync=True)
