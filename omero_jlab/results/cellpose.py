"""Cellpose: `_seg.npy` files and label images `_cp_masks`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, OmeroError
from .confined import Confined, pack, unpack
from .contract import LabelStack, Output, StoredImage
from .folders import files_at
from .pickles import read_pickled_npy
from .records import ImageSet, SetFile
from .stacks import arrays_in, read_stack, stack_of

__all__ = ["CellposeOutput", "read_seg", "recognise"]

_MASKS = re.compile(r"(.+)_cp_masks\.(tiff?|png)$", re.IGNORECASE)
_SEG = re.compile(r"(.+)_seg\.npy$", re.IGNORECASE)
_FLOWS = re.compile(r"(.+)_(flows|dP|cellprob)(_cp_masks)?\.tiff?$", re.IGNORECASE)
_SETTINGS = (
    "diameter", "est_diam", "model_path", "chan_choose", "flow_threshold", "cellprob_threshold",
    "min_size", "niter", "normalize_params", "stitch_threshold", "do_3D", "ratio",
)  # fmt: skip


@dataclass(frozen=True)
class _Segmented:
    """What Cellpose wrote for the image that it calls `stem`."""

    stem: str
    seg: Path | None = None
    masks: Path | None = None


class CellposeOutput(Output):
    """Masks as label images; the settings that made them stand in `_seg.npy`."""

    program = "Cellpose"

    def __init__(self, found: list[_Segmented], notes: list[str], confined: Confined) -> None:
        self._found = dict(enumerate(found, 1))
        self._notes = notes
        self._confined = confined
        self._seg = lru_cache(maxsize=4)(self._read_seg)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(self._notes)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files with masks."""
        return tuple(path for one in self._found.values() for path in (one.seg, one.masks) if path)

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """One for each image that was segmented."""
        return tuple(self._image_set(number, one) for number, one in self._found.items())

    def parameters(self, number: int) -> Mapping[str, str]:
        """Model, diameter and thresholds, where there is a `_seg.npy`."""
        seg = self._found[number].seg
        return {} if seg is None else self._seg(seg)[0]["settings"]

    def labels(self, number: int, image: StoredImage) -> Iterator[LabelStack]:
        """The masks."""
        one = self._found[number]
        if one.seg is not None:
            masks = stack_of(self._seg(one.seg)[1]["masks"], "", image, one.seg.name)
        else:
            assert one.masks is not None
            (stored,) = arrays_in(one.masks, self._confined)
            masks = read_stack(stored, image, self._confined)
        yield LabelStack("Cellpose", masks, image.placement)

    def _image_set(self, number: int, one: _Segmented) -> ImageSet:
        files: tuple[SetFile, ...] = ()
        if one.seg is not None:
            path = PureWindowsPath(str(self._seg(one.seg)[0]["filename"]))
            if path.name:
                files = (SetFile(channel="", name=path.name, folder=str(path.parent)),)
        return ImageSet(number=number, files=files, names=(one.stem,))

    def _read_seg(self, path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return unpack(self._confined(f"{__name__}:read_seg", path))


def recognise(path: Path, confined: Confined) -> CellposeOutput | None:
    """The output in the folder `path`, or in the file `path`."""
    notes: list[str] = []
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    flows = 0
    for file in files_at(path):
        for kind, pattern in (("seg", _SEG), ("masks", _MASKS)):
            named = pattern.fullmatch(file.name)
            if named and not _FLOWS.fullmatch(file.name):
                found.setdefault((file.parent, named[1]), {})[kind] = file
        flows += bool(_FLOWS.fullmatch(file.name))
    kept = []
    for (_, stem), files in found.items():
        if "seg" in files:
            try:
                unpack(confined(f"{__name__}:read_seg", files["seg"]))
            except OmeroError as error:
                if "masks" not in files and path.is_file():
                    raise
                notes.append(f"{files['seg'].name} was skipped: {error}")
                files.pop("seg")
        if files:
            kept.append(_Segmented(stem, files.get("seg"), files.get("masks")))
    if not kept:
        return None
    if any(one.seg for one in kept) or flows:
        notes.append("Flows and cell probabilities of Cellpose are not attached.")
    return CellposeOutput(kept, notes, confined)


def read_seg(path: str) -> bytes:
    """What is needed of a `_seg.npy`: file name, settings, masks; called in a confined process.

    Raises
    ------
    Invalid
        It is not one of Cellpose's, or holds more than arrays and plain values.
    """
    place = Path(path)
    found = read_pickled_npy(place)
    masks = found.get("masks") if isinstance(found, dict) else None
    if not isinstance(masks, np.ndarray) or masks.dtype.kind not in "biu" or masks.ndim < 2:
        raise Invalid(f"{place.name} has no masks of Cellpose.")
    filename = found.get("filename", "")
    if isinstance(filename, list | tuple):
        filename = filename[0] if filename else ""
    settings = {name: _plain(found[name]) for name in _SETTINGS if name in found}
    return pack(
        {"filename": str(filename), "settings": settings},
        masks=masks.astype(masks.dtype.newbyteorder("<")),
    )


def _plain(value: object) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.size <= 100 else f"array {value.shape}"
    elif isinstance(value, np.generic):
        value = value.item()
    return str(value)[:1000]
