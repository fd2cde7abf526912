"""Arrays in foreign Zarr stores (versions 2 and 3, OME-Zarr), read inside of a confined process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import Unreadable
from .axes import ORDER, from_axistags

__all__ = ["describe_zarr", "open_zarr"]

_MOST_ARRAYS = 1_000
_DEEPEST = 4


def describe_zarr(place: Path) -> list[list[Any]]:
    """Name, shape, dtype and axes of each array of numbers; of a pyramid its largest level."""
    return [
        [name, list(array.shape), array.dtype.str, axes]
        for name, array, axes in _arrays(place)
        if array.dtype.kind in "biuf" and array.ndim >= 2
    ]


def open_zarr(place: Path, name: str) -> Any:
    """The array `name` of the store, to be sliced.

    Raises
    ------
    Unreadable
        There is none of that name, or the store is damaged.
    """
    for found, array, _ in _arrays(place):
        if found == name:
            return array
    raise Unreadable(f"{place.name} has no array {name!r}.")


def _arrays(place: Path) -> Iterator[tuple[str, Any, str]]:
    import zarr

    try:
        store = zarr.storage.LocalStore(place, read_only=True)
        yield from _inside(zarr.open(store=store, mode="r"), "", 0)
    # zarr raises what its codecs and parsers do, of every kind.
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, AttributeError) as error:
        text = " ".join(str(error).split())[:200]
        raise Unreadable(f"{place.name} cannot be read as Zarr: {text}") from error


def _inside(node: Any, name: str, depth: int) -> Iterator[tuple[str, Any, str]]:
    if hasattr(node, "shape"):
        yield name, node, _axes(node.attrs, node)
        return
    said = _multiscale(node.attrs)
    if said:
        path, axes = said
        array = node[path]
        yield f"{name}/{path}".strip("/"), array, axes if len(axes) == array.ndim else ""
        return
    if depth >= _DEEPEST:
        return
    for number, (key, member) in enumerate(sorted(node.members())):
        if number >= _MOST_ARRAYS:
            return
        yield from _inside(member, f"{name}/{key}".strip("/"), depth + 1)


def _multiscale(attributes: Mapping[str, Any]) -> tuple[str, str] | None:
    """The path and axes of the largest level, where a group is an OME-Zarr image."""
    inner = attributes.get("ome")
    listed = (inner if isinstance(inner, dict) else attributes).get("multiscales")
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], dict):
        return None
    sets = listed[0].get("datasets")
    if not isinstance(sets, list) or not sets or not isinstance(sets[0], dict):
        return None
    axes = listed[0].get("axes")
    names = [a.get("name") if isinstance(a, dict) else a for a in axes or ()]
    return str(sets[0].get("path")), "".join(n if n in tuple(ORDER) else "?" for n in names)


def _axes(attributes: Mapping[str, Any], array: Any) -> str:
    said = attributes.get("axistags")
    axes = from_axistags(said) if isinstance(said, str) else ""
    names = attributes.get("_ARRAY_DIMENSIONS")
    if not axes and isinstance(names, list):
        axes = "".join(n if n in tuple(ORDER) else "?" for n in names)
    return axes if len(axes) == array.ndim else ""
