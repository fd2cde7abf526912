"""Bringing images and results in."""

from __future__ import annotations

from typing import Protocol

from ..model import ImportPlan, ImportRequest, Job, Placement, ResultsReport
from . import declare as http

__all__ = ["Ingest"]


class Ingest(Protocol):
    """Paths are on the disk of the repository's owner process; other files are uploaded first."""

    @http.post("imports/plan")
    def plan(self, request: ImportRequest, images: bool = False) -> ImportPlan:
        """What an import would make of these paths, and how much it would copy.

        With `images`, every fileset is read for the images in it.
        """
        ...

    @http.post("imports")
    def start(self, request: ImportRequest) -> Job:
        """Import; the job's report says what was made and what failed."""
        ...

    @http.post("results/plan")
    def plan_results(self, path: str, image_ids: tuple[int, ...] | None = None) -> ResultsReport:
        """What `attach_results` would do: which image each image set is, and how it was found."""
        ...

    @http.post("results")
    def attach_results(
        self,
        path: str,
        image_ids: tuple[int, ...] | None = None,
        placement: Placement | None = None,
        axes: str = "",
        again: bool = False,
        overlay: bool = False,
    ) -> Job:
        """Attach what an analysis program wrote to the images that it analysed.

        Rows are matched to images by checksum, then file name, then well and site, then the
        name that the program uses; one image in `image_ids` is taken where nothing matches.
        `placement` says where label images lie that do not say it themselves, `axes` in which
        order arrays keep theirs ("tzyxc").  The same files are attached a second time only
        `again`.  With `overlay`, probabilities become labels of the most probable class instead
        of a new image.  The job's report says what was attached.
        """
        ...
