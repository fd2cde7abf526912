"""Regions of interest and their shapes."""

from __future__ import annotations

from typing import Protocol

from ..model import Roi, Shape
from . import declare as http
from .declare import UNSET, Unset

__all__ = ["Shapes"]


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
