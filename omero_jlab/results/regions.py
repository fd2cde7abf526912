"""Regions as a confined process hands them over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from ..errors import Unreadable
from ..model import NewRoi

__all__ = ["rgba", "rois_from_array", "rois_to_array"]

_ROIS: TypeAdapter[tuple[NewRoi, ...]] = TypeAdapter(tuple[NewRoi, ...])


def rois_to_array(rois: Sequence[dict[str, Any]]) -> NDArray[np.uint8]:
    """Regions, each as `NewRoi` has it, as bytes of JSON in an array."""
    return np.frombuffer(json.dumps(list(rois)).encode(), np.uint8)


def rois_from_array(data: NDArray[Any]) -> tuple[NewRoi, ...]:
    """The regions that `rois_to_array` was given."""
    try:
        return _ROIS.validate_json(data.tobytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Unreadable(f"A region cannot be read: {first['loc']}: {first['msg']}") from error


def rgba(red: int, green: int, blue: int, alpha: int = 255) -> str:
    """A colour as shapes have it: RRGGBBAA."""
    return "".join(f"{min(255, max(0, int(part))):02X}" for part in (red, green, blue, alpha))
