"""Labels from wherever they are, as an array (…, Y, X) that is read chunk by chunk."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Invalid, NotFound, Unreadable

__all__ = ["labels_from"]


def labels_from(source: Any) -> Any:
    """An array of labels: what is one stays as it is, a path or a Zarr group is opened.

    Raises
    ------
    NotFound
        There is nothing at the path.
    Invalid
        The file is of no kind that holds labels, or a group holds no array.
    Unreadable
        It cannot be read.
    """
    if isinstance(source, str | PathLike):
        source = _opened(Path(source))
    if hasattr(source, "variable") and hasattr(source, "data"):
        source = source.data
    if not hasattr(source, "shape"):
        source = _level_of(source) if hasattr(source, "attrs") else np.asarray(source)
    if len(source.shape) == 5 and source.shape[1] == 1:
        # OME-Zarr keeps a channel of which there is one.
        source = _lazy(source)[:, 0]
    elif type(source).__module__.partition(".")[0] in ("zarr", "h5py"):
        source = _lazy(source)
    return source


def _lazy(array: Any) -> Any:
    if isinstance(array, np.ndarray) or hasattr(array, "dask"):
        return array
    import dask.array

    da: Any = dask.array
    return da.from_array(array, chunks=array.chunks or "auto")


def _opened(path: Path) -> Any:
    if not path.exists():
        raise NotFound(f"There is no file at {path}.")
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            import zarr

            return zarr.open(path, mode="r")
        if suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if suffix in (".tif", ".tiff"):
            import tifffile

            return tifffile.imread(path)
    except (OSError, ValueError, KeyError) as error:
        raise Unreadable(f"The labels in {path} cannot be read: {error}") from error
    raise Invalid(
        f"Labels are read from Zarr, TIFF and .npy, not from {path.name}: open it yourself and "
        f"give the array."
    )


def _level_of(group: Any) -> Any:
    """The first level of an OME-Zarr group."""
    attributes = dict(group.attrs)
    described = attributes.get("ome", attributes).get("multiscales") or [{}]
    for dataset in described[0].get("datasets", [{"path": "0"}]):
        if dataset["path"] in group:
            return group[dataset["path"]]
    raise Invalid(
        "This Zarr group holds no levels of a label image: give the group of one, such as "
        "labels/nuclei, or an array."
    )
