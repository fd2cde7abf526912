"""Where labels lie, found and proved by what was measured under them.

A program that wrote the mean intensity of every object has written n equations for the place of
its label image: at the true offset the mean of the original pixels under each label is the value
in the table.  A random ±1 combination of all equations is one correlation, so two or three
Fourier transforms leave a handful of offsets out of a million, and those are checked in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import TooLarge
from .geometry import ORIENTATIONS, Placing

__all__ = ["Evidence", "agrees", "locate", "resembles"]

_ABSOLUTE = 1e-6
_RELATIVE = 1e-5
_LARGEST = 64
_ROUNDS = 3
_MAX_PIXELS = 36_000_000
_MAX_CHECKED = 500
_FEW = 5


@dataclass(frozen=True)
class Evidence:
    """Mean intensities `means` of objects `numbers`, in units of full scale, on `plane` (Y, X).

    `plane` is a channel of the original divided by full scale; `image` is what the program called
    the picture it measured, and `is_certain` says that its pixels are known to be unchanged.  The
    other measurements, in the order of `numbers`, tell places apart where the means of one or two
    objects fit several.
    """

    image: str
    is_certain: bool
    plane: NDArray[np.float64]
    numbers: NDArray[np.int64]
    means: NDArray[np.float64]
    minima: NDArray[np.float64] | None = None
    maxima: NDArray[np.float64] | None = None
    deviations: NDArray[np.float64] | None = None


def agrees(labels: NDArray[np.integer], placing: Placing, evidence: Evidence) -> bool | None:
    """Whether the mean under every label, placed pixel for pixel, is the measured one.

    None where nothing can be compared: no object has both a label and a finite mean.
    """
    upright = placing.orientation.apply(labels)
    part = _covered(upright, placing, evidence.plane)
    if part is None:
        return False
    numbers, means = _measured(upright, evidence.numbers, evidence.means)
    if not len(numbers):
        return None
    found = _means(upright, part)[numbers]
    return bool(np.all(np.abs(found - means) <= _tolerance(means)))


def resembles(labels: NDArray[np.integer], placing: Placing, evidence: Evidence) -> bool | None:
    """Whether means under resized labels follow the measured ones, which interpolation changed.

    None where fewer than three objects can be compared.
    """
    upright = placing.orientation.apply(labels)
    place = placing.placement
    rows = np.floor((np.arange(evidence.plane.shape[0]) + 0.5 - place.y) / place.scale_y)
    columns = np.floor((np.arange(evidence.plane.shape[1]) + 0.5 - place.x) / place.scale_x)
    inside_y = (rows >= 0) & (rows < upright.shape[0])
    inside_x = (columns >= 0) & (columns < upright.shape[1])
    enlarged = upright[np.ix_(rows[inside_y].astype(int), columns[inside_x].astype(int))]
    numbers, means = _measured(enlarged, evidence.numbers, evidence.means)
    if len(numbers) < 3:
        return None
    found = _means(enlarged, evidence.plane[np.ix_(inside_y, inside_x)])[numbers]
    if np.median(np.abs(found - means)) > 0.1 * np.median(np.abs(means)) + 1e-3:
        return False
    if min(np.ptp(found), np.ptp(means)) < 0.02 * abs(float(means.mean())):
        return True
    return bool(np.corrcoef(found, means)[0, 1] >= 0.9)


def locate(labels: NDArray[np.integer], evidence: Sequence[Evidence]) -> list[Placing]:
    """Every place and orientation at which all of one evidence holds; more than one is no proof.

    Raises
    ------
    TooLarge
        The image is too large to search; a placement must be given.
    """
    spectra = [_spectrum(one.plane) for one in evidence]
    places: dict[Placing, Evidence] = {}
    for orientation in ORIENTATIONS:
        upright = np.ascontiguousarray(orientation.apply(labels))
        for one, spectrum in zip(evidence, spectra, strict=True):
            if upright.shape[0] > one.plane.shape[0] or upright.shape[1] > one.plane.shape[1]:
                continue
            offsets = _candidates(upright, one, spectrum)
            many = len(offsets) > _MAX_CHECKED
            for y, x in offsets[: 2 if many else None].tolist():
                if agrees(upright, Placing.at(y, x), one):
                    places.setdefault(Placing.at(y, x, orientation), one)
            # A blank plane: two places that fit are as good a refusal as a million.
            if many and len(places) > 1:
                return list(places)
        # The means of many objects fit no second orientation by chance; those of a few may.
        if len(places) == 1 and len(np.unique(labels)) > _FEW:
            break
    if len(places) > 1:
        return [place for place, one in places.items() if _same_spread(labels, place, one)]
    return list(places)


def _spectrum(plane: NDArray[np.float64]) -> NDArray[np.complex128]:
    if plane.size > _MAX_PIXELS:
        raise TooLarge(
            f"The image has {plane.shape[0]} × {plane.shape[1]} pixels, too many to search for the "
            "place of the labels by their intensities. Pass placement=Placement(y=…, x=…)."
        )
    spectrum: NDArray[np.complex128] = np.fft.rfft2(plane - plane.mean())
    return spectrum


def _candidates(
    upright: NDArray[np.integer], evidence: Evidence, spectrum: NDArray[np.complex128]
) -> NDArray[np.intp]:
    """Offsets (n, 2) that every random combination of the largest objects' equations allows."""
    plane = evidence.plane
    areas = np.bincount(upright.ravel())
    numbers, means = _measured(upright, evidence.numbers, evidence.means)
    order = np.argsort(-areas[numbers], kind="stable")[:_LARGEST]
    numbers, means = numbers[order], means[order]
    if not len(numbers):
        return np.empty((0, 2), dtype=np.intp)
    bound = float(_tolerance(means).sum()) + 1e-9
    base = float(plane.mean())
    rows = plane.shape[0] - upright.shape[0] + 1
    columns = plane.shape[1] - upright.shape[1] + 1
    possible = np.ones((rows, columns), dtype=bool)
    random = np.random.default_rng(1)
    for _ in range(_ROUNDS):
        signs = random.choice([-1.0, 1.0], size=len(numbers))
        weights = np.zeros(len(areas))
        weights[numbers] = signs / areas[numbers]
        template = np.fft.rfft2(weights[upright], s=plane.shape)
        correlation = np.fft.irfft2(spectrum * np.conj(template), s=plane.shape)
        target = float((signs * (means - base)).sum())
        possible &= np.abs(correlation[:rows, :columns] - target) <= bound
        if not possible.any():
            break
    return np.argwhere(possible)


def _same_spread(labels: NDArray[np.integer], placing: Placing, evidence: Evidence) -> bool:
    """Whether minima, maxima and standard deviations under the labels are the measured ones."""
    upright = placing.orientation.apply(labels)
    part = _covered(upright, placing, evidence.plane)
    if part is None:
        return False
    squares = np.subtract(_means(upright, part**2), _means(upright, part) ** 2)
    smallest, largest = np.full(len(squares), np.inf), np.full(len(squares), -np.inf)
    np.minimum.at(smallest, upright.ravel(), part.ravel())
    np.maximum.at(largest, upright.ravel(), part.ravel())
    for values, found in (
        (evidence.minima, smallest),
        (evidence.maxima, largest),
        (evidence.deviations, np.sqrt(np.maximum(squares, 0))),
    ):
        if values is not None:
            numbers, measured = _measured(upright, evidence.numbers, values)
            if np.any(np.abs(found[numbers] - measured) > 10 * _tolerance(measured)):
                return False
    return True


def _covered(
    upright: NDArray[np.integer], placing: Placing, plane: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The part of `plane` under labels placed pixel for pixel, or None if they do not fit in."""
    place = placing.placement
    y, x = int(place.y), int(place.x)
    if placing.is_resized or (y, x) != (place.y, place.x) or y < 0 or x < 0:
        return None
    part = plane[y : y + upright.shape[0], x : x + upright.shape[1]]
    return part if part.shape == upright.shape else None


def _measured(
    labels: NDArray[np.integer], numbers: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The objects that have a label as well as a finite value, and these values."""
    areas = np.bincount(labels.ravel())
    known = (numbers > 0) & (numbers < len(areas)) & np.isfinite(values)
    numbers, values = numbers[known], values[known]
    present = areas[numbers] > 0
    return numbers[present], values[present]


def _means(labels: NDArray[np.integer], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of `part` under every label from 0 on; 0 where a number has no pixel."""
    flat = labels.ravel()
    areas = np.bincount(flat)
    sums = np.bincount(flat, weights=part.ravel(), minlength=len(areas))
    means: NDArray[np.float64] = sums / np.maximum(areas, 1)
    return means


def _tolerance(means: NDArray[np.float64]) -> NDArray[np.float64]:
    # Older versions write six digits; every version computes in float32.
    return _ABSOLUTE + _RELATIVE * np.abs(means)
