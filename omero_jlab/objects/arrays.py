"""Arrays of other shapes and kinds as TCZYX: numpy, dask, and xarray with its names and units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from ..errors import Invalid
from ..model import Spacing
from ..units import length_um, time_s

__all__ = ["as_tczyx", "spacing_of"]

_AXES = "tczyx"
_NAMES = {
    "t": "t", "time": "t", "frame": "t", "c": "c", "ch": "c", "channel": "c", "channels": "c",
    "z": "z", "plane": "z", "slice": "z", "depth": "z", "y": "y", "row": "y", "rows": "y",
    "x": "x", "col": "x", "column": "x", "columns": "x",
}  # fmt: skip


def as_tczyx(
    array: Any, dims: Sequence[str] | None = None
) -> tuple[Any, Spacing, list[str] | None]:
    """An array with all five axes, without copying it, what lies between its pixels, its channels.

    Parameters
    ----------
    array
        numpy, dask or anything with `shape`, `dtype` and slices; an `xarray.DataArray` brings
        the names of its axes.  Its coordinates give the distances between pixels, in the unit of
        their attribute `units`, or micrometres and seconds for floating-point numbers without
        one; those of the channels give their names.
    dims
        The names of the axes in their order: "CYX", or a list of names.  Without it, two axes
        are YX and five TCZYX.

    Raises
    ------
    Invalid
        Axes have no names, unknown or equal ones.
    """
    spacing, channels = Spacing(), None
    if hasattr(array, "dims") and hasattr(array, "coords"):
        dims = [str(dim) for dim in array.dims] if dims is None else dims
        spacing, channels = _spacing(array, dims), _channels(array, dims)
        array = _data(array)
    if not hasattr(array, "shape"):
        array = np.asarray(array)
    axes = _axes(len(array.shape), dims)
    order = [axes.index(axis) for axis in _AXES if axis in axes]
    if order != list(range(len(order))):
        array = array.transpose(order)
    if len(axes) < len(_AXES):
        array = array[tuple(slice(None) if axis in axes else None for axis in _AXES)]
    return array, spacing, channels


def spacing_of(
    pixel_size_um: float | Sequence[float | None] | None, time_step_s: float | None
) -> Spacing:
    """Distances as a user gives them: one for Y and X, or (y, x), or (z, y, x)."""
    if pixel_size_um is None:
        return _made(t_s=time_step_s)
    if isinstance(pixel_size_um, int | float):
        pixel_size_um = (pixel_size_um, pixel_size_um)
    sizes = (None, *pixel_size_um) if len(pixel_size_um) == 2 else tuple(pixel_size_um)
    if len(sizes) != 3:
        raise Invalid(f"A pixel size is one number, (y, x) or (z, y, x), not {pixel_size_um}.")
    return _made(t_s=time_step_s, z_um=sizes[0], y_um=sizes[1], x_um=sizes[2])


def _made(**given: float | None) -> Spacing:
    try:
        return Spacing(**given)
    except ValidationError:
        raise Invalid(
            f"Distances between pixels are greater than 0 and finite, or None; given: {given}."
        ) from None


def _axes(count: int, dims: Sequence[str] | None) -> list[str]:
    if dims is None:
        if count not in (2, 5):
            raise Invalid(
                f"An array of {count} axes was given: say which they are with dims, such as "
                f"dims={'CYX' if count == 3 else 'TCYX'!r}; five are TCZYX, two YX."
            )
        return list(_AXES if count == 5 else "yx")
    axes = [_NAMES.get(str(dim).lower(), "") for dim in dims]
    if len(axes) != count or "" in axes or len(set(axes)) != len(axes):
        raise Invalid(
            f"The axes {list(dims)} were named for an array of {count}: each has a name of its "
            f"own, out of T, C, Z, Y, X (or time, channel, plane, row, column): rename the others."
        )
    if not {"y", "x"} <= set(axes):
        raise Invalid(f"An image has the axes Y and X; these are {list(dims)}.")
    return axes


def _data(array: Any) -> Any:
    # What lies in a file and was not read yet is read chunk by chunk, not as a whole.
    if not getattr(array.variable, "_in_memory", True) and not hasattr(array.data, "dask"):
        array = array.chunk("auto")
    return array.data


def _channels(array: Any, dims: Sequence[str]) -> list[str] | None:
    for own, dim in zip(array.dims, dims, strict=True):
        if _NAMES.get(str(dim).lower()) == "c" and own in array.coords:
            values = array.coords[own].values
            return [str(value) for value in values] if values.dtype.kind in "OUST" else None
    return None


def _spacing(array: Any, dims: Sequence[str]) -> Spacing:
    found: dict[str, float | None] = {}
    for own, dim in zip(array.dims, dims, strict=True):
        axis = _NAMES.get(str(dim).lower(), "")
        if axis in ("t", "z", "y", "x"):
            field = "t_s" if axis == "t" else f"{axis}_um"
            said = array.attrs.get("time_step_s" if axis == "t" else f"pixel_size_{axis}_um")
            step = None if own not in array.coords else _step(array.coords[own], axis)
            found[field] = float(said) if said is not None else step
    return _made(**found)


def _step(coordinate: Any, axis: str) -> float | None:
    """The distance between neighbours in micrometres or seconds; None where it is not one."""
    values = np.asarray(coordinate.values)
    if values.ndim != 1 or len(values) < 2:
        return None
    if values.dtype.kind in "mM":
        values, unit = (values - values[0]) / np.timedelta64(1, "ns") * 1e-9, "s"
    else:
        unit = coordinate.attrs.get("units", coordinate.attrs.get("unit"))
    if values.dtype.kind not in "iuf" or (unit is None and values.dtype.kind != "f"):
        return None
    steps = np.diff(values.astype(float))
    step = abs(float(steps.mean()))
    if not math.isfinite(step) or step == 0 or bool(np.any(abs(steps - steps.mean()) > step / 100)):
        return None
    if axis == "t":
        return time_s(step, str(unit or "s"))
    return length_um(step, str(unit or "µm"))
