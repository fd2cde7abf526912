"""A microscopy image repository that lives in a Jupyter server."""

from .version import __version__

__all__ = ["__version__"]
