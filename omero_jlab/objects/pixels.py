"""An image's pixels for other tools: dask arrays, Zarr groups, and lines that open it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from ..errors import Invalid
from ..model import Image as ImageRecord
from ..operations import AnySession
from ..remote.wire import API_PATH

if TYPE_CHECKING:
    import dask.array
    import zarr

__all__ = ["Program", "dask_of", "open_in", "zarr_of"]

Program = Literal["napari", "fiji", "qupath", "neuroglancer", "vizarr"]
_VIZARR = "https://hms-dbmi.github.io/vizarr/"
_NEUROGLANCER = "https://neuroglancer-demo.appspot.com/"


def dask_of(
    session: AnySession,
    record: ImageRecord,
    level: int,
    channels: Sequence[int] | None,
    chunks: int | tuple[int, int] | Literal["auto"],
) -> dask.array.Array:
    """The pixels of a level as a lazy array of axes TCZYX; see `Image.dask`."""
    # Here and below: decoders are loaded by who reads pixels.
    from ..pixels.lazy import dask_array, near_2048
    from ..remote.pixels import LevelPixels

    if not 0 <= level < len(record.levels):
        raise Invalid(f"Image {record.id} has levels 0 to {len(record.levels) - 1}, not {level}.")
    t, c, z, _, _ = record.sizes.shape
    height, width = record.levels[level].height, record.levels[level].width
    pixels = LevelPixels.of(session, record.id, level)
    if chunks == "auto":
        chunks = near_2048(pixels.chunk, (height, width))
    elif isinstance(chunks, str):
        raise Invalid(f"chunks is a side, (height, width) or 'auto', not {chunks!r}.")
    return dask_array(pixels, (t, c, z, height, width), record.dtype, chunks, channels)


def zarr_of(session: AnySession, image_id: int) -> zarr.Group:
    """The image as OME-Zarr 0.5, read where its files lie or through the server."""
    import zarr

    from ..pixels.store import ImageStore
    from ..remote.pixels import ImageFiles

    return zarr.open_group(ImageStore(ImageFiles.of(session, image_id)), mode="r", zarr_format=3)


def open_in(
    session: AnySession, image_id: int, program: Program, url: str | None, seconds: int
) -> str:
    """What to paste or to open so that `program` shows the image; see `Image.open_in`."""
    if program not in _LINES:
        raise Invalid(f"An image opens in {', '.join(_LINES)}, not in {program!r}.")
    from ..remote.pixels import address_with_capability

    address, made = address_with_capability(session, image_id, seconds)
    version, line = _LINES[program]
    root = (url or address).rstrip("/")
    at = f"{root}/{API_PATH}zarr/cap/{made.secret}/{version}/images/{image_id}.zarr"
    return str(line(at))


def _napari(at: str) -> str:
    return f'import napari; napari.Viewer().open("{at}/", plugin="napari-ome-zarr"); napari.run()'


def _fiji(at: str) -> str:
    return f'run("HDF5/N5/Zarr/OME-NGFF ... ", "url=[zarr://{at}/?0] virtual");'


def _qupath(at: str) -> str:
    return (
        "javafx.application.Platform.runLater { def gui = qupath.lib.gui.QuPathGUI.getInstance(); "
        f'gui.openImage(gui.getViewer(), "{at}", false, true) }}'
    )


def _neuroglancer(at: str) -> str:
    layer = {"type": "image", "source": f"zarr://{at}/", "name": at.rpartition("/")[2]}
    return f"{_NEUROGLANCER}#!{quote(json.dumps({'layers': [layer]}))}"


def _vizarr(at: str) -> str:
    return f"{_VIZARR}?source={quote(at + '/', safe='')}"


_LINES: dict[str, tuple[str, Any]] = {
    "napari": ("0.5", _napari),
    "fiji": ("0.4", _fiji),
    "qupath": ("0.4", _qupath),
    "neuroglancer": ("0.5", _neuroglancer),
    "vizarr": ("0.4", _vizarr),
}
"""By program: the version of OME-Zarr that it reads best, and how it is told."""
