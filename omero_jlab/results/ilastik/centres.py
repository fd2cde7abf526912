"""Whether a label image lies as the centres in the table say: x, y, z, not another way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import Invalid

__all__ = ["check_centres", "class_names", "hits"]

_NUMBER = ("labelimage_oid", "ilastik_id", "labelimageId")
_TIME = ("timestep", "time", "frame")
_CENTRES = ("Object Center", "Center of the object", "Object_Center", "RegionCenter")
_PROBABILITY = "Probability of "
_PREDICTED = "Predicted Class"
_FEWEST = 3


def class_names(objects: pd.DataFrame) -> tuple[str, ...]:
    """The names of the classes in the order of their numbers, which begin with 1."""
    columns = [str(column) for column in objects.columns]
    return tuple(c.removeprefix(_PROBABILITY) for c in columns if c.startswith(_PROBABILITY))


def hits(
    objects: pd.DataFrame, labels: NDArray[Any], is_class: bool, exchanged: bool = False
) -> tuple[int, int]:
    """How many centres lie on their own number or class in `labels`, and how many there are.

    `labels` is (Y, X) or (T, Z, Y, X).  `exchanged` takes the first coordinate for y.  An object
    that is bent may have its centre outside of itself.
    """
    expected = _expected(objects, is_class)
    centres = _centres(objects)
    if expected is None or centres is None:
        return 0, 0
    stack = labels if labels.ndim == 4 else labels[None, None]
    x, y, z = centres
    if exchanged:
        x, y = y, x
    times = _column(objects, _TIME)
    t = np.zeros(len(x), int) if times is None else times.astype(int)
    at = np.stack([t, *(np.floor(values + 0.5).astype(int) for values in (z, y, x))])
    # One plane or time stands for all.
    for axis in (0, 1):
        if stack.shape[axis] == 1:
            at[axis] = 0
    inside = ((at >= 0) & (at < np.array(stack.shape)[:, None])).all(axis=0)
    found = np.zeros(len(x), stack.dtype)
    found[inside] = stack[tuple(at[:, inside])]
    return int(np.sum(inside & (found == expected))), len(x)


def check_centres(
    objects: pd.DataFrame, labels: NDArray[Any], what: str, is_class: bool, axes: str
) -> None:
    """Refuse labels on which the centres lie only with x and y exchanged.

    Raises
    ------
    Invalid
        They do; the message says how to read them right.
    """
    right, count = hits(objects, labels, is_class)
    wrong, _ = hits(objects, labels, is_class, exchanged=True)
    if count >= _FEWEST and wrong > 2 * right and wrong > count / 2:
        usual = axes or ("tzyx" if labels.ndim == 4 else "yx")
        way = usual.translate(str.maketrans("xy", "yx"))
        raise Invalid(
            f"In {what}, {right} of {count} objects lie where the table has their centres, and "
            f"{wrong} if x and y are exchanged. If its axes are {way}, pass axes={way!r}."
        )


def _expected(objects: pd.DataFrame, is_class: bool) -> NDArray[Any] | None:
    if not is_class:
        return _column(objects, _NUMBER)
    names = class_names(objects)
    if _PREDICTED not in objects or not names:
        return None
    numbers = {name: number for number, name in enumerate(names, 1)}
    found = objects[_PREDICTED].map(numbers)
    return np.asarray(found.fillna(-1).to_numpy(), np.int64)


def _centres(objects: pd.DataFrame) -> tuple[NDArray[Any], ...] | None:
    for name in _CENTRES:
        columns = [f"{name}_{i}" for i in range(3)]
        if columns[0] in objects and columns[1] in objects:
            found = [
                np.asarray(pd.to_numeric(objects[c], errors="coerce").fillna(-1), float)
                if c in objects
                else np.zeros(len(objects))
                for c in columns
            ]
            return tuple(found)
    return None


def _column(objects: pd.DataFrame, names: tuple[str, ...]) -> NDArray[Any] | None:
    for name in names:
        if name in objects:
            numbers = pd.to_numeric(objects[name], errors="coerce").fillna(-1)
            return np.asarray(numbers, np.int64)
    return None
