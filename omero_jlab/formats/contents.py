"""What was found in a fileset: its images, and where their chunks lie."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

from pydantic import ValidationError

from ..errors import Unreadable
from ..model import FoundImage
from ..model.chunks import ChunkIndex

__all__ = ["Contents"]

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Contents:
    """The images of a fileset, each with its index.

    An index is None while its pixels must be transcoded first; `transcode` says why, and is
    empty for the others.
    """

    images: tuple[FoundImage, ...]
    indexes: tuple[ChunkIndex | None, ...]
    transcode: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every image has its index."""
        return None not in self.indexes

    def to_bytes(self) -> bytes:
        """All of it in one block: JSON, then the indexes, each with its length before it."""
        head = json.dumps(
            {
                "images": [image.model_dump(mode="json") for image in self.images],
                "transcode": self.transcode,
            }
        ).encode()
        blocks = [head, *(b"" if i is None else i.to_bytes() for i in self.indexes)]
        return b"".join(_LENGTH.pack(len(block)) + block for block in blocks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Contents:
        """What `to_bytes` wrote.  The bytes come from a process that read a foreign file.

        Raises
        ------
        Unreadable
            They make no sense.
        """
        try:
            head, *blocks = _blocks(data)
            told = json.loads(head)
            images = tuple(FoundImage.model_validate(image) for image in told["images"])
            indexes = tuple(ChunkIndex.from_bytes(block) if block else None for block in blocks)
            transcode = tuple(str(reason) for reason in told["transcode"])
        except (ValueError, KeyError, TypeError, struct.error, ValidationError) as error:
            raise Unreadable(f"The reader's answer makes no sense: {error}") from error
        if not len(images) == len(indexes) == len(transcode):
            raise Unreadable("The reader's answer has not one index per image.")
        return cls(images, indexes, transcode)


def _blocks(data: bytes) -> list[bytes]:
    blocks, position = [], 0
    while position < len(data):
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        if position + length > len(data):
            raise ValueError("it is cut short")
        blocks.append(data[position : position + length])
        position += length
    return blocks
