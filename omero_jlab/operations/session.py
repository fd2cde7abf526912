"""What every Session has, wherever its repository is."""

from __future__ import annotations

from typing import Protocol

from .accounts import Accounts
from .admin import Admin
from .annotate import Annotations, Search
from .browse import Browse, Containers, Graph
from .exchange import Exchange
from .gates import Gates
from .images import Images
from .ingest import Ingest
from .runs import Delegations, Runs
from .server import Jobs, Server
from .shapes import Folders, Shapes
from .streams import Streams
from .tables import Tables
from .uploads import Uploads
from .zarr import Zarr

__all__ = ["AnySession"]


class AnySession(Streams, Protocol):
    """The families of operations, and the streams."""

    def in_group(self, group: str | int) -> AnySession:
        """The same user's Session that creates in another group."""
        ...

    def close(self) -> None:
        """Let go of the repository."""
        ...

    def address(self) -> str | None:
        """Where programs on this machine reach the repository; None where it is only in here."""
        ...

    @property
    def server(self) -> Server: ...

    @property
    def jobs(self) -> Jobs: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def browse(self) -> Browse: ...

    @property
    def containers(self) -> Containers: ...

    @property
    def graph(self) -> Graph: ...

    @property
    def images(self) -> Images: ...

    @property
    def shapes(self) -> Shapes: ...

    @property
    def folders(self) -> Folders: ...

    @property
    def annotations(self) -> Annotations: ...

    @property
    def tables(self) -> Tables: ...

    @property
    def gates(self) -> Gates: ...

    @property
    def exchange(self) -> Exchange: ...

    @property
    def search(self) -> Search: ...

    @property
    def ingest(self) -> Ingest: ...

    @property
    def admin(self) -> Admin: ...

    @property
    def uploads(self) -> Uploads: ...

    @property
    def zarr(self) -> Zarr: ...

    @property
    def runs(self) -> Runs: ...

    @property
    def delegations(self) -> Delegations: ...
