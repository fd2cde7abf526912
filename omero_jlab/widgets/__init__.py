"""What a notebook shows: the image viewer, the repository's browser, a table's rows and plot."""

from .browser import RepositoryBrowser
from .fetching import Answer, Fetch
from .linked import LinkedWidget
from .plot import PlotSelection, TablePlot
from .table import TableView
from .viewer import ImageViewer

__all__ = [
    "Answer",
    "Fetch",
    "ImageViewer",
    "LinkedWidget",
    "PlotSelection",
    "RepositoryBrowser",
    "TablePlot",
    "TableView",
]
