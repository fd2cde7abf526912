"""Whether a TIFF is all there: tifffile goes on with the part of a truncated file that it finds."""

from __future__ import annotations

import struct
from typing import Any

from tifffile import TiffFile

from ..errors import Unreadable

__all__ = ["check_whole"]

# Without these a file reads as other images than it holds: description, offsets, reduced copies.
_NEEDED = {270: "description", 273: "strips", 279: "strips", 324: "tiles", 325: "tiles",
           330: "reduced copies"}  # fmt: skip
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip


def check_whole(tiff: TiffFile, file: str) -> None:
    """Refuse a file whose list of pages breaks off, or whose first page refers beyond its end.

    Raises
    ------
    Unreadable
        Says what is missing.
    """
    if not tiff.is_ndpi:
        _check_first_page(tiff, file)
        _check_last_page(tiff, file)
    claimed = int((tiff.imagej_metadata or {}).get("images", 0)) if tiff.is_imagej else 0
    if claimed > 1 and tiff.series[0].kind != "imagej":
        raise Unreadable(
            f"{file} is truncated or damaged: by its metadata it has {claimed} planes, but "
            f"{len(tiff.pages)} pages are there."
        )


def _directory(tiff: TiffFile, offset: int) -> tuple[list[tuple[int, int, int, int]], int]:
    """The entries (tag, type, count, place of the value) of a directory, and the next one."""
    form: Any = tiff.tiff
    order, handle = tiff.byteorder, tiff.filehandle
    number, word = ("Q", "Q") if form.is_bigtiff else ("H", "I")
    handle.seek(offset)
    (count,) = struct.unpack(order + number, handle.read(form.tagnosize))
    entry = struct.Struct(order + "HH" + word + f"{form.offsetsize}s")
    start = offset + form.tagnosize
    data = handle.read(count * entry.size)
    entries = []
    for i in range(len(data) // entry.size):
        tag, kind, values, value = entry.unpack_from(data, i * entry.size)
        inline = _SIZES.get(kind, 1) * values <= form.offsetsize
        (at,) = struct.unpack(order + word, value)
        place = start + (i + 1) * entry.size - form.offsetsize if inline else at
        entries.append((tag, kind, values, place))
    after = handle.read(form.offsetsize)
    return entries, struct.unpack(order + word, after)[0] if len(after) == form.offsetsize else 0


def _check_first_page(tiff: TiffFile, file: str) -> None:
    size = tiff.filehandle.size
    entries, _ = _directory(tiff, tiff.pages.first.offset)
    for tag, kind, count, place in entries:
        if tag in _NEEDED and place + _SIZES.get(kind, 1) * count > size:
            raise Unreadable(
                f"{file} is truncated: the {_NEEDED[tag]} of its first page should end at byte "
                f"{place + _SIZES.get(kind, 1) * count}, and the file at {size}."
            )
    for offset in tiff.pages.first.subifds or ():
        if offset >= size:
            raise Unreadable(
                f"{file} is truncated: a reduced copy should lie at byte {offset} of {size}."
            )


def _check_last_page(tiff: TiffFile, file: str) -> None:
    last: Any = tiff.pages[-1]
    _, after = _directory(tiff, last.offset)
    if after:
        raise Unreadable(
            f"{file} is truncated or damaged: after {len(tiff.pages)} pages the next one should "
            f"lie at byte {after} of {tiff.filehandle.size}."
        )
