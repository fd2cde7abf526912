"""A label image over an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..model import Labels as LabelsRecord
from ..model import Placement, Provenance
from ..operations import AnySession

if TYPE_CHECKING:
    import dask.array
    import zarr

__all__ = ["Labels"]

_BATCH = 20_000


class Labels:
    """A label image: 0 is background, n is object n."""

    def __init__(self, session: AnySession, record: LabelsRecord) -> None:
        self._session = session
        self.record = record

    @property
    def id(self) -> int:
        """Its number."""
        return self.record.id

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def provenance(self) -> Provenance | None:
        """How it was made, where that was said."""
        return self.record.provenance

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes along TZYX."""
        r = self.record
        return (r.size_t, r.size_z, r.height, r.width)

    @property
    def placement(self) -> Placement:
        """Where it lies in the plane of its image; assign another to move it."""
        return self.record.placement

    @placement.setter
    def placement(self, placement: Placement) -> None:
        self.record = self._session.images.put_placement(self.id, placement)

    @property
    def levels(self) -> list[tuple[int, int]]:
        """Height and width of each level of its pyramid."""
        group: Any = self.zarr()
        arrays = [group[str(n)] for n in range(len(list(group.array_keys())))]
        return [(array.shape[-2], array.shape[-1]) for array in arrays]

    def array(self, z: int = 0, t: int = 0) -> NDArray[np.uint32]:
        """The labels of one plane, shape (y, x)."""
        record = self.record
        return self._session.labels_region(self.id, t, z, 0, 0, record.height, record.width)

    def read(self, t: int | None = None, z: int | None = None, level: int = 0) -> NDArray[Any]:
        """The labels (T, Z, Y, X) as they are stored; without T or Z where one is chosen."""
        lazy = self.dask(level)
        times = slice(None) if t is None else _chosen("t", t, lazy.shape[0])
        depths = slice(None) if z is None else _chosen("z", z, lazy.shape[1])
        return np.asarray(lazy[times, depths].compute())

    def dask(
        self, level: int = 0, chunks: int | tuple[int, int] | Literal["auto"] = "auto"
    ) -> dask.array.Array:
        """The labels of a level as a lazy array (T, Z, Y, X), as `Image.dask` is one."""
        from ..pixels.lazy import dask_array, near_2048
        from ..remote.pixels import LevelPixels

        pixels = LevelPixels.of(self._session, self.record.image_id, level, group=self._group())
        size_t, _, size_z, height, width = pixels.sizes
        if isinstance(chunks, str):
            if chunks != "auto":
                raise Invalid(f"chunks is a side, (height, width) or 'auto', not {chunks!r}.")
            chunks = near_2048(pixels.chunk, (height, width))
        sizes = (size_t, 1, size_z, height, width)
        return dask_array(pixels, sizes, self.record.dtype, chunks)[:, 0]

    def zarr(self) -> zarr.Group:
        """The label image as an OME-Zarr 0.5 group, read-only: levels `0`, `1` … (TCZYX)."""
        from .pixels import zarr_of

        group: Any = zarr_of(self._session, self.record.image_id)[self._group()]
        return group  # type: ignore[no-any-return]

    def to_rois(
        self,
        folder: str = "",
        kind: Literal["polygon", "mask"] = "polygon",
        names: Callable[[int], str] | Sequence[str] | None = None,
        stroke: str = "FFFF00FF",
    ) -> tuple[int, ...]:
        """Put a region on the image for each object; answers their ids by where objects end.

        A polygon runs along the borders of pixels; parts and holes are kept, so that drawn again
        it has exactly the object's pixels.  An object on several planes is one region with shapes
        on each.  Regions are written by the twenty thousand, each lot in one transaction.

        Parameters
        ----------
        folder
            Where to put the regions, such as `cells/nuclei`; the label image's name without it.
        names
            The name of a region from its label: a function, or a sequence with one for each label
            from 0 on; the label itself without it.
        """
        from .outlining import rois_of

        name: Callable[[int], str] = str
        if names is not None:
            name = names if callable(names) else names.__getitem__
        rois = rois_of(self.dask(), self.record, kind, name, stroke)
        ids: list[int] = []
        while batch := tuple(islice(rois, _BATCH)):
            into = folder or self.name.replace("/", "-")
            ids += self._session.shapes.add_many(self.record.image_id, batch, into)
        return tuple(ids)

    def delete(self) -> None:
        """Delete the label image."""
        self._session.annotations.remove(self.id)

    def __repr__(self) -> str:
        r = self.record
        return f"<Labels {r.id} {r.name!r}: {r.width} × {r.height}, up to {r.maximum}>"

    def _group(self) -> str:
        from ..pixels.ngff import label_paths

        every = label_paths(self._session.images.labels(self.record.image_id))
        for name, record in every.items():
            if record.id == self.id:
                return f"labels/{name}"
        raise Invalid(f"Label image {self.id} is no longer over image {self.record.image_id}.")


def _chosen(axis: str, number: int, size: int) -> int:
    if not 0 <= number < size:
        raise Invalid(f"These labels have {axis} from 0 to {size - 1}, not {number}.")
    return number
