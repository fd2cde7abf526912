"""Where every chunk of an image lies: a virtual Zarr v3 array per pyramid level.

A `ChunkIndex` is made once, when a fileset is imported; afterwards a pixel is found by
arithmetic, a positioned read and a decoder, whatever the format was.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray
from pydantic import Field, JsonValue, ValidationError

from ..errors import Damaged, Newer, Unreadable
from .record import Record

__all__ = [
    "VERSION",
    "ChunkIndex",
    "Codec",
    "DocumentEntry",
    "FileEntry",
    "IndexHeader",
    "LevelLayout",
    "Shape6",
]

VERSION = 1
_MAGIC = b"OJCHUNK2"
# What the first release wrote: no digest at the end, no documents.
_FIRST = b"OJCHUNK1"
_DIGEST = 16
_LARGEST = 1 << 36
Shape6 = tuple[int, int, int, int, int, int]


class Codec(Record):
    """One step of the codec pipeline, in the order of encoding, as Zarr v3 lists them.

    `bytes` (configuration `endian`) comes before compression; `transpose` has `order`.  TIFF's
    own are `predictor` (`kind`: horizontal, float), `bits` (`depth`: samples of that many bits,
    highest bit first, rows padded to bytes; it stands in the place of `bytes`), `lzw`,
    `packbits`, `deflate`.  `jpeg` (baseline, 8 bits) may have `tables` (base64) and `color`, how
    colours are stored: RGB, YCbCr, gray; without it the picture's own markers tell.  The other
    compressors are `zlib`, `gzip`, `zstd`, `blosc` and `lz4` (as numcodecs writes it), at most
    one of them all; `crc32c` may come last.  `transpose` orders the six axes of TCZYX + samples.
    """

    name: str
    configuration: dict[str, JsonValue] = Field(default_factory=dict)


class FileEntry(Record):
    """A file with chunks in it.  `root` says which folder `path` (with `/`) is relative to.

    Size and time of change tell whether the file is still the one that was indexed.
    """

    root: Literal["fileset", "pixels"]
    path: str
    size: int
    mtime_ns: int


class LevelLayout(Record):
    """A level of shape and chunk shape TCZYX + samples.

    Channel `c` of an image is `C = c // S`, sample `c % S`.  Chunks at the edge are stored in
    full (`edge="full"`, TIFF tiles and Zarr) or cut to the image (`edge="cut"`, TIFF strips).
    """

    shape: Shape6
    chunk: Shape6
    dtype: str
    fill: float = 0.0
    edge: Literal["full", "cut"] = "full"
    codecs: tuple[Codec, ...]

    @property
    def grid(self) -> Shape6:
        """How many chunks there are along each axis."""
        t, c, z, y, x, s = (-(-n // k) for n, k in zip(self.shape, self.chunk, strict=True))
        return (t, c, z, y, x, s)


class DocumentEntry(Record):
    """A `zarr.json` beside the chunks; `digest` is XXH3-128.

    `path` is relative to the folder of the index.
    """

    path: str
    size: int
    digest: str


class IndexHeader(Record):
    """The part of an index that is read first; `version` grows when its meaning changes.

    `documents` describe, to other readers, the arrays whose root is `pixels`.
    """

    version: int = VERSION
    files: tuple[FileEntry, ...]
    levels: tuple[LevelLayout, ...]
    documents: tuple[DocumentEntry, ...] = ()


@dataclass(frozen=True)
class ChunkIndex:
    """A header and, per level, arrays over the chunk grid.

    `file` (int32) counts into `header.files`, `offset` and `length` (int64) are bytes.  A chunk
    of length 0 is not stored: it is filled with `fill`.
    """

    header: IndexHeader
    file: tuple[NDArray[np.int32], ...]
    offset: tuple[NDArray[np.int64], ...]
    length: tuple[NDArray[np.int64], ...]

    def to_bytes(self) -> bytes:
        """The index in one block of bytes, which ends with the XXH3-128 of all before it."""
        head = self.header.model_dump_json().encode()
        arrays = []
        for file, offset, length in zip(self.file, self.offset, self.length, strict=True):
            arrays += [file.astype("<i4"), offset.astype("<i8"), length.astype("<i8")]
        body = b"".join([struct.pack("<Q", len(head)), head, *(a.tobytes() for a in arrays)])
        packed = zlib.compress(body, 1)
        data = _MAGIC + struct.pack("<IQ", zlib.crc32(packed), len(body)) + packed
        return data + xxhash.xxh3_128_digest(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> ChunkIndex:
        """The index that `to_bytes` wrote.

        Raises
        ------
        Newer
            A newer program wrote it.
        Damaged
            The bytes are not those that were written.
        Unreadable
            The header has an unknown form.
        """
        body = _body(data)
        (head_size,) = struct.unpack_from("<Q", body)
        try:
            header = IndexHeader.model_validate_json(body[8 : 8 + head_size])
            if header.version > VERSION:
                raise Newer(
                    f"A newer omero-jlab wrote this chunk index (version {header.version}, this "
                    f"one knows {VERSION}): update omero-jlab to read it."
                )
        except ValidationError as error:
            raise Unreadable(f"The chunk index has an unknown header: {error}") from error
        position = 8 + head_size
        arrays: list[tuple[NDArray[np.signedinteger], ...]] = []
        for level in header.levels:
            count = int(np.prod(level.grid))
            of_level: list[NDArray[np.signedinteger]] = []
            for dtype in ("<i4", "<i8", "<i8"):
                of_level.append(np.frombuffer(body, dtype, count, position).reshape(level.grid))
                position += of_level[-1].nbytes
            arrays.append(tuple(of_level))
        file, offset, length = zip(*arrays, strict=True) if arrays else ((), (), ())
        return cls(header, file, offset, length)


def _body(data: bytes) -> bytes:
    """The unpacked part of an index, after its checksums."""
    prefix = len(_MAGIC) + 12
    whole = xxhash.xxh3_128_digest(data[:-_DIGEST]) == data[-_DIGEST:]
    if len(data) < prefix or not (whole or data[:8] == _FIRST):
        raise Damaged("The chunk index is damaged.")
    if data[:8] not in (_FIRST, _MAGIC):
        raise Newer("A newer omero-jlab wrote this chunk index: update omero-jlab to read it.")
    crc, size = struct.unpack("<IQ", data[len(_MAGIC) : prefix])
    packed = data[prefix:-_DIGEST] if whole else data[prefix:]
    if zlib.crc32(packed) != crc or not 8 <= size <= _LARGEST:
        raise Damaged("The chunk index is damaged.")
    # One byte more than should come: the first release kept no checksum of the size.
    body = zlib.decompressobj().decompress(packed, size + 1)
    if len(body) != size:
        raise Damaged("The chunk index is damaged.")
    return body
