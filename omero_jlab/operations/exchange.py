"""Tables from files of other programs."""

from __future__ import annotations

from typing import Protocol

from ..model import BULK_ANNOTATIONS, Job, NamespaceUse, TargetKind
from . import declare as http

__all__ = ["Exchange"]


class Exchange(Protocol):
    """Paths are on the disk of the repository's owner process; other files are uploaded first."""

    @http.post("objects/{kind}/{id}/tables/import")
    def import_file(
        self,
        kind: TargetKind,
        id: int,
        path: str,
        name: str | None = None,
        namespace: str = BULK_ANNOTATIONS,
        description: str = "",
        links: bool = True,
    ) -> Job:
        """Attach the table in a file: OMERO.tables, CSV, Parquet or Feather.

        Without a name it is called as the file.  Ids in an OMERO.tables file become links where
        all of a column lead to objects that you see, unless `links` is false.  The job's report
        tells the columns and what was not kept.
        """
        ...

    @http.post("objects/{kind}/{id}/tables/populate")
    def populate(
        self,
        kind: TargetKind,
        id: int,
        path: str,
        name: str | None = None,
        namespace: str = BULK_ANNOTATIONS,
        allow_nan: bool = False,
        keep_unresolved: bool = False,
        dry_run: bool = False,
    ) -> Job:
        """Attach a text file of annotations, as `omero metadata populate` does.

        Its first line may be `# header well,plate,s,d`; without one, columns are known by their
        names.  Cells name images, wells, plates, datasets or ROIs of the object.  Columns of
        numbers of which one is missing become text, unless `allow_nan`.  A cell that names no one
        object refuses the file, unless `keep_unresolved`; a dry run lists all of them.
        """
        ...

    @http.post("objects/{kind}/{id}/bulkmap")
    def bulkmap(
        self,
        kind: TargetKind,
        id: int,
        config: str,
        table_id: int | None = None,
        namespaces: tuple[str, ...] | None = None,
        dry_run: bool = False,
    ) -> Job:
        """Attach key-values to the images and wells that rows of a bulk annotation table name.

        `config` is the text of a YAML file as OMERO's `bulkmap` takes it.  Without `table_id` it
        is the newest such table of the object.  With `namespaces` only their groups are made.
        """
        ...

    @http.post("objects/{kind}/{id}/deletemap")
    def deletemap(
        self,
        kind: TargetKind,
        id: int,
        config: str = "",
        namespaces: tuple[str, ...] | None = None,
        dry_run: bool = False,
    ) -> Job:
        """Take key-values off an object and all that lies in it; what hangs nowhere else goes.

        It is those of the namespaces that are named, of those in the `config` of a bulkmap, or
        of OMERO's for bulk annotations.
        """
        ...

    @http.get("objects/{kind}/{id}/bulkmap")
    def namespaces(self, kind: TargetKind, id: int) -> tuple[NamespaceUse, ...]:
        """The namespaces of key-values on an object and on all that lies in it."""
        ...
