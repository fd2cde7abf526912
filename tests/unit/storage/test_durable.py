"""What was written is there, and what could not be written left nothing."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from omero_jlab.errors import Conflict, Full, NotFound, OmeroError, Unavailable, Unreadable
from omero_jlab.storage import copy_hashed, hash_file, make_folders, write_file

_SIZES = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 12345]
_MTIME = 1_234_567_890_123_456_789


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.tif"
    path.write_bytes(os.urandom(3 * (1 << 20) + 7))
    os.utime(path, ns=(_MTIME, _MTIME))
    return path


@pytest.mark.parametrize("size", _SIZES)
def test_a_copy_is_equal_and_its_digests_are_right(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    os.utime(source, ns=(_MTIME, _MTIME))
    steps: list[int] = []
    copied = copy_hashed(source, target, steps.append)
    assert target.read_bytes() == data
    assert (copied.size, sum(steps)) == (size, size)
    assert copied.sha256 == hashlib.sha256(data).hexdigest()
    assert copied.md5 == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert copied.mtime_ns == target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert target.stat().st_mode & 0o077 == 0
    assert hash_file(target) == copied


def test_a_copy_overwrites_nothing(tmp_path: Path, source: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    with pytest.raises(Conflict):
        copy_hashed(source, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"precious"


def test_a_link_at_the_target_is_not_followed(tmp_path: Path, source: Path) -> None:
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        copy_hashed(source, tmp_path / "target")
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_file_is_refused_by_name(tmp_path: Path, source: Path) -> None:
    link, pipe, folder = tmp_path / "link", tmp_path / "pipe", tmp_path / "folder"
    link.symlink_to(source)
    os.mkfifo(pipe)
    folder.mkdir()
    for path, words in ((link, "symbolic link"), (pipe, "pipe"), (folder, "folder")):
        with pytest.raises(Unreadable, match=words):
            copy_hashed(path, tmp_path / "target")
        with pytest.raises(Unreadable, match=words):
            hash_file(path)
    with pytest.raises(NotFound, match="missing"):
        copy_hashed(tmp_path / "missing", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path, source: Path) -> None:
    def grow(_: int) -> None:
        with source.open("ab") as file:
            file.write(b"more")

    with pytest.raises(Unreadable, match="changed while"):
        copy_hashed(source, tmp_path / "target", grow)
    assert not (tmp_path / "target").exists()


def test_a_file_rewritten_in_the_same_size_is_refused(tmp_path: Path, source: Path) -> None:
    def rewrite(_: int) -> None:
        with source.open("r+b") as file:
            file.write(b"other")

    with pytest.raises(Unreadable, match="changed while"):
        copy_hashed(source, tmp_path / "target", rewrite)


def test_a_cancelled_copy_leaves_nothing(tmp_path: Path, source: Path) -> None:
    class CancelledError(Exception):
        pass

    def cancel(_: int) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        copy_hashed(source, tmp_path / "target", cancel)
    assert not (tmp_path / "target").exists()


def test_writing_replaces_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"first", b"", b"x" * 300_000, memoryview(b"last")):
        write_file(path, data)
        assert path.read_bytes() == bytes(data)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_folders_are_made_for_this_account_only(tmp_path: Path) -> None:
    make_folders(tmp_path / "a" / "b" / "c")
    make_folders(tmp_path / "a" / "b" / "c")
    for folder in ("a", "a/b", "a/b/c"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("way", ["write", "copy"])
def test_content_is_on_the_disk_before_its_name_and_then_the_name(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    events: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(before: Path, after: Path) -> None:
        events.append("name")
        replace(before, after)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        patch.setattr(os, "replace", renamed)
        if way == "write":
            write_file(folder / "target", b"data")
            assert events == ["file", "name", "folder"]
        else:
            copy_hashed(source, folder / "target")
            assert events == ["file", "folder"]


def _failing(real: Callable[..., object], on: int, code: int) -> Callable[..., object]:
    """`real`, but call number `on` (from 1) fails; `calls` counts them."""

    def wrapped(*args: object, **named: object) -> object:
        wrapped.calls += 1  # type: ignore[attr-defined]
        if wrapped.calls == on:  # type: ignore[attr-defined]
            raise OSError(code, os.strerror(code))
        return real(*args, **named)

    wrapped.calls = 0  # type: ignore[attr-defined]
    return wrapped


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("call", ["write", "fsync", "open", "replace"])
def test_the_nth_failure_of_a_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    kinds = {errno.ENOSPC: Full, errno.EDQUOT: Full, errno.EIO: Unavailable}
    for on in range(1, 10):
        failing = _failing(getattr(os, call), on, code)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                write_file(path, b"new")
            except OmeroError as error:
                assert type(error) is kinds.get(code, Unavailable)
                assert isinstance(error, OSError) and error.errno == code
                assert str(tmp_path) in str(error)
            else:
                assert failing.calls < on  # type: ignore[attr-defined]
                break
        assert path.read_bytes() in (b"old", b"new")
        assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert on > 1
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, Full), (errno.EIO, Unavailable)])
@pytest.mark.parametrize("call", ["write", "fsync", "utime"])
def test_the_nth_failure_of_a_copy_leaves_no_target(
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
    kind: type[OmeroError],
) -> None:
    target = tmp_path / "target"
    for on in range(1, 20):
        failing = _failing(getattr(os, call), on, code)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                copy_hashed(source, target)
            except kind as error:
                assert "target" in str(error)
            else:
                break
        assert not target.exists()
    assert on > 1
    assert hash_file(target) == hash_file(source)


def test_an_error_of_the_source_is_not_blamed_on_the_repository(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "readv", _failing(os.readv, 2, errno.EIO))
        with pytest.raises(Unreadable, match=r"source\.tif"):
            copy_hashed(source, tmp_path / "target")


def test_a_full_disk_says_how_much_is_needed_and_free(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _failing(os.write, 1, errno.ENOSPC))
        with pytest.raises(Full, match=r"3,145,735 bytes are needed, [\d,]+ bytes are free"):
            copy_hashed(source, tmp_path / "target")
