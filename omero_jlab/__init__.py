"""A microscopy image repository that lives in a Jupyter server.

>>> import omero_jlab
>>> repo = omero_jlab.connect()
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .objects import Repository

__all__ = ["__version__", "connect"]


def connect(
    url_or_path: str | PathLike[str] | None = None,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    group: str | int | None = None,
) -> Repository:
    """The repository, wherever it is.

    Without arguments it is that of this Jupyter server, of the process that has your default
    repository open, or the default repository itself, opened in this process.

    Parameters
    ----------
    url_or_path
        A server's address, or a repository's folder on this machine.
    user, password
        Log in under this name; a password that is not given is asked for.
    token
        What stands for name and password.
    group
        The group in which you create, by name or id; else your default group.

    Raises
    ------
    Unauthenticated
        Name and password, or the token, are not known there.
    Denied
        You are not in that group.
    Unavailable
        Nobody answers.
    """
    from .connection import connect as find
    from .objects import Repository

    where = None if url_or_path is None else str(url_or_path)
    session = find(where, user=user, password=password, token=token, group=group)
    return Repository(session)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server.app import RepositoryApp

    return [{"module": "omero_jlab", "app": RepositoryApp}]
