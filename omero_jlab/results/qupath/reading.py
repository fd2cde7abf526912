"""QuPath's GeoJSON, read inside of a confined process.

A file is a feature, a list of features, a collection or a bare geometry, perhaps packed (.gz,
.zip).  Coordinates are in pixels of the full
image.  `properties` may hold `objectType`, `name`, `color`, `classification`, `measurements`
(a dictionary, or a list of names and values), `metadata` and `isLocked`; `geometry` may have a
`plane` with `c`, `z` and `t`, and say `isEllipse`; a cell has `nucleusGeometry` beside it.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...errors import Invalid, TooLarge, Unreadable
from ..confined import frame_to_bytes, pack
from ..regions import rgba, rois_to_array
from ..rings import closed, with_holes
from ..texts import encoding_of, opened

__all__ = ["GEOMETRIES", "read_geojson"]

_MOST_BYTES = 1 << 30
_UNKNOWN = "objects"
_OLD = re.compile(r"Path(\w+)Object")
_JSON = (".json", ".geojson")
GEOMETRIES = (
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip


def read_geojson(path: str, sizes: Sequence[int]) -> bytes:
    """The objects in a file, by kind, for an image of `sizes` (T, Z).

    Packs `kinds` and `notes`, and for kind number i `rois<i>` and the table `measured<i>`, which
    is empty where nothing was measured or classified.

    Raises
    ------
    Invalid
        It is no GeoJSON.
    TooLarge
        It is larger than 1 GiB.
    """
    place = Path(path)
    if place.stat().st_size > _MOST_BYTES:
        raise TooLarge(f"{place.name} is larger than 1 GiB.")
    rois: dict[str, list[dict[str, Any]]] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    lost: Counter[str] = Counter()
    for feature in _features(place):
        said = feature.get("properties") or {}
        kind = _kind(feature, said)
        shapes = list(_shapes(feature, said, sizes, lost))
        if not shapes:
            lost["enclose nothing"] += 1
            continue
        name, word = str(said.get("name") or ""), _class(said)
        roi = {"name": (name or word)[:255], "description": word, "shapes": shapes}
        rois.setdefault(kind, []).append(roi)
        row: dict[str, Any] = {
            "Object ID": _id(feature), "Name": name, "Classification": word,
        }  # fmt: skip
        rows.setdefault(kind, []).append(row | _metadata(said) | _measurements(said))
    arrays = {}
    for i, kind in enumerate(rois):
        arrays[f"rois{i}"] = rois_to_array(rois[kind])
        arrays[f"measured{i}"] = _table(rows[kind])
    notes = [f"{count} objects of {place.name} {what}." for what, count in lost.items()]
    return pack({"kinds": list(rois), "notes": notes}, **arrays)


def _features(place: Path) -> Iterator[dict[str, Any]]:
    for found in _documents(place):
        listed = [found]
        if isinstance(found, dict) and found.get("type") == "FeatureCollection":
            listed = found.get("features") or []
        elif isinstance(found, list):
            listed = found
        for one in listed:
            if isinstance(one, dict) and one.get("type") in GEOMETRIES:
                yield {"geometry": one}
            elif isinstance(one, dict) and isinstance(one.get("geometry"), dict):
                yield one


def _documents(place: Path) -> Iterator[Any]:
    """The JSON in the file; in an archive that of every file called so."""
    try:
        if place.suffix.casefold() == ".zip":
            with zipfile.ZipFile(place) as archive:
                infos = [i for i in archive.infolist() if i.filename.casefold().endswith(_JSON)]
                if sum(info.file_size for info in infos) > _MOST_BYTES:
                    raise TooLarge(f"{place.name} unpacks to more than 1 GiB.")
                for info in infos:
                    with archive.open(info) as file:
                        yield json.loads(file.read(info.file_size))
            return
        with opened(place) as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise TooLarge(f"{place.name} unpacks to more than 1 GiB.")
        yield json.loads(data.decode(encoding_of(place), "replace"))
    except ValueError as error:
        raise Invalid(f"{place.name} is no JSON: {error}") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"{place.name} cannot be unpacked: {error}") from error


def _kind(feature: dict[str, Any], said: dict[str, Any]) -> str:
    """Annotation, detection, cell, tile …; early versions name the Java class instead of an id."""
    told = said.get("objectType") or said.get("object_type")
    old = _OLD.fullmatch(str(feature.get("id") or ""))
    return str(told or (old[1] if old else _UNKNOWN)).casefold()


def _id(feature: dict[str, Any]) -> str:
    found = str(feature.get("id") or "")
    return "" if _OLD.fullmatch(found) else found


def _metadata(said: dict[str, Any]) -> dict[str, str]:
    found = said.get("metadata")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _shapes(
    feature: dict[str, Any], said: dict[str, Any], sizes: Sequence[int], lost: Counter[str]
) -> Iterator[dict[str, Any]]:
    geometry = feature["geometry"]
    common = _plane(geometry, sizes) | {"stroke": _color(said)}
    nucleus = feature.get("nucleusGeometry") or said.get("nucleusGeometry")
    for part, text in ((geometry, ""), (nucleus, "nucleus")):
        if not isinstance(part, dict):
            continue
        try:
            for shape in _places(part):
                yield common | {"text": text} | shape
        except (TypeError, ValueError, LookupError, ArithmeticError):
            lost["have coordinates that cannot be read"] += 1


def _places(geometry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The shapes of a geometry; what encloses nothing is left out."""
    kind = geometry.get("type")
    at: Any = geometry.get("coordinates")
    if kind == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _places(part)
    elif kind == "Point":
        yield _point(at)
    elif kind == "MultiPoint":
        yield from map(_point, at)
    elif kind == "LineString":
        yield from _line(at)
    elif kind == "MultiLineString":
        for part in at:
            yield from _line(part)
    elif kind == "Polygon" and geometry.get("isEllipse"):
        yield _ellipse(at[0])
    elif kind in ("Polygon", "MultiPolygon"):
        for rings in [at] if kind == "Polygon" else at:
            outline, *holes = (closed(_finite(ring)) for ring in rings)
            polygon = with_holes(outline, holes)
            if polygon is not None:
                yield polygon


def _finite(points: Any) -> Any:
    array = np.array([point[:2] for point in points], float)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ValueError("coordinates must be finite")
    return array.tolist()


def _point(at: Any) -> dict[str, Any]:
    ((x, y),) = _finite([at])
    return {"kind": "point", "x": x, "y": y}


def _line(at: Any) -> Iterator[dict[str, Any]]:
    points = _finite(at)
    if len(points) == 2:
        (x1, y1), (x2, y2) = points
        yield {"kind": "line", "x1": x1, "y1": y1, "x2": x2, "y2": y2}
    elif len(points) > 2:
        yield {"kind": "polyline", "points": points}


def _ellipse(ring: Any) -> dict[str, Any]:
    points = np.array(_finite(ring))
    low, high = points.min(axis=0), points.max(axis=0)
    (x, y), (radius_x, radius_y) = (low + high) / 2, (high - low) / 2
    return {"kind": "ellipse", "x": x, "y": y, "radius_x": radius_x, "radius_y": radius_y}


def _plane(geometry: dict[str, Any], sizes: Sequence[int]) -> dict[str, int]:
    """The plane that QuPath drew on: the first, where it does not say."""
    said = geometry.get("plane")
    plane = said if isinstance(said, dict) else {}
    found = {}
    for axis, size in zip("tz", sizes, strict=True):
        place = plane.get(axis, 0)
        if size > 1 and isinstance(place, int) and 0 <= place < size:
            found[axis] = place
    return found


def _class(said: dict[str, Any]) -> str:
    found = said.get("classification")
    if isinstance(found, dict):
        names = found.get("names")
        if isinstance(names, list):
            return ": ".join(map(str, names))
        return str(found.get("name") or "")
    return found if isinstance(found, str) else ""


def _color(said: dict[str, Any]) -> str:
    """The object's own colour, else that of its class, else yellow."""
    words = said.get("classification")
    inner = words if isinstance(words, dict) else {}
    for found in (
        said.get("color"),
        said.get("colorRGB"),
        inner.get("color"),
        inner.get("colorRGB"),
    ):
        if isinstance(found, list) and len(found) == 3 and all(isinstance(v, int) for v in found):
            return rgba(*found)
        if isinstance(found, int) and not isinstance(found, bool):
            # As Java packs it, with a sign: the opaque alpha makes it negative.
            return rgba((found >> 16) & 255, (found >> 8) & 255, found & 255)
    return "FFFF00FF"


def _measurements(said: dict[str, Any]) -> dict[str, float]:
    found = said.get("measurements")
    if isinstance(found, list):
        found = {m.get("name"): m.get("value") for m in found if isinstance(m, dict)}
    pairs: dict[Any, Any] = found if isinstance(found, dict) else {}
    values = {}
    for name, value in pairs.items():
        try:
            values[str(name)] = float(value)
        except (TypeError, ValueError):
            values[str(name)] = float("nan")
    return values


def _table(rows: list[dict[str, Any]]) -> Any:
    frame = pd.DataFrame(rows)
    measured = len(frame.columns) > 3 or frame["Classification"].any()
    return np.frombuffer(frame_to_bytes(frame) if measured else b"", np.uint8)
