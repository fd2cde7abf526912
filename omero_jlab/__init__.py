"""A microscopy image repository that lives in a Jupyter server.

>>> import omero_jlab
>>> repo = omero_jlab.connect()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .objects import Repository

__all__ = ["__version__", "connect"]


def connect(*args: Any, **kwargs: Any) -> Repository:
    """The repository, wherever it is; for the arguments see `omero_jlab.connection.connect`.

    Without arguments it is that of this Jupyter server, of the process that has your default
    repository open, or the default repository itself, opened in this process.
    """
    from .connection import connect as find
    from .objects import Repository

    return Repository(find(*args, **kwargs))


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server.app import RepositoryApp

    return [{"module": "omero_jlab", "app": RepositoryApp}]
