"""What TIFF files say about their pixels besides the pixels, in the dialects of microscopes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tifffile import TiffFile, TiffPage

from ..units import length_um, time_s
from .damage import reading

__all__ = ["TiffFacts", "facts_of", "flattened", "parsed_time"]

_MAX_PAIRS = 500
_MAX_TEXT = 1000
# A printer's resolution is no pixel size: 300 dots an inch would be 85 µm.
_LARGEST_FROM_TAGS_UM = 20.0
_LARGEST_UM = 1000.0
_UNITS = {2: "inch", 3: "cm"}


@dataclass(frozen=True)
class TiffFacts:
    """Pixel sizes in µm, time step in s, channel names and the rest as text."""

    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None
    step_s: float | None = None
    acquired_at: datetime | None = None
    channels: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()


def facts_of(tiff: TiffFile) -> TiffFacts:
    """The facts about the first image of `tiff`; nothing for what it does not say."""
    page = tiff.pages.first
    for found, read in _DIALECTS:
        if getattr(tiff, found):
            with reading("Its metadata"):
                return read(tiff, page)
    return _plain(tiff, page)


def _imagej(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    said: Mapping[str, Any] = tiff.imagej_metadata or {}
    unit = _unescaped(str(said.get("unit", "")))
    x, y = _per_pixel(page, "XResolution"), _per_pixel(page, "YResolution")
    x_um, y_um = _both(
        length_um(x, unit) if x else None,
        length_um(y, _unescaped(str(said.get("yunit", unit)))) if y else None,
    )
    spacing = said.get("spacing")
    z_um = length_um(abs(float(spacing)), unit) if spacing else None
    interval = said.get("finterval")
    labels = said.get("Labels")
    channels = int(said.get("channels", 1))
    names = (
        tuple(str(name) for name in labels)
        if isinstance(labels, list) and len(labels) == channels > 1
        else ()
    )
    left_out = ("Overlays", "ROI", "LUTs", "Ranges", "Labels")
    return TiffFacts(
        x_um=x_um,
        y_um=y_um,
        z_um=z_um if z_um and z_um <= _LARGEST_UM else None,
        step_s=time_s(float(interval), str(said.get("tunit", "s"))) if interval else None,
        channels=names,
        metadata=flattened({k: v for k, v in said.items() if k not in left_out}),
    )


def _lsm(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    said: Mapping[str, Any] = tiff.lsm_metadata or {}
    x, y, z = (length_um(float(said.get(f"VoxelSize{axis}", 0)), "m") for axis in "XYZ")
    colours = said.get("ChannelColors") or {}
    return TiffFacts(
        x_um=x,
        y_um=y,
        z_um=z,
        step_s=time_s(float(said.get("TimeIntervall", 0)), "s"),
        channels=tuple(str(name) for name in colours.get("ColorNames", ())),
        metadata=flattened({k: v for k, v in said.items() if k != "ScanInformation"}),
    )


def _stk(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    said: Mapping[str, Any] = tiff.stk_metadata or {}
    unit = str(said.get("CalibrationUnits", ""))
    x, y = (length_um(float(said.get(f"{axis}Calibration", 0)), unit) for axis in "XY")
    distances = said.get("ZDistance")
    z = float(distances[0]) if distances is not None and len(distances) else 0.0
    created = said.get("DatetimeCreated")
    return TiffFacts(
        x_um=x,
        y_um=y,
        z_um=length_um(z, unit),
        acquired_at=parsed_time(str(created[0])) if created is not None and len(created) else None,
        metadata=flattened(said),
    )


def _metaseries(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    said: Mapping[str, Any] = (tiff.metaseries_metadata or {}).get("PlaneInfo", {})
    unit = str(said.get("spatial-calibration-units", ""))
    calibrated = bool(said.get("spatial-calibration-state", True))
    x, y = (
        length_um(float(said.get(f"spatial-calibration-{axis}", 0)), unit) if calibrated else None
        for axis in "xy"
    )
    name = str(said.get("_IllumSetting_", "") or said.get("image-name", ""))
    return TiffFacts(
        x_um=x,
        y_um=y,
        acquired_at=parsed_time(str(said.get("acquisition-time-local", ""))),
        channels=(name,) if name else (),
        metadata=flattened(said),
    )


def _svs(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    pairs = [part.partition("=") for part in page.description.split("|")[1:]]
    said = {key.strip(): value.strip() for key, _, value in pairs}
    try:
        size = length_um(float(said.get("MPP", 0)), "µm")
    except ValueError:
        size = None
    acquired = None
    try:
        text = f"{said.get('Date', '')} {said.get('Time', '')}"
        acquired = datetime.strptime(text, "%m/%d/%y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        pass
    return TiffFacts(x_um=size, y_um=size, acquired_at=acquired, metadata=flattened(said))


def _plain(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    unit = _UNITS.get(int(page.tags.valueof("ResolutionUnit", 1) or 1), "")
    sizes = []
    for tag in ("XResolution", "YResolution"):
        per_pixel = _per_pixel(page, tag)
        size = length_um(per_pixel, unit) if per_pixel else None
        sizes.append(size if size and size <= _LARGEST_FROM_TAGS_UM else None)
    x_um, y_um = _both(*sizes)
    said = {
        name: page.tags.valueof(name)
        for name in ("ImageDescription", "Software", "Artist", "HostComputer", "Make", "Model")
    }
    date = str(page.tags.valueof("DateTime") or "")
    return TiffFacts(
        x_um=x_um,
        y_um=y_um,
        acquired_at=parsed_time(date.replace(":", "-", 2)),
        metadata=flattened({key: value for key, value in said.items() if value}),
    )


_DIALECTS = (
    ("is_lsm", _lsm),
    ("is_stk", _stk),
    ("is_metaseries", _metaseries),
    ("is_svs", _svs),
    ("is_imagej", _imagej),
)


def flattened(said: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Nested metadata as pairs of text, at most 500 of at most 1000 characters each."""
    pairs: list[tuple[str, str]] = []
    for key, value in said.items():
        if len(pairs) >= _MAX_PAIRS:
            break
        if isinstance(value, Mapping):
            pairs.extend(flattened(value, f"{prefix}{key}."))
        elif value is not None and not isinstance(value, bytes):
            pairs.append((f"{prefix}{key}"[:_MAX_TEXT], str(value)[:_MAX_TEXT]))
    return tuple(pairs[:_MAX_PAIRS])


def parsed_time(text: str) -> datetime | None:
    """An ISO time; without a zone it is taken as UTC, since files do not say where they were."""
    try:
        time = datetime.fromisoformat(text.strip()[:26] if len(text) > 32 else text.strip())
    except ValueError:
        # numpy writes nanoseconds, and MetaMorph "20090806 14:21:12.281".
        match = re.match(r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)", text)
        if match is None:
            return None
        time = _from_parts(*match.groups())  # type: ignore[assignment]
        if time is None:
            return None
    if time.year < 1950:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _from_parts(year: str, month: str, day: str, clock: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}")
    except ValueError:
        return None


def _per_pixel(page: TiffPage, tag: str) -> float | None:
    """Units a pixel, from pixels a unit."""
    value = page.tags.valueof(tag)
    if not isinstance(value, tuple) or len(value) != 2 or not value[0]:
        return None
    size = float(value[1]) / float(value[0])
    return size if math.isfinite(size) and size > 0 else None


def _both(x: float | None, y: float | None) -> tuple[float | None, float | None]:
    """Neither size if one makes no sense: they come from the same writer."""
    if x is None or y is None or max(x, y) > _LARGEST_UM:
        return None, None
    return x, y


def _unescaped(unit: str) -> str:
    return unit.replace("\\u00B5", "µ").replace("\\u00b5", "µ")
