"""A Session: the repository as one user sees it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import ValidationError

from ..errors import Conflict
from ..model import Health, Status
from ..operations import API_VERSION, Operation
from ..version import __version__
from .annotate import Annotations
from .browse import Browse
from .containers import Containers
from .files import Files
from .graph import Graph
from .images import Images
from .imports.ingest import Ingest
from .imports.uploads import Uploads
from .jobs.jobs import Jobs
from .labels import LabelImages
from .people.accounts import Accounts, group_record, user_record
from .people.capabilities import Zarr
from .people.delegations import Delegations
from .pictures.render import Pictures
from .rois.folders import Folders
from .rois.many import ManyRois
from .runs import Runs
from .save import NewImages
from .search import Search
from .shapes import Shapes
from .tables import AskedTables, Exchange, Gates, RowStreams
from .upkeep.admin import Admin
from .upkeep.health import health
from .zarr import ZarrFiles

__all__ = ["Session"]


class Server:
    """The repository as a whole."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def status(self) -> Status:
        """Which repository answers, and who is asking."""
        session = self._session
        groups = session.accounts.groups()
        with session.reading() as (db, access):
            user = user_record(db, access.actor.user_id)
            group = group_record(db, access.actor.group_id)
        return Status(
            repository=session.store.uuid,
            api_version=API_VERSION,
            version=__version__,
            tier="team" if session.store.tier == "team" else "personal",
            user=user,
            group=group,
            groups=groups,
            health=self.health(),
        )

    def health(self) -> Health:
        """Whether the repository takes writes, and how much room is left."""
        return health(self._session.store)


class Session(Pictures, LabelImages, ManyRois, ZarrFiles, NewImages, RowStreams, Files):
    """One user's view of the repository; every operation of the catalogue, and the streams."""

    def in_group(self, group: str | int) -> Session:
        """The same user's Session that creates in another group."""
        return Session(self.store, self.user, group, self.request_id, self.shares_disk)

    def address(self) -> str | None:
        """None: other processes do not reach a Session that is in this one."""
        return None

    def close(self) -> None:
        """Nothing is held by a Session; the store is closed by whoever opened it."""

    def call(self, operation: Operation, **arguments: Any) -> Any:
        """Carry out an operation; a write that was applied before gets its answer again."""
        if operation.writes:
            before = self.repeated()
            if before is not None:
                try:
                    return operation.result.validate_json(before)
                except ValidationError:
                    raise Conflict(
                        f"Request {self.request_id} was something else than "
                        f"{operation.family}.{operation.name} before: give each request its own id."
                    ) from None
        family = getattr(self, operation.family)
        return getattr(family, operation.name)(**arguments)

    @cached_property
    def server(self) -> Server:
        """Which repository this is."""
        return Server(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Work that goes on after the answer."""
        return Jobs(self)

    @cached_property
    def accounts(self) -> Accounts:
        """Users, groups, tokens."""
        return Accounts(self)

    @cached_property
    def browse(self) -> Browse:
        """The tree."""
        return Browse(self)

    @cached_property
    def containers(self) -> Containers:
        """Projects, datasets, screens, plates, wells."""
        return Containers(self)

    @cached_property
    def graph(self) -> Graph:
        """Names, links, existence."""
        return Graph(self)

    @cached_property
    def images(self) -> Images:
        """Image records."""
        return Images(self)

    @cached_property
    def shapes(self) -> Shapes:
        """Regions of interest."""
        return Shapes(self)

    @cached_property
    def folders(self) -> Folders:
        """Folders of regions."""
        return Folders(self)

    @cached_property
    def annotations(self) -> Annotations:
        """Tags, key-values, comments, files."""
        return Annotations(self)

    @cached_property
    def tables(self) -> AskedTables:
        """Result tables."""
        return AskedTables(self)

    @cached_property
    def gates(self) -> Gates:
        """Named populations of result tables."""
        return Gates(self)

    @cached_property
    def exchange(self) -> Exchange:
        """Tables from files of other programs."""
        return Exchange(self)

    @cached_property
    def search(self) -> Search:
        """Finding objects by words."""
        return Search(self)

    @cached_property
    def admin(self) -> Admin:
        """Looking after the repository."""
        return Admin(self)

    @cached_property
    def uploads(self) -> Uploads:
        """Sending files to this machine."""
        return Uploads(self)

    @cached_property
    def zarr(self) -> Zarr:
        """Images for programs that know OME-Zarr."""
        return Zarr(self)

    @cached_property
    def runs(self) -> Runs:
        """What functions made of images."""
        return Runs(self)

    @cached_property
    def delegations(self) -> Delegations:
        """Secrets for workers."""
        return Delegations(self)

    @cached_property
    def ingest(self) -> Ingest:
        """Bringing images and results in."""
        return Ingest(self)
