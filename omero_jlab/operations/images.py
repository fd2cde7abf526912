"""Images: their records, how they are drawn, what lies over them."""

from __future__ import annotations

from typing import Protocol

from ..model import Image, Labels, OriginalFile, Placement, Roi, Settings, Shape
from . import declare as http
from .declare import UNSET, Unset

__all__ = ["Images", "Shapes"]


class Images(Protocol):
    """Image records; their pixels come as streams."""

    @http.get("images")
    def find(
        self,
        name: str | None = None,
        dataset_id: int | None = None,
        plate_id: int | None = None,
        well_id: int | None = None,
        ids: tuple[int, ...] | None = None,
        tag: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> tuple[Image, ...]:
        """The images that fit every condition, by id."""
        ...

    @http.get("images/{image_id}")
    def get(self, image_id: int) -> Image:
        """One image."""
        ...

    @http.get("images/{image_id}/files")
    def files(self, image_id: int) -> tuple[OriginalFile, ...]:
        """The original files that the image was read from."""
        ...

    @http.get("images/{image_id}/metadata")
    def metadata(self, image_id: int) -> tuple[tuple[str, str], ...]:
        """What the original files say of the image, in their own words."""
        ...

    @http.get("images/{image_id}/settings")
    def settings(self, image_id: int) -> Settings:
        """How the image is drawn for the asking user: own settings, the owner's, the default."""
        ...

    @http.put("images/{image_id}/settings")
    def put_settings(self, image_id: int, settings: Settings) -> Settings:
        """Keep how the asking user wants the image drawn; others' settings stay."""
        ...

    @http.delete("images/{image_id}/settings")
    def reset_settings(self, image_id: int) -> Settings:
        """Forget the asking user's settings."""
        ...

    @http.get("images/{image_id}/labels")
    def labels(self, image_id: int) -> tuple[Labels, ...]:
        """The label images over an image."""
        ...

    @http.put("labels/{labels_id}/placement")
    def put_placement(self, labels_id: int, placement: Placement) -> Labels:
        """Say where a label image lies in the plane of its image."""
        ...


class Shapes(Protocol):
    """Regions of interest."""

    @http.get("images/{image_id}/rois")
    def list(self, image_id: int) -> tuple[Roi, ...]:
        """The regions of an image."""
        ...

    @http.post("images/{image_id}/rois")
    def add(
        self, image_id: int, shapes: tuple[Shape, ...], name: str = "", description: str = ""
    ) -> Roi:
        """Put a region on an image."""
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
