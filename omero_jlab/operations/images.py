"""Images: their records, how they are drawn, what lies over them."""

from __future__ import annotations

from typing import Literal, Protocol

from ..model import (
    ChannelValues,
    CopiedSettings,
    Histogram,
    Image,
    Labels,
    LineProfile,
    Lut,
    OriginalFile,
    Placement,
    Settings,
    UserSettings,
)
from . import declare as http

__all__ = ["Images"]


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

    @http.get("images/{image_id}/import-log")
    def import_log(self, image_id: int) -> tuple[str, ...]:
        """The lines of the log of the import that brought the image: time (UTC), stage, what."""
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

    @http.get("images/{image_id}/settings/default")
    def default_settings(self, image_id: int) -> Settings:
        """How the image was drawn before anybody chose."""
        ...

    @http.get("images/{image_id}/settings/all")
    def all_settings(self, image_id: int) -> tuple[UserSettings, ...]:
        """The settings that users have kept of the image, as far as the asking user sees them."""
        ...

    @http.post("images/{image_id}/settings/copies")
    def copy_settings(self, image_id: int, to_ids: tuple[int, ...]) -> CopiedSettings:
        """Draw other images as this one; those that do not fit are named and left as they are."""
        ...

    @http.post("settings")
    def adjust_settings(
        self,
        image_ids: tuple[int, ...],
        to: Literal["imported", "minmax", "full", "owner"],
    ) -> CopiedSettings:
        """Draw images as imported, as their owner does, or over their own or the type's range."""
        ...

    @http.get("images/{image_id}/statistics")
    def statistics(
        self,
        image_id: int,
        channels: tuple[int, ...] | None = None,
        t: int | None = None,
        z: int | None = None,
        level: int = 0,
    ) -> tuple[ChannelValues, ...]:
        """Extremes, mean and percentiles of channels, over every plane that is not ruled out."""
        ...

    @http.get("images/{image_id}/histogram")
    def histogram(
        self,
        image_id: int,
        c: int = 0,
        t: int | None = None,
        z: int | None = None,
        level: int = 0,
        bins: int = 256,
        low: float | None = None,
        high: float | None = None,
    ) -> Histogram:
        """How often values occur in a channel, from `low` to `high` or else its extremes."""
        ...

    @http.get("images/{image_id}/values")
    def values(
        self,
        image_id: int,
        points: tuple[tuple[float, float], ...],
        z: int = 0,
        t: int = 0,
    ) -> tuple[tuple[float, ...], ...]:
        """The values of every channel in the pixels that hold the points (y, x)."""
        ...

    @http.get("images/{image_id}/profile")
    def line_profile(
        self,
        image_id: int,
        start: tuple[float, float],
        end: tuple[float, float],
        channels: tuple[int, ...] | None = None,
        z: int = 0,
        t: int = 0,
        width: int = 1,
    ) -> LineProfile:
        """The values along a line between points (y, x), a pixel apart and interpolated."""
        ...

    @http.get("luts")
    def luts(self) -> tuple[Lut, ...]:
        """The lookup tables by name, without their colours."""
        ...

    @http.get("luts/{name}")
    def lut(self, name: str) -> Lut:
        """A lookup table with its colours."""
        ...

    @http.put("luts/{name}")
    def add_lut(self, name: str, colors: tuple[str, ...]) -> Lut:
        """Add a lookup table of 256 colours (RRGGBB) under a new name."""
        ...

    @http.delete("luts/{name}")
    def remove_lut(self, name: str) -> None:
        """Take an added lookup table away; what was drawn with it gets its colours again."""
        ...

    @http.get("images/{image_id}/labels")
    def labels(self, image_id: int) -> tuple[Labels, ...]:
        """The label images over an image."""
        ...

    @http.put("labels/{labels_id}/placement")
    def put_placement(self, labels_id: int, placement: Placement) -> Labels:
        """Say where a label image lies in the plane of its image."""
        ...
