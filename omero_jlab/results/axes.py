"""In which order an array keeps its axes, and whether it fits the image it was made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from numpy.typing import NDArray

from ..errors import Invalid
from .contract import StoredImage

__all__ = ["ORDER", "Fit", "checked_axes", "fit", "from_axistags", "ordered"]

ORDER = "tczyx"
_USUAL = {
    2: ("yx",),
    3: ("zyx", "tyx", "yxc", "cyx"),
    4: ("tzyx", "zyxc", "tyxc", "czyx", "tcyx", "zcyx"),
    5: ("tzyxc", "tczyx", "tzcyx"),
}
"""The orders in which arrays that do not name their axes are tried."""
_WAY_OUT = "say with placement=Placement(y=…, x=…, scale_y=…, scale_x=…) where it lies"


def checked_axes(axes: str) -> str:
    """`axes` in small letters: y and x, perhaps t, z and c, each once; empty stays empty.

    Raises
    ------
    Invalid
        There are other letters, or one twice, or no y or x.
    """
    found = axes.casefold()
    letters = set(found)
    if found and (letters - set(ORDER) or len(letters) < len(found) or not {"y", "x"} <= letters):
        raise Invalid(
            f"axes={axes!r} is no order of axes: name y and x, and t, z and c where there are "
            'such, each once: "zyx", "tyxc".'
        )
    return found


def from_axistags(text: str | bytes) -> str:
    """The keys of vigra's axistags, a letter each ("tzyxc"); empty where they say nothing.

    An axis that has no such key is `?`.
    """
    try:
        keys = [str(axis["key"]).casefold() for axis in json.loads(text)["axes"]]
    except (ValueError, TypeError, LookupError):
        return ""
    return "".join(key if len(key) == 1 and key in ORDER else "?" for key in keys)


@dataclass(frozen=True)
class Fit:
    """The axes of an array that fits an image, a letter each; `?` has length 1."""

    axes: str
    shape: tuple[int, ...]

    def size(self, axis: str) -> int:
        """The length along an axis; 1 where there is none."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1


def ordered(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """`array` as TCZYX, where `axes` says a letter for each of its axes."""
    array = array[tuple(slice(None) if axis in ORDER else 0 for axis in axes)]
    known = [axis for axis in axes if axis in ORDER]
    array = array.transpose([known.index(axis) for axis in ORDER if axis in known])
    return array[tuple(slice(None) if axis in known else None for axis in ORDER)]


def fit(
    shape: Sequence[int], tags: str, image: StoredImage, what: str, *, channels: bool = False
) -> Fit:
    """The axes of an array of `shape`: as the caller said, else as `tags` say, else as they fit.

    The array has the image's height and width, unless a placement was given, and all or one of
    its planes and times.  It may have `channels` of its own.

    Raises
    ------
    Invalid
        It does not fit, or in several ways; the message names both sizes and the way out.
    """
    found = tuple(int(n) for n in shape)
    axes = tags if len(tags) == len(found) else ""
    if image.axes:
        axes = _spread(image.axes, found, what)
    if axes:
        if _fits(axes, found, image, channels):
            return Fit(axes, found)
        way = _way(axes, found, image, channels)
        told = ", ".join(f"{a}={n}" for a, n in zip(axes, found, strict=True) if a != "?")
        raise Invalid(f"{what} has {told}, but {_of(image)}: {way}.")
    ways = [a for a in _USUAL.get(len(found), ()) if _fits(a, found, image, channels)]
    if len({_meaning(a, found) for a in ways}) == 1:
        return Fit(ways[0], found)
    if ways:
        way = "it fits in several ways: pass " + " or ".join(f"axes={a!r}" for a in ways)
    else:
        way = _way(_USUAL.get(len(found), ("",))[0], found, image, channels)
    raise Invalid(
        f"{what} has the shape {_sizes(found)} and does not name its axes, and {_of(image)}: {way}."
    )


def _spread(axes: str, shape: tuple[int, ...], what: str) -> str:
    """`axes` with a `?` for each axis of length 1 that it leaves out."""
    if len(axes) == len(shape):
        return axes
    if sum(n > 1 for n in shape) == len(axes):
        letters = iter(axes)
        return "".join(next(letters) if n > 1 else "?" for n in shape)
    raise Invalid(
        f"axes={axes!r} names {len(axes)} axes, but {what} has {len(shape)}: {_sizes(shape)}."
    )


def _fits(axes: str, shape: tuple[int, ...], image: StoredImage, channels: bool) -> bool:
    size = dict(zip(axes, shape, strict=True))
    if not {"y", "x"} <= set(size):
        return False
    if any(n != 1 for axis, n in zip(axes, shape, strict=True) if axis == "?"):
        return False
    if not channels and size.get("c", 1) != 1:
        return False
    sizes = image.sizes
    if size.get("t", 1) not in (1, sizes.t) or size.get("z", 1) not in (1, sizes.z):
        return False
    return image.placement is not None or (size["y"], size["x"]) == (sizes.y, sizes.x)


def _meaning(axes: str, shape: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    """What an order of axes says of the array: axes of length 1 may stand anywhere."""
    return tuple((a, i) for i, (a, n) in enumerate(zip(axes, shape, strict=True)) if n > 1)


def _way(axes: str, shape: tuple[int, ...], image: StoredImage, channels: bool) -> str:
    """What to do with an array that does not fit as `axes`."""
    if len(shape) > len(ORDER):
        return "it has too many axes"
    exchanged = axes.translate(str.maketrans("xy", "yx"))
    if len(exchanged) == len(shape) and _fits(exchanged, shape, image, channels):
        return f"it fits only with x and y exchanged: if that is right, pass axes={exchanged!r}"
    same = {"".join(order) for order in permutations(axes)}
    every = {"".join(order) for order in permutations(ORDER, len(shape))}
    for orders in (same, every):
        fitting = [o for o in orders if len(o) == len(shape) and _fits(o, shape, image, channels)]
        if fitting:
            # The order that changes least comes first.
            fitting.sort(key=lambda o: (sum(a != b for a, b in zip(o, axes, strict=False)), o))
            return "it would fit with " + " or ".join(f"axes={one!r}" for one in fitting[:3])
    return _WAY_OUT


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _of(image: StoredImage) -> str:
    sizes = image.sizes
    more = "".join(f", {a}={n}" for a, n in (("z", sizes.z), ("t", sizes.t)) if n > 1)
    return f"image {image.name} has y={sizes.y}, x={sizes.x}{more}"
