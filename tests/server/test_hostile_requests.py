"""What nobody means well by: every parameter of every route with values that no page would send."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from zlib import crc32

import pytest

from omero_jlab.model import Picture, Tile
from omero_jlab.operations import CATALOGUE
from omero_jlab.remote.frames import frame_pieces

from .hostile import Repository, settings, sound

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
    *TEXTS,
    -1,
    0,
    2**63,
    10**400,
    1.5,
    float("nan"),
    float("-inf"),
    None,
    True,
    [],
    {},
    "x" * 100_000,
    [None],
    [[[[]]]],
    {"kind": "point"},
    [{"kind": "point", "x": 1e308, "y": "NaN"}],
)


def some(values: tuple[Any, ...], among: int, of: str) -> tuple[Any, ...]:
    """One in `among` of the values, from another one on for each parameter."""
    return values[crc32(of.encode()) % among :: among]


@pytest.mark.parametrize("among", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_argument_of_an_operation(repository: Repository, name: str, among: int) -> None:
    operation = CATALOGUE[name]
    fields = operation.parameters.model_fields
    good = {key: repository.good.get(key) for key in fields}
    if operation.verb == "DELETE" or name == "admin.erase":
        # What the other tests need stays.
        good |= {key: 999 for key in fields if key.endswith("id")}
    if "dry_run" in fields:
        good["dry_run"] = True
    in_body = operation.verb not in ("GET", "DELETE")
    for field in fields:
        in_path = field in operation.in_path
        values = VALUES if in_body and not in_path else QUERIES
        for value in some(values, among, name + field):
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
    "body",
    [
        b"",
        b"[" * 1_000_000,
        b"{" * 100,
        b'{"name":' * 50_000,
        b"\xff\xfe",
        b"null",
        b"[]",
        b"1" * 10_000,
    ],
)
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
    "images/{id}/tiles/{level}/{t}/{z}/{row}/{column}": (
        "size",
        "format",
        "settings",
        "projection",
    ),
    "images/{id}/raw/{level}/{t}/{z}/{row}/{column}": ("size", "channels"),
    "images/{id}/region": ("level", "t", "c", "z", "y", "x", "height", "width"),
    "images/{id}/render": ("level", "t", "z", "y", "x", "height", "width", "settings", "format"),
    "images/{id}/projection": (
        "projection",
        "channels",
        "level",
        "t",
        "z",
        "y",
        "x",
        "height",
        "width",
    ),
    "images/{id}/picture": tuple(Picture.model_fields),
    "labels/{labels}/raw/{level}/{t}/{z}/{row}/{column}": ("size",),
    "labels/{labels}/region": ("t", "z", "y", "x", "height", "width"),
    "tables/{table}/rows": (
        "columns",
        "condition",
        "order_by",
        "descending",
        "limit",
        "offset",
        "version",
        "format",
        "after",
        "compression",
        "safe",
    ),
    "files/{file}": (),
    "files/{file}/content": (),
    "same-disk": ("path", "device", "inode"),
}


@pytest.mark.parametrize("path", sorted(STREAMS))
def test_every_argument_of_a_stream(repository: Repository, path: str) -> None:
    good = {
        "id": repository.image,
        "labels": repository.labels,
        "table": repository.table,
        "file": repository.file,
        "level": 0,
        "t": 0,
        "z": 0,
        "row": 0,
        "column": 0,
        "size": 64,
        "height": 8,
        "width": 8,
        "y": 0,
        "x": 0,
        "c": 0,
        "format": "png",
        "channels": "0",
        "projection": "{}",
    }
    if "rows" in path:
        good = {"table": repository.table}
    in_path = [part for part in good if f"{{{part}}}" in path]
    conditions = (
        "area >",
        "(" * 500,
        "area > 1 &" * 200,
        "~" * 400,
        "__import__('os')",
        "`",
        "area == 'x'",
        "kind > 3",
        "nope > 1",
        "area in [" + "1," * 9_000 + "1]",
    )
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
    {"start": float("nan")},
    {"end": float("inf")},
    {"start": 5.0, "end": 5.0},
    {"end": -1e308, "start": 1e308},
    {"gamma": 0.0},
    {"gamma": -1.0},
    {"gamma": float("nan")},
    {"gamma": 1e308},
    {"color": "red"},
    {"color": "<script>"},
    {"color": ""},
    {"family": "exponential", "coefficient": 1e308},
    {"family": "logarithmic", "coefficient": 0.0},
    {"family": "polynomial", "coefficient": float("nan")},
    {"family": "polynomial", "coefficient": -1e308},
    {"lut": "nothing"},
    {"lut": "../../etc/passwd"},
    {"lut": "fire\0"},
]


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


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Omero-Jlab-Group", "[" * 30_000),
        ("X-Omero-Jlab-Group", '"\\ud800"'),
        ("X-Omero-Jlab-Group", "1" * 5000),
        ("X-Omero-Jlab-Group", "\xff\xfe"),
        ("X-Omero-Jlab-Group", "-1"),
        ("X-Omero-Jlab-Group", "NaN"),
        ("X-Omero-Jlab-User", "root"),
        ("X-Request-Id", "x"),
        ("X-Request-Id", "'; --------"),
        ("X-Request-Id", "[" * 1000),
        ("Range", "bytes=5-2"),
        ("Range", "bytes=-0"),
        ("Range", "bytes=9999999999-"),
        ("Range", "lines=1-2"),
        ("If-None-Match", "*"),
        ("If-None-Match", '"' * 1000),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Accept", "\xff"),
        ("Authorization", "Bearer \xff"),
    ],
)
def test_headers(repository: Repository, header: str, value: str) -> None:
    for verb, path in (
        ("GET", "status"),
        ("GET", f"files/{repository.file}/content"),
        ("POST", "projects"),
        ("GET", f"images/{repository.image}/thumbnail"),
    ):
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
    other = repository.http.post(
        f"images/{repository.image}/rois",
        headers=headers,
        json={"shapes": [{"kind": "point", "x": 1, "y": 2}]},
    )
    assert other.status_code == 409
    removed = repository.http.delete(f"annotations/{repository.labels}", headers=headers)
    assert removed.status_code == 409


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
    for body in (
        {"name": name, "password": "battery staple"},
        {"name": name, "password": ["battery staple"]},
        {"name": name, "password": ""},
        {"name": "nobody", "password": "battery staple"},
    ):
        answer = repository.http.post("login", json=body)
        assert answer.status_code in (400, 401)
        assert "battery" not in answer.text
    answer = repository.http.put(f"users/{user.id}/password", json={"password": ["battery staple"]})
    assert answer.status_code == 400
    assert "battery" not in answer.text
    repository.http.get(f"status?token={repository.token}&nonsense=1")
    # The client of these tests logs the addresses that it asks for.
    logged = "\n".join(str(r.msg) % (r.args or ()) for r in caplog.records if r.name != "httpx")
    assert "/status" in logged
    assert repository.token not in logged
    assert "battery" not in logged
    assert repository.listener.holder.secret not in logged


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
