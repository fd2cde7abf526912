"""Files of images as OME-Zarr, fetched: for a Session, and for programs that have a capability."""

from __future__ import annotations

from typing import Any

from ..errors import Unauthenticated
from .transport import Transport, is_loopback

__all__ = ["ABSENT", "PACKED", "CapabilityFiles", "zarr_file"]

ABSENT = "absent"
"""The argument that asks for an empty answer, not 404, where a file of an image is missing."""

PACKED = "packed"
"""The argument, and header, of an answer that is compressed for its way alone."""


def zarr_file(transport: Transport, path: str) -> bytes | None:
    """A file below the API's root; None where its image has no such file.

    Raises
    ------
    NotFound
        The image is missing or hidden.
    """
    query = {ABSENT: "204"}
    if not is_loopback(transport.url):
        query[PACKED] = "zstd"
    headers, body = transport.fetch("GET", path, query)
    if headers.get(f"X-{PACKED}") == "zstd":
        # A client that is near, as most are, needs no decoder.
        import imagecodecs

        body = bytes(imagecodecs.zstd_decode(body))
    # No file of an image is empty.
    return body or None


class CapabilityFiles:
    """The files of one image, read with a capability; threads may share it.

    Pickled, it is an address and the capability, which expires: a worker gets nothing else.
    """

    def __init__(self, url: str, secret: str, image_id: int, version: str = "0.5") -> None:
        self._transport = Transport(url, secret)
        self._image_id = image_id
        self._version = version

    def __reduce__(self) -> tuple[Any, ...]:
        transport = self._transport
        return (
            CapabilityFiles, (transport.url, transport.token, self._image_id, self._version)
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<CapabilityFiles of image {self._image_id} at {self._transport.url}>"

    def get(self, key: str) -> bytes | None:
        """One file of the image, or None where there is none.

        Raises
        ------
        Unauthenticated
            The capability has expired or was revoked.
        """
        # The secret goes as a header: addresses end up in logs.
        path = f"zarr/cap/-/{self._version}/images/{self._image_id}.zarr/{key}"
        try:
            return zarr_file(self._transport, path)
        except Unauthenticated as error:
            raise Unauthenticated(
                f"The right to read image {self._image_id}, which came to this process with its "
                f"pixels, has expired or was revoked. It is renewed as long as the program that "
                f"made the array keeps it: make the array again (image.dask(), image.zarr()) and "
                f"keep it until the result is there."
            ) from error
