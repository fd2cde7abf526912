"""One image out of many files of one plane each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model import FoundChannel, FoundImage, Sizes
from ..model.chunks import ChunkIndex
from .index import FileTable, make_index
from .plane_file import plane_source
from .reader import Fileset, Source
from .tiff_level import level_chunks, why_not_one_level
from .tiff_page import PageChunks
from .tiff_source import TiffSource, common_layout

__all__ = ["read_joined"]


def read_joined(fileset: Fileset) -> list[Source]:
    """The image that the plan's planes make.

    Raises
    ------
    Unreadable
        A file is damaged or has another size than the others; says which.
    """
    plan = fileset.plan
    size_t, size_z = (max(getattr(p, axis) for p in plan.planes) + 1 for axis in "tz")
    sources: NDArray[Any] = np.full((size_t, len(plan.channels), size_z), None, object)
    for plane in plan.planes:
        sources[plane.t, plane.c, plane.z] = plane_source(fileset.path(plane.file))
    if any(source is None for source in sources.flat):
        raise Unreadable(f"{plan.name} lacks files for some of its planes.")
    first: FoundImage = sources.flat[0].image
    for source, plane in zip(sources.flat, plan.planes, strict=True):
        if (source.image.sizes, source.image.dtype) != (first.sizes, first.dtype):
            raise Unreadable(f"{plan.name}: {plane.file} has another size or type than the others.")
    channels = tuple(_channel(name, sources[0, c, 0].image) for c, name in enumerate(plan.channels))
    image = first.model_copy(
        update={
            "name": plan.name,
            "sizes": Sizes(t=size_t, c=len(channels), z=size_z, y=first.sizes.y, x=first.sizes.x),
            "channels": channels,
        }
    )
    return [_JoinedSource(fileset, image, sources)]


def _channel(name: str, image: FoundImage) -> FoundChannel:
    said = image.channels[0]
    return said.model_copy(update={"name": name or said.name})


@dataclass(frozen=True)
class _JoinedSource:
    """Sources of one plane each, shape (T, C, Z)."""

    fileset: Fileset
    image: FoundImage
    planes: NDArray[Any]
    samples: int = 1

    @property
    def reason(self) -> str:
        for source in self.planes.flat:
            if source.reason:
                return str(source.reason)
            if not isinstance(source, TiffSource):
                return "its files are of different formats"
        return why_not_one_level(self._pages())

    def _pages(self) -> NDArray[Any]:
        """The one page of every file, under the name that it has in this fileset."""
        pages: NDArray[Any] = np.full(self.planes.shape, None, object)
        for plane in self.fileset.plan.planes:
            page: PageChunks = self.planes[plane.t, plane.c, plane.z].levels[0].flat[0]
            pages[plane.t, plane.c, plane.z] = PageChunks(
                plane.file, page.layout, page.offset, page.length
            )
        return pages

    def index(self) -> ChunkIndex:
        pages = self._pages()
        common_layout(pages, self.image.name)
        files = FileTable(self.fileset.root)
        return make_index([level_chunks(pages, files)], files)

    def rows(self, t: int, c: int, z: int) -> Iterator[NDArray[Any]]:
        source: Source = self.planes[t, c, z]
        return source.rows(0, 0, 0)
