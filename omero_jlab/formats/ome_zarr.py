"""OME-Zarr 0.1 to 0.5: images, plates, and the collections that bioformats2raw writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model import FoundImage, Position, Sizes
from ..model.chunks import ChunkIndex
from .damage import reading
from .index import FileTable, make_index
from .reader import Fileset, Related, Source
from .zarr_array import ZarrArray, read_json
from .zarr_metadata import Multiscale, multiscale_of, places_of, said_by

__all__ = ["OmeZarrReader"]

_GROUP_FILES = (".zattrs", ".zgroup", "zarr.json")
_MAX_FILES = 2_000_000


class OmeZarrReader:
    """A folder that is an OME-Zarr image, plate or collection."""

    name = "OME-Zarr"

    def matches(self, path: Path, head: bytes) -> bool:
        if not path.is_dir() or not any((path / name).is_file() for name in _GROUP_FILES):
            return False
        said = _attributes(path, path.name)
        return any(key in said for key in ("multiscales", "plate", "bioformats2raw.layout"))

    def files(self, path: Path) -> Related:
        files = tuple(sorted(_walk(path)))
        return Related(path, ".", files, path.name)

    def read(self, fileset: Fileset) -> list[Source]:
        sources: list[Source] = []
        for number, (group, position) in enumerate(_images(fileset)):
            sources.append(_source(fileset, group, position, number))
        if not sources:
            raise Unreadable(f"{fileset.plan.name} is an OME-Zarr without any image.")
        if len(sources) > 1:
            return sources
        only = sources[0]
        assert isinstance(only, ZarrSource)
        return [
            ZarrSource(
                only.fileset,
                only.image.model_copy(update={"name": fileset.plan.name}),
                only.axes,
                only.arrays,
            )
        ]


@dataclass(frozen=True)
class ZarrSource:
    """An image: its arrays from fine to coarse, with their axes as letters."""

    fileset: Fileset
    image: FoundImage
    axes: str
    arrays: tuple[ZarrArray, ...]
    samples: int = field(default=1)

    @property
    def reason(self) -> str:
        return self.arrays[0].pipeline.reason

    def index(self) -> ChunkIndex:
        """Where every chunk lies.

        Levels that are smaller along T, C or Z as well are left out: a level here has the same
        planes as the full resolution.
        """
        files = FileTable(self.fileset.root)
        levels = [self.arrays[0].level(self.axes, self.fileset, files)]
        for array in self.arrays[1:]:
            if array.pipeline.reason or array.dtype != self.arrays[0].dtype:
                break
            level = array.level(self.axes, self.fileset, files)
            above = levels[-1].layout.shape
            smaller = level.layout.shape[3] <= above[3] and level.layout.shape[4] <= above[4]
            if level.layout.shape[:3] != above[:3] or not smaller or level.layout.shape == above:
                break
            levels.append(level)
        if not any(level.length.any() for level in levels):
            raise Unreadable(f"{self.image.name} holds metadata only: no chunk of it is stored.")
        return make_index(levels, files)

    def rows(self, t: int, c: int, z: int) -> Iterator[NDArray[Any]]:
        """The plane, decoded by zarr-python a row of chunks at a time."""
        import zarr

        array = self.arrays[0]
        with reading(array.path):
            opened: Any = zarr.open_array(str(self.fileset.root / array.path), mode="r")
            at = {"t": t, "c": c, "z": z}
            step = max(1, array.chunk[self.axes.index("y")])
            height = self.image.sizes.y
            for top in range(0, height, step):
                place = tuple(
                    slice(top, min(top + step, height))
                    if axis == "y"
                    else at.get(axis, slice(None))
                    for axis in self.axes
                )
                block = np.asarray(opened[place])
                if self.axes.index("y") > self.axes.index("x"):
                    block = block.T
                yield block.astype(self.image.dtype, copy=False)[..., np.newaxis]


def _attributes(path: Path, name: str) -> dict[str, Any]:
    """What the group at `path` says about OME: the attributes, or their part `ome` (0.5)."""
    for file in ("zarr.json", ".zattrs"):
        if (path / file).is_file():
            try:
                return said_by(read_json(path / file, f"{name}/{file}"))
            except Unreadable:
                return {}
    return {}


def _said(fileset: Fileset, group: str) -> dict[str, Any]:
    for file in ("zarr.json", ".zattrs"):
        name = f"{group}/{file}" if group else file
        if name in fileset.plan.files:
            return said_by(read_json(fileset.path(name), name))
    raise Unreadable(f"{fileset.plan.name} has no group at {group!r}, which its metadata names.")


def _walk(folder: Path) -> Iterator[str]:
    """All files below `folder`, relative to it; a link is refused, wherever it leads."""
    count = 0
    for parent, folders, files in os.walk(folder, followlinks=False):
        relative = Path(parent).relative_to(folder).as_posix()
        for name in (*folders, *files):
            path = Path(parent) / name
            if path.is_symlink():
                raise Unreadable(f"{folder.name} has a link in it ({name}): links are refused.")
        for name in files:
            count += 1
            if count > _MAX_FILES:
                raise Unreadable(f"{folder.name} has more than {_MAX_FILES} files: use shards.")
            yield name if relative == "." else f"{relative}/{name}"


def _joined(group: str, path: object, name: str) -> str:
    """`path` below `group`; refused if it leads out."""
    given = PurePosixPath(str(path))
    if given.is_absolute() or ".." in given.parts or not given.parts:
        raise Unreadable(f"{name} refers to {str(path)!r} outside of itself, which is refused.")
    return (PurePosixPath(group) / given).as_posix() if group else given.as_posix()


def _images(fileset: Fileset) -> Iterator[tuple[str, Position | None]]:
    """The groups that are images, in the order of the store."""
    name = fileset.plan.name
    with reading(name):
        said = _said(fileset, "")
        if "multiscales" in said:
            yield "", None
        elif "plate" in said:
            for well, position in places_of(said["plate"], Path(name).stem):
                group = _joined("", well, name)
                fields = _said(fileset, group).get("well", {}).get("images", [])
                for site, entry in enumerate(fields, start=1):
                    place = position.model_copy(update={"site": site})
                    yield _joined(group, entry["path"], name), place
        else:
            for group in _series(fileset):
                yield group, None


def _series(fileset: Fileset) -> list[str]:
    """The images of a bioformats2raw collection: as listed, or else numbered from 0."""
    present = {PurePosixPath(file).parts[0] for file in fileset.plan.files}
    if "OME" in present:
        try:
            listed = _said(fileset, "OME").get("series")
        except Unreadable:
            listed = None
        if isinstance(listed, list):
            return [_joined("", path, fileset.plan.name) for path in listed]
    return sorted((name for name in present if name.isdigit()), key=int)


def _source(fileset: Fileset, group: str, position: Position | None, number: int) -> ZarrSource:
    said = _said(fileset, group)
    where = f"{fileset.plan.name}/{group}" if group else fileset.plan.name
    with reading(where):
        told: Multiscale = multiscale_of(said, where)
        arrays = tuple(ZarrArray.open(fileset, _joined(group, path, where)) for path in told.paths)
        first = arrays[0]
        if any(len(array.shape) != len(told.axes) for array in arrays):
            raise Unreadable(f"{where} has {len(told.axes)} axes, and arrays of {first.shape}.")
        size = dict(zip(told.axes, first.shape, strict=True))
        count = size.get("c", 1)
        name = told.name if told.name and position is None else ""
        image = FoundImage(
            name=f"{fileset.plan.name} [{name or group or number + 1}]",
            series=number,
            sizes=Sizes(t=size.get("t", 1), c=count, z=size.get("z", 1), y=size["y"], x=size["x"]),
            dtype=first.dtype.name,
            is_rgb=False,
            channels=told.channels(count),
            pixel_size_x_um=told.x_um,
            pixel_size_y_um=told.y_um,
            pixel_size_z_um=told.z_um,
            time_step_s=told.step_s,
            position=position,
            metadata=told.metadata,
        )
    return ZarrSource(fileset, image, told.axes, arrays)
