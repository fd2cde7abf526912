"""Masks: OMERO's bytes and arrays of bools."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import Mask

__all__ = ["bits_of", "mask_of"]


def mask_of(array: NDArray[Any], y: int = 0, x: int = 0, **fields: Any) -> Mask:
    """A mask of the pixels of `array`, shape (Y, X), that are not 0; `fields` as `z` or `stroke`.

    It is cut to the pixels that are set.

    Raises
    ------
    Invalid
        None is set, or the array has other axes.
    """
    pixels = np.asarray(array) != 0
    if pixels.ndim != 2 or not pixels.any():
        raise Invalid(
            f"A mask is made of an array (Y, X) with pixels in it, not of shape {pixels.shape} "
            f"with {int(pixels.sum())}."
        )
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    inside = pixels[top : rows[-1] + 1, left : columns[-1] + 1]
    return Mask(
        x=x + left,
        y=y + top,
        width=inside.shape[1],
        height=inside.shape[0],
        bits=base64.b64encode(np.packbits(inside).tobytes()).decode(),
        **fields,
    )


def bits_of(mask: Mask) -> NDArray[np.bool_]:
    """The pixels of a mask, shape (height, width).

    Raises
    ------
    Invalid
        It has fewer bits than pixels.
    """
    data = np.frombuffer(base64.b64decode(mask.bits), np.uint8)
    count = mask.width * mask.height
    if len(data) * 8 < count:
        raise Invalid(f"A mask of {mask.height} × {mask.width} pixels has {len(data)} bytes only.")
    bits = np.unpackbits(data, count=count)
    return bits.reshape(mask.height, mask.width).astype(np.bool_)
