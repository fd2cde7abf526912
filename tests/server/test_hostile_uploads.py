"""Bodies that are not what they say: arrays, rows, files and their names."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from .hostile import Repository, framed, sound


def array(dtype: str = "<u2", *chunks: list[int]) -> dict[str, Any]:
    return {"dtype": dtype, "chunks": list(chunks)}


ONE = ([1], [1], [1], [8], [8])
ARRAYS = [
    array("<u2"),
    array("<u2", [0], [1], [1], [8], [8]),
    array("<u2", [10**6], [10**6], [1], [8], [8]),
    array("O", *ONE),
    array("<M8[s]", *ONE),
    array(">u2", *ONE),
    array("S8", *ONE),
    array("<c16", *ONE),
    array("<f2", *ONE),
    array("(2,3)<u2", *ONE),
    array("<u2,<u2", *ONE),
    array("nonsense", *ONE),
    array("<u2", [-1], [-1], [1], [8], [8]),
    array("<u2", [1], [1], [1], [8]),
    array("<u2", [2**62], [4], [1], [1], [1]),
    array("<u2", [1], [1], [1], [8], []),
    array("|b1", *ONE),
    array("<i8", *ONE),
]


@pytest.mark.parametrize("form", ARRAYS)
def test_arrays_that_are_none(repository: Repository, form: dict[str, Any]) -> None:
    payload = b"\xff" * 128
    for path in ("images", f"images/{repository.image}/labels"):
        for size in (0, 64, 128, 512, 1024):
            body = framed({"name": "x", "array": form}, (payload * 8)[:size])
            sound(repository.http.post(path, content=body), f"{path} {form} {size}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 8,
        framed(b"{"),
        framed(b"[" * 100_000),
        framed({}),
        framed({"name": 1}),
        framed({"name": "x"}, b"rubbish"),
        framed({"name": "x", "size": -1}),
        framed({"name": "x"}, size=2**40),
    ],
)
def test_uploads_that_are_none(repository: Repository, body: bytes) -> None:
    image = f"objects/image/{repository.image}"
    for path in (
        "images",
        f"images/{repository.image}/labels",
        f"{image}/tables",
        f"{image}/files",
        "uploads",
        f"tables/{repository.table}/rows",
    ):
        sound(repository.http.post(path, content=body), f"{path} {body[:40]!r}")


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "a/../../x",
        ".",
        "",
        "a/",
        "a//b",
        "x\0y",
        "n" * 300,
        "d/" * 3000 + "x",
        "\ud800",
        "a\\..\\..\\b",
        "~root/x",
        "\n",
    ],
)
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
    honest = stream_of(pa.table({"c": ["x" * 30_011]}))
    offsets = struct.pack("<2i", 0, 30_011)
    start, _, end = honest.rpartition(offsets)
    assert start
    text = start + struct.pack("<2i", 0, 1 << 30) + end
    indices = pa.py_buffer(struct.pack("<i", 1 << 20))
    beyond = pa.Array.from_buffers(pa.int32(), 1, [None, indices])
    chosen = pa.DictionaryArray.from_arrays(beyond, pa.array(["a"]), safe=False)
    for rows in (text, stream_of(pa.table({"c": chosen}))):
        answer = repository.http.post(
            f"objects/image/{repository.image}/tables", content=framed({"name": "t"}, rows)
        )
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "metadata",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"columns": 3, "index_columns": [1], "column_indexes": 0}',
        b'{"index_columns": ["no"], "columns": [{"name": 1}], "column_indexes": []}',
    ],
)
def test_rows_with_a_forged_description(repository: Repository, metadata: bytes) -> None:
    table = pa.table({"area": [1.0]}).replace_schema_metadata({b"pandas": metadata})
    for path in (f"objects/image/{repository.image}/tables", f"tables/{repository.table}/rows"):
        body = framed({"name": "t"}, stream_of(table))
        sound(repository.http.post(path, content=body), f"{path} {metadata!r}")


def test_rows_of_every_odd_kind(repository: Repository) -> None:
    columns = {
        "nested": pa.array([[1, 2]]),
        "struct": pa.array([{"a": 1}]),
        "null": pa.nulls(1),
        "binary": pa.array([b"\xff\0"]),
        "decimal": pa.array([1]).cast(pa.decimal128(25, 2)),
        "long": pa.array(["x" * 100_000]),
        "time": pa.array([2**62], pa.timestamp("ns")),
    }
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
