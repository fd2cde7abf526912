"""What the JSON of an OME-Zarr says: axes, scales, channels, wells."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import Unreadable
from ..model import FoundChannel, Position
from ..units import length_um, time_s

__all__ = ["Multiscale", "multiscale_of", "places_of", "said_by"]


def said_by(document: dict[str, Any]) -> dict[str, Any]:
    """The part about OME of a `.zattrs` (to 0.4) or a `zarr.json` (0.5)."""
    if "zarr_format" in document or "node_type" in document:
        attributes = document.get("attributes")
        document = attributes if isinstance(attributes, dict) else {}
        ome = document.get("ome")
        return ome if isinstance(ome, dict) else document
    return document


@dataclass(frozen=True)
class Multiscale:
    """The first multiscale of a group: array paths from fine to coarse, and their meaning."""

    axes: str
    paths: tuple[str, ...]
    name: str
    x_um: float | None
    y_um: float | None
    z_um: float | None
    step_s: float | None
    described: tuple[FoundChannel, ...]
    metadata: tuple[tuple[str, str], ...]

    def channels(self, count: int) -> tuple[FoundChannel, ...]:
        """The channels, without names if there are not as many described."""
        return self.described if len(self.described) == count else (FoundChannel(),) * count


def multiscale_of(said: dict[str, Any], name: str) -> Multiscale:
    """What a group says about its image.  The version is not looked at: real ones vary.

    Raises
    ------
    Unreadable
        There is no multiscale, or its axes are none of t, c, z, y, x.
    """
    multiscales = said.get("multiscales")
    if not isinstance(multiscales, list) or not multiscales:
        raise Unreadable(f"{name} has no multiscales: it is no OME-Zarr image.")
    first = multiscales[0]
    axes, units = _axes(first, name)
    datasets = first["datasets"]
    if not datasets:
        raise Unreadable(f"{name} names no arrays.")
    scale = _product(_scale(datasets[0], len(axes)), _scale(first, len(axes)))
    sizes = {axis: length_um(value, units[axis]) for axis, value in zip(axes, scale, strict=True)}
    step = time_s(scale[axes.index("t")], units["t"]) if "t" in axes else None
    return Multiscale(
        axes=axes,
        paths=tuple(str(dataset["path"]) for dataset in datasets),
        name=str(first.get("name") or ""),
        x_um=sizes.get("x"),
        y_um=sizes.get("y"),
        z_um=sizes.get("z"),
        step_s=step,
        described=_described(said.get("omero") or {}),
        metadata=(("OME-Zarr version", str(said.get("version", first.get("version", "")))),),
    )


def _axes(multiscale: dict[str, Any], name: str) -> tuple[str, dict[str, str]]:
    given = multiscale.get("axes")
    if given is None:
        # Before 0.3 all arrays had five axes.
        return "tczyx", dict.fromkeys("tczyx", "")
    names = [axis if isinstance(axis, str) else str(axis.get("name", "")) for axis in given]
    units = {
        axis: "" if isinstance(said, str) else str(said.get("unit") or "")
        for axis, said in zip(names, given, strict=True)
    }
    axes = "".join(names)
    unknown = [axis for axis in names if axis not in ("t", "c", "z", "y", "x")]
    if unknown or len(set(axes)) != len(axes) or "y" not in axes or "x" not in axes:
        raise Unreadable(f"{name} has the axes {names}: only t, c, z, y and x are read.")
    return axes, units


def _scale(said: dict[str, Any], rank: int) -> list[float]:
    for transformation in said.get("coordinateTransformations") or ():
        if transformation.get("type") == "scale" and len(transformation["scale"]) == rank:
            return [float(value) for value in transformation["scale"]]
    return [1.0] * rank


def _product(one: list[float], other: list[float]) -> list[float]:
    return [a * b for a, b in zip(one, other, strict=True)]


def _described(omero: dict[str, Any]) -> tuple[FoundChannel, ...]:
    channels = []
    for channel in omero.get("channels") or ():
        colour = str(channel.get("color", "")).upper().lstrip("#")
        window = _window(channel.get("window"))
        channels.append(
            FoundChannel(
                name=str(channel.get("label") or channel.get("wavelength_id") or ""),
                color=colour if re.fullmatch("[0-9A-F]{6}", colour) else None,
                window_start=window[0],
                window_end=window[1],
            )
        )
    return tuple(channels)


def _window(said: Any) -> tuple[float, float] | tuple[None, None]:
    """Where a channel is black and where it is full; neither where that makes no sense."""
    if not isinstance(said, dict):
        return None, None
    ends = [
        end
        for end in (said.get("start"), said.get("end"))
        if isinstance(end, int | float) and not isinstance(end, bool)
    ]
    if len(ends) != 2:
        return None, None
    try:
        start, end = map(float, ends)
    except OverflowError:
        return None, None
    sound = math.isfinite(start) and math.isfinite(end) and start < end
    return (start, end) if sound else (None, None)


def places_of(plate: dict[str, Any], name: str) -> Iterator[tuple[str, Position]]:
    """Path and position of each well, ordered by row and column."""
    rows = [str(row["name"]) for row in plate.get("rows") or ()]
    columns = [str(column["name"]) for column in plate.get("columns") or ()]
    found = []
    for well in plate.get("wells") or ():
        path = str(well["path"])
        row, column = well.get("rowIndex"), well.get("columnIndex")
        if row is None or column is None:
            parts = path.split("/")
            row, column = rows.index(parts[0]), columns.index(parts[1])
        named = _named_place(path)
        if named is not None:
            # The indexes count the rows that the plate lists, which need not begin with A.
            row, column = named
        place = Position(plate=str(plate.get("name") or name), row=int(row), column=int(column))
        found.append((path, place))
    yield from sorted(found, key=lambda item: (item[1].row, item[1].column))


def _named_place(path: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a well called like "B/03"."""
    match = re.fullmatch(r"([A-Za-z]{1,2})/0*([1-9]\d{0,2})", path)
    if match is None:
        return None
    row = 0
    for letter in match[1].upper():
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1, int(match[2]) - 1
