"""Colour pictures as their scanner means them: from a profile to sRGB."""

from __future__ import annotations

import io
import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid

__all__ = ["to_srgb"]

# LittleCMS keeps what it computes in the transform: one per thread.
_local = threading.local()


def to_srgb(picture: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """`picture` (Y, X, 3) in sRGB, where its colours are those of an ICC `profile`.

    Perceptual intent, as scanners' own viewers.

    Raises
    ------
    Invalid
        The profile is damaged, or not one for RGB.
    """
    from PIL import Image, ImageCms

    kept = getattr(_local, "transform", None)
    if kept is None or kept[0] != profile:
        kept = _local.transform = (profile, _transform(profile))
    source = Image.fromarray(np.ascontiguousarray(picture))
    try:
        return np.array(ImageCms.applyTransform(source, kept[1]))
    except (ImageCms.PyCMSError, ValueError) as error:
        raise Invalid(f"The picture's colour profile cannot be applied: {error}") from error


def _transform(profile: bytes) -> Any:
    """How to get from `profile` to sRGB."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise Invalid(f"The picture's colour profile cannot be read: {error}") from error
    if source.profile.xcolor_space.strip() != "RGB":
        raise Invalid("The picture's colour profile is not one for red, green and blue.")
    try:
        return ImageCms.buildTransform(source, _srgb(), "RGB", "RGB", ImageCms.Intent.PERCEPTUAL)
    except (ImageCms.PyCMSError, ValueError) as error:
        raise Invalid(f"The picture's colour profile cannot be applied: {error}") from error


@cache
def _srgb() -> Any:
    from PIL import ImageCms

    return ImageCms.createProfile("sRGB")
