"""OME-TIFF: pages placed by OME-XML, in one file or in several with or without a companion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from ..errors import TooLarge, Unreadable
from ..model import FoundImage, Sizes
from .damage import MAX_PLANES, reading
from .ome_xml import Ome, OmeImage, TiffData, read_ome
from .reader import Fileset, Related, Source
from .tiff import is_tiff
from .tiff_level import Planes
from .tiff_page import PageChunks, page_chunks
from .tiff_source import PageAddress, TiffSource, colours_of, common_layout

__all__ = ["OmeTiffReader"]

_MAX_LEVELS = 32


class OmeTiffReader:
    """OME-TIFF and the companion files that go with it."""

    name = "OME-TIFF"

    def matches(self, path: Path, head: bytes) -> bool:
        if is_tiff(head):
            try:
                return b"OME" in _xml(path)[:4096]
            except Unreadable:
                return False
        return _is_ome_xml(head)

    def files(self, path: Path) -> Related:
        ome = read_ome(_text(path), path.name)
        if ome.metadata_file:
            companion = _inside(path.parent, ome.metadata_file, path.name)
            ome = read_ome(_text(path.parent / companion), companion)
            main = companion
        else:
            main = path.name
        _refuse_without_pixels(ome, main, is_tiff(_head(path)))
        others = _referred(ome, path.parent, main)
        files = sorted({main, path.name, *others})
        several = len(files) > 1 and len(ome.images) == 1 and ome.images[0].name
        name = ome.images[0].name if several else main
        return Related(path.parent, main, tuple(files), name)

    def read(self, fileset: Fileset) -> list[Source]:
        main = fileset.plan.main
        ome = read_ome(_text(fileset.path(main)), main)
        _refuse_without_pixels(
            ome, main, any(_is_tiff_file(fileset, f) for f in fileset.plan.files)
        )
        if sum(image.t * image.c * image.z for image in ome.images) > MAX_PLANES:
            raise TooLarge(f"{main} claims more than {MAX_PLANES} planes.")
        pages = _Pages(fileset)
        alone = _alone(ome)
        return [
            _source(fileset, pages, ome, image, number, alone)
            for number, image in enumerate(ome.images)
        ]


def _is_ome_xml(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    return start.startswith(b"<") and (b"<OME " in start or b":OME " in start)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _is_tiff_file(fileset: Fileset, file: str) -> bool:
    return is_tiff(_head(fileset.path(file)))


def _text(path: Path) -> bytes:
    """The OME-XML of a TIFF or of a companion file."""
    if not is_tiff(_head(path)):
        with path.open("rb") as file:
            return file.read((64 << 20) + 1)
    return _xml(path)


def _xml(path: Path) -> bytes:
    with reading(path.name), TiffFile(path, _multifile=False) as tiff:
        first = tiff.pages.first
        text = first.description if first.is_ome else ""
    return text.encode()


def _refuse_without_pixels(ome: Ome, name: str, has_tiff: bool) -> None:
    if not ome.images:
        raise Unreadable(f"{name} describes no image: its OME-XML has no Pixels.")
    if any(image.binary for image in ome.images):
        raise Unreadable(f"{name} keeps its pixels inside the XML (BinData): export as OME-TIFF.")
    if not has_tiff and not any(part.file for image in ome.images for part in image.data):
        raise Unreadable(f"{name} holds metadata only, and names no files with pixels.")


def _inside(folder: Path, reference: str, name: str) -> str:
    """`reference` as a path relative to `folder`; refused if it leads elsewhere."""
    path = PurePosixPath(reference.replace("\\", "/"))
    elsewhere = path.is_absolute() or ".." in path.parts or ":" in path.parts[:1][0]
    found = folder / path
    if elsewhere or not found.resolve().is_relative_to(folder.resolve()):
        raise Unreadable(f"{name} refers to {reference!r} outside its folder, which is refused.")
    if not found.is_file():
        raise Unreadable(f"{name} refers to {reference!r}, which is not in its folder.")
    return path.as_posix()


def _alone(ome: Ome) -> bool:
    """Whether all planes lie in the file that has the XML, under whatever name it goes now."""
    data = [part for image in ome.images for part in image.data]
    names = {part.file for part in data if part.file}
    return not names or (len(names) == 1 and all(part.uuid == ome.uuid for part in data))


def _referred(ome: Ome, folder: Path, main: str) -> list[str]:
    if _alone(ome):
        return []
    names = {
        part.file
        for image in ome.images
        for part in image.data
        if part.file and not (part.uuid and part.uuid == ome.uuid)
    }
    if (
        len(names) == 1
        and not (folder / next(iter(names))).exists()
        and main.endswith((".tif", ".tiff"))
    ):
        # One file, renamed since it was written.
        return []
    return [_inside(folder, name, main) for name in sorted(names)]


class _Pages:
    """The pages of a fileset's files; one file is open at a time."""

    def __init__(self, fileset: Fileset) -> None:
        self._fileset = fileset

    def read(self, file: str, wanted: list[int], name: str) -> dict[int, list[PageChunks]]:
        """For each page wanted of `file`: its own chunks, then those of its reduced copies."""
        found: dict[int, list[PageChunks]] = {}
        with reading(file), TiffFile(self._fileset.path(file), _multifile=False) as tiff:
            count = len(tiff.pages)
            for number in wanted:
                if not 0 <= number < count:
                    raise Unreadable(
                        f"{name}: plane {number} should be in {file}, which has {count} pages."
                    )
                page: Any = tiff.pages[number]
                smaller = list(page.pages or ())[:_MAX_LEVELS]
                found[number] = [page_chunks(p, file) for p in (page, *smaller)]
        return found


def _source(
    fileset: Fileset, pages: _Pages, ome: Ome, image: OmeImage, number: int, alone: bool
) -> Source:
    name = fileset.plan.name
    if len(ome.images) > 1:
        name = f"{name} [{image.name or number + 1}]"
    addresses: NDArray[Any] = np.full((image.t, image.c, image.z), None, object)
    for place, address in _addresses(fileset, image, alone, ome.uuid):
        addresses[place] = address
    wanted: dict[str, set[int]] = {}
    for address in addresses.flat:
        if address is not None:
            wanted.setdefault(address.file, set()).add(address.page)
    found = {file: pages.read(file, sorted(numbers), name) for file, numbers in wanted.items()}
    depth = min((len(chunks) for of in found.values() for chunks in of.values()), default=1)
    levels: list[Planes] = [np.full(addresses.shape, None, object) for _ in range(depth)]
    for place in np.ndindex(addresses.shape):
        address = addresses[place]
        if address is not None:
            for level, chunks in zip(levels, found[address.file][address.page], strict=False):
                level[place] = chunks
    return TiffSource(fileset, _found(image, name, number, levels[0], ome), levels, addresses)


def _found(image: OmeImage, name: str, number: int, planes: Planes, ome: Ome) -> FoundImage:
    layout = common_layout(planes, name)
    if (layout.height, layout.width) != (image.y, image.x):
        raise Unreadable(
            f"{name} is {image.x} × {image.y} by its OME-XML, and {layout.width} × "
            f"{layout.height} in its pages."
        )
    size_c, is_rgb, colours = colours_of(layout, image.c)
    channels = colours or tuple(
        channel for channel in image.channels for _ in range(layout.samples)
    )
    named = image.name and image.name not in name
    return FoundImage(
        name=name,
        description=image.description,
        series=number,
        sizes=Sizes(t=image.t, c=size_c, z=image.z, y=image.y, x=image.x),
        dtype=layout.dtype,
        is_rgb=is_rgb,
        channels=channels,
        pixel_size_x_um=image.x_um,
        pixel_size_y_um=image.y_um,
        pixel_size_z_um=image.z_um,
        time_step_s=image.step_s,
        acquired_at=image.acquired_at,
        position=image.position,
        metadata=((("Image name", image.name),) if named else ()) + ome.annotations,
        icc=layout.icc if is_rgb else "",
    )


def _addresses(
    fileset: Fileset, image: OmeImage, alone: bool, uuid: str
) -> Iterator[tuple[tuple[int, int, int], PageAddress]]:
    """Where each plane lies, from the TiffData elements."""
    planes = list(image.planes())
    number = {place: i for i, place in enumerate(planes)}
    for data in image.data or (TiffData(0, 0, 0, 0, None, "", ""),):
        # FirstC counts samples where a channel has several.
        start = number.get((data.t, data.c // image.samples, data.z))
        if start is None or data.ifd < 0 or (data.count or 0) < 0:
            raise Unreadable(f"{fileset.plan.name}: its OME-XML places planes outside the image.")
        file = _file_of(fileset, data, alone, uuid)
        count = len(planes) - start if data.count is None else data.count
        for i, place in enumerate(planes[start : start + count]):
            yield place, PageAddress(file, data.ifd + i)


def _file_of(fileset: Fileset, data: TiffData, alone: bool, uuid: str) -> str:
    main, files = fileset.plan.main, fileset.plan.files
    if alone or not data.file or len(files) == 1 or (uuid and data.uuid == uuid):
        return main
    return PurePosixPath(data.file.replace("\\", "/")).as_posix()
