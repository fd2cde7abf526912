"""Regions of interest, their shapes and their folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model import NewRoi, Planes, Region, Roi, RoiFolder, RoiMeasure, RoiView, Shape
from . import declare as http
from .declare import UNSET, Unset

__all__ = ["Folders", "Shapes"]


class Shapes(Protocol):
    """Regions of interest."""

    @http.get("images/{image_id}/rois")
    def list(
        self,
        image_id: int,
        region: Region | None = None,
        t: int | None = None,
        z: int | None = None,
        folder_id: int | None = None,
        limit: int | None = None,
        after: int = 0,
    ) -> tuple[Roi, ...]:
        """The regions of an image by id, or those of them that are looked for."""
        ...

    @http.get("images/{image_id}/rois/count")
    def count(
        self,
        image_id: int,
        region: Region | None = None,
        t: int | None = None,
        z: int | None = None,
    ) -> int:
        """How many regions `list` would find."""
        ...

    @http.get("images/{image_id}/rois/view")
    def view(
        self,
        image_id: int,
        region: Region,
        t: int = 0,
        z: int = 0,
        smallest: float = 0.0,
        cell: float = 64.0,
        limit: int = 2000,
    ) -> RoiView:
        """What a viewer draws of the regions in a part of a plane."""
        ...

    @http.get("images/{image_id}/rois/measure")
    def measure(
        self,
        image_id: int,
        channels: tuple[int, ...] | None = None,
        rois: tuple[int, ...] | None = None,
        by_shape: bool = False,
        limit: int = 500,
        after: int = 0,
        t: Planes | None = None,
        z: Planes | None = None,
    ) -> tuple[RoiMeasure, ...]:
        """Statistics of `limit` regions with an id above `after`, each in each channel."""
        ...

    @http.get("rois/{roi_id}")
    def get(self, roi_id: int) -> Roi:
        """A region."""
        ...

    @http.post("images/{image_id}/rois")
    def add(
        self, image_id: int, shapes: tuple[Shape, ...], name: str = "", description: str = ""
    ) -> Roi:
        """Put a region on an image."""
        ...

    @http.stream("add_rois")
    def add_many(self, image_id: int, rois: Sequence[NewRoi], folder: str = "") -> tuple[int, ...]:
        """Put regions on an image, all or none; answers their ids in the order given."""
        ...

    @http.patch("rois/{roi_id}")
    def update(
        self,
        roi_id: int,
        version: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        shapes: tuple[Shape, ...] | Unset = UNSET,
    ) -> Roi:
        """Change a region; its shapes are changed by its owner only."""
        ...

    @http.delete("rois/{roi_id}")
    def remove(self, roi_id: int) -> None:
        """Delete a region."""
        ...

    @http.post("images/{image_id}/rois/remove")
    def remove_many(
        self, image_id: int, roi_ids: Sequence[int] | None = None, folder_id: int | None = None
    ) -> int:
        """Delete regions of an image as one: those named, those in a folder, or all."""
        ...


class Folders(Protocol):
    """Folders of regions: named, one in another, and a region in any number of them."""

    @http.get("folders")
    def list(self, image_id: int | None = None) -> tuple[RoiFolder, ...]:
        """Every folder by path; those only that hold a region of one image where that is named."""
        ...

    @http.post("folders")
    def add(self, name: str, description: str = "", parent_id: int | None = None) -> RoiFolder:
        """A new folder, in another where one is named."""
        ...

    @http.patch("folders/{folder_id}")
    def update(
        self,
        folder_id: int,
        version: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        parent_id: int | Unset | None = UNSET,
    ) -> RoiFolder:
        """Change a folder's name or description, or put it into another or, with null, in none."""
        ...

    @http.delete("folders/{folder_id}")
    def remove(self, folder_id: int) -> None:
        """Delete a folder and those in it; the regions stay."""
        ...

    @http.put("folders/{folder_id}/rois")
    def put(self, folder_id: int, roi_ids: tuple[int, ...]) -> int:
        """Put regions into a folder; answers how many were not in it yet."""
        ...

    @http.post("folders/{folder_id}/rois/take")
    def take(self, folder_id: int, roi_ids: tuple[int, ...]) -> int:
        """Take regions out of a folder; answers how many were in it."""
        ...
