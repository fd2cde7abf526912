"""What is too large for JSON: pixels, rows and files.  Each has a handler of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..model import (
    BULK_ANNOTATIONS,
    Attached,
    Image,
    Labels,
    LinkTarget,
    NewRoi,
    OriginalFile,
    Picture,
    Placement,
    Projection,
    Provenance,
    Selection,
    Settings,
    Spacing,
    TableChange,
    TableInfo,
    TargetKind,
    Tile,
)
from .paging import EVERYTHING

__all__ = ["SentTile", "Streams"]


@dataclass(frozen=True)
class SentTile:
    """A tile's pixels as bytes, little-endian, and coded as HTTP calls `encoding`, if at all."""

    data: bytes
    shape: tuple[int, ...]
    dtype: str
    encoding: str = ""


class Streams(Protocol):
    """The operations of a Session that carry pixels, rows and files.

    Frames are `pandas.DataFrame`; they are not named here so that importing this module loads
    no pandas.
    """

    def thumbnail(self, image_id: int, size: int = 128) -> bytes:
        """A JPEG no larger than `size` pixels a side."""
        ...

    def tile(
        self,
        image_id: int,
        tile: Tile,
        settings: Settings | None = None,
        format: str = "jpeg",
        projection: Projection | None = None,
    ) -> bytes:
        """A rendered tile as `jpeg`, `png` or `webp`."""
        ...

    def raw_tile(self, image_id: int, tile: Tile, channels: Sequence[int]) -> NDArray[Any]:
        """A tile's pixels, shape (C, height, width), cut at the image's edge."""
        ...

    def sent_tile(
        self, image_id: int, tile: Tile, channels: Sequence[int], encodings: Collection[str] = ()
    ) -> SentTile:
        """What `raw_tile` answers, for who sends it on: as it is stored where that fits.

        It is coded only as one of `encodings`.
        """
        ...

    def region(
        self,
        image_id: int,
        level: int,
        t: int,
        c: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
    ) -> NDArray[Any]:
        """Pixels of one plane, shape (height, width)."""
        ...

    def render(
        self,
        image_id: int,
        level: int,
        t: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
        settings: Settings | None = None,
        projection: Projection | None = None,
    ) -> NDArray[np.uint8]:
        """A rendered region, shape (height, width, 3)."""
        ...

    def project(
        self,
        image_id: int,
        projection: Projection,
        channels: Sequence[int] | None = None,
        t: int = 0,
        z: int = 0,
        level: int = 0,
        y: int = 0,
        x: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> NDArray[Any]:
        """Projected pixels, shape (C, height, width); the whole plane unless a part is named."""
        ...

    def picture(self, image_id: int, picture: Picture | None = None) -> bytes:
        """A picture of the image as a file: a region at any size, panels, a scale bar, labels."""
        ...

    def labels_tile(self, labels_id: int, tile: Tile) -> NDArray[np.uint32]:
        """A tile of a label image in the grid of its image, shape (height, width)."""
        ...

    def labels_region(
        self, labels_id: int, t: int, z: int, y: int, x: int, height: int, width: int
    ) -> NDArray[np.uint32]:
        """A region of a label image in its own pixels, shape (height, width)."""
        ...

    def zarr_file(self, image_id: int, key: str, version: str = "0.5") -> bytes | None:
        """A file of the image as OME-Zarr; None for a chunk that is not stored, or no file."""
        ...

    def zarr_plate_file(self, plate_id: int, key: str, version: str = "0.5") -> bytes | None:
        """A file of a plate as OME-Zarr: its own, those of its wells and of their images."""
        ...

    def add_labels(
        self,
        image_id: int,
        name: str,
        labels: Any,
        placement: Placement | None = None,
        provenance: Provenance | None = None,
    ) -> Labels:
        """Attach a label image: array (Y, X), (Z, Y, X) or (T, Z, Y, X) of integers ≥ 0."""
        ...

    def add_rois(self, image_id: int, rois: Sequence[NewRoi], folder: str = "") -> tuple[int, ...]:
        """Put regions on an image, all or none; answers their ids in the order given."""
        ...

    def add_image(
        self,
        array: Any,
        name: str,
        dataset: str | None = None,
        project: str | None = None,
        like: int | None = None,
        channels: Sequence[str] | None = None,
        spacing: Spacing | None = None,
    ) -> Image:
        """Write a TCZYX array (numpy, dask) as a new image; `like` gives what is not said."""
        ...

    def add_table(
        self,
        kind: TargetKind,
        id: int,
        name: str,
        frame: Any,
        namespace: str = BULK_ANNOTATIONS,
        description: str = "",
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        metadata: Mapping[str, str | int | float | bool] | None = None,
        provenance: Provenance | None = None,
    ) -> TableInfo:
        """Attach a table with the rows of a `pandas.DataFrame`.

        `units`, `descriptions` and `links` are by column; a column that links holds ids.
        """
        ...

    def append_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableInfo:
        """Append rows to a table; durable when this returns.

        Where `version` is given and the table is at another, nothing is changed: Conflict.
        """
        ...

    def update_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableChange:
        """Give rows, named by the index or the column `row_id` of `frame`, other values."""
        ...

    def add_columns(
        self,
        table_id: int,
        frame: Any,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        links: Mapping[str, LinkTarget] | None = None,
        version: int | None = None,
    ) -> TableChange:
        """Add the columns of `frame`, whose index names the rows; other rows have no value."""
        ...

    def read_rows(self, table_id: int, selection: Selection = EVERYTHING) -> Any:
        """Rows as a `pandas.DataFrame` whose index is the permanent row id."""
        ...

    def read_batches(self, table_id: int, selection: Selection = EVERYTHING) -> Iterator[Any]:
        """The same rows as `pyarrow.RecordBatch`es of bounded size, `row_id` first.

        At least one comes, so that the columns' types are known.
        """
        ...

    def export_rows(
        self,
        table_id: int,
        format: str,
        selection: Selection = EVERYTHING,
        safe: bool = True,
    ) -> Iterator[bytes]:
        """The same rows as a file, piece by piece: `csv` or `parquet`.

        Where `safe`, CSV has an apostrophe before texts that a spreadsheet takes for formulas.
        """
        ...

    def add_file(
        self,
        kind: TargetKind,
        id: int,
        path: Path,
        name: str | None = None,
        namespace: str = "",
    ) -> Attached:
        """Attach a file of the caller's disk."""
        ...

    def upload(
        self,
        path: Path,
        progress: Callable[[int, int], object] | None = None,
        only: Collection[Path] | None = None,
    ) -> str:
        """Bring a file or folder of the caller's disk to the repository's machine.

        Answers the path that an import there may name.  `progress` is called with the bytes that
        are there and with all bytes.  Of a folder, these files `only` are brought.
        """
        ...

    def sees(self, path: Path) -> bool:
        """Whether the repository's machine can read this very file or folder of the caller's."""
        ...

    def file(self, file_id: int) -> tuple[OriginalFile, Iterator[bytes]]:
        """A file's record and its bytes, in pieces of at most 1 MB."""
        ...
