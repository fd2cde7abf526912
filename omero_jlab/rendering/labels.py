"""Colours for the objects of a label image."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid

__all__ = ["colorize_labels"]

# 2**32 divided by the golden ratio: labels that follow each other get colours far apart.
_GOLDEN = 2654435769
_HUES = 1536


def colorize_labels(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """A colour for each label, always the same one; label 0 is transparent.

    In integers of 32 bits, so that a browser finds the same colours (`Math.imul` and `>>>` in
    JavaScript, `uint` in a shader)::

        h    = label * 2654435769 mod 2**32        the fractional part of label / golden ratio
        hue  = ((h >> 16) * 1536) >> 16            0 to 1535, six sextants of 256 steps
        k    = (hue + 1536 - p) mod 1536           p = 0, 512, 1024 for red, green, blue
        d    = min(k, 1536 - k)                    how far from that primary
        full = clip(511 - d, 0, 255)
        out  = 64 + (full * 3 >> 2)

    Parameters
    ----------
    labels : shape (Y, X), any integer dtype

    Returns
    -------
    shape (Y, X, 4), RGBA; alpha is 0 or 255
    """
    if labels.dtype.kind not in "biu" or labels.ndim != 2:
        raise Invalid(
            f"A label image has the shape (Y, X) and integers, not {labels.shape} and "
            f"{labels.dtype}."
        )
    low = labels.astype(np.uint32)
    hues = ((low * np.uint32(_GOLDEN)) >> np.uint32(16)) * np.uint32(_HUES) >> np.uint32(16)
    found: NDArray[np.uint8] = _palette()[hues]
    found[labels == 0] = 0
    return found


@cache
def _palette() -> NDArray[np.uint8]:
    """RGBA of the 1536 hues."""
    hue = np.arange(_HUES)
    found = np.full((_HUES, 4), 255, np.uint8)
    for sample, primary in enumerate((0, 512, 1024)):
        around = (hue + _HUES - primary) % _HUES
        distance = np.minimum(around, _HUES - around)
        full = np.clip(511 - distance, 0, 255)
        found[:, sample] = 64 + (full * 3 >> 2)
    return found
