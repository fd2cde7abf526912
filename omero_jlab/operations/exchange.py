"""Tables from files of other programs."""

from __future__ import annotations

from typing import Protocol

from ..model import BULK_ANNOTATIONS, Job, TargetKind
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
