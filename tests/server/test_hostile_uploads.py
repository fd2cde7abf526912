"""Bodies that are not what they say: arrays, rows, files and their names."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from omero_jlab.errors import Conflict
from omero_jlab.model import FileToUpload

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
        f"tables/{repository.table}/rows",
    ):
        sound(repository.http.post(path, content=body), f"{path} {body[:40]!r}")


NAMES = [
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
    "x/./y",
]


@pytest.fixture
def upload(repository: Repository) -> Iterator[str]:
    found = repository.session.uploads.begin().id
    yield found
    repository.session.uploads.abort(found)


@pytest.mark.parametrize("path", NAMES)
def test_uploads_stay_in_their_folder(repository: Repository, upload: str, path: str) -> None:
    root = repository.store.layout.root

    def elsewhere() -> set[Path]:
        every = root.parent.rglob("*")
        return {p for p in every if not {"uploads", "bodies"} & set(p.parts)}

    before = elsewhere()
    file = {"path": path, "size": 1}
    declared = repository.http.post(
        f"uploads/{upload}/files", content=json.dumps({"files": [file]})
    )
    sound(declared, path)
    if declared.status_code == 200:
        number = declared.json()[0]["number"]
        where = f"uploads/{upload}/files/{number}"
        sent = repository.http.put(f"{where}/content?offset=0&length=1", content=b"x")
        assert sent.status_code == 200
        assert repository.http.post(f"{where}/complete").status_code == 200
        repository.http.delete(where)
    whole = repository.http.post(f"uploads/{upload}/batch", content=framed({"files": [file]}, b"x"))
    sound(whole, path)
    assert whole.status_code == declared.status_code
    (folder,) = (root / "Files" / ".staging" / "uploads").glob(f"{upload}-*")
    for each in folder.rglob("*"):
        assert not each.is_symlink()
        assert each.resolve().is_relative_to(folder.resolve())
    assert elsewhere() == before


def test_a_file_cannot_become_a_folder_of_the_same_upload(
    repository: Repository, upload: str
) -> None:
    uploads = repository.session.uploads
    uploads.declare(upload, (FileToUpload(path="a/b", size=0),))
    for path in ("a", "a/b/c"):
        with pytest.raises(Conflict, match="folder"):
            uploads.declare(upload, (FileToUpload(path=path, size=0),))
        body = framed({"files": [{"path": path, "size": 0}]})
        answer = repository.http.post(f"uploads/{upload}/batch", content=body)
        assert answer.status_code == 409
    twice = ({"path": "x", "size": 0}, {"path": "x/y", "size": 0})
    for files in (twice, twice[::-1]):
        answer = repository.http.post(f"uploads/{upload}/batch", content=framed({"files": files}))
        assert answer.status_code == 409


def test_twins_are_files_of_their_own_or_refused(repository: Repository, upload: str) -> None:
    uploads = repository.session.uploads
    names = ("a.tif", "A.tif", "caf\u00e9.tif", "cafe\u0301.tif")
    for number, name in enumerate(names):
        file = {"path": name, "size": 1}
        body = framed({"files": [file]}, str(number).encode())
        sound(repository.http.post(f"uploads/{upload}/batch", content=body), name)
    folder = Path(uploads.get(upload).folder)
    for file in uploads.files(upload):
        assert (folder / file.path).read_text() == str(names.index(file.path))


@pytest.mark.parametrize(
    "file",
    [
        {"size": 2**60},
        {"size": 2**63},
        {"size": -1},
        {"size": 1.5},
        {"size": "x"},
        {"size": None},
        {"mtime_ns": 2**70},
        {"checksum": "SHA-256"},
        {"checksum": "XXH3-128:00"},
        {"checksum": "x" * 100_000},
        {"mtime_ns": -(2**62)},
    ],
)
def test_declarations_that_are_none(
    repository: Repository, upload: str, file: dict[str, Any]
) -> None:
    told = {"files": [{"path": "x", "size": 0} | file]}
    for path, body in (
        (f"uploads/{upload}/files", json.dumps(told).encode()),
        (f"uploads/{upload}/batch", framed(told)),
    ):
        answer = repository.http.post(path, content=body)
        sound(answer, f"{path} {file}")
    if file.get("size") == 2**60:
        assert repository.http.post(f"uploads/{upload}/files", json=told).status_code == 507
        assert repository.http.post("uploads", json={"size": 2**60}).status_code == 507


def test_too_many_files_at_once(repository: Repository, upload: str) -> None:
    files = [{"path": f"f{n}", "size": 0} for n in range(10_001)]
    answer = repository.http.post(f"uploads/{upload}/files", json={"files": files})
    assert answer.status_code == 400
    assert repository.session.uploads.get(upload).files == 0


@pytest.mark.parametrize("where", ["0", "-1", "2", "x", "1e3", "9" * 30, "..."])
def test_files_that_there_are_none_of(repository: Repository, upload: str, where: str) -> None:
    for verb, path in (
        ("PUT", f"uploads/{upload}/files/{where}/content?offset=0&length=1"),
        ("GET", f"uploads/{upload}/files/{where}"),
        ("POST", f"uploads/{upload}/files/{where}/complete"),
        ("DELETE", f"uploads/{upload}/files/{where}"),
        ("PUT", f"uploads/{where}/files/1/content?offset=0&length=1"),
        ("POST", f"uploads/{where}/batch"),
    ):
        content = b"x" if verb in ("PUT", "POST") else None
        answer = repository.http.request(verb, path, content=content)
        sound(answer, f"{verb} {path}")
        assert answer.status_code in (400, 404, 405), f"{verb} {path}: {answer.text}"


def test_a_batch_is_what_it_says(repository: Repository, upload: str) -> None:
    file = {"path": "x", "size": 3}
    wrong = file | {"checksum": "SHA-256:" + "0" * 64}
    for body, status in (
        (framed({"files": [file]}, b"12"), 400),
        (framed({"files": [file]}, b"1234"), 400),
        (framed({"files": []}), 400),
        (framed({"files": [file | {"path": f"{n}"} for n in range(1001)]}, b"123" * 1001), 400),
        (framed({"files": [{"path": "good", "size": 0}, wrong]}, b"123"), 422),
        (framed({"files": [file]}, b"123"), 200),
        (framed({"files": [file]}, b"123"), 200),
        (framed({"files": [file]}, b"321"), 409),
    ):
        answer = repository.http.post(f"uploads/{upload}/batch", content=body)
        assert answer.status_code == status, answer.text
    assert [each.path for each in repository.session.uploads.files(upload)] == ["x"]


def test_no_link_is_followed(repository: Repository, upload: str, tmp_path: Path) -> None:
    """Nobody can put links into an upload; whoever could would still get nowhere."""
    uploads = repository.session.uploads
    (folder,) = (repository.store.layout.root / "Files/.staging/uploads").glob(f"{upload}-*")
    (file,) = uploads.declare(upload, (FileToUpload(path="deep/x", size=1),))
    (tmp_path / "mine").write_bytes(b"?")
    (folder / "parts" / str(file.number)).unlink()
    (folder / "parts" / str(file.number)).symlink_to(tmp_path / "mine")
    where = f"uploads/{upload}/files/{file.number}/content?offset=0&length=1"
    sound(repository.http.put(where, content=b"x"), "a link")
    assert (tmp_path / "mine").read_bytes() == b"?"
    (folder / "parts" / str(file.number)).unlink()
    (folder / "parts" / str(file.number)).write_bytes(b" ")
    assert repository.http.put(where, content=b"x").status_code == 200
    (tmp_path / "elsewhere").mkdir()
    (folder / "files" / "deep").symlink_to(tmp_path / "elsewhere")
    sound(repository.http.post(f"uploads/{upload}/files/{file.number}/complete"), "a link")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (folder / "files" / "deep").unlink()


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
