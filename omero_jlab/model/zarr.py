"""Images as OME-Zarr: who may read one without a login, and where its parts lie."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from .record import Record

__all__ = ["Capability", "ImagePart", "Stamp"]


class Capability(Record):
    """Whoever has the `secret` may read image `image_id` until `expires_at`, and nothing else.

    The secret is told once, when the capability is made; what is read with it is what `user_id`
    may see at that moment.
    """

    id: int
    user_id: int
    image_id: int
    created_at: datetime
    expires_at: datetime
    secret: str | None = None


class Stamp(Record):
    """What tells a file from others that have or had its name."""

    size: int
    mtime_ns: int
    inode: int


class ImagePart(Record):
    """An image, or a label image over it, as one group of the OME-Zarr image.

    `path` is empty for the image itself and `labels/NAME` for label images.  `attributes` are
    those of OME-Zarr, without what differs from version to version.  The chunk index lies in the
    folder `roots["pixels"]`.
    """

    path: str
    channels: int
    attributes: dict[str, JsonValue]
    roots: dict[str, str]
    index: Stamp
