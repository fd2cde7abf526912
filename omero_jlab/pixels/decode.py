"""Chunks of known size out of stored bytes: the codec pipeline of a level."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import google_crc32c
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ..errors import Unreadable
from ..model.chunks import Codec, LevelLayout, Shape6
from .jpeg import Jpeg

__all__ = ["LARGEST_CHUNK", "Pipeline", "chunk_bytes", "native_dtype"]

LARGEST_CHUNK = 1 << 30
_KINDS = "biufc"
_RANKS = {"transpose": 0, "predictor": 1, "bytes": 1, "bits": 1, "none": 1, "crc32c": 3}
_Bytes = NDArray[np.uint8]


def _into(decode: Callable[..., Any]) -> Callable[[bytes, int], _Bytes]:
    def decoded(data: bytes, size: int) -> _Bytes:
        # One byte more than should come: a longer result would be cut without a word.
        return np.asarray(decode(data, out=np.empty(size + 1, np.uint8)))

    return decoded


def _blosc(data: bytes, size: int) -> _Bytes:
    # The decoder believes the sizes in the header, so they must be true before it runs.
    if len(data) < 16 or struct.unpack_from("<I", data, 12)[0] != len(data):
        raise ValueError("its length is not the one in its blosc header")
    if struct.unpack_from("<I", data, 4)[0] != size:
        raise ValueError(f"blosc says {struct.unpack_from('<I', data, 4)[0]:,} bytes")
    out: Any = np.empty(size, np.uint8)
    return np.asarray(imagecodecs.blosc_decode(data, numthreads=1, out=out))


def _lz4(data: bytes, size: int) -> _Bytes:
    # As numcodecs writes it: four bytes of decoded size, then one block.
    if len(data) < 4 or struct.unpack_from("<I", data)[0] != size:
        raise ValueError("the size in its lz4 header is another one")
    out: Any = np.empty(size, np.uint8)
    return np.asarray(imagecodecs.lz4_decode(data[4:], out=out))


_COMPRESSORS: dict[str, Callable[[bytes, int], _Bytes]] = {
    "lzw": _into(imagecodecs.lzw_decode),
    "packbits": _into(imagecodecs.packbits_decode),
    "deflate": _into(imagecodecs.deflate_decode),
    "zlib": _into(imagecodecs.deflate_decode),
    "gzip": _into(imagecodecs.gzip_decode),
    "zstd": _into(imagecodecs.zstd_decode),
    "blosc": _blosc,
    "lz4": _lz4,
}

# How zlib calls what it can decode piece by piece.
_INFLATED = {"deflate": 15, "zlib": 15, "gzip": 31}


def native_dtype(name: str) -> np.dtype[Any]:
    """The dtype called `name` in this machine's byte order; `Unreadable` for no number type."""
    return _dtype(name).newbyteorder("=")


def chunk_bytes(layout: LevelLayout) -> int:
    """How many bytes a whole chunk of a level decodes to."""
    return math.prod(layout.chunk) * _dtype(layout.dtype).itemsize


class Pipeline:
    """How the chunks of one level are decoded.

    `plain` chunks lie in the file as they are in memory, in byte order `stored`, so that a part
    of one can be read alone.  `checked` chunks end with a CRC-32C.  `encoding` is what HTTP calls
    the only codec of little-endian pixels, empty for plain ones; None is one that it cannot name.
    `fills` says that a whole chunk can be decoded straight to where its pixels are wanted.
    `inflates` is what zlib calls the format of chunks that it decodes from their beginning on.
    """

    def __init__(self, layout: LevelLayout) -> None:
        """Raises `Unreadable` for codecs that are not decoded here."""
        steps = _by_name(layout.codecs)
        self._layout = layout
        self._full = layout.chunk
        self.stored = _stored(layout, steps.get("bytes"))
        self._compressor = next((name for name in steps if name in _COMPRESSORS), None)
        self._jpeg = Jpeg(steps["jpeg"]) if "jpeg" in steps else None
        self.checked = "crc32c" in steps
        self._predictor = _predictor(steps.get("predictor"), self.stored)
        self._depth = _depth(steps.get("bits"), self.stored)
        self._order = _order(steps.get("transpose"))
        if self._jpeg is not None and (self.stored.itemsize > 1 or max(layout.chunk[:3]) > 1):
            raise Unreadable("JPEG chunks must hold one plane of 8 bits.")
        if self._depth is not None and self._predictor is not None:
            raise Unreadable("Packed bits with a predictor cannot be read here.")
        self.plain = not (
            self._compressor or self._jpeg or self._predictor or self._depth or self._order
        )
        self.encoding = self._encoding()
        self.fills = bool(self.encoding) and self.stored.isnative
        self.inflates = self._inflates()
        if not self.plain and chunk_bytes(layout) > LARGEST_CHUNK:
            raise Unreadable(
                f"A chunk of {layout.chunk} pixels is {chunk_bytes(layout):,} bytes: compressed "
                f"chunks may have at most {LARGEST_CHUNK:,}."
            )

    def _inflates(self) -> int | None:
        if self.checked or self._depth or self._order:
            return None
        return _INFLATED.get(self._compressor or "")

    def lines(self, data: bytearray, rows: int, width: int, samples: int) -> NDArray[Any]:
        """Rows of a chunk out of its decompressed bytes, shape (rows, width, samples)."""
        pixels = np.frombuffer(data, self.stored).reshape(rows, width, samples)
        return pixels if self._predictor is None else np.asarray(self._predictor(pixels))

    def _encoding(self) -> str | None:
        if self.stored != self.stored.newbyteorder("<"):
            return None
        only = not (self._jpeg or self._predictor or self._depth or self._order)
        return "" if self.plain else "zstd" if only and self._compressor == "zstd" else None

    def decode(self, data: bytes, shape: Shape6) -> NDArray[Any]:
        """The pixels of one chunk, shape TCZYX + samples, dtype `stored` or native.

        Raises
        ------
        Unreadable
            The bytes are damaged, or decode to another number of bytes than `shape` has.
        """
        try:
            return self._decoded(data, shape)
        except (RuntimeError, ValueError, TypeError, MemoryError) as error:
            raise self._undecodable(data, error) from error

    def fill(self, data: bytes, target: NDArray[Any]) -> None:
        """Decode one chunk into the contiguous `target`, which has its shape and dtype.

        Raises
        ------
        Unreadable
            The bytes are damaged, or decode to another number of bytes.
        """
        try:
            body = _checked(data) if self.checked else data
            into: Any = target.reshape(-1).view(np.uint8)
            # What does not fit into `out` is an error of this decoder: nothing is cut.
            came = len(imagecodecs.zstd_decode(body, out=into))
            if came != target.nbytes:
                raise ValueError(f"{target.nbytes:,} bytes should come out, but other {came:,} did")
        except (RuntimeError, ValueError, TypeError, MemoryError) as error:
            raise self._undecodable(data, error) from error

    def picture(self, data: bytes, shape: Shape6) -> bytes | None:
        """A chunk of three colours as a JPEG that is shown as it decodes, or None for others.

        Raises
        ------
        Unreadable
            It is damaged.
        """
        if self._jpeg is None or math.prod(shape[:3]) > 1 or shape[5] != 3:
            return None
        try:
            return self._jpeg.alone(data, shape[3], shape[4])
        except ValueError as error:
            raise Unreadable(f"A chunk of {len(data):,} bytes is damaged: {error}.") from error

    def without_checksum(self, data: bytes) -> bytes:
        """A chunk's bytes without the checksum behind them; `Unreadable` where that is wrong."""
        if not self.checked:
            return data
        try:
            return _checked(data)
        except ValueError as error:
            raise Unreadable(f"A chunk of {len(data):,} bytes does not decode: {error}.") from error

    def _undecodable(self, data: bytes, error: Exception) -> Unreadable:
        codec = self._compressor or ("jpeg" if self._jpeg else "none")
        return Unreadable(f"A chunk of {len(data):,} bytes ({codec}) does not decode: {error}.")

    def _decoded(self, data: bytes, shape: Shape6) -> NDArray[Any]:
        *outer, height, width, samples = shape
        if self.checked:
            data = _checked(data)
        if self._jpeg is not None:
            heights = {height, self._full[3]}
            pixels = self._jpeg.decode(data, heights, width, samples)[:height]
            return pixels.reshape(shape)
        rows = math.prod(outer) * height
        if self._depth is not None:
            row_size = -(-width * samples * self._depth // 8)
        else:
            row_size = width * samples * self.stored.itemsize
        raw = self._decompressed(data, rows * row_size)
        if self._depth is not None:
            packed: Any = raw
            unpacked = imagecodecs.packints_decode(
                packed, self.stored.newbyteorder("="), self._depth, runlen=width * samples
            )
            return np.asarray(unpacked).reshape(shape)
        pixels = raw.view(self.stored)
        if self._predictor is not None:
            lines = pixels.reshape(rows, width, samples)
            return np.asarray(self._predictor(lines)).reshape(shape)
        if self._order is not None:
            encoded = pixels.reshape([shape[axis] for axis in self._order])
            return encoded.transpose(np.argsort(self._order))
        return pixels.reshape(shape)

    def _decompressed(self, data: bytes, size: int) -> _Bytes:
        if self._compressor is None:
            raw = np.frombuffer(data, np.uint8)
        else:
            raw = _COMPRESSORS[self._compressor](data, size)
        if raw.nbytes != size:
            raise ValueError(f"{size:,} bytes should come out, but other {raw.nbytes:,} did")
        return raw


def _dtype(name: str) -> np.dtype[Any]:
    try:
        found = np.dtype(name)
    except TypeError:
        found = np.dtype(object)
    if found.kind not in _KINDS:
        raise Unreadable(f"Pixels of type {name!r} cannot be read, only numbers.")
    return found


def _by_name(codecs: tuple[Codec, ...]) -> dict[str, Codec]:
    steps: dict[str, Codec] = {}
    last = 0
    for codec in codecs:
        packed = codec.name in _COMPRESSORS or codec.name == "jpeg"
        rank = 2 if packed else _RANKS.get(codec.name)
        if rank is None:
            raise Unreadable(
                f"The codec {codec.name!r} is not decoded here: the image must be rewritten "
                f"with one of {', '.join(sorted({*_COMPRESSORS, 'jpeg'}))}."
            )
        twice = codec.name in steps or (rank == 2 and last == 2)
        if rank < last or twice:
            names = ", ".join(codec.name for codec in codecs)
            raise Unreadable(f"The codecs {names} in this order are not decoded here.")
        last = rank
        steps[codec.name] = codec
    return steps


def _stored(layout: LevelLayout, codec: Codec | None) -> np.dtype[Any]:
    dtype = _dtype(layout.dtype)
    endian = None if codec is None else codec.configuration.get("endian")
    if endian not in (None, "little", "big"):
        raise Unreadable(f"The byte order {endian!r} is unknown.")
    if endian is None:
        return dtype
    return dtype.newbyteorder("<" if endian == "little" else ">")


def _predictor(
    codec: Codec | None, stored: np.dtype[Any]
) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
    if codec is None:
        return None
    kind = codec.configuration.get("kind")
    if kind == "horizontal":
        integers = np.dtype(f"{stored.byteorder}u{stored.itemsize}")

        def summed(lines: NDArray[Any]) -> NDArray[Any]:
            whole = _writable(lines).view(integers)
            return np.asarray(imagecodecs.delta_decode(whole, axis=-2, out=whole)).view(stored)

        return summed
    if kind == "float" and stored.kind == "f":

        def joined(lines: NDArray[Any]) -> NDArray[Any]:
            out = np.empty(lines.shape, stored)
            return np.asarray(imagecodecs.floatpred_decode(lines, axis=-2, out=out))

        return joined
    raise Unreadable(f"The predictor {kind!r} for pixels of type {stored} is not decoded here.")


def _writable(lines: NDArray[Any]) -> NDArray[Any]:
    return lines if lines.flags.writeable else lines.copy()


def _depth(codec: Codec | None, stored: np.dtype[Any]) -> int | None:
    if codec is None:
        return None
    depth = codec.configuration.get("depth")
    if not isinstance(depth, int) or not 0 < depth <= 8 * stored.itemsize or stored.kind not in "u":
        raise Unreadable(f"{depth!r} bits a sample cannot be read as pixels of type {stored}.")
    return depth


def _order(codec: Codec | None) -> tuple[int, ...] | None:
    if codec is None:
        return None
    order = codec.configuration.get("order")
    if not isinstance(order, list) or sorted(map(str, order)) != list("012345"):
        raise Unreadable(f"The axis order {order!r} is no order of the six axes TCZYX + samples.")
    found = tuple(int(str(axis)) for axis in order)
    return None if found == tuple(range(6)) else found


def _checked(data: bytes) -> bytes:
    body = data[:-4]
    if len(data) < 4 or google_crc32c.value(body) != struct.unpack("<I", data[-4:])[0]:
        raise ValueError("its checksum (CRC-32C) is wrong")
    return body
