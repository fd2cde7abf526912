"""A level of an image as a Zarr array: its grid, its metadata, and its chunks as bytes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model.chunks import Codec, LevelLayout
from .level import Chunk, LevelChunks
from .reader import PixelReader

__all__ = ["AXES", "ZarrFormat", "ZarrLevel", "layout_of"]

ZarrFormat = Literal[2, 3]
AXES = ("t", "c", "z", "y", "x")
_SIDE = 512
# Smaller stored chunks cost a client more requests than the decoding of several at once.
_SMALLEST = 32 << 10
_LARGEST_PLAIN = 8 << 20
_LARGEST_PACKED = 64 << 20
_PASSED: dict[ZarrFormat, dict[str, str]] = {
    2: {"zlib": "zlib", "deflate": "zlib", "gzip": "gzip", "zstd": "zstd", "blosc": "blosc",
        "lz4": "lz4"},
    3: {"gzip": "gzip", "zstd": "zstd", "blosc": "blosc"},
}  # fmt: skip
_ZSTD: dict[ZarrFormat, dict[str, Any]] = {2: {"level": 1}, 3: {"level": 1, "checksum": False}}
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class ZarrLevel:
    """One level as an array of axes TCZYX, in Zarr format 2 or 3.

    Where Zarr's readers know the stored chunks as they are, these are the array's chunks and go
    out undecoded.  Otherwise the array has chunks of one plane near 512², compressed with zstd.
    """

    def __init__(
        self, reader: PixelReader, level: int, zarr_format: ZarrFormat, channels: int | None = None
    ) -> None:
        """`channels` leaves out stored samples behind the image's channels: transparency."""
        self._reader = reader
        self._number = level
        self._format: ZarrFormat = zarr_format
        self._level = reader.level(level)
        t, c, z, y, x = self._level.sizes
        self.shape = (t, c if channels is None else min(c, channels), z, y, x)
        packed = _passed(self._level, zarr_format) if self.shape[1] == c else None
        self.passed = packed is not None
        """Whether chunks are the stored ones."""
        if packed is None:
            self.dtype = self._level.dtype.newbyteorder("<")
            self.chunk = _merged(self._level, self.shape)
            self._codecs: tuple[Codec, ...] = (
                Codec(name="zstd", configuration=_ZSTD[zarr_format]),
            )
        else:
            self.dtype = self._level.pipeline.stored
            t, c, z, y, x, _ = self._level.layout.chunk
            self.chunk = (t, c, z, y, x)
            self._codecs = packed

    @property
    def layout(self) -> LevelLayout:
        """The array as the layout of a level whose chunks are those that `read` gives."""
        codecs = (self._bytes_codec, *self._codecs)
        fill: Any = self._level.fill
        return LevelLayout(
            shape=(*self.shape, 1),
            chunk=(*self.chunk, 1),
            dtype=self.dtype.newbyteorder("=").name,
            fill=float(np.real(fill)),
            codecs=codecs,
        )

    @property
    def grid(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(-(-n // k) for n, k in zip(self.shape, self.chunk, strict=True))

    @property
    def plain(self) -> bool:
        """Whether chunks are not compressed."""
        return not self._codecs

    @property
    def metadata(self) -> dict[str, Any]:
        """What `.zarray` or `zarr.json` says."""
        if self._format == 2:
            return {
                "zarr_format": 2,
                "shape": self.shape,
                "chunks": self.chunk,
                "dtype": self.dtype.newbyteorder("=").str if self._one_byte else self.dtype.str,
                "compressor": next(
                    ({"id": codec.name, **codec.configuration} for codec in self._codecs), None
                ),
                "fill_value": _fill(self._level.fill, self.dtype),
                "order": "C",
                "filters": None,
                "dimension_separator": "/",
            }
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape,
            "data_type": self.dtype.newbyteorder("=").name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": _fill(self._level.fill, self.dtype),
            "codecs": [_as_json(codec) for codec in (self._bytes_codec, *self._codecs)],
            "attributes": {},
            "dimension_names": AXES,
        }

    def keys(self) -> Iterator[str]:
        """The keys of all chunks, also of those that are not stored."""
        first = ("c",) if self._format == 3 else ()
        for place in itertools.product(*(range(n) for n in self.grid)):
            yield "/".join((*first, *map(str, place)))

    def read(self, key: str) -> bytes | None:
        """The bytes of the chunk `key`; None where there is none, or only the fill value.

        Raises
        ------
        Unreadable
            A file is missing, was changed or is damaged.
        """
        place = self._place(key)
        if place is None:
            return None
        t, c, z, y, x = (i * k for i, k in zip(place, self.chunk, strict=True))
        if self.passed:
            return self._stored(self._level.touched(t, (c,), z, y, x, 1, 1)[0])
        _, _, _, height, width = self.chunk
        h, w = min(height, self.shape[3] - y), min(width, self.shape[4] - x)
        if not any(chunk.length for chunk in self._level.touched(t, (c,), z, y, x, h, w)):
            return None
        plane = self._reader.region(self._number, t, c, z, y, x, h, w)
        if (h, w) != (height, width):
            whole = np.zeros((height, width), plane.dtype)
            whole[:h, :w] = plane
            plane = whole
        return bytes(imagecodecs.zstd_encode(_as_bytes(plane, self.dtype), 1))

    @property
    def _one_byte(self) -> bool:
        return self.dtype.itemsize == 1

    @property
    def _bytes_codec(self) -> Codec:
        if self._one_byte:
            return Codec(name="bytes")
        endian = "big" if self.dtype.str[0] == ">" else "little"
        return Codec(name="bytes", configuration={"endian": endian})

    def _place(self, key: str) -> tuple[int, ...] | None:
        parts = key.split("/")
        if self._format == 3:
            if parts[0] != "c":
                return None
            parts = parts[1:]
        # Only as a writer of Zarr would name it: `01` is no chunk.
        if len(parts) != 5 or not all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts):
            return None
        place = tuple(int(part) for part in parts)
        if [str(i) for i in place] != parts:
            return None
        inside = all(i < n for i, n in zip(place, self.grid, strict=True))
        return place if inside else None

    def _stored(self, chunk: Chunk) -> bytes | None:
        if chunk.length == 0:
            return None
        data = self._reader.stored(self._number, chunk)
        size = self._level.nbytes(chunk)
        if self.plain and len(data) != size:
            raise Unreadable(
                f"A chunk of {chunk.shape} pixels needs {size:,} bytes, but {len(data):,} are "
                f"stored: the file is damaged."
            )
        if self._codecs and self._codecs[0].name == "zstd" and not _says_its_size(data):
            # Several readers decode only what says beforehand how large it is.
            return _sized(data, size)
        return data


def layout_of(metadata: dict[str, Any]) -> LevelLayout:
    """The layout of an array from the `zarr.json` that `ZarrLevel` made."""
    codecs = (
        Codec(name=codec["name"], configuration=codec.get("configuration", {}))
        for codec in metadata["codecs"]
    )
    fill = metadata["fill_value"]
    return LevelLayout(
        shape=(*metadata["shape"], 1),
        chunk=(*metadata["chunk_grid"]["configuration"]["chunk_shape"], 1),
        dtype=metadata["data_type"],
        fill=float(fill[0] if isinstance(fill, list) else fill),
        codecs=tuple(codecs),
    )


def _passed(level: LevelChunks, zarr_format: ZarrFormat) -> tuple[Codec, ...] | None:
    """How Zarr's readers name the compression of the stored chunks; None where they cannot."""
    layout = level.layout
    whole = all(n % k == 0 for n, k in zip(layout.shape, layout.chunk, strict=True))
    if layout.shape[5] != 1 or layout.chunk[5] != 1 or not (layout.edge == "full" or whole):
        return None
    known = _PASSED[zarr_format]
    codecs: list[Codec] = []
    for codec in layout.codecs:
        if codec.name in known and not codecs:
            codecs.append(_configured(known[codec.name], codec, level, zarr_format))
        elif codec.name not in ("bytes", "none", "crc32c"):
            return None
    size = math.prod(layout.chunk) * level.dtype.itemsize
    is_plane = layout.chunk[3] >= layout.shape[3] and layout.chunk[4] >= layout.shape[4]
    if size > (_LARGEST_PACKED if codecs else _LARGEST_PLAIN):
        return None
    return tuple(codecs) if size >= _SMALLEST or is_plane else None


def _configured(name: str, codec: Codec, level: LevelChunks, zarr_format: ZarrFormat) -> Codec:
    # Readers need only the name, for chunks say the rest themselves; but they check the form.
    if name == "zstd":
        return Codec(name=name, configuration=_ZSTD[zarr_format])
    if name != "blosc":
        what = "acceleration" if name == "lz4" else "level"
        return Codec(name=name, configuration={what: 1})
    cname = codec.configuration.get("cname", "lz4")
    if zarr_format == 2:
        return Codec(
            name=name, configuration={"cname": cname, "clevel": 1, "shuffle": 2, "blocksize": 0}
        )
    return Codec(
        name=name,
        configuration={
            "typesize": level.dtype.itemsize,
            "cname": cname,
            "clevel": 1,
            "shuffle": "bitshuffle",
            "blocksize": 0,
        },
    )


def _merged(level: LevelChunks, shape: tuple[int, ...]) -> tuple[int, int, int, int, int]:
    _, _, _, ky, kx, _ = level.layout.chunk
    height, width = min(_side(ky), shape[3]), min(_side(kx), shape[4])
    return (1, 1, 1, height, width)


def _side(stored: int) -> int:
    """Whole stored chunks near 512 pixels, or a part of a large one."""
    if stored > 2 * _SIDE:
        return _SIDE
    return max(1, round(_SIDE / stored)) * stored


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    def number(part: float) -> Any:
        if math.isfinite(part):
            return part
        return "NaN" if math.isnan(part) else "Infinity" if part > 0 else "-Infinity"

    plain = value.item()
    if dtype.kind == "c":
        return [number(plain.real), number(plain.imag)]
    return number(plain) if dtype.kind == "f" else plain


def _as_json(codec: Codec) -> dict[str, Any]:
    if not codec.configuration:
        return {"name": codec.name}
    return {"name": codec.name, "configuration": codec.configuration}


def _as_bytes(pixels: NDArray[Any], dtype: np.dtype[Any]) -> bytes:
    return np.ascontiguousarray(pixels, dtype).tobytes()


def _sized(frame: bytes, size: int) -> bytes:
    """The same content in a zstd frame that says how large it is."""
    try:
        raw = imagecodecs.zstd_decode(frame, out=size + 1)
    except RuntimeError as error:
        raise Unreadable(
            f"A chunk of {len(frame):,} bytes (zstd) does not decode: {error}."
        ) from error
    return bytes(imagecodecs.zstd_encode(raw, 1))


def _says_its_size(frame: bytes) -> bool:
    """Whether a zstd frame's header names the size of its content."""
    return frame[:4] != _ZSTD_MAGIC or len(frame) < 5 or bool(frame[4] & 0b1110_0000)
