"""An image's files as a store of zarr-python, which reads only."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Protocol

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import Buffer, BufferPrototype

from .zarr_view import layout_of

__all__ = ["Files", "ImageStore"]

_REFUSAL = "An image is read here, not written: write a new one with repo.save_image()."


class Files(Protocol):
    """The files of one image as OME-Zarr 0.5."""

    def get(self, key: str) -> bytes | None:
        """One file, or None where there is none."""
        ...


class ImageStore(Store):
    """The files of an image; it can be pickled wherever they can."""

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, files: Files) -> None:
        super().__init__(read_only=True)
        self._files = files
        self._nodes: dict[str, dict[str, Any]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (ImageStore, (self._files,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageStore) and other._files is self._files

    def __hash__(self) -> int:
        return id(self._files)

    def __repr__(self) -> str:
        return f"<ImageStore of {self._files!r}>"

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """A file, or a part of it; None where there is none."""
        data = await asyncio.to_thread(self._files.get, key)
        if data is None:
            return None
        return prototype.buffer.from_bytes(_part(data, byte_range))

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Parts of several files."""
        return list(
            await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges))
        )

    async def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return await asyncio.to_thread(self._files.get, key) is not None

    async def list(self) -> AsyncIterator[str]:
        """All keys, those of chunks with nothing stored in them too."""
        for key in await asyncio.to_thread(lambda: [*self._keys()]):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """The keys that begin with `prefix`."""
        async for key in self.list():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names directly below `prefix`."""
        folder = prefix.rstrip("/")
        inside = f"{folder}/" if folder else ""
        seen = set()
        nodes = await asyncio.to_thread(self._described)
        is_chunks = any(inside.startswith(f"{path}/c/") for path in nodes if path)
        keys = [f"{path}/zarr.json" if path else "zarr.json" for path in nodes]
        keys += [f"{path}/c/0" for path, node in nodes.items() if node["node_type"] == "array"]
        for key in [*self._keys()] if is_chunks else keys:
            name = key.removeprefix(inside).partition("/")[0]
            if key.startswith(inside) and name not in seen:
                seen.add(name)
                yield name

    async def set(self, key: str, value: Buffer) -> None:
        """Refused."""
        raise PermissionError(_REFUSAL)

    async def delete(self, key: str) -> None:
        """Refused."""
        raise PermissionError(_REFUSAL)

    def _described(self) -> dict[str, dict[str, Any]]:
        if self._nodes is None:
            root = json.loads(self._files.get("zarr.json") or b"{}")
            inner = root.get("consolidated_metadata", {}).get("metadata", {})
            self._nodes = {"": root, **inner}
        return self._nodes

    def _keys(self) -> Iterator[str]:
        for path, node in self._described().items():
            prefix = f"{path}/" if path else ""
            yield f"{prefix}zarr.json"
            if node["node_type"] == "array":
                grid = layout_of(node).grid[:5]
                for place in itertools.product(*map(range, grid)):
                    yield f"{prefix}c/{'/'.join(map(str, place))}"


def _part(data: bytes, asked: ByteRequest | None) -> bytes:
    if isinstance(asked, RangeByteRequest):
        return data[asked.start : asked.end]
    if isinstance(asked, OffsetByteRequest):
        return data[asked.offset :]
    if isinstance(asked, SuffixByteRequest):
        return data[-asked.suffix :] if asked.suffix else b""
    return data
