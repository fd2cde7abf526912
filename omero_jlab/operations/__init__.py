"""What a Session can do: protocols, with HTTP verb and path beside each method."""

from __future__ import annotations

from .accounts import Accounts
from .admin import Admin
from .annotate import Annotations, Search
from .browse import Browse, Containers, Graph
from .declare import UNSET, Operation, Request, Unset, operations_of
from .exchange import Exchange
from .gates import Gates
from .images import Images
from .ingest import Ingest
from .runs import Delegations, Runs
from .server import Jobs, Server
from .session import AnySession
from .shapes import Folders, Shapes
from .streams import SentTile, Streams
from .tables import Tables
from .uploads import Uploads
from .zarr import Zarr

__all__ = [
    "API_VERSION", "CATALOGUE", "FAMILIES", "UNSET", "Accounts", "Admin", "Annotations",
    "AnySession", "Browse", "Containers", "Delegations", "Exchange", "Folders", "Gates", "Graph",
    "Images", "Ingest", "Jobs", "Operation", "Request", "Runs", "Search", "SentTile", "Server",
    "Shapes", "Streams", "Tables", "Unset", "Uploads", "Zarr",
]  # fmt: skip

API_VERSION = 1
"""Grows when an operation changes its meaning; sent in the handshake."""

FAMILIES: dict[str, type] = {
    "server": Server,
    "jobs": Jobs,
    "accounts": Accounts,
    "browse": Browse,
    "containers": Containers,
    "graph": Graph,
    "images": Images,
    "shapes": Shapes,
    "folders": Folders,
    "annotations": Annotations,
    "tables": Tables,
    "gates": Gates,
    "exchange": Exchange,
    "search": Search,
    "ingest": Ingest,
    "admin": Admin,
    "uploads": Uploads,
    "zarr": Zarr,
    "runs": Runs,
    "delegations": Delegations,
}
"""The families by the name they have on a Session."""

CATALOGUE: dict[str, Operation] = {
    f"{operation.family}.{operation.name}": operation
    for family, protocol in FAMILIES.items()
    for operation in operations_of(family, protocol)
}
"""Every operation by its full name."""
