"""Cellpose: `_seg.npy` files, label images `_cp_masks` and outlines as text."""

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
from .contract import LabelStack, Output, Regions, StoredImage
from .folders import files_at
from .pickles import read_pickled_npy
from .records import ImageSet, SetFile
from .regions import rois_from_array, rois_to_array
from .rings import closed, with_holes
from .stacks import arrays_in, read_stack, stack_of

__all__ = ["CellposeOutput", "read_outlines", "read_seg", "recognise"]

_LARGEST_TEXT = 512 << 20
_YELLOW = "FFFF00FF"

_MASKS = re.compile(r"(.+)_cp_masks\.(tiff?|png)$", re.IGNORECASE)
_SEG = re.compile(r"(.+)_seg\.npy$", re.IGNORECASE)
_OUTLINES = re.compile(r"(.+)_cp_outlines\.txt$", re.IGNORECASE)
_ROIS = re.compile(r"(.+)_rois\.zip$", re.IGNORECASE)
_FLOWS = re.compile(
    r"(.+)_(flows|dP|cellprob|outlines|cp_output)(_cp_masks)?\.(tiff?|png)$", re.IGNORECASE
)
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
    outlines: Path | None = None


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
        """The files with masks and outlines."""
        every = ((one.seg, one.masks, one.outlines) for one in self._found.values())
        return tuple(path for paths in every for path in paths if path)

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
        elif one.masks is not None:
            (stored,) = arrays_in(one.masks, self._confined)
            masks = read_stack(stored, image, self._confined)
        else:
            return
        yield LabelStack("Cellpose", masks, image.placement)

    def regions(self, number: int, image: StoredImage) -> Iterator[Regions]:
        """The outlines, where no masks of the same image lie beside them."""
        path = self._found[number].outlines
        if path is not None:
            _, arrays = unpack(self._confined(f"{__name__}:read_outlines", path))
            yield Regions("Cellpose", rois_from_array(arrays["rois"]))

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
    failures: list[OmeroError] = []
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    flows: list[str] = []
    rois: list[tuple[str, str]] = []
    kinds = (("seg", _SEG), ("masks", _MASKS), ("outlines", _OUTLINES))
    for file in files_at(path):
        if _FLOWS.fullmatch(file.name):
            flows.append(file.name)
            continue
        for kind, pattern in kinds:
            named = pattern.fullmatch(file.name)
            if named:
                found.setdefault((file.parent, named[1]), {})[kind] = file
        if archive := _ROIS.fullmatch(file.name):
            rois.append((archive[1], file.name))
    with_masks = {stem for (_, stem), files in found.items() if files.keys() & {"seg", "masks"}}
    kept = []
    repeated = [name for stem, name in rois if stem in with_masks]
    for (_, stem), files in found.items():
        if "seg" in files:
            try:
                unpack(confined(f"{__name__}:read_seg", files["seg"]))
            except OmeroError as error:
                failures.append(error)
                notes.append(f"{files['seg'].name} was skipped: {error}")
                files.pop("seg")
        if "outlines" in files and stem in with_masks:
            repeated.append(files.pop("outlines").name)
        if files:
            kept.append(
                _Segmented(stem, files.get("seg"), files.get("masks"), files.get("outlines"))
            )
    if not kept:
        if failures:
            raise failures[0]
        return None
    if repeated:
        notes.append(f"Not attached, for the masks say the same: {_few(repeated)}.")
    if any(one.seg for one in kept) or flows:
        which = f" ({_few(flows)})" if flows else ""
        notes.append(f"Flows and pictures of Cellpose are not attached{which}.")
    return CellposeOutput(kept, notes, confined)


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def read_outlines(path: str) -> bytes:
    """The regions in a `_cp_outlines.txt`: a line `x,y,x,y,…` for each, in centres of pixels.

    Raises
    ------
    Invalid
        It holds something else.
    """
    place = Path(path)
    if place.stat().st_size > _LARGEST_TEXT:
        raise Invalid(f"{place.name} is larger than {_LARGEST_TEXT >> 20} MiB.")
    rois = []
    lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
    for i, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = np.array([float(word) for word in line.split(",")]).reshape(-1, 2) + 0.5
        except ValueError as error:
            raise Invalid(f"Line {i} of {place.name} is no outline of Cellpose's.") from error
        polygon = with_holes(closed(values.tolist()), ())
        if polygon is not None and np.isfinite(values).all():
            rois.append({"name": str(i), "shapes": [polygon | {"stroke": _YELLOW}]})
    return pack({}, rois=rois_to_array(rois))


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
