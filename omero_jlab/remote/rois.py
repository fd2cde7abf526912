"""Regions by the thousand as they travel: a line of JSON for each, compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..errors import Invalid, TooLarge
from ..model import NewRoi, Record
from .wire import PIECE

__all__ = ["NewRois", "roi_pieces", "rois_in"]

_LARGEST = 1 << 34
_LONGEST_LINE = 1 << 26
_ROI = TypeAdapter(NewRoi)


class NewRois(Record):
    """What comes before new regions."""

    folder: str = ""


def roi_pieces(rois: Iterable[NewRoi]) -> Iterator[bytes]:
    """The payload for regions, piece by piece."""
    packer = zlib.compressobj(1)
    for roi in rois:
        line = _ROI.dump_json(_ROI.validate_python(roi), exclude_unset=False)
        piece = packer.compress(line + b"\n")
        if piece:
            yield piece
    yield packer.flush()


def rois_in(path: Path, offset: int) -> Iterator[NewRoi]:
    """The regions in a file, from a payload's first byte on.

    Raises
    ------
    Invalid
        It is no such payload, or one of the regions is none.
    TooLarge
        Unpacked, it would have more than 16 GiB, or a region more than 64 MiB.
    """
    for number, line in enumerate(_lines(path, offset), 1):
        try:
            yield _ROI.validate_json(line)
        except ValidationError as error:
            found = error.errors()[0]
            where = ".".join(map(str, found["loc"]))
            raise Invalid(f"Region {number} is none: {where}: {found['msg']}") from None


def _lines(path: Path, offset: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    left, total = b"", 0
    with path.open("rb") as file:
        file.seek(offset)
        while data := unpacker.unconsumed_tail or file.read(PIECE):
            try:
                found = unpacker.decompress(data, PIECE)
            except zlib.error as error:
                raise Invalid(f"The regions that came cannot be unpacked: {error}.") from None
            total += len(found)
            *lines, left = (left + found).split(b"\n")
            if total > _LARGEST or len(left) > _LONGEST_LINE:
                raise TooLarge("So many regions, or so large ones, are not taken at once.")
            yield from lines
    if left or not unpacker.eof:
        raise Invalid("The regions that came end in the middle of one.")
