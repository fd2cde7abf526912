"""Where CellProfiler's label images lie in the images that were imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import Invalid, NotFound
from ..contract import ReadPlane
from ..geometry import ORIENTATIONS, Placing
from ..intensities import Evidence, agrees, locate, resembles
from ..records import ImageSet
from .frames import Origin, origin
from .pipeline import Pipeline

__all__ = ["MEASURED", "Memory", "Placer"]

_MEAN = "Intensity_MeanIntensity_"
MEASURED = (
    _MEAN, "Intensity_MinIntensity_", "Intensity_MaxIntensity_", "Intensity_StdIntensity_"
)  # fmt: skip
_MOST_IMAGES = 4
_HINTS = 8
_SEARCHES = 5


@dataclass
class Memory:
    """What placing earlier image sets of an output taught: places, and searches in vain."""

    places: list[Placing] = field(default_factory=list)
    failures: int = 0

    def keep(self, placing: Placing) -> None:
        """Try `placing` first from now on."""
        self.places = [placing, *(p for p in self.places if p != placing)][:_HINTS]
        self.failures = 0


class Placer:
    """Places the labels of one image set; planes are read once, and only those that are needed."""

    def __init__(
        self,
        image_set: ImageSet,
        image_size: tuple[int, int],
        read_plane: ReadPlane,
        pipeline: Pipeline | None,
        memory: Memory,
    ) -> None:
        self._set = image_set
        self._size = image_size
        self._read = read_plane
        self._pipeline = pipeline
        self._memory = memory
        self._planes: dict[str, NDArray[np.float64] | None] = {}

    def place(self, name: str, labels: NDArray[np.integer], rows: pd.DataFrame) -> Placing:
        """Where the label image of the objects `name` lies.

        Parameters
        ----------
        name : of the objects
        labels : shape (Y, X)
        rows : the objects of this image set, with the columns `MEASURED`

        Raises
        ------
        Invalid
            No place is known, several fit, or the measurements contradict the one that is told.
        """
        placing = self._find(name, labels, rows)
        self._memory.keep(placing)
        return placing

    def _find(self, name: str, labels: NDArray[np.integer], rows: pd.DataFrame) -> Placing:
        told = self._told(name, labels)
        same_size = labels.shape == self._size
        whole = [Placing.at(0, 0, turned) for turned in ORIENTATIONS] if same_size else []
        evidence = [one for one in self._evidence(rows) if _speaks(labels, one)]
        certain = [one for one in evidence if one.is_certain]
        for guess in dict.fromkeys([*told, *whole, *self._memory.places]):
            if self._holds(labels, guess, evidence):
                return guess
        if certain or (evidence and not told and not same_size):
            found = [] if same_size else self._search(labels, evidence)
            if len(found) == 1:
                return found[0]
            if found:
                raise Invalid(
                    f"{self._about(name, labels)} the measured intensities fit {len(found)} "
                    "places equally well. Pass placement=Placement(y=…, x=…)."
                )
        if certain:
            raise Invalid(
                f"{self._about(name, labels)} nowhere in it are the mean intensities under the "
                f"labels those that were measured ({_MEAN}{certain[0].image}). Is it the image "
                "that was measured? If so, pass placement=Placement(y=…, x=…)."
            )
        fitting = [*told, *whole[:1], *(self._fitting(labels) if not labels.any() else [])]
        if fitting:
            return fitting[0]
        raise Invalid(
            f"{self._about(name, labels)} neither a pipeline (.cppipe) in the folder nor mean "
            "intensities of its objects say where the labels lie. Pass placement=Placement(y=…, "
            "x=…), or put the pipeline beside the results."
        )

    def _search(self, labels: NDArray[np.integer], evidence: list[Evidence]) -> list[Placing]:
        # What failed for the first image sets would take seconds for each of thousands.
        if self._memory.failures >= _SEARCHES:
            return []
        found = locate(labels, evidence)
        if len(found) != 1:
            self._memory.failures += 1
        return found

    def _fitting(self, labels: NDArray[np.integer]) -> list[Placing]:
        """Where other image sets' labels lay: without objects nothing speaks for another place."""
        height, width = labels.shape
        return [
            place
            for place in self._memory.places
            if place.placement.y + height * place.placement.scale_y <= self._size[0]
            and place.placement.x + width * place.placement.scale_x <= self._size[1]
        ]

    def _about(self, name: str, labels: NDArray[np.integer]) -> str:
        return (
            f"The label image of {name} has {labels.shape[0]} × {labels.shape[1]} pixels "
            f"(height × width), image set {self._set.number} has {self._size[0]} × "
            f"{self._size[1]}:"
        )

    def _told(self, name: str, labels: NDArray[np.integer]) -> list[Placing]:
        """What the pipeline says, where the size that it says is the labels' own."""
        if self._pipeline is None or self._pipeline.maker(name) is None:
            return []
        frame = origin(self._pipeline, name, self._size).frame
        return [frame.placing()] if frame is not None and frame.size == labels.shape else []

    def _holds(
        self, labels: NDArray[np.integer], guess: Placing, evidence: Sequence[Evidence]
    ) -> bool:
        """Whether the measurements prove `guess`: all that are certain, and at least one."""
        if guess.is_resized:
            return any(resembles(labels, guess, one) for one in evidence)
        certain = [one for one in evidence if one.is_certain]
        if not all(agrees(labels, guess, one) for one in certain):
            return False
        return bool(certain) or any(agrees(labels, guess, one) for one in evidence)

    def _evidence(self, rows: pd.DataFrame) -> list[Evidence]:
        """Measurements of unchanged cuts of a channel, or else of images that may be such."""
        names = [str(c).removeprefix(_MEAN) for c in rows.columns if str(c).startswith(_MEAN)]
        known = [file.channel for file in self._set.files]
        traced = {name: self._origin(name) for name in names}
        certain = [
            self._measured(name, source.channel, rows, is_certain=True)
            for name, source in traced.items()
            if source is not None and source.is_exact and source.channel in known
        ]
        found = [one for one in certain[:_MOST_IMAGES] if one is not None]
        if found:
            return found
        for name, source in list(traced.items())[:_MOST_IMAGES]:
            channels = [source.channel] if source and source.channel in known else known
            measured = (self._measured(name, c, rows, is_certain=False) for c in channels)
            found += [one for one in measured if one is not None]
        return found

    def _origin(self, image: str) -> Origin | None:
        """From which channel the measured `image` came, as far as it is known."""
        if self._pipeline is not None and self._pipeline.maker(image) is not None:
            return origin(self._pipeline, image, self._size)
        if any(file.channel == image for file in self._set.files):
            return Origin(image, None, True)
        return None

    def _measured(
        self, image: str, channel: str, rows: pd.DataFrame, *, is_certain: bool
    ) -> Evidence | None:
        plane = self._plane(channel)
        if plane is None or not len(rows):
            return None
        mean, low, high, spread = (
            _numbers(rows[f"{prefix}{image}"]) if f"{prefix}{image}" in rows else None
            for prefix in MEASURED
        )
        if mean is None:
            return None
        numbers = rows["ObjectNumber"].to_numpy("int64")
        return Evidence(image, is_certain, plane, numbers, mean, low, high, spread)

    def _plane(self, channel: str) -> NDArray[np.float64] | None:
        """The channel in units of full scale, or None where the image lacks it."""
        if channel in self._planes:
            return self._planes[channel]
        try:
            data = np.asarray(self._read(channel))
        except NotFound:
            self._planes[channel] = None
            return None
        if data.shape != self._size:
            raise Invalid(
                f"The plane of channel {channel} has shape {data.shape}, not {self._size}."
            )
        file = next(file for file in self._set.files if file.channel == channel)
        full = file.scaling
        if full is None:
            full = float(np.iinfo(data.dtype.name).max) if data.dtype.kind in "ui" else 1.0
        plane = data.astype(np.float64) / full
        self._planes[channel] = plane
        return plane


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The column's numbers; NaN where it has none, or a text."""
    found = pd.to_numeric(column, errors="coerce")
    return np.asarray(found.to_numpy("float64", na_value=np.nan), np.float64)


def _speaks(labels: NDArray[np.integer], evidence: Evidence) -> bool:
    """Whether an object has a label as well as a measured mean."""
    with_label = np.isin(evidence.numbers[np.isfinite(evidence.means)], labels)
    return bool(with_label.any())
