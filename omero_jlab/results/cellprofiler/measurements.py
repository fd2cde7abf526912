"""CellProfiler's own measurement file, `….h5`, as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import Invalid, NotFound
from ..confined import Confined, frame_from_bytes
from .route import RELATIONSHIPS, short_list
from .tables import combined

__all__ = ["Measurements", "is_hdf5", "measurements_in", "pipeline_in"]

_HERE = "omero_jlab.results.cellprofiler.hdf5"
_MAGIC = b"\x89HDF\r\n\x1a\n"
_FEATURES_A_CALL = 200
# Files of the input's settings and of pixels, no measurements of an image set.
_NO_FEATURE = ("ImageSet_", "Thumbnail_")


def is_hdf5(path: Path) -> bool:
    """Whether the file at `path` begins as HDF5 files do."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def measurements_in(path: Path, confined: Confined) -> Measurements | None:
    """The measurements in the HDF5 file at `path`, or None where it holds none.

    Raises
    ------
    Unreadable
        The file is damaged.
    """
    told = json.loads(confined(f"{_HERE}:describe", path))
    if "Image" not in told["objects"]:
        return None
    return Measurements(path, confined, told)


def pipeline_in(path: Path, confined: Confined) -> str:
    """The pipeline in a project (.cpproj), as text; empty where it has none."""
    told = json.loads(confined(f"{_HERE}:describe", path))
    known = {str(key): str(value) for key, value in told["experiment"].items()}
    major = known.get("CellProfiler_Version", "").partition(".")[0]
    text = known.get("Pipeline_Pipeline", "")
    # Before version 4, and where no version is named, line ends are written with backslashes.
    escaped = "\\n" in text and "\n" not in text
    return _plain(text) if escaped or (major.isdigit() and int(major) < 4) else text


class Measurements:
    """The newest run in a measurement file."""

    def __init__(self, path: Path, confined: Confined, told: Mapping[str, Any]) -> None:
        self._path = path
        self._confined = confined
        self._run = str(told["run"])
        self._features: dict[str, list[str]] = {
            str(name): [str(f) for f in features] for name, features in told["objects"].items()
        }
        self._keys = [[str(part) for part in key] for key in told["relationships"]]
        self.experiment: dict[str, str] = {
            str(key): str(value) for key, value in told["experiment"].items()
        }
        major = self.experiment.get("CellProfiler_Version", "").partition(".")[0]
        self._escaped = not major.isdigit() or int(major) < 4
        if self._escaped:
            self.experiment = {key: _plain(value) for key, value in self.experiment.items()}
        self.notes: list[str] = []
        if len(told["runs"]) > 1:
            others = [run for run in map(str, told["runs"]) if run != self._run]
            self.notes.append(
                f"{path.name} holds several runs: {self._run} was read, not {short_list(others)}."
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """The measurement file."""
        return (self._path,)

    @property
    def object_names(self) -> tuple[str, ...]:
        """The kinds of object that were measured."""
        return tuple(
            name for name, features in self._features.items() if name != "Image" and features
        )

    def homes(self) -> Mapping[int, Path]:
        """Nothing: the file says of no other where it lies."""
        return {}

    def images(self) -> pd.DataFrame:
        """One row for each image set."""
        return combined([self._read("Image")])

    def objects(self, name: str) -> pd.DataFrame:
        """All rows of the objects `name`."""
        if name not in self.object_names:
            known = ", ".join(self.object_names) or "none"
            raise NotFound(f"There are no objects {name!r}; there are {known}.")
        return combined([self._read(name)])

    def relationships(self) -> pd.DataFrame | None:
        """The pairs of all modules."""
        frames = []
        for key in self._keys:
            module, relationship, first, second = key
            answer = self._confined(f"{_HERE}:read_relationships", self._path, self._run, key)
            frame = frame_from_bytes(answer)
            frame["Module"] = ""
            frame["Module Number"] = int(module) if module.isdigit() else 0
            frame["Relationship"] = relationship
            frame["First Object Name"], frame["Second Object Name"] = first, second
            frames.append(frame)
        if not frames:
            return None
        return pd.concat(frames, ignore_index=True)[list(RELATIONSHIPS)]

    def _read(self, name: str) -> pd.DataFrame:
        features = [f for f in self._features[name] if not f.startswith(_NO_FEATURE)]
        parts: list[pd.DataFrame] = []
        for start in range(0, max(1, len(features)), _FEATURES_A_CALL):
            some = features[start : start + _FEATURES_A_CALL]
            answer = self._confined(
                f"{_HERE}:read_objects", self._path, self._run, name, some, self._escaped
            )
            part = frame_from_bytes(answer)
            known = [c for c in ("ImageNumber", "ObjectNumber") if parts and c in part]
            parts.append(part.drop(columns=known))
        if len({len(part) for part in parts}) > 1:
            raise Invalid(f"{self._path.name} changed while it was read.")
        return pd.concat(parts, axis="columns") if len(parts) > 1 else parts[0]


def _plain(text: str) -> str:
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        return text
