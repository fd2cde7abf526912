"""How pixels, rows and files travel: what client and server must agree on.

An upload is the length of its header (8 bytes, little-endian), the header as JSON, then the
payload.  Pixels are raw little-endian bytes in C order, with shape and dtype in HTTP headers.
"""

from __future__ import annotations

import itertools
import math
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, ValidationError

from ..errors import Invalid, Unavailable
from ..model import (
    BULK_ANNOTATIONS,
    FileToUpload,
    LinkTarget,
    Placement,
    Provenance,
    Record,
    Spacing,
)
from ..operations import SentTile

__all__ = [
    "API_PATH",
    "GROUP",
    "PIECE",
    "REQUEST_ID",
    "USER",
    "ArrayForm",
    "Batch",
    "ChangedRows",
    "NewColumns",
    "NewFile",
    "NewImage",
    "NewLabels",
    "NewTable",
    "Received",
    "array_from",
    "array_headers",
    "as_sent",
    "blocks",
    "form_of",
    "framed",
    "header",
    "pieces",
    "tile_headers",
]

M = TypeVar("M", bound=Record)

API_PATH = "omero-jlab/api/v1/"
GROUP = "X-Omero-Jlab-Group"
USER = "X-Omero-Jlab-User"
REQUEST_ID = "X-Request-Id"
PIECE = 1 << 20
"""The most bytes that one write to a socket carries."""

Sizes = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]


class ArrayForm(Record):
    """An array as it is sent: `dtype` in numpy's notation, sizes of the blocks along each axis.

    The payload holds the blocks one after the other, the last axis running fastest.
    """

    dtype: str
    chunks: Annotated[tuple[Sizes, ...], Field(max_length=6)]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(sum(sizes) for sizes in self.chunks)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class NewImage(Record):
    """What comes before the pixels of a new image."""

    name: str
    dataset: str | None = None
    project: str | None = None
    like: int | None = None
    channels: tuple[str, ...] | None = None
    spacing: Spacing | None = None
    array: ArrayForm


class NewLabels(Record):
    """What comes before the pixels of a label image."""

    name: str
    placement: Placement | None = None
    provenance: Provenance | None = None
    array: ArrayForm


class NewTable(Record):
    """What comes before the rows of a new table; rows are an Arrow IPC stream."""

    name: str = ""
    namespace: str = BULK_ANNOTATIONS
    description: str = ""
    units: dict[str, str] | None = None
    descriptions: dict[str, str] | None = None
    links: dict[str, LinkTarget] | None = None
    metadata: dict[str, str | int | float | bool] | None = None
    provenance: Provenance | None = None


class NewColumns(Record):
    """What comes before the values of new columns of the table `version`."""

    units: dict[str, str] | None = None
    descriptions: dict[str, str] | None = None
    links: dict[str, LinkTarget] | None = None
    version: int | None = None


class ChangedRows(Record):
    """What comes before rows that are appended to the table `version`, or change others."""

    version: int | None = None


class NewFile(Record):
    """What comes before the bytes of a file attachment."""

    name: str
    namespace: str = ""
    size: NonNegativeInt


class Batch(Record):
    """What comes before the bytes of small files of an upload, which lie one after the other."""

    files: Annotated[tuple[FileToUpload, ...], Field(min_length=1, max_length=1000)]


class Received(Record):
    """The answer to a piece of a file: how many bytes of the file are there."""

    received: NonNegativeInt


def header(model: type[M], **fields: Any) -> M:
    """What comes before an upload, made of what a caller gave.

    Raises
    ------
    Invalid
        A field is of another type.
    """
    try:
        return model(**fields)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"This cannot be sent: {found}") from None


def framed(header: Record, payload: Iterable[bytes]) -> Iterator[bytes]:
    """The body of an upload, piece by piece."""
    head = header.model_dump_json().encode()
    yield struct.pack("<Q", len(head)) + head
    yield from payload


def pieces(data: bytes | memoryview) -> Iterator[bytes]:
    """`data` in pieces of at most 1 MB."""
    view = memoryview(data)
    for start in range(0, len(view), PIECE):
        yield bytes(view[start : start + PIECE])


def as_sent(array: NDArray[Any]) -> NDArray[Any]:
    """`array` contiguous and little-endian."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def array_headers(array: NDArray[Any]) -> dict[str, str]:
    """The HTTP headers that describe an array's bytes."""
    return {
        "Content-Type": "application/octet-stream",
        "X-Shape": ",".join(map(str, array.shape)),
        "X-Dtype": array.dtype.newbyteorder("<").str,
    }


def tile_headers(tile: SentTile) -> dict[str, str]:
    """The HTTP headers that describe a tile's bytes."""
    coded = {"Content-Encoding": tile.encoding} if tile.encoding else {}
    return {
        "Content-Type": "application/octet-stream",
        "X-Shape": ",".join(map(str, tile.shape)),
        "X-Dtype": tile.dtype,
        **coded,
    }


def array_from(headers: Mapping[str, str], body: bytes) -> NDArray[Any]:
    """The array in an answer; it can be written to."""
    try:
        shape = tuple(int(n) for n in headers["X-Shape"].split(",") if n)
        return np.frombuffer(bytearray(body), headers["X-Dtype"]).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"The server sent no whole array: {error}") from error


def form_of(array: Any) -> ArrayForm:
    """How an array (numpy, dask) will be sent.

    Raises
    ------
    Invalid
        It does not hold numbers, or dask does not know its shape.
    """
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biufc":
        raise Invalid(f"Only arrays of numbers can be stored; this one holds {dtype}.")
    chunks = getattr(array, "chunks", None) or tuple((n,) for n in array.shape)
    if any(math.isnan(n) for sizes in chunks for n in sizes):
        raise Invalid("The array's shape is unknown: call its compute_chunk_sizes() first.")
    sizes = tuple(tuple(int(n) for n in axis) for axis in chunks)
    return ArrayForm(dtype=dtype.newbyteorder("<").str, chunks=sizes)


def blocks(array: Any) -> Iterator[bytes]:
    """The payload of an array; as many blocks of a dask array are computed at once as cores."""
    if not hasattr(array, "dask"):
        yield from pieces(as_sent(array).reshape(-1).view(np.uint8).data)
        return
    from dask.base import compute

    every = itertools.product(*(range(n) for n in array.numblocks))
    while batch := list(itertools.islice(every, os.cpu_count() or 1)):
        for block in compute(*(array.blocks[index] for index in batch)):
            yield from pieces(as_sent(np.asarray(block)).reshape(-1).view(np.uint8).data)
