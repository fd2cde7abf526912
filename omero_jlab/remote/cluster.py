"""Pyramids with the help of a Dask cluster: called by name in the process of a job.

Workers read an image where they see its files, and else ask the server with a capability for this
image alone; they answer encoded chunks, which this process writes.  They need this package.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import OmeroError, Unavailable
from ..model import ImagePart
from ..model.chunks import ChunkIndex, LevelLayout
from ..model.zarr import Stamp
from ..pixels import PixelReader, build_pyramid
from ..pixels.blocks import Elsewhere
from ..pixels.zarr_view import layout_of
from .pixels import LevelPixels
from .zarr import CapabilityFiles

__all__ = ["pixels_for_workers", "pyramid_on_cluster", "threads_of_cluster"]

log = logging.getLogger(__name__)

_PATIENCE_S = 15
_LOOK_S = 2


def threads_of_cluster(
    _tell: Callable[[int, int], None], _cancelled: Callable[[], bool], cluster: str
) -> bytes:
    """How many threads the workers of a cluster have, as JSON.

    Raises
    ------
    Unavailable
        Nobody answers at `cluster`, it has no workers, or `distributed` is not installed.
    """
    with _connected(cluster) as client:
        count = sum(client.nthreads().values())
    if not count:
        raise Unavailable(f"The Dask cluster at {cluster} has no workers: start some.")
    return json.dumps(count).encode()


def pyramid_on_cluster(
    tell: Callable[[int, int], None],
    cancelled: Callable[[], bool],
    index: str,
    roots: dict[str, str],
    folder: str,
    cluster: str,
    threads: int,
    reach: tuple[str, str, int] | None,
) -> bytes:
    """As `pixels.in_process.pyramid_in_process`, with so many threads of a cluster.

    `reach` is the server's address for the workers, the secret of a capability and the image's
    id; without it workers must see the same disk.  What they cannot do is done here.
    """
    path = Path(index)
    reader = PixelReader(
        ChunkIndex.from_bytes(path.read_bytes()), {name: Path(root) for name, root in roots.items()}
    )
    state = path.stat()
    part = ImagePart(
        path="",
        channels=reader.sizes()[1],
        attributes={},
        roots=roots,
        index=Stamp(size=state.st_size, mtime_ns=state.st_mtime_ns, inode=state.st_ino),
    )
    files = None if reach is None else CapabilityFiles(*reach)
    try:
        with _connected(cluster) as client:

            def elsewhere(level: int) -> Elsewhere | None:
                try:
                    pixels = pixels_for_workers(files, level, reader.level(level).layout, part)
                except OmeroError as error:
                    log.warning("the levels are made here, for workers could not read: %s", error)
                    return None

                def submit(function: Callable[..., Any], *args: Any) -> Any:
                    try:
                        return client.submit(function, pixels, *args, pure=False)
                    # Whatever a client raises that has lost its scheduler.
                    except Exception as error:  # noqa: BLE001
                        failed: Future[Any] = Future()
                        failed.set_exception(error)
                        return failed

                return Elsewhere(submit, 2 * threads, _Presence(client).is_there)

            made = build_pyramid(reader, Path(folder), tell, cancelled, elsewhere)
            return made.to_bytes()
    finally:
        reader.close()


class _Presence:
    """Whether a cluster has workers; one that lost them all may get others in a moment."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._asked = self._seen = time.monotonic()
        self._gone = False

    def is_there(self) -> bool:
        """False from the moment on that nobody has been there for a while."""
        now = time.monotonic()
        if self._gone or now - self._asked < _LOOK_S:
            return not self._gone
        self._asked = now
        if self._workers():
            self._seen = now
        elif now - self._seen > _PATIENCE_S:
            log.warning(
                "the Dask cluster has had no workers for %s seconds: the rest of the levels is "
                "made here",
                _PATIENCE_S,
            )
            self._gone = True
        return not self._gone

    def _workers(self) -> int:
        try:
            return len(self._client.nthreads())
        # Whatever a client raises that has lost its scheduler.
        except Exception:  # noqa: BLE001
            return 0


def pixels_for_workers(
    files: CapabilityFiles | None, level: int, layout: LevelLayout, part: ImagePart | None
) -> LevelPixels:
    """Reads a level: the files in `part` where they are seen, else `files` by HTTP."""
    document = None if files is None else files.get(f"{level}/zarr.json")
    if document is not None:
        layout = layout_of(json.loads(document))
    return LevelPixels(files, level, layout, part)


@contextmanager
def _connected(cluster: str) -> Iterator[Any]:
    _check_listening(cluster)
    try:
        from distributed import Client
    except ImportError as error:
        raise Unavailable(
            "A Dask cluster needs the package distributed: install it, or take `address` out of "
            "`[dask]` in config.toml."
        ) from error
    try:
        make: Any = Client
        client = make(cluster, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise Unavailable(f"The Dask cluster at {cluster} does not answer: {error}.") from error
    with client:
        yield client


def _check_listening(cluster: str) -> None:
    """Raise `Unavailable` where nobody listens: a client of Dask would go on trying."""
    parts = urlsplit(cluster)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not parts.port:
        return
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=_PATIENCE_S).close()
    except OSError as error:
        raise Unavailable(f"The Dask cluster at {cluster} does not answer: {error}.") from error
