"""ilastik's HDF5 files: projects, and tables of objects; read inside of a confined process.

A project keeps its input under `Input Data/infos/laneNNNN/ROLE` as texts: `filePath` (with the
path inside of an HDF5 file behind it) and `nickname`, by which exported files are called.  A table
is a data set of records at the root, `table` or `divisions`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pandas as pd

from ...errors import Invalid
from ..confined import frame_to_bytes
from ..hdf5 import child, data_sets, groups, opened, text, whole

__all__ = ["describe", "read_records"]

_MOST_BYTES = 1 << 30
_LANES = "Input Data/infos"
_LABEL_NAMES = ("PixelClassification/LabelNames", "ObjectClassification/LabelNames")


def describe(path: str) -> bytes:
    """What an HDF5 file of ilastik's holds, as JSON.

    `version`, `workflow`, `saved` and `lanes` (role, nickname, path of each input) of a project,
    `class_names` of its classifiers by their number, `tables` with their columns.
    """
    with opened(path) as file:
        found: dict[str, Any] = {
            "version": text(file, "ilastikVersion"),
            "workflow": text(file, "workflowName"),
            "saved": text(file, "time"),
            "lanes": _lanes(file),
            "class_names": [_words(file, place) for place in _LABEL_NAMES],
            "tables": {
                name: list(data.dtype.names)
                for name, data in data_sets(file)
                if data.dtype.names is not None and data.ndim == 1
            },
        }
    return json.dumps(found).encode()


def read_records(path: str, name: str) -> bytes:
    """The table `name` as an Arrow stream; a field of several values becomes several columns."""
    with opened(path) as file:
        data = child(file, name)
        if not isinstance(data, h5py.Dataset) or data.dtype.names is None:
            raise Invalid(f"{Path(path).name} has no table {name!r}.")
        records = whole(data, _MOST_BYTES)[()]
    columns: dict[str, Any] = {}
    for field in records.dtype.names:
        values = records[field]
        if values.ndim == 1:
            columns[field] = _plain(values)
        else:
            flat = values.reshape(len(values), -1)
            for i in range(flat.shape[1]):
                columns[f"{field}_{i}"] = _plain(flat[:, i])
    return frame_to_bytes(pd.DataFrame(columns))


def _lanes(file: h5py.File) -> list[dict[str, dict[str, str]]]:
    infos = child(file, _LANES)
    if not isinstance(infos, h5py.Group):
        return []
    return [
        {
            role: {"nickname": text(info, "nickname"), "path": text(info, "filePath")}
            for role, info in groups(lane)
        }
        for _, lane in groups(infos)
    ]


def _words(file: h5py.File, place: str) -> list[str]:
    data = child(file, place)
    if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in "OSU":
        return []
    return [str(one) for one in _plain(whole(data, 1 << 20)[()])]


def _plain(values: Any) -> Any:
    """Texts as `str`; numbers as they are, in this machine's byte order."""
    if values.dtype.kind in "SO":
        return np.array(
            [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values],
            dtype=object,
        )
    return values.astype(values.dtype.newbyteorder("="))
