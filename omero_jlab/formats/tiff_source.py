"""One image made of TIFF pages, wherever these lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from ..errors import TooLarge, Unreadable
from ..model import FoundChannel, FoundImage
from ..model.chunks import ChunkIndex
from .damage import reading
from .index import FileTable, make_index
from .reader import Fileset
from .tiff_level import Planes, level_chunks, why_not_one_level
from .tiff_page import PageChunks, PageLayout

__all__ = ["PageAddress", "TiffSource", "colours_of", "common_layout"]

_MAX_DECODED = 1 << 30
_PRIMARIES = (("Red", "FF0000"), ("Green", "00FF00"), ("Blue", "0000FF"))


@dataclass(frozen=True)
class PageAddress:
    """A page by its file and its number among the file's pages."""

    file: str
    page: int


@dataclass(frozen=True)
class TiffSource:
    """Planes of shape (T, C, Z) per level, and where to find the pages of level 0 again."""

    fileset: Fileset
    image: FoundImage
    levels: Sequence[Planes]
    addresses: NDArray[Any]

    @property
    def reason(self) -> str:
        return why_not_one_level(self.levels[0])

    @property
    def samples(self) -> int:
        return common_layout(self.levels[0], self.image.name).samples

    def index(self) -> ChunkIndex:
        """Where every chunk lies.  Reduced levels that do not fit below level 0 are left out."""
        files = FileTable(self.fileset.root)
        made = [level_chunks(self.levels[0], files)]
        for planes in self.levels[1:]:
            if any(page is None for page in planes.flat) or why_not_one_level(planes):
                break
            level, above = common_layout(planes, self.image.name), made[-1].layout
            smaller = level.height < above.shape[3] and level.width < above.shape[4]
            if not smaller or (level.samples, level.dtype) != (above.shape[5], above.dtype):
                break
            made.append(level_chunks(planes, files))
        return make_index(made, files)

    def rows(self, t: int, c: int, z: int) -> Iterator[NDArray[Any]]:
        """The plane, decoded by tifffile a row of tiles at a time."""
        address: PageAddress | None = self.addresses[t, c, z]
        layout = common_layout(self.levels[0], self.image.name)
        if address is None:
            yield np.zeros((layout.height, layout.width, layout.samples), layout.dtype)
            return
        path = self.fileset.path(address.file)
        with reading(address.file), TiffFile(path, _multifile=False) as tiff:
            yield from _decoded(tiff.pages[address.page], layout)


def common_layout(planes: Planes, name: str) -> PageLayout:
    """The layout of the stored planes.

    Raises
    ------
    Unreadable
        There is none, or planes differ in size or type.
    """
    stored: list[PageChunks] = [page for page in planes.flat if page is not None]
    if not stored:
        raise Unreadable(f"{name} has no plane of pixels: it holds metadata only.")
    first = stored[0].layout
    for page in stored:
        other = page.layout
        if (other.height, other.width, other.samples, other.dtype) != (
            first.height,
            first.width,
            first.samples,
            first.dtype,
        ):
            raise Unreadable(
                f"{name}: {page.file} has planes of {other.width} × {other.height} × "
                f"{other.samples} {other.dtype}, and others of {first.width} × {first.height} × "
                f"{first.samples} {first.dtype}."
            )
    return first


def colours_of(layout: PageLayout, groups: int) -> tuple[int, bool, tuple[FoundChannel, ...]]:
    """How many channels there are, whether they are one RGB picture, and the colours' names.

    Eight bits a sample make a picture; with more, the colours are channels with a window each.
    The transparency of a picture is no channel.
    """
    if not layout.looks_rgb or groups != 1:
        return groups * layout.samples, False, ()
    channels = tuple(FoundChannel(name=name, color=color) for name, color in _PRIMARIES)
    return 3, layout.dtype == "uint8", channels


def _decoded(page: Any, layout: PageLayout) -> Iterator[NDArray[Any]]:
    """Blocks of shape (rows, X, samples)."""
    band_bytes = layout.rows * layout.width * layout.samples * np.dtype(layout.dtype).itemsize
    if layout.planar:
        band_bytes = band_bytes * layout.height // layout.rows
    if band_bytes > _MAX_DECODED:
        raise TooLarge(
            f"Its pixels must be decoded {band_bytes >> 20} MiB at a time, more than "
            f"{_MAX_DECODED >> 20}: export it as a tiled OME-TIFF."
        )
    if layout.planar:
        plane = np.moveaxis(page.asarray(maxworkers=1), 0, -1)
        yield plane.astype(layout.dtype, copy=False)
        return
    band = np.zeros((layout.rows, layout.width, layout.samples), layout.dtype)
    top = 0
    for segment, place, _ in page.segments(maxworkers=1, sort=False):
        y, x = int(place[2]), int(place[3])
        if y != top:
            yield band[: min(layout.rows, layout.height - top)].copy()
            band[:] = 0
            top = y
        if segment is not None:
            tile = segment[0][:, : layout.width - x]
            band[: tile.shape[0], x : x + tile.shape[1]] = tile
    yield band[: min(layout.rows, layout.height - top)]
