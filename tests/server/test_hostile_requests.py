"""What nobody means well by: every parameter of every route with values that no page would send."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from omero_jlab.model import ChannelSettings, Point, Settings, Tile
from omero_jlab.operations import CATALOGUE
from omero_jlab.remote import RemoteSession
from omero_jlab.remote.frames import frame_pieces
from omero_jlab.repository import Store
from omero_jlab.server import Holder, Listener

TEXTS = (
    "",
    "\0",
    "‮🦠",
    "../../etc/passwd",
    "a\r\nSet-Cookie: b=c",
    "'\"; DROP TABLE image; --",
    "%2e%2e",
)
NUMBERS = ("-1", "0", "999999999", str(2**63 - 1), str(2**63), "9" * 400, "1e9", "NaN", "-Infinity")
STRUCTURES = ("[]", "{}", "null", "true", '"x"', "[" * 20_000, '{"a":' * 5_000, "[null]", "[[1]]")
QUERIES = (*TEXTS, *NUMBERS, *STRUCTURES)
VALUES: tuple[Any, ...] = (
    *TEXTS, -1, 0, 2**63, 10**400, 1.5, float("nan"), float("-inf"), None, True, [], {}, "x" * 100_000,
    [None], [[[[]]]], {"kind": "point"}, [{"kind": "point", "x": 1e308, "y": "NaN"}],
)  # fmt: skip


class Repository:
    """A real repository behind a real listener, with one object of every kind."""

    def __init__(self, root: Path) -> None:
        self.store = Store.open(root, create=True, tier="team")
        self.listener = Listener(Holder.of(self.store))
        self.url = self.listener.start().url
        here = self.store.session()
        self.token = here.accounts.add_token(here.server.status().user.id).secret
        self.session = RemoteSession(self.url, self.token)
        self.http = httpx.Client(
            base_url=f"{self.url}omero-jlab/api/v1/",
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=60,
        )
        pixels = np.arange(2 * 64 * 64, dtype=np.uint16).reshape(1, 2, 1, 64, 64)
        image = here.add_image(pixels, "cells", dataset="dataset", project="project")
        self.image = image.id
        self.labels = here.add_labels(image.id, "nuclei", np.eye(64, dtype=np.uint8)).id
        frame = pd.DataFrame({"area": [1.0, 2.0], "kind": ["a", "b"]})
        self.table = here.add_table("image", image.id, "rows", frame).id
        self.roi = here.shapes.add(image.id, (Point(x=1, y=2),)).id
        tagged = here.annotations.add_tag("image", image.id, "tag")
        self.annotation, self.link = tagged.annotation.id, tagged.link_id
        path = root.parent / "page.html"
        path.write_text("<script>alert(1)</script>")
        self.file = here.add_file("image", image.id, path).annotation.file_id  # type: ignore[union-attr]
        self.good: dict[str, Any] = {
            "id": 1, "image_id": image.id, "labels_id": self.labels, "table_id": self.table,
            "roi_id": self.roi, "annotation_id": self.annotation, "link_id": self.link,
            "file_id": self.file, "user_id": 999, "group_id": 999, "token_id": 999, "job_id": 999,
            "kind": "image", "child_kind": "image", "child_id": image.id, "name": "name",
            "version": 1, "text": "text", "pairs": [["a", "b"]], "password": "long enough",
            "settings": settings().model_dump(mode="json"), "placement": {}, "path": "/nowhere",
            "shapes": [{"kind": "point", "x": 1, "y": 2}], "request": {"paths": ["/nowhere"]},
        }  # fmt: skip

    def close(self) -> None:
        self.http.close()
        self.session.close()
        self.listener.stop()
        self.listener.holder.close()
        self.store.close()


def settings(**changes: Any) -> Settings:
    channel = ChannelSettings(start=0, end=100).model_copy(update=changes)
    return Settings(channels=(channel, channel))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made = Repository(tmp_path_factory.mktemp("hostile") / "repository")
        yield made
        made.close()


def sound(answer: httpx.Response, what: str) -> None:
    """An answer that is right or says in words what was wrong, and tells no secrets."""
    assert answer.status_code not in (500, 503), f"{what[:300]}: {answer.text[:300]}"
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/json", what[:300]
        if answer.request.method != "HEAD":
            assert answer.json()["message"], what[:300]
            assert "Traceback" not in answer.text
            assert "sqlite" not in answer.text.lower(), answer.text[:300]
            assert len(answer.text) < 200_000


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_argument_of_an_operation(repository: Repository, name: str) -> None:
    operation = CATALOGUE[name]
    fields = operation.parameters.model_fields
    good = {key: repository.good.get(key) for key in fields}
    if operation.verb == "DELETE":
        # What the other tests need stays.
        good |= {key: 999 for key in fields if key.endswith("id")}
    in_body = operation.verb not in ("GET", "DELETE")
    for field in fields:
        in_path = field in operation.in_path
        for value in VALUES if in_body and not in_path else QUERIES:
            asked = {**good, field: value}
            path = operation.path.format(
                **{k: quote(str(asked[k]), safe="")[:3000] or "%20" for k in operation.in_path}
            )
            rest = {
                k: v
                for k, v in asked.items()
                if k not in operation.in_path and (v is not None or k == field)
            }
            if in_body:
                answer = repository.http.request(operation.verb, path, content=json.dumps(rest))
            else:
                query = {k: v if isinstance(v, str) else json.dumps(v) for k, v in rest.items()}
                answer = repository.http.request(operation.verb, path, params=query)
            sound(answer, f"{operation.verb} {path} {field}={value!r}")


@pytest.mark.parametrize(
    "body", [b"", b"[" * 1_000_000, b"{" * 100, b'{"name":' * 50_000, b"\xff\xfe", b"null", b"[]", b"1" * 10_000]
)  # fmt: skip
def test_bodies_that_are_no_object(repository: Repository, body: bytes) -> None:
    for operation in CATALOGUE.values():
        if operation.verb in ("POST", "PUT", "PATCH"):
            path = operation.path.format(
                **{k: repository.good.get(k, 1) for k in operation.in_path}
            )
            answer = repository.http.request(operation.verb, path, content=body)
            sound(answer, f"{path} {body[:20]!r}")


STREAMS = {
    "images/{id}/thumbnail": ("size",),
    "images/{id}/tiles/{level}/{t}/{z}/{row}/{column}": ("size", "format", "settings"),
    "images/{id}/raw/{level}/{t}/{z}/{row}/{column}": ("size", "channels"),
    "images/{id}/region": ("level", "t", "c", "z", "y", "x", "height", "width"),
    "images/{id}/render": ("level", "t", "z", "y", "x", "height", "width", "settings", "format"),
    "labels/{labels}/raw/{level}/{t}/{z}/{row}/{column}": ("size",),
    "labels/{labels}/region": ("t", "z", "y", "x", "height", "width"),
    "tables/{table}/rows": (
        "columns", "condition", "order_by", "descending", "limit", "offset", "version", "format",
    ),
    "files/{file}": (),
    "files/{file}/content": (),
    "same-disk": ("path", "device", "inode"),
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(STREAMS))
def test_every_argument_of_a_stream(repository: Repository, path: str) -> None:
    good = {
        "id": repository.image, "labels": repository.labels, "table": repository.table,
        "file": repository.file, "level": 0, "t": 0, "z": 0, "row": 0, "column": 0, "size": 64,
        "height": 8, "width": 8, "y": 0, "x": 0, "c": 0, "format": "png", "channels": "0",
    }  # fmt: skip
    if "rows" in path:
        good = {"table": repository.table}
    in_path = [part for part in good if f"{{{part}}}" in path]
    conditions = ("area >", "(" * 500, "area > 1 &" * 200, "~" * 400, "__import__('os')", "`", "area == 'x'",
                  "kind > 3", "nope > 1", "area in [" + "1," * 9_000 + "1]")  # fmt: skip
    for field in (*in_path, *STREAMS[path]):
        for value in (*QUERIES, *(conditions if field == "condition" else ())):
            places = {k: quote(str(good[k]), safe="") for k in in_path}
            query = {k: good[k] for k in STREAMS[path] if k in good}
            if field in places:
                places[field] = quote(value, safe="")[:3000] or "%20"
            else:
                query[field] = value
            answer = repository.http.get(path.format(**places), params=query)
            sound(answer, f"{path} {field}={value!r}")


HOSTILE_SETTINGS = [
    {"start": float("nan")}, {"end": float("inf")}, {"start": 5.0, "end": 5.0}, {"end": -1e308, "start": 1e308},
    {"gamma": 0.0}, {"gamma": -1.0}, {"gamma": float("nan")}, {"gamma": 1e308}, {"color": "red"},
    {"color": "<script>"}, {"color": ""}, {"family": "exponential", "coefficient": 1e308},
    {"family": "logarithmic", "coefficient": 0.0}, {"family": "polynomial", "coefficient": float("nan")},
    {"family": "polynomial", "coefficient": -1e308},
]  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE_SETTINGS)
def test_settings_that_no_picture_can_be_drawn_with(
    repository: Repository, changes: dict[str, Any]
) -> None:
    text = settings(**changes).model_dump_json()
    tile = repository.http.get(
        f"images/{repository.image}/tiles/0/0/0/0/0", params={"settings": text}
    )
    sound(tile, text)
    # What is kept must be drawn afterwards, or a picture would be spoiled for everybody.
    kept = repository.http.put(
        f"images/{repository.image}/settings", content=json.dumps({"settings": json.loads(text)})
    )
    sound(kept, text)
    try:
        assert repository.http.get(f"images/{repository.image}/thumbnail").status_code == 200
    finally:
        repository.http.delete(f"images/{repository.image}/settings")


@pytest.mark.parametrize("plane", [{"z": -1}, {"z": 10**9}, {"t": -5}, {"t": 2**70}])
def test_settings_of_a_plane_that_is_not_there(
    repository: Repository, plane: dict[str, int]
) -> None:
    asked = settings().model_dump(mode="json") | plane
    path = f"images/{repository.image}"
    sound(repository.http.put(f"{path}/settings", json={"settings": asked}), str(plane))
    try:
        assert repository.http.get(f"{path}/thumbnail").status_code == 200
    finally:
        repository.http.delete(f"{path}/settings")


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", -1.0, 0.0, 1e308, 1e-308])
@pytest.mark.parametrize("field", ["x", "y", "scale_x", "scale_y"])
def test_label_images_put_nowhere(repository: Repository, field: str, wrong: Any) -> None:
    body = {"placement": {field: wrong}}
    answer = repository.http.put(f"labels/{repository.labels}/placement", json=body)
    sound(answer, str(body))
    tile = repository.http.get(f"labels/{repository.labels}/raw/0/0/0/0/0")
    assert tile.status_code == 200
    good = repository.http.put(f"labels/{repository.labels}/placement", json={"placement": {}})
    assert good.status_code == 200


def framed(head: Any, payload: bytes = b"", size: int | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + payload


def array(dtype: str = "<u2", *chunks: list[int]) -> dict[str, Any]:
    return {"dtype": dtype, "chunks": list(chunks)}


ONE = ([1], [1], [1], [8], [8])
ARRAYS = [
    array("<u2"), array("<u2", [0], [1], [1], [8], [8]), array("<u2", [10**6], [10**6], [1], [8], [8]),
    array("O", *ONE), array("<M8[s]", *ONE), array(">u2", *ONE), array("S8", *ONE), array("<c16", *ONE),
    array("<f2", *ONE), array("(2,3)<u2", *ONE), array("<u2,<u2", *ONE), array("nonsense", *ONE),
    array("<u2", [-1], [-1], [1], [8], [8]), array("<u2", [1], [1], [1], [8]), array("<u2", [2**62], [4], [1], [1], [1]),
    array("<u2", [1], [1], [1], [8], []), array("|b1", *ONE), array("<i8", *ONE),
]  # fmt: skip


@pytest.mark.parametrize("form", ARRAYS)
def test_arrays_that_are_none(repository: Repository, form: dict[str, Any]) -> None:
    payload = b"\xff" * 128
    for path in ("images", f"images/{repository.image}/labels"):
        for size in (0, 64, 128, 512, 1024):
            body = framed({"name": "x", "array": form}, (payload * 8)[:size])
            sound(repository.http.post(path, content=body), f"{path} {form} {size}")


@pytest.mark.parametrize(
    "body",
    [b"", b"\0" * 8, b"\xff" * 8, framed(b"{"), framed(b"[" * 100_000), framed({}), framed({"name": 1}),
     framed({"name": "x"}, b"rubbish"), framed({"name": "x", "size": -1}), framed({"name": "x"}, size=2**40)],
)  # fmt: skip
def test_uploads_that_are_none(repository: Repository, body: bytes) -> None:
    image = f"objects/image/{repository.image}"
    for path in ("images", f"images/{repository.image}/labels", f"{image}/tables", f"{image}/files",
                 "uploads", f"tables/{repository.table}/rows"):  # fmt: skip
        sound(repository.http.post(path, content=body), f"{path} {body[:40]!r}")


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a/../../x", ".", "", "a/", "a//b", "x\0y", "n" * 300, "d/" * 3000 + "x", "\ud800",
     "a\\..\\..\\b", "~root/x", "\n"],
)  # fmt: skip
def test_uploads_stay_in_their_folder(repository: Repository, path: str) -> None:
    upload = str(uuid4())
    body = framed({"upload": upload, "path": path, "size": 1}, b"x")
    before = {p for p in repository.store.layout.root.parent.rglob("*") if p.name == "x"}
    answer = repository.http.post("uploads", content=body)
    sound(answer, path)
    if answer.status_code == 200:
        assert upload in answer.json()["path"]
        assert Path(answer.json()["path"]).resolve().is_relative_to(repository.store.layout.root)
    made = {p for p in repository.store.layout.root.parent.rglob("*") if p.name == "x"} - before
    assert all(upload in str(each) for each in made)


def test_a_file_cannot_become_a_folder_of_the_same_upload(repository: Repository) -> None:
    upload = str(uuid4())
    for path in ("a/b", "a", "a/b/c"):
        body = framed({"upload": upload, "path": path, "size": 1}, b"x")
        sound(repository.http.post("uploads", content=body), path)


def stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def test_rows_cannot_read_the_servers_memory(repository: Repository) -> None:
    honest = stream_of(pa.table({"c": ["short"]}))
    offsets = struct.pack("<2i", 0, 5)
    assert honest.count(offsets) == 1
    text = honest.replace(offsets, struct.pack("<2i", 0, 1 << 20))
    indices = pa.py_buffer(struct.pack("<i", 1 << 20))
    beyond = pa.Array.from_buffers(pa.int32(), 1, [None, indices])
    chosen = pa.DictionaryArray.from_arrays(beyond, pa.array(["a"]), safe=False)
    for rows in (text, stream_of(pa.table({"c": chosen}))):
        answer = repository.http.post(
            f"objects/image/{repository.image}/tables", content=framed({"name": "t"}, rows)
        )
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b"{}", b'{"columns": 3, "index_columns": [1], "column_indexes": 0}',
                 b'{"index_columns": ["no"], "columns": [{"name": 1}], "column_indexes": []}']
)  # fmt: skip
def test_rows_with_a_forged_description(repository: Repository, metadata: bytes) -> None:
    table = pa.table({"area": [1.0]}).replace_schema_metadata({b"pandas": metadata})
    for path in (f"objects/image/{repository.image}/tables", f"tables/{repository.table}/rows"):
        body = framed({"name": "t"}, stream_of(table))
        sound(repository.http.post(path, content=body), f"{path} {metadata!r}")


def test_rows_of_every_odd_kind(repository: Repository) -> None:
    columns = {
        "nested": pa.array([[1, 2]]), "struct": pa.array([{"a": 1}]), "null": pa.nulls(1),
        "binary": pa.array([b"\xff\0"]), "decimal": pa.array([1]).cast(pa.decimal128(25, 2)),
        "long": pa.array(["x" * 100_000]), "time": pa.array([2**62], pa.timestamp("ns")),
    }  # fmt: skip
    tables = [pa.table({name: column}) for name, column in columns.items()]
    tables += [
        pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        pa.table({}),
        pa.table({"": [1]}),
    ]
    tables += [pa.table({"x" * 10_000: [1]}), pa.table({"a/b": [1], "..": [2], "\0": [3]})]
    tables += [pa.table({f"c{i}": [i] for i in range(2000)})]
    for table in tables:
        body = framed({"name": "t"}, stream_of(table))
        answer = repository.http.post(f"objects/image/{repository.image}/tables", content=body)
        sound(answer, str(table.schema)[:200])
        if answer.status_code == 200:
            rows = repository.http.get(f"tables/{answer.json()['id']}/rows?format=json")
            sound(rows, str(table.schema)[:200])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Omero-Jlab-Group", "[" * 30_000), ("X-Omero-Jlab-Group", '"\\ud800"'), ("X-Omero-Jlab-Group", "1" * 5000),
        ("X-Omero-Jlab-Group", "\xff\xfe"), ("X-Omero-Jlab-Group", "-1"), ("X-Omero-Jlab-Group", "NaN"),
        ("X-Omero-Jlab-User", "root"), ("X-Request-Id", "x"), ("X-Request-Id", "'; --------"),
        ("X-Request-Id", "[" * 1000), ("Range", "bytes=5-2"), ("Range", "bytes=-0"), ("Range", "bytes=9999999999-"),
        ("Range", "lines=1-2"), ("If-None-Match", "*"), ("If-None-Match", '"' * 1000), 
        ("Content-Type", "multipart/form-data; boundary=x"), ("Accept", "\xff"), ("Authorization", "Bearer \xff"),
    ],
)  # fmt: skip
def test_headers(repository: Repository, header: str, value: str) -> None:
    for verb, path in (("GET", "status"), ("GET", f"files/{repository.file}/content"), ("POST", "projects"),
                       ("GET", f"images/{repository.image}/thumbnail")):  # fmt: skip
        answer = repository.http.request(
            verb,
            path,
            headers={header: value.encode("latin-1")},
            content=b'{"name": "p"}' if verb == "POST" else None,
        )
        if answer.status_code != 416:
            sound(answer, f"{header}: {value[:50]}")


def test_a_request_id_belongs_to_one_request(repository: Repository) -> None:
    headers = {"X-Request-Id": uuid4().hex}
    made = repository.http.post("projects", json={"name": "once"}, headers=headers)
    again = repository.http.post("projects", json={"name": "once"}, headers=headers)
    assert made.json() == again.json()
    other = repository.http.post(f"images/{repository.image}/rois", headers=headers,
                                 json={"shapes": [{"kind": "point", "x": 1, "y": 2}]})  # fmt: skip
    assert other.status_code == 409
    removed = repository.http.delete(f"annotations/{repository.labels}", headers=headers)
    assert removed.status_code == 409


@pytest.mark.parametrize(
    "name", ["a.html", 'x"; filename="evil.exe', "x\r\nSet-Cookie: a=b", "‮txt.exe", "p.svg"]
)
def test_files_are_never_pages(repository: Repository, name: str) -> None:
    body = framed({"name": name, "size": 8}, b"<script>")
    made = repository.http.post(f"objects/image/{repository.image}/files", content=body)
    sound(made, name)
    if made.status_code == 200:
        answer = repository.http.get(f"files/{made.json()['annotation']['file_id']}/content")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        disposition = answer.headers["Content-Disposition"]
        assert disposition.startswith("attachment")
        assert '"' not in disposition
        assert "set-cookie" not in answer.headers


def test_large_regions_are_refused_before_they_are_read(repository: Repository) -> None:
    image = f"images/{repository.image}"
    for path in (f"{image}/region", f"{image}/render", f"labels/{repository.labels}/region"):
        answer = repository.http.get(path, params={"height": 100_000, "width": 100_000})
        assert answer.status_code == 413
        assert "ask for parts" in answer.json()["message"]
    assert repository.http.get(f"{image}/thumbnail?size=1000000000").status_code == 400


def test_errors_and_logs_tell_no_secrets(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="omero_jlab")
    name = "ada"
    user = repository.session.accounts.add_user(name, password="correct horse")
    for body in ({"name": name, "password": "battery staple"}, {"name": name, "password": ["battery staple"]},
                 {"name": name, "password": ""}, {"name": "nobody", "password": "battery staple"}):  # fmt: skip
        answer = repository.http.post("login", json=body)
        assert answer.status_code in (400, 401)
        assert "battery" not in answer.text
    answer = repository.http.put(f"users/{user.id}/password", json={"password": ["battery staple"]})
    assert answer.status_code == 400
    assert "battery" not in answer.text
    repository.http.get(f"status?token={repository.token}&nonsense=1")
    assert repository.token not in caplog.text
    assert "battery" not in caplog.text
    assert repository.listener.holder.secret not in caplog.text


def test_a_login_is_small(repository: Repository) -> None:
    answer = repository.http.post("login", json={"name": "x" * 1_000_000, "password": "y"})
    assert answer.status_code == 400


def test_a_password_is_checked_whole(repository: Repository) -> None:
    password = "p" * 1024
    repository.session.accounts.add_user("long", password=password)
    body = {"name": "long", "password": password + "x"}
    assert repository.http.post("login", json=body).status_code == 401


def test_nothing_of_this_broke_the_repository(repository: Repository) -> None:
    assert repository.session.server.health().writable
    tile = repository.session.raw_tile(
        repository.image, Tile(level=0, t=0, z=0, row=0, column=0, size=64), [0]
    )
    assert tile[0, 1, 1] == 65
    assert b"".join(frame_pieces(repository.session.read_rows(repository.table)))
