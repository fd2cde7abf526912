"""TIFF as microscopes and ImageJ write it: plain, hyperstacks, LSM, STK, SVS, pyramids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from ..errors import TooLarge, Unreadable
from ..model import FoundChannel, FoundImage, Sizes
from .damage import MAX_PLANES, reading
from .reader import Fileset, Related, Source
from .tiff_level import Planes
from .tiff_metadata import TiffFacts, facts_of
from .tiff_page import PageChunks, page_chunks
from .tiff_source import PageAddress, TiffSource, colours_of, common_layout
from .tiff_whole import check_whole

__all__ = ["TiffReader", "is_tiff"]

_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_AXES = "TCZ"
# Axes without a meaning of ours are laid on those of ours that are free, in this order.
_FREE = "TZC"


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins with `head` is a TIFF or BigTIFF."""
    return head[:4] in _MAGIC


class TiffReader:
    """Every TIFF whose images tifffile can tell apart, except OME-TIFF."""

    name = "TIFF"

    def matches(self, path: Path, head: bytes) -> bool:
        return is_tiff(head)

    def files(self, path: Path) -> Related:
        return Related(path.parent, path.name, (path.name,), path.name)

    def read(self, fileset: Fileset) -> list[Source]:
        file = fileset.plan.main
        with reading(file), TiffFile(fileset.path(file), _multifile=False) as tiff:
            if not tiff.series:
                raise Unreadable(f"{file} is a TIFF without any image.")
            check_whole(tiff, file)
            facts = facts_of(tiff)
            several = len(tiff.series) > 1
            return [
                _source(fileset, series, number, several, facts if number == 0 else TiffFacts())
                for number, series in enumerate(tiff.series)
            ]


def _source(
    fileset: Fileset, series: TiffPageSeries, number: int, several: bool, facts: TiffFacts
) -> Source:
    file, name = fileset.plan.main, fileset.plan.name
    if several:
        name = f"{name} [{series.name or number + 1}]"
    order, indexes = _plane_order(series, file)
    levels = []
    for level in series.levels:
        pages = _pages(level, file, len(order.flat))
        levels.append(_arranged(pages, order))
    layout = common_layout(levels[0], name)
    size_t, groups, size_z = order.shape
    size_c, is_rgb, colours = colours_of(layout, groups)
    channels = colours or _named(facts.channels, size_c)
    image = FoundImage(
        name=name,
        series=number,
        sizes=Sizes(t=size_t, c=size_c, z=size_z, y=layout.height, x=layout.width),
        dtype=layout.dtype,
        is_rgb=is_rgb,
        channels=channels,
        pixel_size_x_um=facts.x_um,
        pixel_size_y_um=facts.y_um,
        pixel_size_z_um=facts.z_um if size_z > 1 else None,
        time_step_s=facts.step_s if size_t > 1 else None,
        acquired_at=facts.acquired_at,
        metadata=facts.metadata,
        icc=layout.icc if is_rgb else "",
    )
    addresses: NDArray[Any] = np.full(order.shape, None, object)
    for place in np.ndindex(order.shape):
        page = indexes[order[place]]
        addresses[place] = None if page is None else PageAddress(file, page)
    return TiffSource(fileset, image, levels, addresses)


def _named(names: tuple[str, ...], count: int) -> tuple[FoundChannel, ...]:
    given = names if len(names) == count else ("",) * count
    return tuple(FoundChannel(name=name) for name in given)


def _plane_order(series: TiffPageSeries, file: str) -> tuple[NDArray[np.int64], list[int | None]]:
    """The number of the plane at each (t, c, z), and the page of each plane in the file."""
    inner = len(series.keyframe.shape)
    leading = tuple(int(n) for n in series.shape[: len(series.shape) - inner])
    count = int(np.prod(leading, dtype=object))
    if count > MAX_PLANES:
        raise TooLarge(f"{file} claims {count} planes, more than {MAX_PLANES}.")
    target = _targets(series.axes[: len(leading)], file)
    planes = np.arange(count).reshape(leading)
    # Group the axes of the file by the axis of ours that they are laid on, keeping their order.
    wanted = [[i for i, axis in enumerate(target) if axis == ours] for ours in _AXES]
    planes = planes.transpose([i for group in wanted for i in group])
    shape = [int(np.prod([leading[i] for i in group], dtype=np.int64)) for group in wanted]
    pages = [
        int(page.index) if page is not None and isinstance(page.index, int) else None
        for page in series.pages
    ]
    if len(pages) < count:
        # A contiguous series has a single page; it is never transcoded.
        pages += [None] * (count - len(pages))
    return planes.reshape(shape), pages


def _targets(axes: str, file: str) -> list[str]:
    """For each leading axis of the file, the axis T, C or Z that it is laid on."""
    target: list[str] = []
    for axis in axes:
        if axis in _AXES and axis not in target:
            target.append(axis)
            continue
        free = [ours for ours in _FREE if ours not in target and ours not in axes]
        target.append(free[0] if free else "T")
    return target


def _pages(series: TiffPageSeries, file: str, count: int) -> list[PageChunks | None]:
    """The chunks of every plane of a level, in the order of the file."""
    first = page_chunks(series.keyframe, file)
    begin = series.dataoffset
    stored: list[Any] = list(series.pages)
    if begin is not None and first.contiguous is not None and len(stored) != count:
        # ImageJ and STK write the first plane's page only; the others follow it.
        step = first.layout.height * first.layout.width * first.layout.samples
        step *= np.dtype(first.layout.dtype).itemsize
        return [
            PageChunks(file, first.layout, first.offset - first.contiguous + begin + i * step,
                       first.length)
            for i in range(count)
        ]  # fmt: skip
    if len(stored) != count:
        raise Unreadable(f"{file} has {len(stored)} pages where its sizes need {count}.")
    return [None if page is None else page_chunks(page, file) for page in stored]


def _arranged(pages: list[PageChunks | None], order: NDArray[np.int64]) -> Planes:
    planes: Planes = np.full(order.shape, None, object)
    for place in np.ndindex(order.shape):
        planes[place] = pages[order[place]]
    return planes
