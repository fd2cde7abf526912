"""Pixels and files of one image, from this machine's disk where it may be read, else by HTTP.

What is pickled finds its way by itself: on a worker that sees the same disk it reads the files,
on any other it asks the server, with a capability for this image alone.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, OmeroError, Unavailable, Unreadable
from ..model import Capability, ImagePart
from ..model.chunks import ChunkIndex, LevelLayout
from ..model.zarr import Stamp
from ..operations import AnySession
from ..pixels.decode import Pipeline
from ..pixels.group import ImageGroup, ZarrImage, check_version, is_document
from ..pixels.reader import PixelReader
from ..pixels.zarr_view import layout_of
from .renewing import Renewing
from .zarr import CapabilityFiles

__all__ = [
    "LASTS_S", "Files", "ImageFiles", "LevelPixels", "SessionFiles", "address_with_capability",
]  # fmt: skip

log = logging.getLogger(__name__)
T = TypeVar("T")
_INDEX = "index"
_FETCHERS = 8
# How often a level whose pyramid is complete is looked at: it is stored anew after a damage only.
_LOOK_S = 1.0
LASTS_S = 3600
"""How long the right to read an image holds that goes to other processes, unless it is renewed."""


class Files(Protocol):
    """The files of one image as OME-Zarr."""

    def get(self, key: str) -> bytes | None:
        """One file, or None where there is none."""
        ...


class SessionFiles:
    """The files of an image, read as the Session's user.

    Pickled, it becomes `CapabilityFiles`: no user's token leaves this process.
    """

    def __init__(self, session: AnySession, image_id: int, version: str = "0.5") -> None:
        self._session = session
        self._image_id = image_id
        self._version = version
        self._guard = threading.Lock()
        self._shared: _Shared | None = None
        self._renewing: Renewing | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        transport = getattr(self._session, "transport", None)
        if transport is not None and transport.is_delegated:
            # A worker has no more to give than what it was given.
            return SessionFiles, (self._session, self._image_id, self._version)
        return self.to_share().__reduce__()

    @property
    def can_share(self) -> bool:
        """Whether other processes reach the repository at all."""
        return self._session.address() is not None

    def get(self, key: str) -> bytes | None:
        """One file of the image, or None where there is none."""
        return self._session.zarr_file(self._image_id, key, self._version)

    def to_share(self) -> CapabilityFiles:
        """The same for other processes, for as long as this object lives, and half an hour more.

        Raises
        ------
        Invalid
            The repository is open in this process only, and nobody listens for others.
        """
        with self._guard:
            shared = self._shared
            if shared is None or not shared.is_fresh():
                url, made = address_with_capability(self._session, self._image_id, LASTS_S)
                files = CapabilityFiles(url, made.secret or "", self._image_id, self._version)
                shared = self._shared = _Shared(self._session, files, made)
                self._renewing = Renewing(shared.renew, LASTS_S / 3)
            return shared.files


class _Shared:
    """What other processes were given, and how long it holds."""

    def __init__(self, session: AnySession, files: CapabilityFiles, made: Capability) -> None:
        self._session = session
        self._made = made
        self.files = files

    def is_fresh(self) -> bool:
        """Whether it holds long enough to be handed out once more."""
        return self._made.expires_at - datetime.now(UTC) > timedelta(seconds=LASTS_S / 2)

    def renew(self) -> None:
        """Let it hold as long again."""
        self._made = self._session.zarr.renew_capability(self._made.id, LASTS_S)


def address_with_capability(
    session: AnySession, image_id: int, seconds: int = 3600
) -> tuple[str, Capability]:
    """The server's address, and a new capability with its secret.

    Raises
    ------
    Invalid
        Nobody listens for other processes.
    """
    url = session.address()
    if url is None:
        raise Invalid(
            "This repository is open in this process only, where no other reaches it: open it "
            "with omero_jlab.connect()."
        )
    return url, session.zarr.add_capability(image_id, seconds)


class LevelPixels:
    """Reads planes of one level of an image: what the blocks of `Image.dask` are made with.

    `part` says where its files lie, for whoever may read them; `files` is for everybody else.
    """

    def __init__(
        self,
        files: Files | None,
        level: int,
        layout: LevelLayout,
        part: ImagePart | None,
        group: str = "",
    ) -> None:
        self._files = files
        self._level = level
        self._layout = layout
        self._part = part
        self._group = group

    def __reduce__(self) -> tuple[Any, ...]:
        files = self._files
        if isinstance(files, SessionFiles) and self._part is not None and not files.can_share:
            files = None
        return (LevelPixels, (files, self._level, self._layout, self._part, self._group))

    def __call__(
        self, t: int, c: int, z: int, y: int, x: int, height: int, width: int
    ) -> NDArray[Any]:
        """The pixels, shape (height, width)."""
        reader = None if self._part is None else _reader_of(self._part)
        if reader is not None:
            try:
                return reader.region(self._level, t, c, z, y, x, height, width)
            except Unreadable as error:
                if self._files is None:
                    raise
                log.info("asking the repository for what cannot be read here: %s", error)
        if self._files is None:
            raise Unreadable("The files of this image are not on this machine.")
        return self._fetched(self._files, (t, c, z), y, x, height, width)

    @classmethod
    def of(
        cls,
        session: AnySession,
        image_id: int,
        level: int,
        direct: bool = True,
        group: str = "",
    ) -> LevelPixels:
        """The pixels of a level of an image that the Session's user may see.

        `group` names a label image over it, such as `labels/nuclei`.
        """
        files = SessionFiles(session, image_id)
        document = files.get(f"{_inside(group)}{level}/zarr.json")
        if document is None:
            raise Invalid(f"Image {image_id} has no level {_inside(group)}{level}.")
        part = None
        if direct:
            part = next((p for p in session.zarr.parts(image_id) or () if p.path == group), None)
            if part is not None and _reader_of(part) is None:
                part = None
        return cls(files, level, layout_of(json.loads(document)), part, group)

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Sizes along TCZYX."""
        t, c, z, y, x = self._layout.shape[:5]
        return (t, c, z, y, x)

    @property
    def chunk(self) -> tuple[int, int]:
        """Height and width of what is stored, or sent, as one piece."""
        part = None if self._part is None else _reader_of(self._part)
        chunk = self._layout.chunk if part is None else part.level(self._level).layout.chunk
        return chunk[3], chunk[4]

    def _fetched(
        self, files: Files, plane: tuple[int, int, int], y: int, x: int, height: int, width: int
    ) -> NDArray[Any]:
        """The pixels by HTTP, all in one layout: levels may be stored anew meanwhile."""
        while True:
            layout = self._layout
            try:
                found = self._fetched_as(layout, files, plane, y, x, height, width)
            except Unreadable:
                if self._layout_now(files) == layout:
                    raise
                continue
            if self._layout_now(files) == layout:
                return found

    def _layout_now(self, files: Files) -> LevelLayout:
        document = files.get(f"{_inside(self._group)}{self._level}/zarr.json")
        if document is None:
            raise Unavailable(
                f"Level {self._level} of the image is being made again: try again in a moment."
            )
        self._layout = layout_of(json.loads(document))
        return self._layout

    def _fetched_as(
        self,
        layout: LevelLayout,
        files: Files,
        plane: tuple[int, int, int],
        y: int,
        x: int,
        height: int,
        width: int,
    ) -> NDArray[Any]:
        pipeline = Pipeline(layout)
        dtype = pipeline.stored.newbyteorder("=")
        kt, kc, kz, ky, kx, _ = layout.chunk
        t, c, z = plane
        inside = (t % kt, c % kc, z % kz)
        out = np.empty((height, width), dtype)

        def fill(place: tuple[int, int]) -> None:
            row, column = place
            top, left = row * ky, column * kx
            y0, y1 = max(y, top), min(y + height, top + ky)
            x0, x1 = max(x, left), min(x + width, left + kx)
            target = out[y0 - y : y1 - y, x0 - x : x1 - x]
            at = f"{t // kt}/{c // kc}/{z // kz}/{row}/{column}"
            key = f"{_inside(self._group)}{self._level}/c/{at}"
            data = files.get(key)
            if data is None:
                target[...] = layout.fill
                return
            pixels = pipeline.decode(data, layout.chunk)[inside][..., 0]
            target[...] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]

        rows = range(y // ky, (y + height - 1) // ky + 1)
        columns = range(x // kx, (x + width - 1) // kx + 1)
        _at_once(fill, [(row, column) for row in rows for column in columns])
        return out


def _inside(group: str) -> str:
    return f"{group}/" if group else ""


class ImageFiles:
    """The files of an image as OME-Zarr: metadata asked for, chunks read where they lie.

    Levels that are stored anew may have other chunks than those that were told: a chunk of
    another layout is never given out, nor where that cannot be seen from what was told.
    """

    def __init__(
        self,
        files: Files,
        version: str = "0.5",
        parts: tuple[ImagePart, ...] = (),
        told: tuple[tuple[str, bytes], ...] = (),
        is_settled: bool = False,
    ) -> None:
        self._is_settled = is_settled
        self._files = files
        self._version = version
        self._parts = parts
        self._told = dict(told)
        self._looked: dict[str, float] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        told = tuple(self._told.items())
        return (ImageFiles, (self._files, self._version, self._parts, told, self._is_settled))

    def get(self, key: str) -> bytes | None:
        """One file of the image, or None where there is none.

        Raises
        ------
        Unavailable
            The level was stored anew since its metadata was read.
        """
        if not is_document(key):
            found = self._read_here(key)
            if found is not None:
                return found[0]
        data = self._files.get(key)
        if not is_document(key):
            self._check(key)
        elif data is not None:
            self._told[key] = data
        return data

    def _check(self, key: str) -> None:
        level, is_chunk, _ = key.partition("/c/")
        told = self._layout_told(level) if is_chunk else None
        if told is None:
            return
        document = f"{level}/zarr.json"
        time_s = time.monotonic()
        if time_s - self._looked.get(document, -_LOOK_S) < _LOOK_S and self._is_settled:
            return
        now = self._files.get(document)
        if now is None or layout_of(json.loads(now)) != told:
            raise Unavailable(
                f"Level {level} of the image was stored anew, in other chunks, since this array "
                f"was opened: open it again with image.zarr(); image.dask() goes on by itself."
            )
        self._looked[document] = time_s

    def _layout_told(self, level: str) -> LevelLayout | None:
        """The layout of a level as its own metadata told it, or that of the whole group."""
        own = self._told.get(f"{level}/zarr.json")
        if own is not None:
            return layout_of(json.loads(own))
        whole = json.loads(self._told.get("zarr.json", b"{}"))
        node = whole.get("consolidated_metadata", {}).get("metadata", {}).get(level)
        return None if node is None else layout_of(node)

    def _read_here(self, key: str) -> tuple[bytes | None] | None:
        """A chunk from the files that lie here; None where they cannot be read."""
        for part in self._parts:
            if not key.startswith(f"{part.path}/" if part.path else tuple("0123456789")):
                continue
            reader = _reader_of(part)
            if reader is None:
                break
            group = ImageGroup(reader, part.channels, {})
            try:
                read = ZarrImage(check_version(self._version), {part.path: group}).read
                return (read(key),)
            except Unreadable as error:
                log.info("asking the repository for what cannot be read here: %s", error)
        return None

    @classmethod
    def of(cls, session: AnySession, image_id: int, version: str = "0.5") -> ImageFiles:
        """The files of an image that the Session's user may see."""
        files = SessionFiles(session, image_id, check_version(version))
        is_settled = session.images.get(image_id).pyramid != "wanted"
        parts = session.zarr.parts(image_id) or ()
        here = tuple(part for part in parts if _reader_of(part) is not None)
        return cls(files, version, here, is_settled=is_settled)


def _reader_of(part: ImagePart) -> PixelReader | None:
    """A reader of the very files that `part` names, where this process sees them."""
    path = Path(part.roots["pixels"]) / _INDEX
    try:
        state = path.stat()
    except OSError:
        return None
    found = Stamp(size=state.st_size, mtime_ns=state.st_mtime_ns, inode=state.st_ino)
    if found != part.index:
        return None
    return _opened(path, found, tuple(sorted(part.roots.items())))


@lru_cache(maxsize=64)
def _opened(path: Path, stamp: Stamp, roots: tuple[tuple[str, str], ...]) -> PixelReader | None:
    folders = {name: Path(folder) for name, folder in roots}
    try:
        return PixelReader(ChunkIndex.from_bytes(path.read_bytes()), folders)
    except (OSError, OmeroError) as error:
        log.info("%s cannot be read here: %s", path, error)
        return None


_guard = threading.Lock()
_pool: list[ThreadPoolExecutor] = []


def _at_once(work: Callable[[T], None], items: Iterable[T]) -> None:
    """`work` on every item, several at once: most of the time goes into waiting for answers."""
    todo = list(items)
    if len(todo) == 1:
        work(todo[0])
        return
    with _guard:
        if not _pool:
            _pool.append(ThreadPoolExecutor(_FETCHERS, "omero-jlab-fetch"))
    for _ in _pool[0].map(work, todo):
        pass


def _forget_pool() -> None:
    global _guard
    # A forked child has the pool, but not its threads.
    _guard = threading.Lock()
    _pool.clear()


os.register_at_fork(after_in_child=_forget_pool)
