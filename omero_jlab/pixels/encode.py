"""Chunks into bytes to be stored, and which codec does that: `decode` turns them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ..model.chunks import Codec, LevelLayout
from .interleaved import as_picture

__all__ = ["CHUNK", "JPEG_CHUNK", "Encoding", "codec_name", "fastest_codec", "jpeg_codec"]

CHUNK = 512
JPEG_CHUNK = 256
"""As large as the viewer's tiles, which leave as they are stored."""
_ENOUGH = 0.8
_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}
# Fastest first.  A core shuffles bytes and packs them with lz4 at 5 GB/s, bits at 2.5; zstd packs
# 0.5 to 1 GB/s.  Shuffling the bytes of one-byte pixels would do nothing.
_ONE_BYTE = (("lz4", "bitshuffle"), ("lz4", "noshuffle"), ("zstd", "noshuffle"))
_SEVERAL = (
    ("lz4", "shuffle"), ("lz4", "bitshuffle"), ("zstd", "shuffle"), ("zstd", "bitshuffle"),
)  # fmt: skip
Shape5 = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Encoding:
    """How the chunks of a level are stored: shape TCZYX, dtype, and a codec or none.

    JPEG chunks hold three channels, the others as many as `chunk` says.
    """

    chunk: Shape5
    dtype: np.dtype[Any]
    codec: Codec | None

    @property
    def is_jpeg(self) -> bool:
        """Whether chunks are JPEG pictures."""
        return self.codec is not None and self.codec.name == "jpeg"

    def encode(self, planes: NDArray[Any]) -> bytes | memoryview | None:
        """The bytes of a chunk, or None where all is zero and nothing is stored.

        `planes` has shape (channels, height, width), smaller than a chunk at the edges only.
        """
        if self.codec is not None and self.is_jpeg:
            empty = not planes[0, 0, 0] and not planes.any()
            return None if empty else _jpeg(self._padded(planes), self.codec)
        bits = _bits(self._padded(planes).astype(self.dtype, copy=False))
        # As bits, for minus zero is not the fill value; most are known by their first pixel.
        if not bits[0] and not bits.max():
            return None
        return _packed(bits, self.codec)

    def _padded(self, planes: NDArray[Any]) -> NDArray[Any]:
        _, _, _, height, width = self.chunk
        below, beside = height - planes.shape[1], width - planes.shape[2]
        if not below and not beside:
            return planes
        # A JPEG shows a hard edge on its inner side too.
        mode: Any = "edge" if self.is_jpeg else "constant"
        return np.pad(planes, ((0, 0), (0, below), (0, beside)), mode=mode)


def fastest_codec(samples: Sequence[NDArray[Any]]) -> Codec | None:
    """The fastest codec that stores chunks like `samples` in ≤ 0.8 of their bytes, or none.

    Codecs are tried from the fastest on: what is chosen depends on the pixels alone, not on how
    busy the machine is.
    """
    total = sum(sample.nbytes for sample in samples)
    if not total:
        return None
    size = _unsigned(samples[0].dtype).itemsize
    for compressor, shuffle in _ONE_BYTE if size == 1 else _SEVERAL:
        codec = _blosc_codec(size, compressor, shuffle)
        stored = sum(len(_packed(_bits(sample), codec)) for sample in samples)
        if stored <= _ENOUGH * total:
            return codec
    return None


def jpeg_codec(quality: int, subsampling: str) -> Codec:
    """JPEG of a quality (1 to 100) and subsampling of the colours: 444, 422 or 420."""
    return Codec(name="jpeg", configuration={"quality": quality, "subsampling": subsampling})


def codec_name(layout: LevelLayout) -> str:
    """How the chunks of a level are stored, in words."""
    for codec in layout.codecs:
        told = codec.configuration
        if codec.name == "blosc":
            return f"blosc {told.get('cname', 'lz4')}, {told.get('shuffle', 'shuffle')}"
        if codec.name == "jpeg" and "quality" in told:
            return f"jpeg, quality {told['quality']}, {told['subsampling']}"
        if codec.name not in ("bytes", "transpose", "crc32c"):
            return codec.name
    return "uncompressed"


def _blosc_codec(size: int, compressor: str, shuffle: str) -> Codec:
    return Codec(
        name="blosc",
        configuration={
            "typesize": size,
            "cname": compressor,
            "clevel": 1,
            "shuffle": shuffle,
            "blocksize": 0,
        },
    )


def _unsigned(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Integers with the bits of a pixel, of each part of a complex one."""
    return np.dtype(f"u{dtype.itemsize // 2 if dtype.kind == 'c' else dtype.itemsize}")


def _bits(chunk: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(chunk).reshape(-1).view(_unsigned(chunk.dtype))


def _packed(bits: NDArray[Any], codec: Codec | None) -> bytes | memoryview:
    if codec is None:
        return memoryview(bits.view(np.uint8).data)
    told: Any = codec.configuration
    # The encoder takes the size of a pixel from the array, whatever it is told, and without it
    # the shuffling would do nothing.
    pixels: Any = bits
    return bytes(
        imagecodecs.blosc_encode(
            pixels, 1, compressor=told["cname"], shuffle=_SHUFFLES[told["shuffle"]], numthreads=1
        )
    )


def _jpeg(planes: NDArray[Any], codec: Codec) -> bytes:
    told: Any = codec.configuration
    picture: Any = as_picture(planes)
    return bytes(
        imagecodecs.jpeg8_encode(picture, told["quality"], subsampling=told["subsampling"])
    )
