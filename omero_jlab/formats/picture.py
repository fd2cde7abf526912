"""PNG, JPEG and BMP pictures: one plane each, without chunks, so always transcoded."""

from __future__ import annotations

import base64
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import TooLarge, Unreadable
from ..model import FoundChannel, FoundImage, Sizes
from ..model.chunks import ChunkIndex
from .damage import reading
from .reader import Fileset, Related, Source
from .tiff_metadata import flattened

__all__ = ["PictureReader"]

_MAX_DECODED = 1 << 30
_LARGEST_PROFILE = 4 << 20
_DEEP = {"I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "I": "int32", "F": "float32"}


@dataclass(frozen=True)
class PictureReader:
    """A format that Pillow knows by `name` and that begins with `magic`."""

    name: str
    magic: bytes

    def matches(self, path: Path, head: bytes) -> bool:
        return head.startswith(self.magic)

    def files(self, path: Path) -> Related:
        return Related(path.parent, path.name, (path.name,), path.name)

    def read(self, fileset: Fileset) -> list[Source]:
        path = fileset.path(fileset.plan.main)
        with reading(path.name), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=(self.name,)) as picture:
                width, height = picture.size
                mode, said = picture.mode, dict(picture.info)
        deep_colour = self.name == "PNG" and _deep_colour(path)
        samples, dtype = _kind(mode, deep_colour)
        if width * height * 8 > _MAX_DECODED:
            raise TooLarge(
                f"{path.name} is {width} × {height}: a picture without tiles may have at most "
                f"{_MAX_DECODED // 8} pixels. Export it as a tiled OME-TIFF."
            )
        colours = (("Red", "FF0000"), ("Green", "00FF00"), ("Blue", "0000FF"))
        channels = tuple(FoundChannel(name=name, color=colour) for name, colour in colours)
        image = FoundImage(
            name=fileset.plan.name,
            series=0,
            sizes=Sizes(t=1, c=samples, z=1, y=height, x=width),
            dtype=dtype,
            is_rgb=samples == 3 and dtype == "uint8",
            channels=channels if samples == 3 else (FoundChannel(),),
            metadata=flattened({k: v for k, v in said.items() if isinstance(k, str)}),
            icc=_profile(said) if mode in ("RGB", "RGBA", "P") else "",
        )
        return [_PictureSource(self.name, path, image, samples, deep_colour)]


def _profile(said: dict[Any, Any]) -> str:
    """The picture's colour profile in base64; one of absurd size is left out."""
    found = said.get("icc_profile")
    if not isinstance(found, bytes) or len(found) > _LARGEST_PROFILE:
        return ""
    return base64.b64encode(found).decode()


def _deep_colour(path: Path) -> bool:
    """Whether a PNG has 16 bits a colour, which Pillow would cut down to 8."""
    with path.open("rb") as file:
        head = file.read(26)
    if len(head) < 26:
        return False
    depth, kind = struct.unpack_from("BB", head, 24)
    return depth == 16 and kind in (2, 4, 6)


def _kind(mode: str, deep_colour: bool) -> tuple[int, str]:
    """Samples a pixel, without transparency, and their type."""
    if deep_colour:
        return (1 if mode in ("LA", "La", "I;16") else 3), "uint16"
    if mode in ("1", "L", "LA", "La"):
        return 1, "uint8"
    return (1, _DEEP[mode]) if mode in _DEEP else (3, "uint8")


@dataclass(frozen=True)
class _PictureSource:
    format: str
    path: Path
    image: FoundImage
    samples: int
    deep_colour: bool

    @property
    def reason(self) -> str:
        return f"{self.format} pictures can only be decoded whole"

    def index(self) -> ChunkIndex:
        raise Unreadable(f"{self.image.name}: {self.reason}.")

    def rows(self, t: int, c: int, z: int) -> Iterator[NDArray[Any]]:
        with reading(self.path.name):
            pixels = self._decoded()
        sizes = self.image.sizes
        pixels = pixels.reshape(sizes.y, sizes.x, -1)[..., : self.samples]
        yield pixels.astype(self.image.dtype, copy=False)

    def _decoded(self) -> NDArray[Any]:
        if self.deep_colour:
            return np.asarray(imagecodecs.png_decode(self.path.read_bytes()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(self.path, formats=(self.format,)) as picture:
                if self.samples == 3:
                    return np.asarray(picture.convert("RGB"))
                if picture.mode in ("1", "LA", "La"):
                    return np.asarray(picture.convert("L"))
                return np.asarray(picture)
