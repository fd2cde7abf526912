"""What a notebook shows: the image viewer and the repository's browser."""

from .browser import RepositoryBrowser
from .fetching import Answer, Fetch
from .viewer import ImageViewer

__all__ = ["Answer", "Fetch", "ImageViewer", "RepositoryBrowser"]
