"""SIGKILL to the server while files are sent to it: what it claims to have is there."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_jlab.errors import OmeroError
from omero_jlab.objects import Repository
from omero_jlab.remote import RemoteSession, uploading
from omero_jlab.repository import Store

from .audit import disagreements


@contextmanager
def serving(root: Path) -> Iterator[tuple[subprocess.Popen[str], RemoteSession]]:
    script = str(Path(__file__).with_name("serve_uploads.py"))
    process = subprocess.Popen(
        [sys.executable, script, str(root)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url, token = process.stdout.readline().split()
        session = RemoteSession(url, token)
        session.patience_s = 0.0
        yield process, session
        session.close()
    finally:
        process.kill()
        process.communicate()


def kill_and_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, seed: int) -> None:
    """Kill one server after the other in the middle of the same upload."""
    monkeypatch.setattr(uploading, "CHUNK", 256 << 10)
    root, folder = tmp_path / "repository", tmp_path / "camera"
    folder.mkdir()
    noise = np.random.default_rng(seed)
    pixels = {}
    for name, side in {"large.tif": 3000, **{f"{n}.tif": 64 for n in range(8)}}.items():
        pixels[name] = noise.integers(0, 4000, (side, side), dtype=np.uint16)
        tifffile.imwrite(folder / name, pixels[name])
    chance = random.Random(seed)
    before: set[str] = set()
    for _ in range(kills):
        with serving(root) as (server, session):
            before = check_claims(session, folder.parent, before)
            reached, wanted = threading.Event(), chance.uniform(0.1, 0.95)

            def look(
                done: int, total: int, reached: threading.Event = reached, wanted: float = wanted
            ) -> None:
                if done > wanted * total:
                    reached.set()

            def end(
                server: subprocess.Popen[str] = server, reached: threading.Event = reached
            ) -> None:
                reached.wait(60)
                os.kill(server.pid, signal.SIGKILL)

            killer = threading.Thread(target=end)
            killer.start()
            try:
                session.upload(folder, look)
            except OmeroError:
                pass
            finally:
                reached.set()
                killer.join()
    with serving(root) as (_, session):
        check_claims(session, folder.parent, before)
        images = Repository(session).import_files(folder, quiet=True)
        assert images.failed == ()
        found = {image.name: image.dask().compute()[0, 0, 0] for image in images}
        assert found.keys() == pixels.keys()
        for name, plane in found.items():
            assert np.array_equal(plane, pixels[name])
    store = Store.open(root)
    try:
        assert disagreements(store) == []
        assert store.session().uploads.list() == ()
    finally:
        store.close()


def check_claims(session: RemoteSession, sources: Path, before: set[str]) -> set[str]:
    """Compare the bytes that the server says it has with its disk; answers what is complete."""
    complete = set()
    for upload in session.uploads.list():
        for file in session.uploads.files(upload.id):
            there = Path(upload.folder) / file.path
            if file.state == "complete":
                complete.add(file.path)
            else:
                there = Path(upload.folder).parent / "parts" / str(file.number)
            ours, theirs = (sources / file.path).read_bytes(), there.read_bytes()
            for start, end in file.received:
                assert ours[start:end] == theirs[start:end], f"{file.path} is not what it says"
    assert before <= complete, "what was acknowledged is lost"
    return complete


def test_uploads_go_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_and_go_on(tmp_path, monkeypatch, 1, seed=3)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_uploads_go_on_after_many_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in range(5):
        (tmp_path / str(part)).mkdir()
        kill_and_go_on(tmp_path / str(part), monkeypatch, 6, seed=part)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(600 << 20)
    with serving(tmp_path / "repository") as (server, session):
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        theirs = peak_kb(server.pid)
        there = session.upload(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own < 200_000
        assert peak_kb(server.pid) - theirs < 200_000
        assert Path(there).stat().st_size == path.stat().st_size


def peak_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
