"""A picture as bytes that a browser shows."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, TooLarge

__all__ = ["PictureFormat", "encode", "encode_tiff"]

PictureFormat = Literal["jpeg", "png", "webp"]
# What the formats themselves can say of a side, in pixels.
_LONGEST_SIDE = {"jpeg": 65500, "png": 1_000_000, "webp": 16383}


def encode(pixels: NDArray[np.uint8], format: PictureFormat, quality: int = 85) -> bytes:
    """`pixels` as a file of `format`.

    Parameters
    ----------
    pixels : shape (Y, X, 3), or (Y, X, 4) with transparency, which JPEG has not
    format
        JPEG with chroma at half resolution (4:2:0); PNG loses nothing; WebP.
    quality
        1 to 100, for JPEG and WebP.

    Raises
    ------
    Invalid
        The shape, format or quality is none of these.
    TooLarge
        The picture is larger than the format can say.
    """
    if format not in _LONGEST_SIDE:
        raise Invalid(f"A picture is sent as jpeg, png or webp, not as {format!r}.")
    samples = (3,) if format == "jpeg" else (3, 4)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in samples:
        raise Invalid(
            f"A {format} picture has the dtype uint8 and the shape (Y, X, "
            f"{' or '.join(map(str, samples))}), not {pixels.dtype} and {pixels.shape}."
        )
    if not 1 <= quality <= 100:
        raise Invalid(f"The quality of a picture is 1 to 100, not {quality}.")
    if min(pixels.shape) < 1:
        raise Invalid(f"There is no pixel in a picture of shape {pixels.shape}.")
    if max(pixels.shape) > _LONGEST_SIDE[format]:
        raise TooLarge(
            f"A {format} picture has at most {_LONGEST_SIDE[format]:,} pixels a side, not "
            f"{max(pixels.shape):,}: ask for a coarser level or for tiles."
        )
    pixels = np.ascontiguousarray(pixels)
    if format == "jpeg":
        import simplejpeg  # type: ignore[import-untyped]

        jpeg: bytes = simplejpeg.encode_jpeg(pixels, quality=quality, colorsubsampling="420")
        return jpeg
    import imagecodecs

    if format == "png":
        # Level 1: higher ones take three times as long for a tenth of the size.
        return bytes(imagecodecs.png_encode(pixels, level=1))
    return bytes(imagecodecs.webp_encode(pixels, level=quality, lossless=False))


def encode_tiff(pixels: NDArray[np.uint8], pixel_um: tuple[float, float] | None = None) -> bytes:
    """`pixels` (Y, X, 3) as an OME-TIFF, compressed without loss.

    With the height and width of a pixel in micrometres it has them as the resolution of the
    baseline TIFF, in pixels per centimetre, and as OME's PhysicalSize.
    """
    import tifffile

    target = io.BytesIO()
    metadata: dict[str, object] = {"axes": "YXS"}
    resolution: dict[str, object] = {}
    if pixel_um is not None:
        height, width = pixel_um
        metadata |= {"PhysicalSizeY": height, "PhysicalSizeX": width}
        metadata |= {"PhysicalSizeYUnit": "µm", "PhysicalSizeXUnit": "µm"}
        resolution = {"resolution": (1e4 / width, 1e4 / height), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        target,
        np.ascontiguousarray(pixels),
        photometric="rgb",
        compression="zlib",
        compressionargs={"level": 1},
        predictor=True,
        ome=True,
        metadata=metadata,
        **resolution,  # type: ignore[arg-type]
    )
    return target.getvalue()
