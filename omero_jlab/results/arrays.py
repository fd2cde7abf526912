"""Arrays in foreign files (HDF5, NumPy, TIFF, PNG, Zarr), read inside of a confined process."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, OmeroError, TooLarge, Unreadable
from .axes import from_axistags, ordered
from .confined import pack, unpack
from .hdf5 import child, data_sets, opened, whole
from .zarrs import describe_zarr, open_zarr

__all__ = ["describe_arrays", "holds_whole_numbers", "read_array"]

_MOST_BYTES = 1 << 30
_MOST_MEMBERS = 10_000
_HDF5 = (".h5", ".hdf5", ".ilp")
_TIFF = (".tif", ".tiff")
# tifffile's letters for samples of a pixel and for axes that have no name.
_LETTERS = {"S": "c", "T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x"}
_DAMAGE = (
    OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ArithmeticError,
    SyntaxError, struct.error,
)  # fmt: skip


def describe_arrays(path: str) -> bytes:
    """The arrays of numbers in a file as JSON: name, shape, dtype and axes of each.

    The name is empty for formats that hold one array; axes are letters of `tczyx?`, or empty
    where the file does not say them.
    """
    place = Path(path)
    suffix = place.suffix.casefold()
    if suffix in _HDF5:
        with opened(path) as file:
            found = [
                [name, list(data.shape), data.dtype.str, _tags(data)]
                for name, data in data_sets(file)
                if data.dtype.kind in "biuf" and data.ndim >= 2
            ]
    elif place.is_dir():
        found = describe_zarr(place)
    elif suffix == ".npz":
        with _npz(place) as members:
            found = [[n, list(shape), dtype.str, ""] for n, (shape, dtype) in members.items()]
    else:
        with _array(place) as (array, axes):
            found = [["", list(array.shape), np.dtype(array.dtype).str, axes]]
    return json.dumps(found).encode()


def read_array(path: str, name: str, axes: str, part: Mapping[str, Sequence[int]]) -> bytes:
    """The array `name`, whose axes are `axes`, as TCZYX.

    `part` names the first and one past the last place along axes that are not read as a whole.

    Raises
    ------
    Unreadable
        The file is damaged.
    Invalid
        It has no such array, or not these axes.
    TooLarge
        What is to be read is larger than 1 GiB.
    """
    place = Path(path)
    if place.suffix.casefold() in _HDF5:
        with opened(path) as file:
            data = child(file, name)
            if data is None or not hasattr(data, "ndim") or data.ndim != len(axes):
                raise Invalid(f"{place.name} has no array {name!r} with the axes {axes}.")
            whole(data, 1 << 62)
            values = _part(data, axes, part, place)
    elif place.is_dir():
        values = _part(open_zarr(place, name), axes, part, place)
    elif place.suffix.casefold() == ".npz":
        with _npz(place) as members:
            if name not in members or len(members[name][0]) != len(axes):
                raise Invalid(f"{place.name} has no array {name!r} with the axes {axes}.")
            with np.load(place, allow_pickle=False) as arrays:
                values = _part(arrays[name], axes, part, place)
    else:
        with _array(place) as (array, _):
            if array.ndim != len(axes):
                raise Invalid(f"{place.name} has {array.ndim} axes, not {axes}.")
            values = _part(array, axes, part, place)
    return pack({}, values=ordered(values, axes))


def holds_whole_numbers(path: str, name: str) -> bytes:
    """Not empty where each value of the array `name` is a whole number, and none is negative."""
    described = json.loads(describe_arrays(path))
    (shape,) = (shape for found, shape, _, _ in described if found == name)
    if np.prod(shape, dtype=np.float64) > _MOST_BYTES / 8:
        return b""
    # Which axis is which does not matter here.
    letters = "tczyx"[-len(shape) :]
    if len(letters) != len(shape):
        return b""
    values = unpack(read_array(path, name, letters, {}))[1]["values"]
    return b"whole" if bool(((values >= 0) & (values == np.round(values))).all()) else b""


def _part(array: Any, axes: str, part: Mapping[str, Sequence[int]], place: Path) -> NDArray[Any]:
    at = [
        slice(*part.get(axis, (0, length))) for axis, length in zip(axes, array.shape, strict=True)
    ]
    size = int(np.prod([one.stop - one.start for one in at], dtype=np.float64))
    if size * array.dtype.itemsize > _MOST_BYTES:
        raise TooLarge(f"{place.name} holds {size:,} values at once; fewer are read.")
    values = np.asarray(array[tuple(at)])
    if values.dtype.kind not in "biuf":
        raise Invalid(f"{place.name} holds {values.dtype}, not numbers.")
    return values.astype(values.dtype.newbyteorder("<"), copy=False)


def _tags(data: Any) -> str:
    said = data.attrs.get("axistags")
    axes = from_axistags(said) if isinstance(said, str | bytes) else ""
    if len(axes) != data.ndim:
        labels = data.attrs.get("DIMENSION_LABELS")
        listed = [] if labels is None else list(np.ravel(labels))
        words = [one.decode() if isinstance(one, bytes) else str(one) for one in listed]
        axes = "".join(w if w in tuple("tczyx") else "?" for w in words)
    return axes if len(axes) == data.ndim else ""


@contextmanager
def _npz(place: Path) -> Iterator[dict[str, tuple[tuple[int, ...], np.dtype[Any]]]]:
    """Shape and dtype of each array of numbers in a .npz file, checked before one is unpacked."""
    members = {}
    try:
        with zipfile.ZipFile(place) as archive:
            for info in archive.infolist()[:_MOST_MEMBERS]:
                if not info.filename.endswith(".npy"):
                    continue
                with archive.open(info) as file:
                    version = np.lib.format.read_magic(file)
                    old = version == (1, 0)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if old
                        else (np.lib.format.read_array_header_2_0)
                    )
                    shape, _, dtype = read(file)
                if dtype.kind in "biuf" and len(shape) >= 2:
                    _check(place, shape, dtype)
                    members[info.filename.removesuffix(".npy")] = (shape, dtype)
        yield members
    except OmeroError:
        raise
    except (*_DAMAGE, zipfile.BadZipFile) as error:
        text = " ".join(str(error).split())[:200]
        raise Unreadable(f"{place.name} cannot be read: {text}") from error


@contextmanager
def _array(place: Path) -> Iterator[tuple[Any, str]]:
    """The array of a file that holds one, and its axes."""
    suffix = place.suffix.casefold()
    try:
        if suffix == ".npy":
            yield np.load(place, mmap_mode="r", allow_pickle=False), ""
        elif suffix in _TIFF:
            yield _tiff(place)
        elif suffix == ".png":
            yield _png(place)
        else:
            raise Invalid(f"{place.name} is no file of a kind that holds arrays.")
    except OmeroError:
        raise
    except _DAMAGE as error:
        text = " ".join(str(error).split())[:200]
        raise Unreadable(f"{place.name} cannot be read: {text}") from error


def _tiff(place: Path) -> tuple[NDArray[Any], str]:
    import tifffile

    with tifffile.TiffFile(place) as tif:
        series = tif.series[0]
        _check(place, series.shape, series.dtype)
        values = series.asarray()
        # Planes of three or four that no program named are written as if they were colours.
        planar = series.axes.startswith("S")
        axes = "".join(_LETTERS.get(letter, "-") for letter in series.axes)
        known = not planar and "-" not in axes and len(set(axes)) == len(axes)
    return _as_grey(values, axes if known else "")


def _png(place: Path) -> tuple[NDArray[Any], str]:
    from PIL import Image

    with Image.open(place, formats=("PNG",)) as picture:
        _check(place, (picture.height, picture.width, 4), np.dtype(np.uint8))
        values = np.asarray(picture)
    return _as_grey(values, "yx" if values.ndim == 2 else "yxc")


def _as_grey(values: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """A picture whose colours are all the same in every pixel is one of numbers."""
    if axes == "yxc" and values.shape[2] in (2, 3, 4) and values.dtype.kind in "bui":
        # The last of two or four is how opaque a pixel is.
        colors = values[..., : {2: 1, 3: 3, 4: 3}[values.shape[2]]]
        if (colors == colors[..., :1]).all() and values.dtype == np.uint8:
            return values[..., 0], "yx"
    return values, axes


def _check(place: Path, shape: tuple[int, ...], dtype: Any) -> None:
    size = int(np.prod(shape, dtype=np.float64)) * np.dtype(dtype).itemsize
    if size > _MOST_BYTES:
        raise TooLarge(f"{place.name} declares {size:,} bytes; up to {_MOST_BYTES:,} are read.")
