"""One more name for the same bytes, or a link to where they lie."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from omero_jlab.errors import Denied, Full, Invalid, NotFound, Unreadable
from omero_jlab.storage import (
    Layout,
    hard_link,
    hash_file,
    hash_original,
    lies_in_repository,
    links,
    soft_link,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "camera" / "source.tif"
    path.parent.mkdir()
    path.write_bytes(os.urandom(3_000_000))
    path.chmod(0o640)
    os.utime(path, ns=(1_500_000_000_000_000_001,) * 2)
    return path


def test_both_names_are_one_file_that_nobody_writes(source: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    found = hard_link(source, tmp_path / "target", steps.append, ("CRC-32",))
    assert found == hash_file(source)
    assert set(found.digests) == {"SHA-256", "MD5-128", "CRC-32"}
    assert sum(steps) == found.size == 3_000_000
    assert source.samefile(tmp_path / "target")
    assert stat.S_IMODE(source.stat().st_mode) == 0o444
    assert source.stat().st_mtime_ns == found.mtime_ns == 1_500_000_000_000_000_001


def test_what_ends_a_hard_link_leaves_everything_as_it_was(source: Path, tmp_path: Path) -> None:
    def cancel(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hard_link(source, tmp_path / "target", cancel)
    assert not os.path.lexists(tmp_path / "target")
    assert (stat.S_IMODE(source.stat().st_mode), source.stat().st_nlink) == (0o640, 1)


def test_a_file_that_others_could_change_gets_no_hard_link(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source.open("ab"), pytest.raises(Denied, match="open for writing"):
        hard_link(source, tmp_path / "target")
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(Unreadable, match="symbolic link"):
        hard_link(tmp_path / "link", tmp_path / "target")
    monkeypatch.setattr(os, "geteuid", lambda: source.stat().st_uid + 1)
    with pytest.raises(Denied, match="another account"):
        hard_link(source, tmp_path / "target")
    assert not os.path.lexists(tmp_path / "target")


def test_why_a_hard_link_cannot_be_made_is_said(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    kinds = {errno.EXDEV: Invalid, errno.EPERM: Invalid, errno.ENOSPC: Full}
    for code, kind in kinds.items():

        def failing(*_: object, code: int = code, **__: object) -> None:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(links.os, "link", failing)
            with pytest.raises(kind):
                hard_link(source, tmp_path / "target")
        assert stat.S_IMODE(source.stat().st_mode) == 0o640


def test_a_link_leads_to_the_file_itself(source: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(source.parent)
    found = soft_link(tmp_path / "way" / source.name, tmp_path / "target", None, ("Adler-32",))
    assert (tmp_path / "target").readlink() == source.resolve()
    assert found == hash_original(tmp_path / "target") == hash_original(source)
    assert "Adler-32" in found.digests


def test_a_link_is_not_followed_over_another(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    soft_link(source, target)
    away = tmp_path / "away"
    source.parent.rename(away)
    source.parent.symlink_to(away)
    with pytest.raises(Unreadable, match="in place"):
        hash_original(target)
    source.parent.unlink()
    away.rename(source.parent)
    assert hash_original(target).size == 3_000_000
    source.rename(away)
    source.symlink_to(away)
    with pytest.raises(Unreadable, match="in place"):
        hash_original(target)
    source.unlink()
    with pytest.raises(Unreadable, match="in place"):
        hash_original(target)
    os.mkfifo(source)
    with pytest.raises(Unreadable, match="no regular file"):
        hash_original(target)


@pytest.mark.parametrize("goal", ["camera/source.tif", "/tmp/../etc/passwd"])
def test_a_link_that_no_import_makes_is_not_read(tmp_path: Path, goal: str) -> None:
    (tmp_path / "target").symlink_to(goal)
    with pytest.raises(Unreadable, match="no import"):
        hash_original(tmp_path / "target")


def test_what_cannot_be_linked_leaves_no_link(source: Path, tmp_path: Path) -> None:
    for missing in (tmp_path / "missing", source.parent):
        with pytest.raises((NotFound, Unreadable)):
            soft_link(missing, tmp_path / "target")
        assert not os.path.lexists(tmp_path / "target")


def test_repositories_are_known_by_their_sentinel_and_by_name(tmp_path: Path) -> None:
    ours = Layout.create(tmp_path / "ours")
    (tmp_path / "link").symlink_to(ours.root / "Files")
    omero = tmp_path / "OMERO" / "ManagedRepository" / "ada_2"
    omero.mkdir(parents=True)
    for inside in (ours.managed / "a.tif", tmp_path / "link" / "a.tif", omero / "a.tif"):
        assert lies_in_repository(inside)
    assert not lies_in_repository(tmp_path / "a.tif")
