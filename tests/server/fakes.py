"""A repository in memory with a few operations, for what real ones do too seldom or too fast."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from omero_jlab.errors import Conflict, Denied, NotFound
from omero_jlab.model import (
    Attached,
    Channel,
    ChannelSettings,
    FileAnnotation,
    Group,
    GroupType,
    Health,
    Image,
    Labels,
    Level,
    OriginalFile,
    Placement,
    Project,
    Rights,
    Selection,
    Settings,
    Sizes,
    Status,
    TableChange,
    TableInfo,
    Token,
    User,
)
from omero_jlab.operations import API_VERSION, SentTile
from omero_jlab.operations.paging import EVERYTHING
from omero_jlab.repository.imports.uploads import Uploads as OwnUploads
from omero_jlab.storage import Layout, UploadLimits, Uploads, space
from omero_jlab.tables import (
    TableView,
    columns_of,
    csv_pieces,
    parquet_pieces,
    write_segment,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNED = {
    "version": 1, "owner_id": 1, "group_id": 1, "created_at": NOW, "updated_at": NOW,
    "rights": Rights(),
}  # fmt: skip
CONTENT = b"0123456789" * 300_000


class FakeStore:
    """One image (id 1, five channels), projects, a table, a file, accounts `ada` and `root`."""

    tier = "personal"
    local_user = "root"
    uuid = "5ba7f0f1-31a5-4b9a-9f1b-2a8a5b0a3c11"

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.layout = Layout(root)
        self.uploads = Uploads(self.layout, UploadLimits(), lambda: space(root).free)
        self.disk = SimpleNamespace(check_place=lambda: None)
        self.passwords = {"ada": "lovelace"}
        self.tokens = {"token-of-ada": "ada"}
        self.projects: list[Project] = []
        self.applied: dict[str, Project] = {}
        self.calls: list[str] = []
        self.version = 1
        self.pixels = np.arange(5 * 64 * 64, dtype="<u2").reshape(5, 64, 64)
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.closed = False
        self.made: dict[str, Any] = {}

    def session(
        self,
        user: str | None = None,
        group: Any = None,
        request_id: str | None = None,
        shares_disk: bool = True,
    ) -> Any:
        name = user or self.local_user
        if name not in ("root", "ada"):
            raise Denied(f"There is no account {name!r} here.")
        return FakeSession(self, name, group, request_id)

    def user_of_token(self, secret: str) -> str | None:
        return self.tokens.get(secret)

    def delegated_session(self, secret: str, group: Any = None, request_id: Any = None) -> None:
        return None

    zarr_origins = ("*",)

    def grant_of(self, secret: str) -> tuple[str, int] | None:
        return None

    def check_password(self, name: str, password: str) -> str | None:
        return name if self.passwords.get(name) == password else None

    def check_writable(self, what: str = "rows") -> None:
        """It always is."""

    def disk_failed(self, error: Exception) -> bool:
        return False

    def close(self) -> None:
        self.uploads.close()
        self.closed = True


class FakeSession:
    def __init__(self, store: FakeStore, user: str, group: Any, request_id: str | None) -> None:
        self.store, self.user, self.group, self.request_id = store, user, group, request_id
        self.server = SimpleNamespace(status=self._status)
        self.access = SimpleNamespace(actor=SimpleNamespace(user_name=user))
        self.uploads = OwnUploads(self)  # type: ignore[arg-type]
        self.images = SimpleNamespace(get=self._image, settings=self._settings)
        self.containers = SimpleNamespace(
            add_project=self._add_project, projects=lambda name=None: tuple(store.projects)
        )
        self.graph = SimpleNamespace(update=self._update)
        self.accounts = SimpleNamespace(add_token=self._add_token)
        self.annotations = SimpleNamespace(get=lambda annotation_id: self._labels("seen"))

    def call(self, operation: Any, **arguments: Any) -> Any:
        self.store.calls.append(f"{operation.family}.{operation.name}")
        return getattr(getattr(self, operation.family), operation.name)(**arguments)

    def repeated(self) -> str | None:
        return None

    def _status(self) -> Status:
        user = User(id=1 if self.user == "root" else 2, name=self.user)
        name = self.group if isinstance(self.group, str) else "own"
        group = Group(id=1, name=name, type=GroupType.PRIVATE)
        return Status(
            repository=self.store.uuid, api_version=API_VERSION, version="0", tier="personal",
            user=user, group=group, groups=(group,),
            health=Health(writable=True, bytes_free=1, bytes_total=2),
        )  # fmt: skip

    def _image(self, image_id: int) -> Image:
        self.store.calls.append("image")
        self.store.may_go_on.wait(20)
        if (image_id == 2 and self.user != "root") or image_id > 2:
            raise NotFound(f"There is no image {image_id}, or you may not see it.")
        channel = Channel(name="c", color="FFFFFF", window_start=float("nan"), window_end=1.0)
        return Image(
            id=image_id, name="cells", sizes=Sizes(t=1, c=5, z=1, y=64, x=64), dtype="uint16",
            is_rgb=False, channels=(channel,) * 5, levels=(Level(height=64, width=64),),
            format="fake", **{**OWNED, "version": self.store.version},
        )  # fmt: skip

    def _settings(self, image_id: int) -> Settings:
        return Settings(channels=(ChannelSettings(start=0, end=1),))

    def _add_project(self, name: str, description: str = "") -> Project:
        if self.request_id in self.store.applied:
            return self.store.applied[self.request_id]
        project = Project(id=len(self.store.projects) + 1, name=name, **OWNED)
        self.store.projects.append(project)
        if self.request_id:
            self.store.applied[self.request_id] = project
        return project

    def _update(self, kind: str, id: int, version: int | None = None, **changes: Any) -> int:
        raise Conflict("Somebody else was faster.")

    def _add_token(self, user_id: int, name: str = "") -> Token:
        secret = f"new-token-of-{self.user}"
        self.store.tokens[secret] = self.user
        return Token(id=1, secret=secret)

    def _labels(self, name: str, **given: Any) -> Labels:
        return Labels(
            id=7, name=name, image_id=1, dtype="uint32", size_t=1, size_z=1, height=4, width=4,
            maximum=9, placement=Placement(), **{**OWNED, **given},
        )  # fmt: skip

    def _table(self, **given: Any) -> TableInfo:
        return TableInfo(id=3, columns=(), rows=0, table_version=1, **OWNED, **given)

    def thumbnail(self, image_id: int, size: int = 128) -> bytes:
        self.store.calls.append("thumbnail")
        return b"\xff\xd8thumbnail"

    def tile(
        self, image_id: int, tile: Any, settings: Any = None, format: str = "jpeg",
        projection: Any = None,
    ) -> bytes:  # fmt: skip
        return f"{format} {tile.level} {tile.row} {tile.column} {tile.size}".encode()

    def raw_tile(self, image_id: int, tile: Any, channels: Sequence[int]) -> Any:
        self._image(image_id)
        return self.store.pixels[list(channels), : tile.size, : tile.size]

    def sent_tile(
        self, image_id: int, tile: Any, channels: Sequence[int], encodings: Any = ()
    ) -> SentTile:
        found = self.raw_tile(image_id, tile, channels)
        return SentTile(found.astype("<u2").tobytes(), found.shape, "<u2")

    def region(
        self, image_id: int, level: int, t: int, c: int, z: int, y: int, x: int, height: int,
        width: int,
    ) -> Any:  # fmt: skip
        return self.store.pixels[c, y : y + height, x : x + width].astype(">u2")

    def render(
        self, image_id: int, level: int, t: int, z: int, y: int, x: int, height: int, width: int,
        settings: Any = None, projection: Any = None,
    ) -> Any:  # fmt: skip
        return np.full((height, width, 3), 7, np.uint8)

    def labels_tile(self, labels_id: int, tile: Any) -> Any:
        return np.full((tile.size, tile.size), 3, np.uint32)

    def labels_region(
        self, labels_id: int, t: int, z: int, y: int, x: int, height: int, width: int
    ) -> Any:
        return np.full((height, width), labels_id, np.uint32)

    def add_labels(
        self, image_id: int, name: str, labels: Any, placement: Any = None, provenance: Any = None
    ) -> Labels:
        self.store.made["labels"] = np.array(labels), placement
        return self._labels(name)

    def add_image(self, array: Any, name: str, **given: Any) -> Image:
        self.store.made["image"] = np.array(array), given
        return self._image(1)

    def add_table(
        self, kind: str, id: int, name: str, frame: Any, namespace: str = "",
        description: str = "", **given: Any,
    ) -> TableInfo:  # fmt: skip
        self.store.made["table"] = frame
        return self._table(name=name, description=description)

    def append_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableInfo:
        self.store.made["rows"] = frame
        return self._table(name="more")

    def update_rows(self, table_id: int, frame: Any, version: int | None = None) -> TableChange:
        self.store.made["rows"] = frame
        return TableChange(table=self._table(name="changed"), changed_rows=len(frame))

    def add_columns(self, table_id: int, frame: Any, *given: Any) -> TableChange:
        self.store.made["columns"] = frame, given
        return TableChange(table=self._table(name="wider"), changed_rows=len(frame))

    def read_rows(self, table_id: int, selection: Selection = EVERYTHING) -> pd.DataFrame:
        return self._view().read(**selection.model_dump(exclude={"version"}))

    def read_batches(self, table_id: int, selection: Selection = EVERYTHING) -> Iterator[Any]:
        asked = selection.model_dump(exclude={"version"})
        return self._view().arrow(**asked, with_row_id=True)

    def export_rows(
        self, table_id: int, format: str, selection: Selection = EVERYTHING, safe: bool = True
    ) -> Iterator[bytes]:
        batches = self.read_batches(table_id, selection)
        return csv_pieces(batches, safe) if format == "csv" else parquet_pieces(batches)

    def _view(self) -> TableView:
        frame = self.store.made["table"]
        columns = columns_of(frame)
        folder = Path(tempfile.mkdtemp(dir=self.store.layout.root))
        return TableView(folder, columns, (write_segment(folder, "0.h5", frame, columns, 0),))

    def add_file(
        self, kind: str, id: int, path: Path, name: str | None = None, namespace: str = ""
    ) -> Attached:
        data = Path(path).read_bytes()
        self.store.made["file"] = data
        file = FileAnnotation(
            id=5, name=name or path.name, file_id=1, size=len(data), mimetype="x/y", sha256="0",
            **OWNED,
        )  # fmt: skip
        return Attached(link_id=1, linked_by=1, can_remove=True, annotation=file)

    def upload(self, path: Path, progress: Any = None) -> str:
        return str(path)

    def file(self, file_id: int) -> tuple[OriginalFile, Iterator[bytes]]:
        if file_id != 1:
            raise NotFound(f"There is no file {file_id}.")
        record = OriginalFile(
            id=1, name="<b>ünï.html", path="x", size=len(CONTENT), sha256="abc", md5="d"
        )
        return record, (CONTENT[i : i + 700_000] for i in range(0, len(CONTENT), 700_000))
