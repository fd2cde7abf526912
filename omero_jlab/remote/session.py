"""A Session whose repository is in another process, perhaps on another machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid, Newer
from ..model import (
    Attached,
    Image,
    Labels,
    NewRoi,
    OriginalFile,
    Picture,
    Placement,
    Projection,
    Provenance,
    Record,
    Settings,
    Spacing,
    Status,
    TargetKind,
    Tile,
)
from ..operations import (
    API_VERSION,
    FAMILIES,
    Accounts,
    Admin,
    Annotations,
    Browse,
    Containers,
    Delegations,
    Exchange,
    Folders,
    Gates,
    Graph,
    Images,
    Ingest,
    Jobs,
    Operation,
    Runs,
    Search,
    SentTile,
    Server,
    Shapes,
    Streams,
    Tables,
    Uploads,
    Zarr,
)
from . import wire
from .families import family
from .rows import RemoteRows
from .transport import Body, Transport, is_loopback
from .uploading import Uploading
from .zarr import zarr_file

__all__ = ["RemoteSession", "log_in"]

R = TypeVar("R")
T = TypeVar("T")


def log_in(url: str, user: str, password: str) -> str:
    """A token for `user` of the server at `url`.

    Raises
    ------
    Unauthenticated
        Name and password do not belong together.
    """
    transport = Transport(url, None)
    body = json.dumps({"name": user, "password": password}).encode()
    try:
        _, answer = transport.fetch("POST", "login", body=lambda: (body,))
    finally:
        transport.close()
    return str(json.loads(answer)["token"])


class RemoteSession(RemoteRows, Streams):
    """The repository of the server at `url` as the owner of `token` sees it.

    Threads may share it; pickled, it carries address, token and group only.
    """

    server: Server
    jobs: Jobs
    accounts: Accounts
    browse: Browse
    containers: Containers
    graph: Graph
    images: Images
    shapes: Shapes
    folders: Folders
    annotations: Annotations
    tables: Tables
    gates: Gates
    exchange: Exchange
    search: Search
    ingest: Ingest
    admin: Admin
    uploads: Uploads
    zarr: Zarr
    runs: Runs
    delegations: Delegations

    patience_s = 60.0
    """For how long an upload waits for a server that has gone."""

    def __init__(
        self,
        url: str | Transport,
        token: str | None = None,
        group: str | int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.transport = url if isinstance(url, Transport) else Transport(url, token)
        self.group = group
        self.request_id = request_id
        for name in FAMILIES:
            setattr(self, name, family(self, name))

    def __reduce__(self) -> tuple[type[RemoteSession], tuple[Any, ...]]:
        return RemoteSession, (self.transport, None, self.group, self.request_id)

    def __repr__(self) -> str:
        return f"<RemoteSession {self.transport.url}>"

    def handshake(self) -> Status:
        """Which repository answers.

        Raises
        ------
        Newer
            Client and server do not speak the same version of the interface.
        """
        _, answer = self.transport.fetch("GET", "status", group=self.group)
        # The version is looked at first: another one may have other fields.
        version = json.loads(answer).get("api_version")
        if version != API_VERSION:
            newer = (
                "this environment"
                if isinstance(version, int) and version > API_VERSION
                else ("the server")
            )
            raise Newer(
                f"{self.transport.url} speaks version {version} of the interface, this "
                f"environment version {API_VERSION}: update omero-jlab in {newer}."
            )
        return Status.model_validate_json(answer)

    def in_group(self, group: str | int) -> RemoteSession:
        """The same user's Session that creates in another group."""
        return RemoteSession(self.transport, group=group, request_id=self.request_id)

    def address(self) -> str | None:
        """The server's address."""
        return self.transport.url

    def close(self) -> None:
        """Close the connections to the server."""
        self.transport.close()

    def call(self, operation: Operation, **arguments: Any) -> Any:
        """Send a catalogued operation and convert its answer."""
        request = operation.request(**arguments)
        answer = self.transport.operate(request, self.group, self.request_id)
        return operation.result.validate_json(answer)

    def thumbnail(self, image_id: int, size: int = 128) -> bytes:
        """A JPEG no larger than `size` pixels a side."""
        return self._get(f"images/{image_id}/thumbnail", size=size)[1]

    def tile(
        self,
        image_id: int,
        tile: Tile,
        settings: Settings | None = None,
        format: str = "jpeg",
        projection: Projection | None = None,
    ) -> bytes:
        """A rendered tile as `jpeg`, `png` or `webp`."""
        path = f"images/{image_id}/tiles/{_place(tile)}"
        asked = {"format": format, "settings": settings, "projection": projection}
        return self._get(path, size=tile.size, **asked)[1]

    def raw_tile(self, image_id: int, tile: Tile, channels: Sequence[int]) -> NDArray[Any]:
        """A tile's pixels, shape (C, height, width), cut at the image's edge."""
        wanted = ",".join(str(int(c)) for c in channels)
        path = f"images/{image_id}/raw/{_place(tile)}"
        return self._array(path, size=tile.size, channels=wanted)

    def sent_tile(
        self, image_id: int, tile: Tile, channels: Sequence[int], encodings: Collection[str] = ()
    ) -> SentTile:
        """A tile's pixels as bytes; what was coded on the way is decoded."""
        found = wire.as_sent(self.raw_tile(image_id, tile, channels))
        return SentTile(found.tobytes(), found.shape, found.dtype.newbyteorder("<").str)

    def region(
        self,
        image_id: int,
        level: int,
        t: int,
        c: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
    ) -> NDArray[Any]:
        """Pixels of one plane, shape (height, width)."""
        where = {"level": level, "t": t, "c": c, "z": z, "y": y, "x": x}
        return self._array(f"images/{image_id}/region", **where, height=height, width=width)

    def render(
        self,
        image_id: int,
        level: int,
        t: int,
        z: int,
        y: int,
        x: int,
        height: int,
        width: int,
        settings: Settings | None = None,
        projection: Projection | None = None,
    ) -> NDArray[np.uint8]:
        """A rendered region, shape (height, width, 3)."""
        where = {"level": level, "t": t, "z": z, "y": y, "x": x, "height": height, "width": width}
        drawn = {"settings": settings, "projection": projection, "format": "raw"}
        return self._array(f"images/{image_id}/render", **where, **drawn)

    def project(
        self,
        image_id: int,
        projection: Projection,
        channels: Sequence[int] | None = None,
        t: int = 0,
        z: int = 0,
        level: int = 0,
        y: int = 0,
        x: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> NDArray[Any]:
        """Projected pixels, shape (C, height, width); the whole plane unless a part is named."""
        where = {"level": level, "t": t, "z": z, "y": y, "x": x, "height": height, "width": width}
        wanted = None if channels is None else ",".join(str(int(c)) for c in channels)
        path = f"images/{image_id}/projection"
        return self._array(path, projection=projection, channels=wanted, **where)

    def picture(self, image_id: int, picture: Picture | None = None) -> bytes:
        """A picture of the image as a file: a region at any size, panels, a scale bar, labels."""
        asked = Picture() if picture is None else picture
        fields = {name: getattr(asked, name) for name in asked.model_fields_set}
        return self._get(f"images/{image_id}/picture", **fields)[1]

    def labels_tile(self, labels_id: int, tile: Tile) -> NDArray[np.uint32]:
        """A tile of a label image in the grid of its image, shape (height, width)."""
        return self._array(f"labels/{labels_id}/raw/{_place(tile)}", size=tile.size)

    def labels_region(
        self, labels_id: int, t: int, z: int, y: int, x: int, height: int, width: int
    ) -> NDArray[np.uint32]:
        """A region of a label image in its own pixels, shape (height, width)."""
        where = {"t": t, "z": z, "y": y, "x": x, "height": height, "width": width}
        return self._array(f"labels/{labels_id}/region", **where)

    def zarr_file(self, image_id: int, key: str, version: str = "0.5") -> bytes | None:
        """A file of the image as OME-Zarr; None for a chunk that is not stored, or no file."""
        return self._zarr(f"zarr/{version}/images/{image_id}.zarr/{key}")

    def zarr_plate_file(self, plate_id: int, key: str, version: str = "0.5") -> bytes | None:
        """A file of a plate as OME-Zarr: its own, those of its wells and of their images."""
        return self._zarr(f"zarr/{version}/plates/{plate_id}.zarr/{key}")

    def add_labels(
        self,
        image_id: int,
        name: str,
        labels: Any,
        placement: Placement | None = None,
        provenance: Provenance | None = None,
    ) -> Labels:
        """Attach a label image: array (Y, X), (Z, Y, X) or (T, Z, Y, X) of integers ≥ 0."""
        array = labels if hasattr(labels, "dask") else np.asarray(labels)
        header = wire.NewLabels(
            name=name, placement=placement, provenance=provenance, array=wire.form_of(array)
        )
        path = f"images/{image_id}/labels"
        return self._post(path, Labels, lambda: wire.framed(header, wire.blocks(array)))

    def add_rois(self, image_id: int, rois: Sequence[NewRoi], folder: str = "") -> tuple[int, ...]:
        """Put regions on an image, all or none; answers their ids in the order given."""
        from .rois import NewRois, roi_pieces

        header, every = NewRois(folder=folder), tuple(rois)
        return self._post(
            f"images/{image_id}/rois/many",
            tuple[int, ...],
            lambda: wire.framed(header, roi_pieces(every)),
        )

    def add_image(
        self,
        array: Any,
        name: str,
        dataset: str | None = None,
        project: str | None = None,
        like: int | None = None,
        channels: Sequence[str] | None = None,
        spacing: Spacing | None = None,
    ) -> Image:
        """Write a TCZYX array (numpy, dask) as a new image; `like` gives what is not said."""
        pixels = array if hasattr(array, "dask") else np.asarray(array)
        header = wire.NewImage(
            name=name,
            dataset=dataset,
            project=project,
            like=like,
            channels=None if channels is None else tuple(channels),
            spacing=spacing,
            array=wire.form_of(pixels),
        )
        return self._post("images", Image, lambda: wire.framed(header, wire.blocks(pixels)))

    def add_file(
        self,
        kind: TargetKind,
        id: int,
        path: Path,
        name: str | None = None,
        namespace: str = "",
    ) -> Attached:
        """Attach a file of the caller's disk."""
        path = _readable(path)
        header = wire.NewFile(name=name or path.name, namespace=namespace, size=path.stat().st_size)
        return self._post(f"objects/{kind}/{id}/files", Attached, _file(header, path))

    def upload(
        self,
        path: Path,
        progress: Callable[[int, int], object] | None = None,
        only: Collection[Path] | None = None,
    ) -> str:
        """Bring a file or folder of the caller's disk to the repository's machine.

        Answers the path that an import there may name; on the same disk, that is the path itself.
        Interrupted, it goes on with what is missing when it is called again.  Of a folder, these
        files `only` are sent.
        """
        path = Path(path).absolute()
        if self.sees(path):
            return str(path)
        return Uploading(self, progress, self.patience_s).send(path, only)

    def sees(self, path: Path) -> bool:
        """Whether the server can read this very file or folder of the caller's disk."""
        if not is_loopback(self.transport.url) or not path.exists():
            return False
        found = path.stat()
        _, answer = self._get("same-disk", path=str(path), device=found.st_dev, inode=found.st_ino)
        return bool(json.loads(answer))

    def file(self, file_id: int) -> tuple[OriginalFile, Iterator[bytes]]:
        """A file's record and its bytes, in pieces of at most 1 MB."""
        _, answer = self._get(f"files/{file_id}")
        return OriginalFile.model_validate_json(answer), self._content(file_id)

    def _content(self, file_id: int) -> Iterator[bytes]:
        with self.transport.answer("GET", f"files/{file_id}/content", group=self.group) as answer:
            yield from self.transport.pieces(answer)

    def _zarr(self, path: str) -> bytes | None:
        return zarr_file(self.transport, path)

    def _array(self, where: str, /, **query: Any) -> NDArray[Any]:
        return wire.array_from(*self._get(where, **query))


def _place(tile: Tile) -> str:
    return f"{tile.level}/{tile.t}/{tile.z}/{tile.row}/{tile.column}"


def _readable(path: Path) -> Path:
    path = Path(path).absolute()
    if not path.is_file():
        raise Invalid(f"There is no file at {path}.")
    return path


def _file(header: Record, path: Path) -> Body:
    def body() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from wire.framed(header, iter(lambda: file.read(wire.PIECE), b""))

    return body
