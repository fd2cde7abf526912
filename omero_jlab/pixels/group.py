"""A whole image as OME-Zarr 0.4 or 0.5: its groups, arrays and chunks by their keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from ..errors import NotFound
from .reader import PixelReader
from .zarr_view import AXES, ZarrFormat, ZarrLevel

__all__ = ["ImageGroup", "NgffVersion", "ZarrImage", "check_version", "documents", "is_document"]

NgffVersion = Literal["0.4", "0.5"]
_DOCUMENTS = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}


def check_version(version: str) -> NgffVersion:
    """`version` of OME-Zarr, or `NotFound` for one that is not served."""
    for known in get_args(NgffVersion):
        if version == known:
            return known  # type: ignore[no-any-return]
    raise NotFound(f"Images are served as OME-Zarr {get_args(NgffVersion)}, not as {version!r}.")


def is_document(key: str) -> bool:
    """Whether `key` names metadata, not a chunk."""
    return key.rpartition("/")[2] in _DOCUMENTS


@dataclass(frozen=True)
class ImageGroup:
    """An image or a label image: its pixels, how many channels of them, its attributes."""

    reader: PixelReader
    channels: int
    attributes: dict[str, Any]


class ZarrImage:
    """The OME-Zarr image with the given groups by their paths; the image's own is the empty one."""

    def __init__(self, version: NgffVersion, groups: Mapping[str, ImageGroup]) -> None:
        self._version = version
        self._format: ZarrFormat = 2 if version == "0.4" else 3
        self._groups = dict(groups)

    def read(self, key: str) -> bytes | None:
        """The file `key` of the image; None where there is none, or a chunk is not stored.

        Raises
        ------
        Unreadable
            A file with pixels is missing, was changed or is damaged.
        """
        if is_document(key):
            return self._documents.get(key)
        for path in sorted(self._groups, key=len, reverse=True):
            inside = key.removeprefix(f"{path}/") if path else key
            level, _, chunk = inside.partition("/")
            if (path and inside == key) or not level.isdecimal():
                continue
            array = self.array(path, level)
            return None if array is None else array.read(chunk)
        return None

    def array(self, path: str, level: str) -> ZarrLevel | None:
        """One level of a group, named as Zarr names it."""
        group = self._groups[path]
        if level not in map(str, range(group.reader.levels)):
            return None
        return ZarrLevel(group.reader, int(level), self._format, group.channels)

    @cached_property
    def _documents(self) -> dict[str, bytes]:
        nodes: dict[str, dict[str, Any]] = {}
        arrays: dict[str, dict[str, Any]] = {}
        labels = [path.partition("/")[2] for path in self._groups if path]
        if labels:
            nodes["labels"] = {"labels": labels}
        for path, group in self._groups.items():
            nodes[path] = group.attributes
            for level in range(group.reader.levels):
                array = ZarrLevel(group.reader, level, self._format, group.channels)
                arrays[f"{path}/{level}" if path else str(level)] = array.metadata
        return documents(self._version, nodes, arrays)


def documents(
    version: NgffVersion,
    groups: Mapping[str, dict[str, Any]],
    arrays: Mapping[str, dict[str, Any]],
) -> dict[str, bytes]:
    """The metadata files of a hierarchy, the consolidated ones of its root too.

    Parameters
    ----------
    groups
        OME-Zarr attributes by the path of their group; the root is `""`.
    arrays
        Zarr's metadata by the path of the array.
    """
    if version == "0.4":
        found: dict[str, dict[str, Any]] = {}
        for path, attributes in groups.items():
            found[_join(path, ".zgroup")] = {"zarr_format": 2}
            found[_join(path, ".zattrs")] = _versioned(attributes, version)
        for path, metadata in arrays.items():
            found[_join(path, ".zarray")] = metadata
            found[_join(path, ".zattrs")] = {"_ARRAY_DIMENSIONS": AXES}
        found[".zmetadata"] = {"zarr_consolidated_format": 1, "metadata": dict(found)}
    else:
        nodes = {
            path: {
                "zarr_format": 3,
                "node_type": "group",
                "attributes": {"ome": {"version": version, **attributes}},
            }
            for path, attributes in groups.items()
        }
        inner = {path: node for path, node in nodes.items() if path} | dict(arrays)
        nodes[""]["consolidated_metadata"] = {
            "kind": "inline",
            "must_understand": False,
            "metadata": inner,
        }
        found = {_join(path, "zarr.json"): node for path, node in {**nodes, **arrays}.items()}
    # NaN is no JSON: what may be one is written as a text before.
    return {key: json.dumps(node, allow_nan=False).encode() for key, node in found.items()}


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _versioned(attributes: dict[str, Any], version: str) -> dict[str, Any]:
    """The attributes of OME-Zarr 0.4, whose parts each say which version they are of."""

    def dated(value: Any) -> Any:
        if isinstance(value, dict):
            return {**value, "version": version}
        return [dated(each) if isinstance(each, dict) else each for each in value]

    return {name: dated(value) for name, value in attributes.items()}
