"""An image in a notebook: its pixels as arrays, its measurements, and what it looks like."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import OmeroError
from ..model import Channel, ImportFailure, Placement, Provenance, Roi, Shape, Skipped, TargetKind
from ..model import Image as ImageRecord
from ..model import Labels as LabelsRecord
from ..operations import AnySession
from .drawing import Drawn, channel_number
from .fetch import Fetch
from .labels import Labels
from .measured import Measured
from .pixels import Program, dask_of, open_in, zarr_of
from .rois import Rois
from .thing import Thing

if TYPE_CHECKING:
    import dask.array
    import zarr

    from ..widgets import ImageViewer

__all__ = ["Image", "ImageList"]

_MOST_SHOWN = 60
_PAGE = 1000


class Image(Drawn, Measured, Thing[ImageRecord]):
    """An image; its pixels have the axes TCZYX, and level 0 is full resolution."""

    kind: ClassVar[TargetKind] = "image"

    def _read(self) -> ImageRecord:
        return self._session.images.get(self.id)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes along TCZYX."""
        return self.record.sizes.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its pixels."""
        return np.dtype(self.record.dtype)

    @property
    def is_rgb(self) -> bool:
        """Whether its three channels are one colour picture."""
        return self.record.is_rgb

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels, in their order."""
        return self.record.channels

    @property
    def levels(self) -> list[tuple[int, int]]:
        """Height and width of each level of the pyramid."""
        return [(level.height, level.width) for level in self.record.levels]

    @property
    def pixel_size_um(self) -> tuple[float | None, float | None, float | None]:
        """Size of a pixel along ZYX in micrometres; None where the file does not say."""
        r = self.record
        return (r.pixel_size_z_um, r.pixel_size_y_um, r.pixel_size_x_um)

    @property
    def metadata(self) -> dict[str, str]:
        """What the original files say of the image, in their own words."""
        return dict(self._session.images.metadata(self.id))

    @property
    def import_log(self) -> str:
        """The log of the import that brought the image: a line for each stage, with its time."""
        return "\n".join(self._session.images.import_log(self.id))

    # -- pixels

    def dask(
        self,
        level: int = 0,
        channels: Sequence[int | str] | None = None,
        chunks: int | tuple[int, int] | Literal["auto"] = "auto",
    ) -> dask.array.Array:
        """The pixels of a level as a lazy TCZYX array, whose chunks are parts of one plane.

        They are read where the files lie if this process sees them, else through the server.
        The array can be computed on a cluster: it takes a capability for this image with it,
        which holds for half an hour at least, and no token of yours.

        Parameters
        ----------
        channels
            Numbers or names, in the order wanted.
        chunks
            Height and width, or a side; by itself near 2048² pixels out of whole stored chunks.
        """
        wanted = (
            None if channels is None else [channel_number(self.record, each) for each in channels]
        )
        return dask_of(self._session, self.record, level, wanted, chunks)

    def zarr(self) -> zarr.Group:
        """The image as an OME-Zarr 0.5 group, read-only: levels `0`, `1` …, and `labels`.

        It can be pickled, as a dask array can.
        """
        return zarr_of(self._session, self.id)

    def open_in(self, program: Program, url: str | None = None, seconds: int = 3600) -> str:
        """What opens the image in another program: a line of Python (napari), of a macro (Fiji),
        of Groovy (QuPath), or the address of a hosted viewer (neuroglancer, vizarr).

        It holds a read-only capability for this image, for `seconds`, an hour at most: whoever
        has the line can read the image, and vizarr's host gets to know it.

        Parameters
        ----------
        url
            The address under which that program reaches the server; the one used here without it.
        """
        return open_in(self._session, self.id, program, url, seconds)

    def plane(self, c: int | str = 0, z: int = 0, t: int = 0, level: int = 0) -> NDArray[Any]:
        """One plane, shape (y, x)."""
        height, width = self.levels[level]
        number = channel_number(self.record, c)
        return self._session.region(self.id, level, t, number, z, 0, 0, height, width)

    def region(
        self, y: int, x: int, height: int, width: int, c: int | str = 0, z: int = 0, t: int = 0,
        level: int = 0,
    ) -> NDArray[Any]:  # fmt: skip
        """Part of one plane, shape (height, width)."""
        number = channel_number(self.record, c)
        return self._session.region(self.id, level, t, number, z, y, x, height, width)

    def rgb(
        self, level: int | None = None, z: int | None = None, t: int | None = None
    ) -> NDArray[np.uint8]:
        """The image as it is drawn, shape (y, x, 3); without a level, one that fits a screen."""
        if level is None:
            small = [i for i, size in enumerate(self.levels) if max(size) <= 2048]
            level = small[0] if small else len(self.levels) - 1
        height, width = self.levels[level]
        settings = self.settings
        z, t = settings.z if z is None else z, settings.t if t is None else t
        return self._session.render(self.id, level, t, z, 0, 0, height, width)

    # -- labels and regions

    @property
    def labels(self) -> list[Labels]:
        """The label images over the image."""
        return [Labels(self._session, record) for record in self._session.images.labels(self.id)]

    def attach_labels(
        self,
        labels: Any,
        name: str = "labels",
        placement: Placement | None = None,
        provenance: Provenance | None = None,
    ) -> Labels:
        """Attach a label image, (Y, X), (Z, Y, X) or (T, Z, Y, X): 0 is background.

        Parameters
        ----------
        labels
            numpy, dask, Zarr or xarray; a group of OME-Zarr, of which level 0 is taken; or the
            path of a Zarr, TIFF or `.npy` file.  What is lazy is read chunk by chunk.
        placement
            Where its first pixel lies and how many pixels one covers, unless it has those of the
            image.
        provenance
            How it was made.
        """
        from .label_sources import labels_from

        record: LabelsRecord = self._session.add_labels(
            self.id, name, labels_from(labels), placement, provenance
        )
        return Labels(self._session, record)

    @property
    def rois(self) -> Rois:
        """The regions of interest."""
        return Rois(self._session, self.record)

    def add_roi(self, *shapes: Shape, name: str = "") -> Roi:
        """Put a region of interest of one or more shapes on the image."""
        return self._session.shapes.add(self.id, shapes, name)

    # -- how it shows itself

    def view(self, height_px: int = 480) -> ImageViewer:
        """The viewer: pan and zoom, channels, Z and T, labels."""
        from ..widgets import ImageViewer

        # The newest ones are what one has just made and wants to see.
        newest_first = reversed(self._session.images.labels(self.id))
        labels = [
            {"id": record.id, "name": record.name, "visible": i == 0, "opacity": 0.5}
            for i, record in enumerate(newest_first)
        ]
        return ImageViewer(
            repository=self._session.server.status().repository,
            image_id=self.id,
            labels=labels,
            height_px=height_px,
            fetch=Fetch(self._session),
        )

    def thumbnail(self, size: int = 128) -> bytes:
        """A small JPEG of the image."""
        return self._session.thumbnail(self.id, size)

    def _facts(self) -> Sequence[tuple[str, str]]:
        t, c, z, y, x = self.shape
        facts = [("size", f"{x} × {y} pixels, {c} channels, {z} Z, {t} T, {self.dtype}")]
        if self.is_rgb:
            facts = [("size", f"{x} × {y} pixels, RGB, {self.dtype}")]
        if self.record.pixel_size_x_um:
            facts.append(("pixel size", f"{self.record.pixel_size_x_um:.4g} µm"))
        return [*facts, *super()._facts()]

    def _repr_html_(self) -> str:
        channels = ", ".join(channel.name for channel in self.channels)
        rows = [*self._facts(), ("channels", channels), ("tags", ", ".join(self.tags))]
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in rows
            if value
        )
        return (
            f"<div style='display:flex;gap:12px;align-items:flex-start'>"
            f"{_picture(self, 160)}"
            f"<div><strong>Image {self.id}: {html.escape(self.name)}</strong>"
            f"<table>{cells}</table></div></div>"
        )


class ImageList(list[Image]):
    """Images, and after an import the files that `failed`, each with the reason.

    `skipped` holds those that were in the repository already, with the images that they are.
    """

    def __init__(
        self,
        images: Iterable[Image] = (),
        failed: tuple[ImportFailure, ...] = (),
        skipped: tuple[Skipped, ...] = (),
    ) -> None:
        super().__init__(images)
        self.failed = failed
        self.skipped = skipped

    @classmethod
    def found(cls, session: AnySession, **conditions: Any) -> ImageList:
        """All images that fit the conditions of `images.find`, by id."""
        return cls(cls.each(session, **conditions))

    @staticmethod
    def each(session: AnySession, **conditions: Any) -> Iterator[Image]:
        """The same, one after the other: some hundreds are asked for at once."""
        return (Image(session, record) for record in _all(session, conditions))

    @classmethod
    def where_table(cls, session: AnySession, condition: str) -> ImageList:
        """All images whose tables fulfil a condition, by id."""
        found = cls()
        after = 0
        while page := session.tables.images_where(condition, after=after, limit=_PAGE):
            found += [Image(session, record) for record in page]
            after = page[-1].id
            if len(page) < _PAGE:
                break
        return found

    def as_json(self) -> str:
        """Ids of the images, and what failed or was skipped, as JSON."""
        told = {
            "images": [image.id for image in self],
            "failed": [each.model_dump() for each in self.failed],
            "skipped": [each.model_dump() for each in self.skipped],
        }
        return json.dumps(told)

    def _repr_html_(self) -> str:
        cards = "".join(
            f"<figure style='margin:4px;width:104px;text-align:center'>"
            f"{_picture(image, 96)}"
            f"<figcaption style='overflow-wrap:anywhere;font-size:smaller'>"
            f"{html.escape(image.name)}</figcaption></figure>"
            for image in self[:_MOST_SHOWN]
        )
        more = len(self) - _MOST_SHOWN
        rest = f"<p>… and {more} more</p>" if more > 0 else ""
        failed = "".join(
            f"<li>{html.escape(each.path)}: {html.escape(each.reason)}</li>" for each in self.failed
        )
        bad = f"<p>{len(self.failed)} not imported:</p><ul>{failed}</ul>" if failed else ""
        return f"<div style='display:flex;flex-wrap:wrap'>{cards}</div>{rest}{bad}"


def _picture(image: Image, size: int) -> str:
    """A thumbnail as HTML, or why there is none: that one cannot be read keeps no list back."""
    try:
        data = base64.b64encode(image.thumbnail(size)).decode()
    except OmeroError as error:
        return f"<em title='{html.escape(str(error), quote=True)}'>no picture</em>"
    style = f"max-width:{size}px;max-height:{size}px"
    return f"<img style='{style}' src='data:image/jpeg;base64,{data}' alt=''>"


def _all(session: AnySession, conditions: dict[str, Any]) -> Iterator[ImageRecord]:
    after = 0
    while page := session.images.find(**conditions, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id
        if len(page) < _PAGE:
            return
