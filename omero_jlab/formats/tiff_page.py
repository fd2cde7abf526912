"""Where the pixels of one TIFF page lie, and how they are encoded (TIFF 6.0 and its additions)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFrame, TiffPage

from ..errors import Unreadable
from ..model.chunks import Codec
from .damage import check_chunks

__all__ = ["PageChunks", "PageLayout", "page_chunks"]

# Compression tag → codec of the index.
_COMPRESSION = {
    1: "", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits", 34926: "zstd",
    50000: "zstd", 7: "jpeg",
}  # fmt: skip
_PREDICTORS = {1: "", 2: "horizontal", 3: "float"}
_RGB, _YCBCR = 2, 6
_PROFILE = "InterColorProfile"
_LARGEST_PROFILE = 4 << 20


@dataclass(frozen=True)
class PageLayout:
    """How a page is cut and encoded; pages of one level must agree in this.

    `planar` pages store each sample by itself.  `reason` says why the server cannot decode it.
    `icc` is the colour profile of an RGB page in base64.
    """

    height: int
    width: int
    samples: int
    planar: bool
    rows: int
    columns: int
    tiled: bool
    dtype: str
    codecs: tuple[Codec, ...]
    photometric: int
    reason: str = ""
    icc: str = field(default="", compare=False)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Chunks along samples, y and x."""
        groups = self.samples if self.planar else 1
        return (groups, -(-self.height // self.rows), -(-self.width // self.columns))

    @property
    def looks_rgb(self) -> bool:
        return self.photometric in (_RGB, _YCBCR) and self.samples in (3, 4)


@dataclass(frozen=True)
class PageChunks:
    """The chunks of a page in `file`: offset and length, of shape (samples, rows, columns)."""

    file: str
    layout: PageLayout
    offset: NDArray[np.int64]
    length: NDArray[np.int64]

    @property
    def contiguous(self) -> int | None:
        """Where the plane begins if it lies in the file as one block of plain rows."""
        layout = self.layout
        if layout.tiled or layout.planar or len(layout.codecs) != 1 or layout.reason:
            return None
        offset, length = self.offset.ravel(), self.length.ravel()
        row = layout.width * layout.samples * np.dtype(layout.dtype).itemsize
        expected = np.full(len(length), layout.rows * row)
        expected[-1] = (layout.height - layout.rows * (len(length) - 1)) * row
        if not (length == expected).all() or not (offset[1:] == offset[:-1] + length[:-1]).all():
            return None
        return int(offset[0])


def page_chunks(page: TiffPage | TiffFrame, file: str) -> PageChunks:
    """The layout and the chunks of `page`, which lies in `file`.

    Raises
    ------
    Unreadable
        The page is damaged, or no picture.
    TooLarge
        Its claimed chunks are larger than any honest ones.
    """
    key: TiffPage | None = page.keyframe
    if key is None:
        raise Unreadable(f"{file} is damaged: a page has no first page to refer to.")
    if key.imagedepth != 1 or key.tiledepth != 1:
        raise Unreadable(f"{file} holds volumes in single TIFF pages: export it as OME-TIFF.")
    samples = key.samplesperpixel
    planar = key.planarconfig == 2 and samples > 1
    rows, columns = (
        (key.tilelength, key.tilewidth)
        if key.is_tiled
        else (min(key.rowsperstrip or key.imagelength, key.imagelength), key.imagewidth)
    )
    codecs, reason = _codecs(key, page.jpegtables, planar)
    layout = PageLayout(
        height=key.imagelength,
        width=key.imagewidth,
        samples=samples,
        planar=planar,
        rows=rows,
        columns=columns,
        tiled=bool(key.is_tiled),
        dtype=_dtype(key, file),
        codecs=codecs,
        photometric=int(key.photometric),
        reason=reason,
        icc=_profile(key),
    )
    itemsize = np.dtype(layout.dtype).itemsize
    check_chunks(file, (rows, columns, 1 if planar else samples), layout.grid, itemsize)
    offset = np.array(page.dataoffsets, np.int64)
    length = np.array(page.databytecounts, np.int64)
    if offset.size != length.size or offset.size != np.prod(layout.grid):
        raise Unreadable(
            f"{file} is damaged: a page has {offset.size} chunks where its size needs "
            f"{int(np.prod(layout.grid))}."
        )
    offset, length = offset.reshape(layout.grid), length.reshape(layout.grid)
    length = np.where(offset == 0, 0, length)
    if len(codecs) == 1 and codecs[0].name == "bytes":
        length = _plain_lengths(layout, offset, length, itemsize, file)
    return PageChunks(file, layout, offset, length)


def _profile(page: TiffPage) -> str:
    """The colour profile of an RGB page; one of absurd size is left out."""
    if int(page.photometric) not in (_RGB, _YCBCR):
        return ""
    found = page.tags.valueof(_PROFILE)
    if not isinstance(found, bytes) or len(found) > _LARGEST_PROFILE:
        return ""
    return base64.b64encode(found).decode()


def _plain_lengths(
    layout: PageLayout,
    offset: NDArray[np.int64],
    length: NDArray[np.int64],
    itemsize: int,
    file: str,
) -> NDArray[np.int64]:
    """What uncompressed chunks must measure; writers pad them, and some forget the count."""
    heights = np.full(layout.grid, layout.rows, np.int64)
    if not layout.tiled:
        heights[:, -1] = layout.height - layout.rows * (layout.grid[1] - 1)
    needed = heights * layout.columns * itemsize * (1 if layout.planar else layout.samples)
    if ((length > 0) & (length < needed)).any():
        raise Unreadable(
            f"{file} is damaged: an uncompressed chunk has {int(length[length > 0].min())} bytes, "
            f"where its size needs {int(needed.max())}."
        )
    return np.where(offset > 0, needed, 0)


def _dtype(key: TiffPage, file: str) -> str:
    dtype = key.dtype
    if dtype is None or dtype.kind not in "uifcb":
        bits = key.bitspersample
        raise Unreadable(f"{file} has samples of {bits} bits in format {key.sampleformat}.")
    return "uint8" if dtype.kind == "b" else dtype.newbyteorder("=").name


def _codecs(key: TiffPage, tables: bytes | None, planar: bool) -> tuple[tuple[Codec, ...], str]:
    """The codecs in the order of encoding, or the reason why the server cannot undo them."""
    assert key.dtype is not None
    name = _COMPRESSION.get(int(key.compression))
    told = getattr(key.compression, "name", str(key.compression))
    if name is None:
        return (), f"its pixels are compressed with {told}"
    bits, whole = key.bitspersample, key.dtype.itemsize * 8
    packed = bits not in (whole, whole // 2 if key.dtype.kind == "c" else whole)
    if packed and (key.dtype.kind not in "ub" or not isinstance(bits, int) or name == "jpeg"):
        return (), f"its samples have {bits} bits"
    if key.fillorder != 1:
        return (), "its bits are stored in reverse order"
    if key.sampleformat == 5:
        return (), "its samples are complex integers"
    if name == "jpeg":
        return _jpeg(key, tables, planar)
    if int(key.photometric) == _YCBCR:
        return (), "its colours are stored as YCbCr"
    kind = _PREDICTORS.get(int(key.predictor))
    if kind is None or (kind == "float" and key.dtype.kind != "f"):
        return (), f"it uses predictor {key.predictor!s}"
    if packed and kind:
        return (), f"its samples of {bits} bits use a predictor"
    big = key.parent.byteorder == ">" and key.dtype.itemsize > 1
    codecs = [Codec(name="bytes", configuration={"endian": "big" if big else "little"})]
    if packed:
        codecs = [Codec(name="bits", configuration={"depth": bits})]
    if kind:
        codecs.insert(0, Codec(name="predictor", configuration={"kind": kind}))
    if name:
        codecs.append(Codec(name=name))
    return tuple(codecs), ""


def _jpeg(key: TiffPage, tables: bytes | None, planar: bool) -> tuple[tuple[Codec, ...], str]:
    if key.bitspersample != 8 or _start_of_frame(key) not in (0xC0, 0xC1):
        return (), "its pixels are compressed with JPEG other than baseline"
    if planar or key.samplesperpixel == 1:
        color = "gray"
    elif key.samplesperpixel != 3 or int(key.photometric) not in (_RGB, _YCBCR):
        return (), f"its JPEG pictures have {key.samplesperpixel} samples"
    else:
        # Aperio writes RGB without a JFIF header; with one, the picture is YCbCr.
        color = "rgb" if int(key.photometric) == _RGB and not key.is_jfif else "ycbcr"
    configuration = {"color": color}
    if tables:
        configuration["tables"] = base64.b64encode(tables).decode()
    return (Codec(name="jpeg", configuration={**configuration}),), ""


def _start_of_frame(key: TiffPage) -> int:
    """The marker of the first frame: C0 baseline, C1 extended, C2 progressive, C3 lossless."""
    for offset, length in zip(key.dataoffsets, key.databytecounts, strict=False):
        if not length:
            continue
        handle: Any = key.parent.filehandle
        handle.seek(offset)
        data = handle.read(min(length, 1 << 16))
        position = 2
        while position + 4 <= len(data) and data[position] == 0xFF:
            marker = data[position + 1]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                return int(marker)
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        return 0
    return 0
