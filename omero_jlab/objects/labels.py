"""A label image over an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model import Labels as LabelsRecord
from ..model import Placement
from ..operations import AnySession

__all__ = ["Labels"]


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
    def placement(self) -> Placement:
        """Where it lies in the plane of its image; assign another to move it."""
        return self.record.placement

    @placement.setter
    def placement(self, placement: Placement) -> None:
        self.record = self._session.images.put_placement(self.id, placement)

    def array(self, z: int = 0, t: int = 0) -> NDArray[np.uint32]:
        """The labels of one plane, shape (y, x)."""
        record = self.record
        return self._session.labels_region(self.id, t, z, 0, 0, record.height, record.width)

    def delete(self) -> None:
        """Delete the label image."""
        self._session.annotations.remove(self.id)

    def __repr__(self) -> str:
        r = self.record
        return f"<Labels {r.id} {r.name!r}: {r.width} × {r.height}, up to {r.maximum}>"
