"""What a notebook shows: the image viewer, the repository's browser, the plot of a table."""

from .browser import RepositoryBrowser
from .fetching import Answer, Fetch
from .plot import PlotSelection, TablePlot
from .viewer import ImageViewer

__all__ = ["Answer", "Fetch", "ImageViewer", "PlotSelection", "RepositoryBrowser", "TablePlot"]
