"""Pictures with outlines that CellProfiler saved: over an image, or by themselves on black."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid
from ..confined import Confined, unpack
from ..records import ImageSet
from ..stacks import arrays_in
from .folder import Folder
from .pipeline import Outlines, Pipeline

__all__ = ["OutlineFile", "numbered", "outline_files", "read_outlines"]

_SUFFIXES = (".tif", ".tiff", ".png")
_MOST_COLORS = 16


@dataclass(frozen=True)
class OutlineFile:
    """A saved picture; `name` is what the pipeline calls it."""

    name: str
    path: Path
    made: Outlines


def outline_files(
    folder: Folder,
    pipeline: Pipeline | None,
    image_set: ImageSet,
    row: dict[Any, Any],
    near: Path | None,
) -> Iterator[OutlineFile]:
    """The pictures of `image_set` that OverlayOutlines made and SaveImages wrote."""
    known = pipeline.outlines() if pipeline is not None else {}
    if pipeline is None or not known:
        return
    stems = {file.channel: PurePosixPath(file.name).stem for file in image_set.files}
    for name, made in known.items():
        wanted = [str(row.get(f"FileName_{name}") or "")]
        wanted += [
            f"{stems[saved.prefix_channel]}{saved.suffix}{suffix}"
            for saved in pipeline.saved()
            if saved.image == name and saved.prefix_channel in stems
            for suffix in _SUFFIXES
        ]
        found = (folder.file(one, near) for one in wanted if one)
        path = next((p for p in found if p and p.suffix.casefold() in _SUFFIXES), None)
        if path is not None:
            yield OutlineFile(name, path, made)


def read_outlines(path: Path, confined: Confined) -> NDArray[Any]:
    """The picture, shape (C, Y, X).

    Raises
    ------
    Unreadable, Invalid
        It is damaged, or no picture of one plane.
    """
    arrays = arrays_in(path, confined)
    axes = {2: "yx", 3: "yxc"}.get(len(arrays[0].shape), "") if len(arrays) == 1 else ""
    if not axes or arrays[0].axes not in ("", axes):
        raise Invalid(f"{path.name} is no picture of one plane.")
    function = "omero_jlab.results.arrays:read_array"
    values = unpack(confined(function, path, arrays[0].name, axes, {}))[1]["values"]
    return np.asarray(values[0, :, 0])


def numbered(picture: NDArray[Any]) -> NDArray[np.uint32]:
    """Outlines on black as labels (Y, X): a number for each colour, in order of their places."""
    colors = picture.reshape(len(picture), -1).T
    is_line = (colors > 0).any(axis=1)
    labels = np.zeros(len(colors), np.uint32)
    if is_line.any():
        _, first, which = np.unique(colors[is_line], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first)) + 1
        labels[is_line] = order[which.ravel()] if len(first) <= _MOST_COLORS else 1
    return labels.reshape(picture.shape[1:])
