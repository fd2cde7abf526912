"""Pixels, rows and files through a real server and back."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import dask.array as da
import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from omero_jlab.errors import Conflict, Invalid, NotFound, TooLarge, Unauthenticated, Unavailable
from omero_jlab.model import Placement, Selection, Tile
from omero_jlab.remote import RemoteSession, log_in
from omero_jlab.remote.frames import frame_of_batches

from .fakes import CONTENT, FakeStore

TILE = Tile(level=0, t=0, z=0, row=0, column=0, size=32)


def test_a_record_comes_back_equal_nan_included(session: RemoteSession) -> None:
    image = session.images.get(1)
    assert image.sizes.shape == (1, 5, 1, 64, 64)
    assert np.isnan(image.channels[0].window_start)


def test_errors_keep_their_kind_and_their_words(session: RemoteSession) -> None:
    with pytest.raises(NotFound, match="no image 9"):
        session.images.get(9)
    with pytest.raises(Conflict, match="faster"):
        session.graph.update("image", 1, name="x")


def test_the_group_travels_whatever_its_letters(session: RemoteSession) -> None:
    there = RemoteSession(session.transport, group="Zürich „7“")
    assert there.server.status().group.name == "Zürich „7“"


def test_raw_tiles_have_the_channels_asked_for(session: RemoteSession, store: FakeStore) -> None:
    found = session.raw_tile(1, TILE, (3, 1))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, store.pixels[[3, 1], :32, :32])


def test_regions_arrive_little_endian(session: RemoteSession, store: FakeStore) -> None:
    found = session.region(1, 0, 0, 2, 0, 5, 6, 7, 8)
    assert found.dtype == np.dtype("<u2")
    np.testing.assert_array_equal(found, store.pixels[2, 5:12, 6:14])


def test_rendered_pixels_and_labels(session: RemoteSession) -> None:
    assert session.thumbnail(1) == b"\xff\xd8thumbnail"
    assert session.tile(1, TILE, format="png") == b"png 0 0 0 32"
    assert session.render(1, 0, 0, 0, 0, 0, 3, 4).shape == (3, 4, 3)
    assert session.labels_tile(7, TILE).sum() == 3 * 32 * 32
    assert session.labels_region(7, 0, 0, 0, 0, 2, 3).tolist() == [[7, 7, 7], [7, 7, 7]]


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i4", "f4", "?"])
def test_a_numpy_array_arrives_equal(session: RemoteSession, store: FakeStore, dtype: str) -> None:
    array = (np.arange(2 * 3 * 700 * 500).reshape(2, 3, 1, 700, 500) % 251).astype(dtype)
    session.add_image(array, "new", dataset="D", channels=["a", "b", "c"])
    found, given = store.made["image"]
    np.testing.assert_array_equal(found, array)
    assert given["dataset"] == "D" and given["channels"] == ("a", "b", "c")


def test_a_dask_array_arrives_equal_block_by_block(
    session: RemoteSession, store: FakeStore
) -> None:
    array = np.random.default_rng(0).integers(0, 60000, (1, 2, 3, 101, 77), dtype=np.uint16)
    session.add_image(da.from_array(array, chunks=(1, 1, 2, 40, 50)), "lazy")
    np.testing.assert_array_equal(store.made["image"][0], array)


def test_labels_and_their_placement(session: RemoteSession, store: FakeStore) -> None:
    placement = Placement(y=2.5, scale_x=2)
    made = session.add_labels(1, "nuclei", np.eye(4, dtype=np.uint32)[::-1], placement)
    assert made.name == "nuclei"
    np.testing.assert_array_equal(store.made["labels"][0], np.eye(4)[::-1])
    assert store.made["labels"][1] == placement


def test_words_are_no_pixels(session: RemoteSession) -> None:
    with pytest.raises(Invalid, match="numbers"):
        session.add_image(np.array(["a"]), "words")


def test_rows_go_and_come_with_types_and_nulls(session: RemoteSession, store: FakeStore) -> None:
    frame = pd.DataFrame(
        {
            "label": pd.array([1, None, 3], dtype="Int64"),
            "area": [1.5, np.nan, np.inf],
            "class": pd.array(["a", None, "=b"], dtype="str"),
            "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"], utc=True).as_unit("us"),
        }
    )
    session.add_table("image", 1, "nuclei", frame)
    pd.testing.assert_frame_equal(store.made["table"], frame)
    stored = frame.rename_axis(index="row_id")
    pd.testing.assert_frame_equal(session.read_rows(3), stored)
    pd.testing.assert_frame_equal(
        session.read_rows(3, Selection(columns=["area"], limit=1)), stored[["area"]][:1]
    )
    batches = list(session.read_batches(3, Selection(columns=["label"])))
    assert [batch.to_pydict() for batch in batches] == [
        {"row_id": [0, 1, 2], "label": [1, None, 3]}
    ]
    session.append_rows(3, frame)
    pd.testing.assert_frame_equal(store.made["rows"], frame)


def test_a_column_of_everything_is_refused_by_name(session: RemoteSession) -> None:
    with pytest.raises(Invalid, match="mixture"):
        session.add_table("image", 1, "t", pd.DataFrame({"mixture": [1, "a"]}))


def test_rows_for_people_cannot_run_as_formulas(session: RemoteSession, http: httpx.Client) -> None:
    session.add_table("image", 1, "t", pd.DataFrame({"=x": ["=1+1", "ok"], "n": [-1, 2]}))
    answer = http.get("tables/3/rows", params={"format": "csv"})
    assert answer.text.splitlines() == ["row_id,'=x,n", "0,'=1+1,-1", "1,ok,2"]
    assert "attachment" in answer.headers["content-disposition"]
    unsafe = http.get("tables/3/rows", params={"format": "csv", "safe": "false"})
    assert unsafe.text.splitlines() == ["row_id,=x,n", "0,=1+1,-1", "1,ok,2"]
    page = http.get("tables/3/rows", params={"format": "json", "columns": '["n"]', "limit": "1"})
    assert page.json() == {"columns": ["n"], "row_ids": [0], "rows": [[-1]]}


def test_json_has_an_end(session: RemoteSession, http: httpx.Client) -> None:
    session.add_table("image", 1, "t", pd.DataFrame({"n": np.arange(10_001)}))
    assert http.get("tables/3/rows?format=json").status_code == 413
    assert http.get("tables/3/rows?format=json&limit=10001").status_code == 413
    assert "after=" in http.get("tables/3/rows?format=json").json()["message"]
    assert len(http.get("tables/3/rows?format=json&limit=10000").json()["rows"]) == 10_000
    assert http.get("tables/3/rows?format=json&limit=5&after=9998").json() == {
        "columns": ["n"],
        "row_ids": [9999, 10_000],
        "rows": [[9999], [10_000]],
    }
    assert http.get("tables/3/rows?format=json&after=3&order_by=n").status_code == 400


def test_what_is_no_number_is_json_all_the_same(session: RemoteSession, http: httpx.Client) -> None:
    frame = pd.DataFrame({"x": [np.nan, np.inf, 0.1 + 0.2], "a": [[1.0, np.nan]] * 3})
    session.add_table("image", 1, "t", frame)
    page = http.get("tables/3/rows?format=json").json()
    assert page["rows"] == [
        [None, [1.0, None]],
        ["Infinity", [1.0, None]],
        [0.30000000000000004, [1.0, None]],
    ]


@pytest.mark.parametrize("pays", [True, False])
def test_rows_are_compressed_where_it_pays(
    session: RemoteSession, http: httpx.Client, pays: bool
) -> None:
    values = np.random.default_rng(1).random((20_000, 8)) * (0 if pays else 1)
    frame = pd.DataFrame(values, columns=list("abcdefgh"))
    session.add_table("image", 1, "t", frame)
    sent = http.get("tables/3/rows?compression=zstd").content
    plain = http.get("tables/3/rows").content
    assert (len(sent) < len(plain)) == pays
    np.testing.assert_array_equal(frame_of_batches(iter([sent])), values)


def test_rows_as_a_parquet_file(session: RemoteSession, http: httpx.Client) -> None:
    session.add_table("image", 1, "t", pd.DataFrame({"x": [1.5, 2.5]}))
    answer = http.get("tables/3/rows?format=parquet")
    assert (
        "filename*=" in answer.headers["content-disposition"]
        or "table-3.parquet" in (answer.headers["content-disposition"])
    )
    found = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert found.to_pydict() == {"row_id": [0, 1], "x": [1.5, 2.5]}


def test_rows_as_the_columns_of_a_plot(session: RemoteSession, http: httpx.Client) -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5, np.nan], "kind": ["b", "a", "b"]})
    session.add_table("image", 1, "t", frame)
    body = http.get('tables/3/rows?format=columns&columns=["x","kind"]').content
    length = int.from_bytes(body[:4], "little")
    header = json.loads(body[4 : 4 + length])
    assert header["rows"] == 3
    found = {}
    for column in header["columns"]:
        start = 4 + length + column["offset"]
        found[column["name"]] = np.frombuffer(body, column["dtype"], 3, start)
    np.testing.assert_array_equal(found["x"], np.float32([1.5, 2.5, np.nan]))
    assert [header["columns"][2]["words"][code] for code in found["kind"]] == ["b", "a", "b"]


def test_a_file_goes_and_comes(session: RemoteSession, store: FakeStore, tmp_path: Path) -> None:
    path = tmp_path / "notes.bin"
    path.write_bytes(CONTENT)
    assert session.add_file("image", 1, path, "other name").annotation.name == "other name"
    assert store.made["file"] == CONTENT
    record, content = session.file(1)
    pieces = list(content)
    assert b"".join(pieces) == CONTENT and max(map(len, pieces)) <= 1 << 20
    assert record.size == len(CONTENT)


def test_downloads_are_never_shown_by_a_browser(http: httpx.Client) -> None:
    answer = http.get("files/1/content")
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "<" not in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=699995-700004", 206, slice(699_995, 700_005)),
        ("bytes=2999990-", 206, slice(2_999_990, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=5-3000000000", 206, slice(5, None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_ranges(http: httpx.Client, asked: str, status: int, span: slice) -> None:
    answer = http.get("files/1/content", headers={"Range": asked})
    assert answer.status_code == status
    assert answer.content == CONTENT[span]


def test_a_range_behind_the_end(http: httpx.Client) -> None:
    answer = http.get("files/1/content", headers={"Range": "bytes=3000000-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */3000000"


def test_uploads_from_the_same_disk_stay_where_they_are(
    session: RemoteSession, tmp_path: Path
) -> None:
    (tmp_path / "plate").mkdir()
    assert session.upload(tmp_path / "plate") == str(tmp_path / "plate")


def test_a_folder_is_sent_file_by_file(
    session: RemoteSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RemoteSession, "sees", lambda *_: False)
    folder = tmp_path / "plate"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.tif").write_bytes(b"A")
    (folder / "deep" / "er" / "b.tif").write_bytes(b"B" * 3_000_000)
    there = Path(session.upload(folder))
    assert there.name == "plate" and there != folder
    assert (there / "a.tif").read_bytes() == b"A"
    assert (there / "deep" / "er" / "b.tif").read_bytes() == b"B" * 3_000_000
    alone = Path(session.upload(folder / "a.tif"))
    assert alone.read_bytes() == b"A" and alone.parent.parent.parent == there.parent.parent.parent


def test_bodies_leave_nothing_behind(session: RemoteSession, store: FakeStore) -> None:
    session.add_labels(1, "n", np.zeros((4, 4), np.uint8))
    body = (5).to_bytes(8, "little") + b"{bad}"
    with pytest.raises(Invalid):
        session.transport.fetch("POST", "images", body=lambda: (body,))
    with pytest.raises(Invalid):
        session.transport.fetch("POST", "images", body=lambda: (b"abc",))
    session.server.status()
    left = [f for f in store.layout.root.rglob("*") if f.is_file()]
    for _ in range(100):
        left = [f for f in left if f.exists()]
        if not left:
            break
        session.server.status()
    assert not left


def test_a_body_shorter_than_it_says(session: RemoteSession) -> None:
    from omero_jlab.remote.wire import NewLabels, form_of, framed

    header = NewLabels(name="n", array=form_of(np.zeros((4, 4))))
    with pytest.raises(Invalid, match="128 bytes and has 5"):
        session.transport.fetch("POST", "images/1/labels", body=lambda: framed(header, [b"12345"]))


def test_too_much_at_once(session: RemoteSession) -> None:
    with pytest.raises(TooLarge, match="ask for parts"):
        session.region(1, 0, 0, 0, 0, 0, 0, 100_000, 100_000)


def test_logging_in(session: RemoteSession) -> None:
    token = log_in(session.transport.url, "ada", "lovelace")
    ada = RemoteSession(session.transport.url, token)
    assert ada.handshake().user.name == "ada"
    with pytest.raises(NotFound):
        ada.images.get(2)
    ada.close()
    with pytest.raises(Unauthenticated, match="belong together"):
        log_in(session.transport.url, "ada", "byron")
    with pytest.raises(Unauthenticated, match="belong together"):
        log_in(session.transport.url, "nobody", "")


def test_guessing_passwords_ends(session: RemoteSession) -> None:
    for _ in range(10):
        with pytest.raises(Unauthenticated, match="belong together"):
            log_in(session.transport.url, "ada", "x")
    with pytest.raises(Unauthenticated, match="Too many"):
        log_in(session.transport.url, "ada", "lovelace")


def test_a_session_travels_to_another_process(session: RemoteSession) -> None:
    there = pickle.loads(pickle.dumps(session))
    assert there.server.status() == session.server.status()
    get = pickle.loads(pickle.dumps(session.images.get))
    assert get(1).name == "cells"
    there.close()


def test_nobody_listens() -> None:
    gone = RemoteSession("http://127.0.0.1:9/", "x")
    with pytest.raises(Unavailable, match="cannot be reached"):
        gone.server.status()
