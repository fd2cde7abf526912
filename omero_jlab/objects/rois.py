"""The regions of interest on an image, however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import Image, NewRoi, Planes, Region, Roi, RoiFolder, RoiMeasure, Shape
from ..operations import AnySession

if TYPE_CHECKING:
    import dask.array
    from pandas import DataFrame

__all__ = ["Rois"]

_PAGE = 5000
_MEASURED = 500
_CHUNK = 2048


class Rois:
    """The regions of an image, in the order of their ids; they are read when they are asked for."""

    def __init__(self, session: AnySession, image: Image) -> None:
        self._session = session
        self._image = image

    def __len__(self) -> int:
        return self._session.shapes.count(self._image.id)

    def __iter__(self) -> Iterator[Roi]:
        return self.find()

    def __getitem__(self, which: int | slice) -> Any:
        """A region, or several, by their place in the order."""
        return tuple(self)[which]

    def __repr__(self) -> str:
        return f"<Rois: {len(self):,} on image {self._image.id}>"

    def find(
        self,
        region: Region | None = None,
        t: int | None = None,
        z: int | None = None,
        folder: int | None = None,
    ) -> Iterator[Roi]:
        """The regions that reach into a part (y, x, height, width), on a plane or in a folder."""
        after = 0
        while page := self._session.shapes.list(
            self._image.id, region, t, z, folder, limit=_PAGE, after=after
        ):
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].id

    def count(
        self, region: Region | None = None, t: int | None = None, z: int | None = None
    ) -> int:
        """How many regions reach into a part (y, x, height, width) or lie on a plane."""
        return self._session.shapes.count(self._image.id, region, t, z)

    def add(self, *shapes: Shape, name: str = "", description: str = "") -> Roi:
        """Put a region of one or more shapes on the image."""
        return self._session.shapes.add(self._image.id, shapes, name, description)

    def add_many(self, rois: Iterable[NewRoi], folder: str = "") -> tuple[int, ...]:
        """Put regions on the image, all or none, into a folder such as `cells/nuclei`.

        Answers their ids in the order given.
        """
        return self._session.shapes.add_many(self._image.id, tuple(rois), folder)

    def to_geojson(self, path: str | Path, folder: int | None = None) -> Path:
        """Write the regions, or those in a folder, to a GeoJSON file as QuPath's; answers its path.

        One after the other, however many there are.  `attach_results` reads it again.  Masks and
        rectangles are polygons there.

        Raises
        ------
        Invalid
            There is such a file already.
        """
        from ..shapes import features_of

        place = Path(path).expanduser().absolute()
        try:
            with place.open("x", encoding="utf-8") as file:
                file.write('{"type": "FeatureCollection", "features": [')
                for number, feature in enumerate(features_of(self.find(folder=folder))):
                    file.write(("," if number else "") + "\n" + json.dumps(feature))
                file.write("\n]}\n")
        except FileExistsError:
            raise Invalid(f"{place} is there already: choose another name.") from None
        return place

    def delete(self, rois: Iterable[Roi | int] | None = None, folder: int | None = None) -> int:
        """Delete regions as one: those given, those in a folder, or all; answers how many.

        One undoing (`repo.undelete`) brings all of them back.
        """
        ids = None
        if rois is not None:
            ids = tuple(each if isinstance(each, int) else each.id for each in rois)
        return self._session.shapes.remove_many(self._image.id, ids, folder)

    @property
    def folders(self) -> tuple[RoiFolder, ...]:
        """The folders that hold regions of the image."""
        return self._session.folders.list(self._image.id)

    def to_labels(
        self,
        numbers: Literal["order", "id"] = "order",
        folder: int | None = None,
        chunks: int = _CHUNK,
    ) -> dask.array.Array:
        """The regions as labels, a lazy array (T, Z, Y, X) that `attach_labels` takes as it is.

        The regions are numbered from 1 in their order, or are labelled with their ids; a later
        one lies over an earlier.  Blocks are drawn when they are computed, each from the regions
        that reach into it.

        Raises
        ------
        Invalid
            There is no region, or an id is too large for a label.
        """
        import dask.array

        image = self._image
        ids = np.fromiter((roi.id for roi in self.find(folder=folder)), np.int64)
        if not len(ids):
            raise Invalid(f"Image {image.id} has no regions to make labels of.")
        if numbers not in ("order", "id"):
            raise Invalid(f"Labels are numbered by 'order' or 'id', not by {numbers!r}.")
        if numbers == "id" and ids[-1] >= 1 << 32:
            raise Invalid(f"Region {ids[-1]} has too large an id for a label: use 'order'.")
        most = int(ids[-1]) if numbers == "id" else len(ids)
        dtype = np.dtype("u1" if most < 1 << 8 else "u2" if most < 1 << 16 else "u4")
        sizes = image.sizes
        da: Any = dask.array
        whole = (sizes.t, sizes.z, sizes.y, sizes.x)
        return da.map_blocks(
            _drawn,
            self._session,
            image.id,
            ids if numbers == "order" else None,
            folder,
            (chunks, sizes.y, sizes.x),
            dtype,
            chunks=da.core.normalize_chunks((1, 1, chunks, chunks), whole),
            dtype=dtype,
            meta=np.empty((0,) * 4, dtype),
        )

    def statistics(
        self,
        channels: Sequence[int | str] | None = None,
        rois: Iterable[Roi | int] | None = None,
        by_shape: bool = False,
        t: Planes | None = None,
        z: Planes | None = None,
    ) -> DataFrame:
        """Statistics of every region in every channel, a row for each.

        Columns are `roi`, `name`, `channel`, `area_px`, `area_um2`, `points`, `minimum`,
        `maximum`, `mean`, `sum` and `deviation`; with `by_shape` also `shape`, and a row for each
        shape of a region.  All planes on which a region lies are measured together, or those of
        them from the first to the last of `t` and of `z`.  The pixels of a shape are those that
        OMERO's server takes, but for masks, of which it takes the whole rectangle.
        """
        from pandas import DataFrame

        from .drawing import channel_number

        names = [channel.name for channel in self._image.channels]
        wanted = (
            None if channels is None else tuple(channel_number(self._image, c) for c in channels)
        )
        rows: list[dict[str, Any]] = []
        for each in self._measured(wanted, rois, by_shape, t, z):
            fields = each.model_dump()
            fields["roi"] = fields.pop("roi_id")
            number = fields["channel"]
            fields["channel"] = names[number] if number < len(names) else str(number)
            rows.append(fields)
        columns = ["roi", "name", "shape", "channel", "area_px", "area_um2", "points"]
        columns += ["minimum", "maximum", "mean", "sum", "deviation"]
        if not by_shape:
            columns.remove("shape")
        frame = DataFrame(rows, columns=columns)
        floats = ["area_um2", "minimum", "maximum", "mean", "sum", "deviation"]
        return frame.astype(dict.fromkeys(floats, "float64"))

    def _measured(
        self,
        channels: tuple[int, ...] | None,
        rois: Iterable[Roi | int] | None,
        by_shape: bool,
        t: Planes | None,
        z: Planes | None,
    ) -> Iterator[RoiMeasure]:
        measure, image = self._session.shapes.measure, self._image.id
        if rois is None:
            after = 0
            while page := measure(
                image, channels, None, by_shape, limit=_MEASURED, after=after, t=t, z=z
            ):
                yield from page
                after = page[-1].roi_id
            return
        ids = iter([each if isinstance(each, int) else each.id for each in rois])
        while some := tuple(islice(ids, _MEASURED)):
            yield from measure(image, channels, some, by_shape, limit=len(some), t=t, z=z)


def _drawn(
    session: AnySession,
    image_id: int,
    ids: NDArray[np.int64] | None,
    folder: int | None,
    grid: tuple[int, int, int],
    dtype: np.dtype[Any],
    block_id: tuple[int, ...] = (),
) -> NDArray[Any]:
    """A block of labels, shape (1, 1, height, width)."""
    from ..shapes import planes_of, rasterised

    t, z, row, column = block_id
    chunk, rows, columns = grid
    top, left = row * chunk, column * chunk
    height, width = min(chunk, rows - top), min(chunk, columns - left)
    block = np.zeros((height, width), dtype)
    shapes: list[Shape] = []
    owners: list[int] = []
    after = 0
    # A line's last pixel may lie behind the box around it.
    around = (top - 1, left - 1, height + 1, width + 1)
    while page := session.shapes.list(image_id, around, t, z, folder, limit=_PAGE, after=after):
        for roi in page:
            number = roi.id if ids is None else int(np.searchsorted(ids, roi.id)) + 1
            for shape in roi.shapes:
                times, depths = planes_of(shape.t, shape.t_last), planes_of(shape.z, shape.z_last)
                if times[0] <= t <= times[1] and depths[0] <= z <= depths[1]:
                    shapes.append(shape)
                    owners.append(number)
        if len(page) < _PAGE:
            break
        after = page[-1].id
    rasterised(shapes, owners, (height, width), (top, left)).paint(block)
    return block[None, None]
