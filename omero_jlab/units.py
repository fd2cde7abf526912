"""Lengths and times as files write them, in micrometres and seconds; sizes as people read them."""

from __future__ import annotations

import math

__all__ = ["length_um", "size_text", "time_s"]

# OME-XML's UnitsLength and UnitsTime, UDUNITS-2 names of OME-Zarr, and TIFF's own.
_LENGTH_UM = {
    "pm": 1e-6, "picometer": 1e-6, "Å": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "micrometre": 1.0, "mm": 1e3, "millimeter": 1e3, "cm": 1e4,
    "centimeter": 1e4, "m": 1e6, "meter": 1e6, "in": 25400.0, "inch": 25400.0,
}  # fmt: skip
_TIME_S = {
    "ns": 1e-9, "nanosecond": 1e-9, "µs": 1e-6, "us": 1e-6, "microsecond": 1e-6, "ms": 1e-3,
    "millisecond": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0,
}  # fmt: skip


def length_um(value: float, unit: str) -> float | None:
    """`value` in micrometres, or None for an unknown unit or a length that cannot be one."""
    return _scaled(value, _LENGTH_UM.get(unit))


def time_s(value: float, unit: str) -> float | None:
    """`value` in seconds, or None for an unknown unit or a time that cannot be one."""
    return _scaled(value, _TIME_S.get(unit))


def size_text(size: int) -> str:
    """A number of bytes as people read it, in powers of 1000: `71.1 GB`."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{size:,} bytes" if unit == "bytes" else f"{value:,.1f} {unit}"


def _scaled(value: float, factor: float | None) -> float | None:
    if factor is None or not math.isfinite(value) or value <= 0:
        return None
    return value * factor
