"""CellProfiler's measurement file (HDF5), read where it can do no harm.

The layout: Measurements / date of the run / object / feature / `data` and `index`, whose rows are
image number, first and one past the last place in `data`.  Early versions leave out the date, or
keep one `index` for all features of an object beside them.

Only what lies in the file itself is read: no link into another file, no external storage, no
virtual data set.  The functions are called in a confined process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import TooLarge, Unreadable
from ..confined import frame_to_bytes

__all__ = ["MAGIC", "describe", "read_objects", "read_relationships"]

MAGIC = b"\x89HDF\r\n\x1a\n"
_TOP = "Measurements"
_RELATIONSHIP = "Relationship"
_INDEX = ("index", "_index")
_MOST_NAMES = 100_000
_MOST_VALUES = 400_000_000
_LONGEST_TEXT = 32 * 2**20
_ENDS = ("First", "Second")


def describe(path: str) -> bytes:
    """What is in the file, as JSON.

    `runs` are the dates, `run` the one that is read (empty where there is no level of dates),
    `objects` the features by object, `relationships` their keys, `experiment` the texts and
    numbers of the run.  `objects` is empty where CellProfiler did not write the file.
    """
    with _opened(path) as file:
        runs, run, top = _run(file)
        found: dict[str, Any] = {
            "runs": runs, "run": run, "objects": {}, "relationships": [], "experiment": {},
        }  # fmt: skip
        if top is None:
            return json.dumps(found).encode()
        names = [n for n in _names(top) if n not in (_RELATIONSHIP, "Experiment")]
        groups = {name: _group(top, name) for name in names}
        found["objects"] = {
            name: [f for f in _names(group) if f not in _INDEX]
            for name, group in groups.items()
            if group is not None
        }
        found["relationships"] = list(_relationship_keys(top))
        found["experiment"] = _experiment(top)
    return json.dumps(found).encode()


def read_objects(path: str, run: str, name: str, features: Sequence[str], escaped: bool) -> bytes:
    """The named features of the objects `name` (or `Image`) as an Arrow stream.

    The columns `ImageNumber` and `ObjectNumber` come first; an image set without the feature has
    nothing in it.  `escaped` says that texts are written with backslashes, as before version 4.
    """
    with _opened(path) as file:
        _, _, top = _run(file, run)
        group = None if top is None else _group(top, name)
        if group is None:
            raise Unreadable(f"{Path(path).name} has no measurements of {name}.")
        spans = _spans(group, name)
        numbers, firsts, counts = spans[:, 0], spans[:, 1], spans[:, 2]
        total = int(counts.sum())
        if total > _MOST_VALUES:
            raise TooLarge(f"{Path(path).name} declares {total:,} rows of {name}.")
        columns: dict[str, Any] = {"ImageNumber": np.repeat(numbers, counts)}
        if name != "Image":
            columns["ObjectNumber"] = np.arange(total) - np.repeat(firsts, counts) + 1
        for feature in features:
            values = _values(group, feature, spans, total)
            if values is not None and feature not in columns:
                columns[feature] = _series(values, escaped)
    return frame_to_bytes(pd.DataFrame(columns))


def read_relationships(path: str, run: str, key: Sequence[str]) -> bytes:
    """Pairs of objects that a module related, as an Arrow stream.

    The key is module, relationship, first and second object.
    """
    with _opened(path) as file:
        _, _, group = _run(file, run)
        for name in (_RELATIONSHIP, *key):
            group = None if group is None else _group(group, name)
        if group is None:
            raise Unreadable(f"{Path(path).name} has no relationship {'/'.join(key)}.")
        columns = {}
        for end in _ENDS:
            for kind in ("Image", "Object"):
                data = _dataset(group, f"{kind}Number_{end}")
                if data is None or data.dtype.kind not in "iu":
                    raise Unreadable(f"Relationship {'/'.join(key)} is incomplete.")
                columns[f"{end} {kind} Number"] = data[()].astype("int64")
    return frame_to_bytes(pd.DataFrame(columns))


@contextmanager
def _opened(path: str) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        text = " ".join(str(error).split())[:200]
        cut = " It was cut off: copy it again." if "truncated" in text else ""
        raise Unreadable(f"{Path(path).name} cannot be read as HDF5: {text}.{cut}") from error


def _run(file: h5py.File, wanted: str | None = None) -> tuple[list[str], str, h5py.Group | None]:
    """The dates of the runs, the one that is read, and its group."""
    top = _group(file, _TOP)
    if top is None:
        return [], "", None
    names = _names(top)
    if "Image" in names or "Experiment" in names:
        return [], "", top
    groups = {name: _group(top, name) for name in names}
    known = {n: group for n, group in groups.items() if group is not None}
    runs = sorted(n for n, group in known.items() if "Image" in group)
    # A project of which no image was read yet has its pipeline.
    runs = runs or sorted(n for n, group in known.items() if "Experiment" in group)
    if not runs:
        return [], "", None
    run = wanted if wanted in runs else runs[-1]
    return runs, run, groups[run]


def _names(group: Any) -> list[str]:
    if len(group) > _MOST_NAMES:
        raise TooLarge(f"{group.name} declares {len(group):,} names.")
    return list(group)


def _inside(group: h5py.Group, name: str) -> Any:
    """The member of that name if it lies in this file, else None."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    return group[name]


def _group(group: h5py.Group, name: str) -> h5py.Group | None:
    found = _inside(group, name)
    return found if isinstance(found, h5py.Group) else None


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    found = _inside(group, name)
    if not isinstance(found, h5py.Dataset):
        return None
    if found.is_virtual or found.external or found.size is None:
        return None
    if found.size > _MOST_VALUES:
        raise TooLarge(f"{found.name} declares {found.size:,} values.")
    return found


def _index(group: h5py.Group, size: int) -> NDArray[np.int64] | None:
    """Rows of image number, first and one past the last place among `size` values, checked."""
    for name in _INDEX:
        found = _dataset(group, name)
        if found is not None and found.ndim == 2 and found.shape[1] == 3:
            rows: NDArray[np.int64] = found[()].astype("int64")
            if np.any(rows[:, 1] < 0) or np.any(rows[:, 2] < rows[:, 1]):
                raise Unreadable(f"{found.name} holds places that cannot be.")
            if np.any(rows[:, 2] > size):
                raise Unreadable(f"{found.name} leads past the end of the data.")
            # An image set that was measured again stands twice; the later row holds.
            last = np.unique(rows[::-1, 0], return_index=True)[1]
            return rows[::-1][last]
    return None


def _stored(group: h5py.Group, feature: str) -> tuple[h5py.Dataset, NDArray[np.int64]] | None:
    """A feature's data and index, in either layout."""
    own = _group(group, feature)
    data = _dataset(own, "data") if own is not None else _dataset(group, feature)
    if data is None or data.ndim != 1:
        return None
    index = _index(own if own is not None else group, data.shape[0])
    return None if index is None else (data, index)


def _spans(group: h5py.Group, name: str) -> NDArray[np.int64]:
    """Image number, first row and number of rows of each image set."""
    best: dict[int, int] = {}
    known = [f for f in ("ObjectNumber", "Number_Object_Number", "ImageNumber") if f in group]
    for feature in known or _names(group):
        stored = None if feature in _INDEX else _stored(group, feature)
        if stored is not None:
            for number, first, last in stored[1].tolist():
                best[number] = max(best.get(number, 0), last - first)
    numbers = np.array(sorted(best), dtype="int64")
    counts = np.array([1 if name == "Image" else best[n] for n in numbers.tolist()], dtype="int64")
    return np.stack([numbers, np.cumsum(counts) - counts, counts], axis=1)


def _values(
    group: h5py.Group, feature: str, spans: NDArray[np.int64], total: int
) -> NDArray[Any] | None:
    """One feature, row by row; None where it is no column (bytes, tables, links elsewhere)."""
    stored = _stored(group, feature)
    if stored is None:
        return None
    data, index = stored
    if data.dtype.kind not in "iufbSO" or data.dtype == np.uint8:
        return None
    if data.dtype.kind == "O" and h5py.check_string_dtype(data.dtype) is None:
        return None
    held = data[()]
    place = np.searchsorted(spans[:, 0], index[:, 0])
    known = place < len(spans)
    known[known] &= spans[place[known], 0] == index[known, 0]
    index, place = index[known], place[known]
    counts = np.minimum(index[:, 2] - index[:, 1], spans[place, 2])
    steps = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    source = np.repeat(index[:, 1], counts) + steps
    goal = np.repeat(spans[place, 1], counts) + steps
    if held.dtype.kind in "SO":
        texts = np.full(total, None, dtype=object)
        texts[goal] = held[source]
        return texts
    whole = len(goal) == total
    numbers = np.empty(total, held.dtype) if whole else np.full(total, np.nan)
    numbers[goal] = held[source]
    return numbers


def _series(values: NDArray[Any], escaped: bool) -> Any:
    if values.dtype.kind != "O":
        return values
    return pd.Series([_text(v, escaped) if v is not None else None for v in values], dtype="string")


def _text(value: object, escaped: bool) -> str | None:
    raw = value if isinstance(value, bytes) else str(value).encode()
    try:
        text = raw.decode("unicode_escape" if escaped else "utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
    return text or None


def _experiment(top: h5py.Group) -> dict[str, str]:
    """Texts and single numbers of the run."""
    group = _group(top, "Experiment")
    if group is None:
        return {}
    found = {}
    for feature in _names(group):
        stored = None if feature in _INDEX else _stored(group, feature)
        if stored is None or not len(stored[1]):
            continue
        data, index = stored
        first, last = index[-1, 1:].tolist()
        if data.dtype.kind in "SOiuf" and data.dtype != np.uint8 and last - first == 1:
            value = data[first]
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            found[feature] = text[:_LONGEST_TEXT]
    return found


def _relationship_keys(top: h5py.Group) -> Iterator[list[str]]:
    group = _group(top, _RELATIONSHIP)
    pending: list[tuple[list[str], h5py.Group]] = [] if group is None else [([], group)]
    while pending:
        key, group = pending.pop()
        if len(key) == 4:
            yield key
            continue
        for name in _names(group):
            inner = _group(group, name)
            if inner is not None:
                pending.append(([*key, name], inner))
