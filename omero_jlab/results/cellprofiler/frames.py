"""Where a pipeline's images and objects lie in the file they came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, floor

from ..geometry import Frame
from .pipeline import Module, Pipeline

__all__ = ["Origin", "origin"]

_LONGEST_CHAIN = 100
_DEEPEST = 10
_CENTER = ("Coordinates of ellipse center", "Center of ellipse")
_LIMITS = re.compile(r"^\s*(begin|-?\d+)\s*,\s*(-?end|-?\d+)\s*$")


@dataclass(frozen=True)
class Origin:
    """The channel that an image or object was made from.

    `frame` is None where a step's geometry cannot be told (drawn by hand, turned by an angle).
    `is_exact` says that no step changed a value: only rectangles were cut out, or rows mirrored.
    """

    channel: str
    frame: Frame | None
    is_exact: bool


def origin(pipeline: Pipeline, name: str, image_size: tuple[int, int], depth: int = 0) -> Origin:
    """Trace the image or object `name` back to a channel of `image_size` (height, width).

    `depth` counts the images that others take their sizes from, which may be a circle.
    """
    chain: list[Module] = []
    while len(chain) < _LONGEST_CHAIN:
        made = pipeline.maker(name)
        if made is None or made[1] == name:
            break
        chain.append(made[0])
        name = made[1]
    frame: Frame | None = Frame(image_size)
    for module in reversed(chain):
        frame = _step(pipeline, module, frame, depth) if frame is not None else None
    exact = all(_keeps_values(pipeline, module) for module in chain)
    return Origin(name, frame, exact)


def _step(pipeline: Pipeline, module: Module, frame: Frame, depth: int) -> Frame | None:
    if module.name == "Crop":
        return _cropped(pipeline, module, frame)
    if module.name == "Resize":
        return _resized(pipeline, module, frame, depth)
    if module.name == "FlipAndRotate":
        return _flipped(module, frame)
    # Tile and ResizeObjects make other sizes; every other module works in place.
    return None if module.name in ("Tile", "ResizeObjects", "StraightenWorms") else frame


def _keeps_values(pipeline: Pipeline, module: Module) -> bool:
    if module.name == "FlipAndRotate":
        return module.get("Select method to rotate image") == "Do not rotate"
    return module.name == "Crop" and _rectangle(pipeline, module) is not None


def _rectangle(pipeline: Pipeline, module: Module) -> Module | None:
    return _shape_of(pipeline, module, "Rectangle")


def _shape_of(pipeline: Pipeline, module: Module, wanted: str) -> Module | None:
    """The module whose coordinates this Crop uses, if it cuts out the `wanted` shape by numbers.

    It is the module itself, or the one whose cropping it repeats.
    """
    shape = module.get("Select the cropping shape")
    if shape == "Previous cropping":
        made = pipeline.maker(module.get("Select the image with a cropping mask") or "")
        if made is None or made[0] is module or made[0].name != "Crop":
            return None
        module = made[0]
        shape = module.get("Select the cropping shape")
    if shape != wanted or module.get("Select the cropping method") != "Coordinates":
        return None
    return module


def _cropped(pipeline: Pipeline, module: Module, frame: Frame) -> Frame | None:
    if module.get("Remove empty rows and columns?") == "No":
        return frame
    ellipse = _shape_of(pipeline, module, "Ellipse")
    if ellipse is not None:
        return _around_ellipse(ellipse, frame)
    rectangle = _rectangle(pipeline, module)
    if rectangle is None:
        return None
    height, width = frame.size
    columns = _limits(rectangle.get("Left and right rectangle positions"), width)
    rows = _limits(rectangle.get("Top and bottom rectangle positions"), height)
    if columns is None or rows is None:
        return None
    return frame.crop(rows[0], columns[0], rows[1], columns[1])


def _around_ellipse(module: Module, frame: Frame) -> Frame | None:
    """The rows and columns that have a pixel in the ellipse; the others are removed."""
    try:
        x, y = (float(word) for word in (module.get(*_CENTER) or "").split(","))
        radius_x = float(module.get("Ellipse radius, X direction") or "nan")
        radius_y = float(module.get("Ellipse radius, Y direction") or "nan")
        left, right = max(0, ceil(x - radius_x)), floor(x + radius_x) + 1
        top, bottom = max(0, ceil(y - radius_y)), floor(y + radius_y) + 1
    except (ValueError, OverflowError):
        return None
    # Where the middle lies outside, the widest row or column does, too.
    height, width = frame.size
    if not (0 <= x < width and 0 <= y < height):
        return None
    return frame.crop(top, left, min(bottom, height), min(right, width))


def _limits(text: str | None, length: int) -> tuple[int, int] | None:
    """First and one past the last pixel of `begin,end`, `501,700` or `10,-50` (from the edge)."""
    found = _LIMITS.match(text or "")
    if found is None:
        return None
    first = 0 if found[1] == "begin" else int(found[1])
    last = length if found[2].endswith("end") else int(found[2])
    first, last, _ = slice(first, last).indices(length)
    return (first, last) if first < last else None


def _resized(pipeline: Pipeline, module: Module, frame: Frame, depth: int) -> Frame | None:
    method = module.get("Resizing method", "Select resizing method", "Select resizing method:")
    try:
        if "final dimensions" in (method or "") or "size in pixels" in (method or ""):
            manner = module.get(
                "Method to specify the dimensions", "How do you want to specify the dimensions?"
            )
            if manner not in (None, "Manual"):
                return _as_large(pipeline, module, frame, depth)
            height = module.get(
                "Height (y) of the final image",
                "Height of the final image",
                "Height of the final image, in pixels",
            )
            width = module.get(
                "Width (x) of the final image",
                "Width of the final image",
                "Width of the final image, in pixels",
            )
            size = (int(height or 0), int(width or 0))
        else:
            factor_y = float(module.get("Y Resizing factor", "Resizing factor") or 0)
            factor_x = float(module.get("X Resizing factor", "Resizing factor") or 0)
            size = (round(frame.size[0] * factor_y), round(frame.size[1] * factor_x))
    except (ValueError, OverflowError):
        return None
    return frame.resize(size) if min(size) > 0 else None


def _as_large(pipeline: Pipeline, module: Module, frame: Frame, depth: int) -> Frame | None:
    """Resized as another image is: a channel, which is as large as all, or one that was made."""
    name = module.get("Select the image with the desired dimensions")
    # Where nothing changed the size so far, it is the channels' own.
    if name is None or depth >= _DEEPEST or frame != Frame(frame.size):
        return None
    other = origin(pipeline, name, frame.size, depth + 1).frame
    return None if other is None else frame.resize(other.size)


def _flipped(module: Module, frame: Frame) -> Frame | None:
    flip = module.get("Select method to flip image") or "Do not flip"
    frame = frame.mirror(vertically="op to bottom" in flip, horizontally="eft to right" in flip)
    rotation = module.get("Select method to rotate image") or "Do not rotate"
    if rotation == "Do not rotate":
        return frame
    try:
        quarters = float(module.get("Enter angle of rotation") or "nan") / 90
    except ValueError:
        return None
    if rotation != "Enter angle" or not quarters.is_integer():
        return None
    return frame.turn(int(quarters))
