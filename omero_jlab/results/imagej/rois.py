"""ImageJ's regions of interest (.roi, and .zip of them), read inside of a confined process."""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from ...errors import Invalid, TooLarge, Unreadable
from ..confined import pack
from ..regions import rgba, rois_to_array
from ..rings import Points, closed, polygons, with_holes

__all__ = ["count_overlays", "read_overlays", "read_rois"]

_MOST_ENTRIES = 1_000_000
_MOST_BYTES = 512 << 20
_LARGEST = 32 << 20
_MAGIC = b"Iout"
_AREAS = {ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED}
_LINES = {ROI_TYPE.POLYLINE, ROI_TYPE.FREELINE, ROI_TYPE.ANGLE}
_DAMAGE = (
    ValueError, TypeError, LookupError, RuntimeError, ArithmeticError, AttributeError, OSError,
)  # fmt: skip
_STEPS = 8


def read_rois(path: str, sizes: Sequence[int]) -> bytes:
    """The regions of a .roi or .zip file for an image of `sizes` (T, C, Z).

    Packs `rois`, and `notes`: one line for each kind of region that was left out.

    Raises
    ------
    Unreadable
        The file is damaged.
    Invalid
        It is no file of ImageJ's, or an archive whose names lead out of it.
    TooLarge
        It would unpack to more than 512 MiB.
    """
    place = Path(path)
    return _packed(place, _entries(place), sizes)


def count_overlays(path: str) -> bytes:
    """How many regions ImageJ keeps in a TIFF, the overlay's and the selection, as text."""
    return str(len(_overlays(Path(path)))).encode()


def read_overlays(path: str, sizes: Sequence[int]) -> bytes:
    """The regions that ImageJ keeps in a TIFF, as `read_rois` packs them."""
    place = Path(path)
    named = ((f"{place.stem} {i}", data) for i, data in enumerate(_overlays(place), 1))
    return _packed(place, named, sizes)


def _overlays(place: Path) -> list[bytes]:
    """The overlay's regions, and the selection where it is none of them."""
    import tifffile

    try:
        with tifffile.TiffFile(place) as tif:
            said = tif.imagej_metadata or {}
    except _DAMAGE as error:
        raise Unreadable(f"{place.name} cannot be read as TIFF: {error}") from error
    listed = said.get("Overlays") or []
    found = [listed] if isinstance(listed, bytes) else [d for d in listed if isinstance(d, bytes)]
    selection = said.get("ROI")
    if isinstance(selection, bytes) and selection not in found:
        found.append(selection)
    return [data for data in found if data[:4] == _MAGIC][:_MOST_ENTRIES]


def _packed(place: Path, entries: Iterable[tuple[str, bytes]], sizes: Sequence[int]) -> bytes:
    rois: list[dict[str, Any]] = []
    lost: Counter[str] = Counter()
    for name, data in entries:
        try:
            roi = ImagejRoi.frombytes(data)
            shapes = _shapes(roi, sizes)
        except _DAMAGE as error:
            lost[f"cannot be read: {' '.join(str(error).split())[:80]}"] += 1
            continue
        if shapes:
            rois.append({"name": (roi.name or name)[:255], "shapes": shapes})
        else:
            lost[f"of type {roi.roitype.name.lower()} enclose nothing"] += 1
    if not rois and not lost:
        raise Invalid(f"{place.name} holds no regions of ImageJ's.")
    notes = [f"{count} regions of {place.name} {what}." for what, count in lost.items()]
    return pack({"notes": notes}, rois=rois_to_array(rois))


def _entries(place: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each region."""
    if place.suffix.casefold() == ".roi":
        if place.stat().st_size > _LARGEST:
            raise TooLarge(f"{place.name} is larger than {_LARGEST:,} bytes.")
        yield place.stem, place.read_bytes()
        return
    try:
        with zipfile.ZipFile(place) as archive:
            for info in _checked(archive, place):
                # The sizes in a directory may lie: no more is unpacked than they say.
                with archive.open(info) as file:
                    data = file.read(info.file_size)
                if data[:4] == _MAGIC:
                    yield PurePosixPath(info.filename).stem, data
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError) as error:
        raise Unreadable(f"{place.name} cannot be unpacked: {error}") from error


def _checked(archive: zipfile.ZipFile, place: Path) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MOST_ENTRIES:
        raise TooLarge(
            f"{place.name} has {len(infos):,} entries; up to {_MOST_ENTRIES:,} are read."
        )
    kept = []
    for info in infos:
        parts = PureWindowsPath(info.filename).parts
        name = info.filename
        if not parts or ".." in parts or PureWindowsPath(name).anchor or not name.isprintable():
            raise Invalid(
                f"{place.name} has an entry called {name!r}: that is no name of a region."
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Invalid(f"{place.name} has a link {name!r}; links are not followed.")
        if name.casefold().endswith(".roi") and parts[0] != "__MACOSX" and not info.is_dir():
            kept.append(info)
    total = sum(info.file_size for info in kept)
    if total > _MOST_BYTES or any(info.file_size > _LARGEST for info in kept):
        raise TooLarge(
            f"{place.name} would unpack to {total:,} bytes; up to {_MOST_BYTES:,} are read, and "
            f"{_LARGEST:,} a region."
        )
    return kept


def _shapes(roi: ImagejRoi, sizes: Sequence[int]) -> list[dict[str, Any]]:
    common = _plane(roi, sizes) | _colors(roi)
    if roi.subtype == ROI_SUBTYPE.TEXT:
        common["text"] = str(roi.text).strip()
        places = [{"kind": "label", "x": roi.left, "y": roi.top}]
    elif roi.roitype == ROI_TYPE.POINT:
        points = closed_points(roi)
        planes = _point_planes(roi, len(points), sizes)
        texts = _counters(roi, len(points))
        return [
            common | {"kind": "point", "x": x, "y": y, "text": text} | plane
            for (x, y), plane, text in zip(points, planes, texts, strict=True)
        ]
    else:
        places = _places(roi)
    return [common | one for one in places]


def closed_points(roi: ImagejRoi) -> Points:
    """The coordinates of a region as (x, y)."""
    return [(float(x), float(y)) for x, y in np.asarray(roi.coordinates())]


def _places(roi: ImagejRoi) -> list[dict[str, Any]]:
    if roi.roitype == ROI_TYPE.RECT and roi.composite:
        rings = [closed(ring) for ring in _rings(roi.multi_coordinates)]
        found = [with_holes(outline, holes) for outline, holes in polygons(rings)]
        return [one for one in found if one is not None]
    if roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL):
        if roi.subpixelrect:
            x, y, width, height = roi.xd, roi.yd, roi.widthd, roi.heightd
        else:
            x, y = roi.left, roi.top
            width, height = roi.right - roi.left, roi.bottom - roi.top
        if roi.roitype == ROI_TYPE.RECT:
            return [{"kind": "rectangle", "x": x, "y": y, "width": width, "height": height}]
        middle = {"x": x + width / 2, "y": y + height / 2}
        return [{"kind": "ellipse", **middle, "radius_x": width / 2, "radius_y": height / 2}]
    if roi.roitype == ROI_TYPE.LINE:
        return [{"kind": "line", "x1": roi.x1, "y1": roi.y1, "x2": roi.x2, "y2": roi.y2}]
    points = closed_points(roi)
    if roi.roitype in _AREAS:
        polygon = with_holes(closed(points), ())
        return [] if polygon is None else [polygon]
    if roi.roitype in _LINES and len(points) >= 2:
        return [{"kind": "polyline", "points": points}]
    return []


def _rings(path: Any) -> list[Points]:
    """The rings of a java.awt path: 0 moves, 1 draws, 2 and 3 bend, 4 closes; curves in steps."""
    values = [float(v) for v in path]
    rings: list[Points] = []
    i = 0
    while i < len(values):
        step = int(values[i])
        if step == 4:
            i += 1
            continue
        if step not in (0, 1, 2, 3):
            raise ValueError(f"a path has no step {step}")
        count = max(1, step)
        corners = [(values[i + 1 + 2 * k], values[i + 2 + 2 * k]) for k in range(count)]
        i += 1 + 2 * count
        if step == 0:
            rings.append(corners)
        else:
            rings[-1] += _bent([rings[-1][-1], *corners])
    return rings


def _bent(corners: Points) -> Points:
    """Points of a Bézier curve behind its first."""
    if len(corners) == 2:
        return corners[1:]
    found = []
    for k in range(1, _STEPS + 1):
        points = np.array(corners)
        while len(points) > 1:
            points = points[:-1] + (points[1:] - points[:-1]) * (k / _STEPS)
        found.append((float(points[0][0]), float(points[0][1])))
    return found


def _colors(roi: ImagejRoi) -> dict[str, str]:
    found = {}
    for name, color in (("stroke", roi.stroke_color), ("fill", roi.fill_color)):
        if any(color):
            alpha, red, green, blue = color if roi.byteorder == ">" else color[::-1]
            # An alpha of 0 is written by some programs for an opaque colour.
            found[name] = rgba(red, green, blue, alpha or 255)
    return found


def _plane(roi: ImagejRoi, sizes: Sequence[int]) -> dict[str, int]:
    t, c, z = roi.t_position, roi.c_position, roi.z_position
    if not (t or c or z):
        return _at(roi.position, sizes)
    found = zip("tcz", (t, c, z), sizes, strict=True)
    return {axis: place - 1 for axis, place, size in found if 0 < place <= size and size > 1}


def _point_planes(roi: ImagejRoi, count: int, sizes: Sequence[int]) -> list[dict[str, int]]:
    places = roi.counter_positions
    if places is None or len(places) != count:
        return [{}] * count
    return [_at(int(place), sizes) for place in places]


def _counters(roi: ImagejRoi, count: int) -> list[str]:
    """Which counter each point belongs to, where there are several."""
    counters = roi.counters
    if counters is None or len(counters) != count or len(set(counters.tolist())) < 2:
        return [""] * count
    return [f"counter {int(one)}" for one in counters]


def _at(position: int, sizes: Sequence[int]) -> dict[str, int]:
    """The plane of a place in a stack, which counts from 1: channels first, then z, then time."""
    t, c, z = sizes
    if not 0 < position <= t * c * z:
        return {}
    rest, at_c = divmod(position - 1, c)
    at_t, at_z = divmod(rest, z)
    found = zip("tcz", (at_t, at_c, at_z), sizes, strict=True)
    return {axis: place for axis, place, size in found if size > 1}
