"""Uploads on a disk that fails."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.errors import Full, Unavailable, Unreadable
from omero_jlab.model import FileToUpload
from omero_jlab.storage import (
    Layout,
    UploadLimits,
    Uploads,
    incoming,
    take_upload,
    upload_folder,
    upload_journal,
    uploads_folder,
)

BODY = bytes(range(256)) * 40


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "repository")


@pytest.fixture
def uploads(layout: Layout) -> Iterator[Uploads]:
    made = Uploads(layout, UploadLimits(), lambda: 10**12)
    yield made
    made.close()


def again(layout: Layout) -> Uploads:
    made = Uploads(layout, UploadLimits(), lambda: 10**12)
    made.load()
    return made


def fail(code: int) -> Any:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    return broken


def begun(uploads: Uploads) -> tuple[str, int]:
    upload = uploads.begin("ada", "", 0).id
    (file,) = uploads.declare("ada", upload, [FileToUpload(path="d/a", size=len(BODY))])
    return upload, file.number


def send(uploads: Uploads, at: tuple[str, int], start: int, data: bytes) -> None:
    piece = uploads.piece("ada", *at, start, start + len(data), None)
    try:
        piece.write(data)
        piece.finish()
    finally:
        piece.close()


def test_a_disk_that_cannot_force_takes_back_what_it_claimed(
    uploads: Uploads, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = begun(uploads)
    send(uploads, at, 0, BODY[:100])
    uploads._own("ada", at[0]).file(at[1]).sync()
    send(uploads, at, 100, BODY[100:])
    with monkeypatch.context() as patch:
        patch.setattr(incoming, "fsync_file", fail(errno.EIO))
        with pytest.raises(Unavailable) as error:
            uploads.complete("ada", *at, None)
        assert error.value.errno == errno.EIO
    assert uploads.file("ada", *at).received == ((0, 100),)
    assert again(layout).file("ada", *at).received == ((0, 100),)
    send(uploads, at, 100, BODY[100:])
    assert uploads.complete("ada", *at, None).state == "complete"


def test_a_full_disk_leaves_nothing_of_a_declaration(
    uploads: Uploads, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.begin("ada", "", 0).id
    calls = iter([True, True])

    def reserve(*_: Any) -> bool:
        return next(calls, None) or fail(errno.ENOSPC)()

    with monkeypatch.context() as patch:
        patch.setattr(upload_folder, "reserve_blocks", reserve)
        with pytest.raises(Full):
            uploads.declare("ada", upload, [FileToUpload(path=f"{n}", size=9) for n in range(3)])
    assert uploads.get("ada", upload).files == 0
    assert [p.name for p in uploads_folder(layout).rglob("*") if p.is_file()] == ["journal"]
    with monkeypatch.context() as patch:
        patch.setattr(upload_journal, "fsync_file", fail(errno.ENOSPC))
        for call in (
            lambda: uploads.declare("ada", upload, [FileToUpload(path="a", size=9)]),
            lambda: uploads.begin("ada", "", 0),
        ):
            with pytest.raises(Full):
                call()
    assert len(uploads.list("ada")) == len(list(uploads_folder(layout).iterdir())) == 1
    (made,) = uploads.declare("ada", upload, [FileToUpload(path="a", size=9)])
    assert again(layout).file("ada", upload, made.number).path == "a"


def test_what_came_after_a_failed_publishing_counts(
    uploads: Uploads, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = begun(uploads)
    send(uploads, at, 0, BODY)
    with monkeypatch.context() as patch:
        patch.setattr(upload_folder.UploadFolder, "publish", fail(errno.ENOSPC))
        with pytest.raises(OSError):
            uploads.complete("ada", *at, None)
    send(uploads, at, 0, b"other")
    there = again(layout).file("ada", *at)
    assert there.state == "receiving" and there.received == ((5, len(BODY)),)


@pytest.mark.parametrize("moment", ["journal", "rename"])
def test_a_crash_while_a_file_is_published(
    uploads: Uploads, layout: Layout, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    at = begun(uploads)
    send(uploads, at, 0, BODY)
    with monkeypatch.context() as patch:
        if moment == "journal":
            patch.setattr(upload_folder.UploadFolder, "publish", fail(errno.EIO))
        else:
            patch.setattr(upload_folder, "fsync_folder", fail(errno.EIO))
        with pytest.raises(OSError):
            uploads.complete("ada", *at, None)
    later = again(layout)
    assert later.file("ada", *at).state == "complete"
    assert (Path(later.get("ada", at[0]).folder) / "d" / "a").read_bytes() == BODY


def test_what_is_not_whole_of_a_batch_is_not_there(
    uploads: Uploads, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.begin("ada", "", 0).id
    (tmp_path / "spool").write_bytes(BODY)
    files = [FileToUpload(path=f"{n}", size=100) for n in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(upload_journal, "fsync_file", fail(errno.ENOSPC))
        with pytest.raises(Full):
            uploads.add_whole("ada", upload, files, tmp_path / "spool", 0)
    assert uploads.get("ada", upload).files == 0
    made = uploads.add_whole("ada", upload, files, tmp_path / "spool", 0)
    assert [file.checksum for file in made] == [
        f"SHA-256:{hashlib.sha256(BODY[n : n + 100]).hexdigest()}" for n in (0, 100, 200)
    ]
    assert len(again(layout).files("ada", upload, 0, 10)) == 3


def test_an_import_takes_what_was_verified(uploads: Uploads, tmp_path: Path) -> None:
    at = begun(uploads)
    send(uploads, at, 0, BODY)
    uploads.complete("ada", *at, None)
    source = Path(uploads.get("ada", at[0]).folder) / "d" / "a"
    known = uploads.content(source)
    assert known is not None and known.sha256 == hashlib.sha256(BODY).hexdigest()
    assert uploads.content(tmp_path) is uploads.content(source.parent) is None
    uploads.use([source])
    assert take_upload(source, tmp_path / "taken", known)
    assert (tmp_path / "taken").read_bytes() == BODY
    uploads.forget([source])
    assert (tmp_path / "taken").stat().st_nlink == 1
    (tmp_path / "other").write_bytes(b"other")
    with pytest.raises(Unreadable):
        take_upload(tmp_path / "other", tmp_path / "more", known)


def test_an_upload_in_use_is_left_alone(uploads: Uploads, layout: Layout) -> None:
    upload = uploads.begin("ada", "key", 0)
    path = Path(upload.folder)
    assert uploads.begin("ada", "key", 0).id == upload.id
    uploads.use([path])
    assert uploads.begin("ada", "key", 0).id != upload.id
    assert again(layout).begin("ada", "", 0).id != upload.id
    uploads.release([path])
    assert uploads.begin("ada", "key", 0).id == upload.id
