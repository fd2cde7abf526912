"""What OME-Zarr says of an image, of its label images and of a plate, in any version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..model import ChannelSettings, Field, Image, Labels, Plate, Settings, Well

__all__ = [
    "image_attributes",
    "label_attributes",
    "label_paths",
    "plate_attributes",
    "well_attributes",
    "well_path",
]

Sizes = tuple[int, int, int, int, int]


def image_attributes(image: Image, settings: Settings, levels: Sequence[Sizes]) -> dict[str, Any]:
    """`multiscales` and `omero` of an image, drawn as `settings` say.

    Parameters
    ----------
    levels
        TCZYX of each level.
    """
    return {
        "multiscales": [_multiscale(image, image.name, levels)],
        "omero": {
            "id": image.id,
            "name": image.name,
            "channels": [_channel(image, settings, c) for c in range(image.sizes.c)],
            "rdefs": {
                "defaultT": min(settings.t, image.sizes.t - 1),
                "defaultZ": min(settings.z, image.sizes.z - 1),
                "model": "greyscale" if settings.greyscale else "color",
            },
        },
    }


def label_attributes(labels: Labels, image: Image, levels: Sequence[Sizes]) -> dict[str, Any]:
    """`multiscales` and `image-label` of a label image, where it lies over `image`."""
    at = labels.placement
    placed = (at.scale_y, at.scale_x, at.y, at.x)
    return {
        "multiscales": [_multiscale(image, labels.name, levels, placed)],
        "image-label": {"source": {"image": "../../"}},
    }


def label_paths(labels: Iterable[Labels]) -> dict[str, Labels]:
    """The label images of one image by the names of their groups, all different."""
    paths: dict[str, Labels] = {}
    for each in sorted(labels, key=lambda labels: labels.id):
        name = re.sub(r"[^\w.-]+", "_", each.name, flags=re.ASCII).strip("._") or "labels"
        if name in paths or name == "zarr.json":
            name = f"{name}-{each.id}"
        paths[name] = each
    return paths


def plate_attributes(plate: Plate, wells: Sequence[Well]) -> dict[str, Any]:
    """`plate`, with the wells that have fields."""
    used = [well for well in wells if well.fields]
    rows = sorted({well.row for well in used})
    columns = sorted({well.column for well in used})
    return {
        "plate": {
            "name": plate.name,
            "rows": [{"name": _row_name(row)} for row in rows],
            "columns": [{"name": str(column + 1)} for column in columns],
            "wells": [
                {
                    "path": well_path(well),
                    "rowIndex": rows.index(well.row),
                    "columnIndex": columns.index(well.column),
                }
                for well in used
            ],
            "field_count": max((len(well.fields) for well in used), default=0),
        }
    }


def well_path(well: Well) -> str:
    """The group of a well in its plate: `A/1`."""
    return f"{_row_name(well.row)}/{well.column + 1}"


def well_attributes(fields: Sequence[Field]) -> dict[str, Any]:
    """`well`, with its fields numbered from 0."""
    return {"well": {"images": [{"path": str(number)} for number in range(len(fields))]}}


def _row_name(row: int) -> str:
    return ("" if row < 26 else _row_name(row // 26 - 1)) + chr(ord("A") + row % 26)


def _multiscale(
    image: Image,
    name: str,
    levels: Sequence[Sizes],
    placed: tuple[float, float, float, float] = (1.0, 1.0, 0.0, 0.0),
) -> dict[str, Any]:
    """`placed`: how many pixels of the image one covers in Y and X, and where the first begins."""
    steps = {
        "z": image.pixel_size_z_um, "y": image.pixel_size_y_um, "x": image.pixel_size_x_um,
    }  # fmt: skip
    axes: list[dict[str, str]] = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    if image.time_step_s:
        axes[0]["unit"] = "second"
    for axis, step in steps.items():
        axes.append({"name": axis, "type": "space"} | ({"unit": "micrometer"} if step else {}))
    scale_y, scale_x, top, left = placed
    z, y, x = (steps[axis] or 1.0 for axis in "zyx")
    datasets = []
    for number, sizes in enumerate(levels):
        down_y = scale_y * _factor(levels[0][3], sizes[3])
        down_x = scale_x * _factor(levels[0][4], sizes[4])
        scale = [image.time_step_s or 1.0, 1.0, z, y * down_y, x * down_x]
        # Coordinates are those of the middle of a pixel.
        move_y, move_x = top + (down_y - 1) / 2, left + (down_x - 1) / 2
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        if move_y or move_x:
            move = [0.0, 0.0, 0.0, y * move_y, x * move_x]
            transforms.append({"type": "translation", "translation": move})
        datasets.append({"path": str(number), "coordinateTransformations": transforms})
    return {"name": name, "axes": axes, "datasets": datasets}


def _factor(full: int, size: int) -> float:
    """How many pixels of the full size one covers: whole, where the last one is cut."""
    ratio = full / size
    whole = round(ratio)
    fits = whole > 0 and size in (full // whole, -(-full // whole))
    return float(whole) if fits else ratio


def _channel(image: Image, settings: Settings, number: int) -> dict[str, Any]:
    known = image.channels[number] if number < len(image.channels) else None
    drawn = settings.channels[number] if number < len(settings.channels) else None
    low, high = _range(image.dtype)
    if image.is_rgb:
        drawn = ChannelSettings(start=0.0, end=min(high, 255.0), color=_RGB[number % 3])
        if np.dtype(image.dtype).itemsize > 1 and known is not None:
            drawn = drawn.model_copy(update={"end": max(known.window_end, known.maximum or 0.0)})
    elif drawn is None:
        start, end = (known.window_start, known.window_end) if known else (low, high)
        drawn = ChannelSettings(start=start, end=end, color=known.color if known else "FFFFFF")
    if not image.is_rgb and known is not None:
        low = low if known.minimum is None else known.minimum
        high = high if known.maximum is None else known.maximum
    return {
        "active": drawn.active,
        "coefficient": drawn.coefficient,
        "color": drawn.color,
        "family": drawn.family,
        "inverted": drawn.reverse,
        "label": known.name if known else f"Channel {number}",
        "window": {
            "min": min(low, drawn.start),
            "max": max(high, drawn.end),
            "start": drawn.start,
            "end": drawn.end,
        },
    }


_RGB = ("FF0000", "00FF00", "0000FF")


def _range(dtype: str) -> tuple[float, float]:
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return 0.0, 1.0
    return float(np.iinfo(kind).min), float(np.iinfo(kind).max)
