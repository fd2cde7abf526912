"""`omero-jlab serve` on a repository that somebody has open already."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from omero_jlab.cli import main
from omero_jlab.repository import Store
from omero_jlab.server import holder
from omero_jlab.storage import Layout, Owner, RepositoryLock


@pytest.mark.parametrize("host", ["microscope", ""])
def test_a_locked_repository_is_named_with_its_owner(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
) -> None:
    monkeypatch.setattr(holder, "_PATIENCE_S", 0.1)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    root = tmp_path / "repository"
    Store.open(root, create=True).close()
    lock = RepositoryLock(Layout(root).lock)
    assert lock.acquire()
    if host:
        # Its loopback address is no address on this machine.
        owner = Owner(7, host, "http://127.0.0.1:9/", "t", "2020-01-01T00:00:00+00:00", "1")
        lock.announcement.write_text(json.dumps(asdict(owner)))
    try:
        assert main(["serve", "--repository", str(root), "--port", "0"]) == 3
    finally:
        lock.release()
    said = capsys.readouterr().err
    assert "is open already" in said
    if host:
        assert "process 7 on microscope, since 2020-01-01" in said and "days ago" in said


def test_a_teams_repository_that_everybody_may_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    root = tmp_path / "repository"
    Store.open(root, create=True).close()
    root.chmod(0o777)
    assert main(["serve", "--repository", str(root), "--port", "0"]) == 1
    assert "Everybody on this machine may write" in capsys.readouterr().err
