"""The repository in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Invalid
from ..model import (
    Deletion,
    Group,
    Health,
    Hit,
    Job,
    Placement,
    ResultsReport,
    Spacing,
    Tag,
    Undeleted,
)
from ..model import User as UserRecord
from ..operations import Accounts, Admin, AnySession
from .arrays import as_tczyx, spacing_of
from .collections import Collection, Containers, Images
from .containers import Dataset, Plate, Project, Screen, Well
from .exchange import import_file
from .fetch import Fetch
from .image import Image
from .importing import Importing
from .luts import Luts
from .progress import wait
from .runs import Run
from .tables import Table
from .thing import Thing

if TYPE_CHECKING:
    from ..widgets import RepositoryBrowser

__all__ = ["Repository"]


class Repository(Importing):
    """The repository as you see it: what `omero_jlab.connect()` answers."""

    def __init__(self, session: AnySession) -> None:
        self._session = session

    # -- who and where

    @property
    def user(self) -> UserRecord:
        """Who you are here."""
        return self._session.server.status().user

    @property
    def group(self) -> Group:
        """The group in which you create."""
        return self._session.server.status().group

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that you may work in."""
        return self._session.server.status().groups

    @property
    def health(self) -> Health:
        """Whether the repository takes writes, and if not, why not; how much room is left."""
        return self._session.server.health()

    def use_group(self, group: str | int) -> Repository:
        """The same repository, creating in another of your groups from now on."""
        self._session = self._session.in_group(group)
        self._session.server.status()
        return self

    @property
    def accounts(self) -> Accounts:
        """Users, groups and tokens, as far as you may manage them."""
        return self._session.accounts

    @property
    def admin(self) -> Admin:
        """Checks, the trash and usage; `omero-jlab admin` is the same as a command."""
        return self._session.admin

    # -- objects

    @property
    def images(self) -> Images:
        """The images: iterate, or `find(name=…)`."""
        return Images(self._session)

    @property
    def projects(self) -> Containers[Project]:
        """The projects: iterate, `find(name=…)`, `add(name)`."""
        c = self._session.containers
        return Containers(self._session, Project, c.projects, c.add_project)

    @property
    def datasets(self) -> Containers[Dataset]:
        """The datasets: iterate, `find(name=…)`, `add(name)`."""
        c = self._session.containers
        return Containers(self._session, Dataset, c.datasets, c.add_dataset)

    @property
    def screens(self) -> Containers[Screen]:
        """The screens: iterate, `find(name=…)`, `add(name)`."""
        c = self._session.containers
        return Containers(self._session, Screen, c.screens, c.add_screen)

    @property
    def plates(self) -> Collection[Plate]:
        """The plates: iterate, or `find(name=…)`."""
        return Collection(self._session, Plate, self._session.containers.plates)

    @property
    def runs(self) -> list[Run]:
        """What `analysis.map_images` ran, the last first: its functions, images and failures."""
        return [Run(self._session, record) for record in self._session.runs.list(limit=1000)]

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that you may see, by name."""
        return self._session.annotations.tags()

    @property
    def deletions(self) -> tuple[Deletion, ...]:
        """What was deleted and can be brought back, the newest first."""
        return self._session.graph.deletions()

    def undelete(self, deletion: Deletion | int) -> Undeleted:
        """Undo one of `deletions`: exactly what it took is there again."""
        number = deletion if isinstance(deletion, int) else deletion.id
        return self._session.graph.undelete(number)

    @property
    def luts(self) -> Luts:
        """The lookup tables: iterate over their names, or `luts["fire"]`."""
        return Luts(self._session)

    def image(self, image_id: int) -> Image:
        """The image of that number."""
        return Image(self._session, self._session.images.get(image_id))

    def project(self, project_id: int) -> Project:
        """The project of that number."""
        return Project(self._session, self._session.containers.project(project_id))

    def dataset(self, dataset_id: int) -> Dataset:
        """The dataset of that number."""
        return Dataset(self._session, self._session.containers.dataset(dataset_id))

    def screen(self, screen_id: int) -> Screen:
        """The screen of that number."""
        return Screen(self._session, self._session.containers.screen(screen_id))

    def plate(self, plate_id: int) -> Plate:
        """The plate of that number."""
        return Plate(self._session, self._session.containers.plate(plate_id))

    def well(self, well_id: int) -> Well:
        """The well of that number."""
        return Well(self._session, self._session.containers.well(well_id))

    def table(self, table_id: int) -> Table:
        """The table of that number."""
        return Table(self._session, self._session.tables.get(table_id))

    # -- bringing in

    def attach_results(
        self,
        path: str | Path,
        images: Sequence[Image] | None = None,
        placement: Placement | None = None,
        dry_run: bool = False,
        quiet: bool = False,
        image: Image | None = None,
        axes: str = "",
        again: bool = False,
        overlay: bool = False,
    ) -> ResultsReport:
        """Attach what an analysis program wrote to the images that it analysed.

        CellProfiler, ilastik, Cellpose, StarDist, ImageJ and QuPath are known, and whatever a
        plug-in knows.  A dry run shows which image each image set is and why, and changes
        nothing.

        Parameters
        ----------
        path
            The folder that the program wrote, or one of its files.
        images
            Only these are looked at.
        image
            The image, where the output does not say which it is of.
        placement
            Where label images lie that are smaller or larger than the image.
        axes
            In which order arrays keep their axes where they say nothing, or the wrong thing:
            "yx", "zyx", "tyxc".
        again
            Attach the same files a second time; without it that is refused.
        overlay
            Make of probabilities labels over the image, each pixel the number of its most
            probable class, instead of a new image with a channel for each class.

        Notes
        -----
        Each image gets the tables with its rows.  Where objects were made of others, a column
        `Parent_X` holds the `ObjectNumber` of the parent in the table X of the same image, or 0:
        `image.table("Cells").query("Parent_Nuclei == 7")` are the children of nucleus 7.  Pairs
        that modules recorded (neighbours, tracks) are the table `Relationships`.
        """
        place = Path(path).expanduser().absolute()
        if not place.exists():
            raise Invalid(f"{place} does not exist on this machine: nothing was attached.")
        there = self._brought(place)
        chosen = [image] if image is not None else images
        ids = None if chosen is None else tuple(one.id for one in chosen)
        if dry_run:
            return self._session.ingest.plan_results(there, ids)
        job = self._session.ingest.attach_results(there, ids, placement, axes, again, overlay)
        report = wait(self._session, job, "results", quiet)
        assert isinstance(report, ResultsReport)
        return report

    def _brought(self, place: Path) -> str:
        """Where a results' file or folder is on the server, with what belongs to a file."""
        if place.is_file() and not self._session.sees(place):
            from ..results.beside import files_with

            files = files_with(place)
            if len(files) > 1:
                return f"{self._session.upload(place.parent, only=files)}/{place.name}"
        return self._session.upload(place)

    def import_table(
        self,
        path: str | Path,
        to: Thing[Any],
        name: str | None = None,
        description: str = "",
        links: bool = True,
        quiet: bool = False,
    ) -> Table:
        """Attach the table in a file of this machine to an object.

        The file is OMERO.tables' (`.h5`), CSV, Parquet or Feather.  Ids in OMERO's image, well,
        plate, dataset and ROI columns become links where all of a column lead to objects that you
        see here, unless `links` is false; what was not kept is printed.
        """
        info = import_file(self._session, to.kind, to.id, path, name, description, links, quiet)
        return Table(self._session, info)

    def save_image(
        self,
        array: Any,
        name: str,
        dataset: str | None = None,
        project: str | None = None,
        like: Image | None = None,
        channels: Sequence[str] | None = None,
        dims: Sequence[str] | None = None,
        pixel_size_um: float | Sequence[float | None] | None = None,
        time_step_s: float | None = None,
    ) -> Image:
        """Write an array as a new image, chunk by chunk; the dataset is made if missing.

        Parameters
        ----------
        array
            numpy, dask or xarray.  Five axes are TCZYX and two YX; for others, `dims` names
            them: "CYX".  An `xarray.DataArray` brings the names of its axes, its channels and,
            where its coordinates have them, its pixel sizes.
        like
            An image that gives pixel sizes, channel names and colours where nothing else does.
        pixel_size_um
            One number for Y and X, or (y, x), or (z, y, x).
        """
        pixels, found, names = as_tczyx(array, dims)
        given = spacing_of(pixel_size_um, time_step_s)
        said = found.model_dump() | given.model_dump(exclude_none=True)
        model = None if like is None else like.id
        record = self._session.add_image(
            pixels, name, dataset, project, model, channels or names, Spacing(**said)
        )
        return Image(self._session, record)

    # -- finding and showing

    def search(self, text: str, limit: int = 100) -> list[Hit]:
        """The objects with every word of `text`, best first; `tag:word` looks in tags only."""
        return list(self._session.search.find(text, limit=limit))

    def jobs(self, limit: int = 20) -> list[Job]:
        """The newest jobs: imports, pyramids, thumbnails and others, and how far each is."""
        return list(self._session.jobs.list(limit))

    def browse(self, height_px: int = 520) -> RepositoryBrowser:
        """The browser: tree, thumbnails, filter, search, metadata."""
        from ..widgets import RepositoryBrowser

        return RepositoryBrowser(
            repository=self._session.server.status().repository,
            height_px=height_px,
            fetch=Fetch(self._session),
        )

    def close(self) -> None:
        """Let go of the repository."""
        self._session.close()

    def __repr__(self) -> str:
        status = self._session.server.status()
        return (
            f"<Repository {status.repository[:8]}: user {status.user.name}, "
            f"group {status.group.name} ({status.group.type.value})>"
        )
