"""Label images as programs save them: one plane of whole numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, OmeroError, TooLarge, Unreadable
from .confined import Confined, pack, unpack

__all__ = ["LABELS", "LabelReader", "confined_reader", "labels_to_bytes", "read_labels"]

# What the decoders raise on damaged bytes; imagecodecs' errors are RuntimeErrors.
_DAMAGE = (
    OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ArithmeticError,
    struct.error,
)  # fmt: skip
_MAX_PIXELS = 400_000_000
_MAX_LABEL = 50_000_000


LABELS = f"{__name__}:labels_to_bytes"
"""What a `confined_reader` asks a confined process to call."""

LabelReader = Callable[[Path], NDArray[np.int32]]
"""Answers the label image at a path, as `read_labels` does."""


def confined_reader(confined: Confined) -> LabelReader:
    """A reader that reads each file in a confined process."""

    def read(path: Path) -> NDArray[np.int32]:
        labels = unpack(confined(LABELS, path))[1]["labels"]
        return labels.astype(np.int32, copy=False)

    return read


def labels_to_bytes(path: str) -> bytes:
    """What a confined process answers for `read_labels(path)`."""
    return pack({}, labels=read_labels(Path(path)))


def read_labels(path: Path) -> NDArray[np.int32]:
    """The label image at `path` (TIFF or PNG), shape (Y, X); 0 is background.

    Raises
    ------
    Unreadable
        The file is damaged or of another kind.
    Invalid
        It is a picture, not labels: several samples a pixel, fractions, negative numbers.
    TooLarge
        It has more pixels or higher numbers than a label image of one field can have.
    """
    data = _tiff(path) if path.suffix.casefold() in (".tif", ".tiff") else _png(path)
    if data.ndim != 2 or data.size == 0:
        raise Invalid(
            f"{path.name} has shape {data.shape}; a label image has one plane of one sample."
        )
    if data.dtype.kind == "f":
        if not np.array_equal(data, np.round(data)):
            raise Invalid(f"{path.name} holds fractions, so it is no label image.")
    elif data.dtype.kind not in "bui":
        raise Invalid(f"{path.name} holds {data.dtype}, not numbers of objects.")
    low, high = data.min(), data.max()
    if low < 0:
        raise Invalid(f"{path.name} holds negative numbers, so it is no label image.")
    if high > _MAX_LABEL:
        raise TooLarge(f"{path.name} has label {high}; numbers up to {_MAX_LABEL:,} are read.")
    return data.astype(np.int32)


def _tiff(path: Path) -> NDArray[np.generic]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as tif:
            if len(tif.pages) != 1:
                raise Invalid(f"{path.name} has {len(tif.pages)} pages; a label image has one.")
            _check_size(path, tif.pages.first.shape)
            data: NDArray[np.generic] = tif.pages.first.asarray()
    except OmeroError:
        raise
    except _DAMAGE as error:
        raise Unreadable(f"{path.name} cannot be read as TIFF: {error}") from error
    return data.squeeze() if data.ndim > 2 else data


def _png(path: Path) -> NDArray[np.generic]:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            _check_size(path, (picture.height, picture.width))
            return np.asarray(picture)
    except OmeroError:
        raise
    except (*_DAMAGE, SyntaxError, Image.DecompressionBombError) as error:
        raise Unreadable(f"{path.name} cannot be read as PNG: {error}") from error


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    pixels = int(np.prod(shape, dtype=np.int64))
    if pixels > _MAX_PIXELS:
        raise TooLarge(
            f"{path.name} declares {pixels:,} pixels; label images up to {_MAX_PIXELS:,} are read."
        )
