"""Labels and pictures that lie in foreign files, brought into the order of an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, TooLarge, Unreadable
from .axes import ORDER, Fit, fit, ordered
from .confined import Confined, unpack
from .contract import StoredImage

__all__ = [
    "StoredArray",
    "arrays_in",
    "most_probable",
    "read_picture",
    "read_stack",
    "sequence_of",
    "stack_of",
]

_MOST_LABELS = 400_000_000
_LARGEST = 50_000_000
_AT_ONCE = 64 << 20


@dataclass(frozen=True)
class StoredArray:
    """An array in a file; `axes` has a letter for each axis, or is empty where it is not said.

    Where it lies in several files, `planes` has one for each place along its first axis.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: str
    planes: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return self.planes or (self.path,)

    def __str__(self) -> str:
        if self.planes:
            return f"{self.path.name} … {self.planes[-1].name}"
        return f"{self.path.name}/{self.name}" if self.name else self.path.name


def arrays_in(path: Path, confined: Confined) -> tuple[StoredArray, ...]:
    """The arrays of numbers in the file.

    Raises
    ------
    Unreadable
        It is damaged.
    """
    try:
        listed = json.loads(confined("omero_jlab.results.arrays:describe_arrays", path))
        return tuple(
            StoredArray(path, str(name), tuple(map(int, shape)), np.dtype(str(code)), str(axes))
            for name, shape, code, axes in listed
        )
    except (ValueError, TypeError) as error:
        raise Unreadable(f"{path.name} was read to nonsense: {error}") from error


def sequence_of(arrays: Sequence[StoredArray], axis: str) -> StoredArray:
    """The arrays, alike and each in a file of its own, as one along `axis` (empty: not known).

    Raises
    ------
    Invalid
        They are not alike.
    """
    first = arrays[0]
    other = next((a for a in arrays if (a.shape, a.axes) != (first.shape, first.axes)), None)
    if other is not None:
        raise Invalid(
            f"{first} and {other} are called as planes of one stack, but have "
            f"{first.shape} and {other.shape} pixels."
        )
    axes = axis + first.axes if axis and first.axes else ""
    dtype = np.result_type(*{a.dtype for a in arrays})
    shape = (len(arrays), *first.shape)
    return StoredArray(first.path, "", shape, dtype, axes, tuple(a.path for a in arrays))


def read_stack(stored: StoredArray, image: StoredImage, confined: Confined) -> NDArray[np.uint32]:
    """Labels of the image: (Y, X), or (T, Z, Y, X) where there is more than one plane.

    Raises
    ------
    Invalid
        It fits the image in no way or in several, or holds no labels.
    TooLarge
        There are too many pixels, or the numbers are too high for objects.
    """
    found = fit(stored.shape, stored.axes, image, str(stored))
    pixels = int(np.prod(found.shape, dtype=np.float64))
    if pixels > _MOST_LABELS:
        raise TooLarge(f"{stored} declares {pixels:,} pixels; up to {_MOST_LABELS:,} are read.")
    if _in_parts(stored, pixels * stored.dtype.itemsize):
        stack = np.empty(tuple(found.size(axis) for axis in "tzyx"), np.uint32)
        for t, z in np.ndindex(stack.shape[:2]):
            at = {"t": (t, t + 1), "z": (z, z + 1)}
            stack[t, z] = _as_labels(_read(stored, found, confined, at)[0, 0, 0], str(stored))
    else:
        stack = _as_labels(_read(stored, found, confined, {})[:, 0], str(stored))
    return stack[0, 0] if stack.shape[:2] == (1, 1) else stack


def read_picture(stored: StoredArray, image: StoredImage, confined: Confined) -> Any:
    """A picture of the image as TCZYX; a large one is read part by part when it is stored.

    Raises
    ------
    Invalid
        It fits the image in no way or in several.
    """
    found = fit(stored.shape, stored.axes, image, str(stored), channels=True)
    picture = _Picture(stored, found, confined)
    size = int(np.prod(picture.shape, dtype=np.float64)) * picture.dtype.itemsize
    return picture if _in_parts(stored, size) else picture[()]


def most_probable(picture: Any) -> NDArray[np.uint32]:
    """The number, from 1 on, of the channel that is highest in each pixel of a TCZYX picture.

    (Y, X), or (T, Z, Y, X) where there is more than one plane; 0 where all channels are 0.
    """
    t_count, c_count, z_count, height, width = picture.shape
    stack = np.empty((t_count, z_count, height, width), np.uint32)
    for t, z in np.ndindex(t_count, z_count):
        at = (
            slice(t, t + 1),
            slice(0, c_count),
            slice(z, z + 1),
            slice(0, height),
            slice(0, width),
        )
        plane = np.asarray(picture[at])[0, :, 0]
        stack[t, z] = (np.argmax(plane, axis=0) + 1) * (plane.max(axis=0) > 0)
    return stack[0, 0] if stack.shape[:2] == (1, 1) else stack


def _in_parts(stored: StoredArray, nbytes: int) -> bool:
    """Whether it is large, and of a format that needs not be decoded as a whole."""
    return nbytes > _AT_ONCE and (
        bool(stored.planes)
        or stored.path.is_dir()
        or stored.path.suffix.casefold() in (".h5", ".hdf5", ".npy")
    )


def stack_of(values: NDArray[Any], axes: str, image: StoredImage, what: str) -> NDArray[np.uint32]:
    """Labels that were read already, as `read_stack` answers them."""
    found = fit(values.shape, axes, image, what)
    stack = _as_labels(ordered(values, found.axes)[:, 0], what)
    return stack[0, 0] if stack.shape[:2] == (1, 1) else stack


class _Picture:
    """An array in a file as TCZYX, of which slices are read."""

    ndim = 5
    nbytes = 0

    def __init__(self, stored: StoredArray, found: Fit, confined: Confined) -> None:
        kept = {"f": "<f4", "b": "u1"}.get(stored.dtype.kind, stored.dtype.str)
        self.dtype: np.dtype[Any] = np.dtype(kept).newbyteorder("<")
        self.shape = tuple(found.size(axis) for axis in ORDER)
        self._read: Callable[..., NDArray[Any]] = partial(_read, stored, found, confined)

    def __getitem__(self, key: tuple[slice, ...]) -> NDArray[Any]:
        ranges = {}
        for axis, length, wanted in zip(ORDER, self.shape, key, strict=False):
            start, stop, _ = wanted.indices(length)
            ranges[axis] = (start, stop)
        values: NDArray[Any] = self._read(ranges).astype(self.dtype, copy=False)
        return values


def _read(
    stored: StoredArray, found: Fit, confined: Confined, ranges: Mapping[str, tuple[int, int]]
) -> NDArray[Any]:
    known = {axis: list(span) for axis, span in ranges.items() if axis in found.axes}
    function = "omero_jlab.results.arrays:read_array"
    if stored.planes:
        first, rest = found.axes[0], found.axes[1:]
        start, stop = known.pop(first, [0, len(stored.planes)])
        parts = [
            unpack(confined(function, path, "", rest, known))[1]["values"]
            for path in stored.planes[start:stop]
        ]
        at = ORDER.index(first) if first in ORDER else 0
        values = np.concatenate(parts, axis=at)
    else:
        answer = confined(function, stored.path, stored.name, found.axes, known)
        values = unpack(answer)[1]["values"]
    spans = [ranges.get(axis, (0, found.size(axis))) for axis in ORDER]
    expected = tuple(stop - start for start, stop in spans)
    if values.shape != expected:
        raise Unreadable(f"{stored} has {values.shape}, where {expected} was declared.")
    return values


def _as_labels(values: NDArray[Any], what: str) -> NDArray[np.uint32]:
    if values.dtype.kind == "f" and not np.array_equal(values, np.round(values)):
        raise Invalid(f"{what} holds fractions, so it is no label image.")
    low, high = values.min(initial=0), values.max(initial=0)
    if low < 0:
        raise Invalid(f"{what} holds negative numbers, so it is no label image.")
    if high > _LARGEST:
        raise TooLarge(f"{what} has label {high}; numbers up to {_LARGEST:,} are read.")
    return values.astype(np.uint32)
