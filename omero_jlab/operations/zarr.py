"""Images for programs that know OME-Zarr and not this package."""

from __future__ import annotations

from typing import Protocol

from ..model import Capability, ImagePart
from . import declare as http

__all__ = ["Zarr"]


class Zarr(Protocol):
    """Who may read an image as OME-Zarr, and from where; its files come as streams."""

    @http.get("images/{image_id}/parts")
    def parts(self, image_id: int) -> tuple[ImagePart, ...] | None:
        """Where the files of an image lie, for who may read this machine's disk; else null."""
        ...

    @http.post("images/{image_id}/capabilities")
    def add_capability(self, image_id: int, seconds: int = 3600) -> Capability:
        """Make a secret with which anybody reads this one image, for an hour at most."""
        ...

    @http.get("capabilities")
    def capabilities(self, image_id: int | None = None) -> tuple[Capability, ...]:
        """The asking user's capabilities that have not expired; an administrator sees all."""
        ...

    @http.post("capabilities/{capability_id}/renewal")
    def renew_capability(self, capability_id: int, seconds: int = 3600) -> Capability:
        """Let the same secret hold for so long from now; one that has expired is gone."""
        ...

    @http.delete("capabilities/{capability_id}")
    def remove_capability(self, capability_id: int) -> None:
        """Make a capability worthless at once."""
        ...
