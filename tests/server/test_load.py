"""Tiles asked for without end: memory stays flat, and descriptors at their start."""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest
import tifffile

from omero_jlab.model import ChannelSettings, Settings
from omero_jlab.objects import Repository
from omero_jlab.repository import Store
from omero_jlab.storage import Layout, RepositoryLock

SHARE = 0.3
"""How much of the machine the server may be busy."""
MB = 1e6


@dataclass
class Server:
    """A server process and what it holds."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    images: dict[str, int]
    side: int
    samples: list[tuple[float, float, int]] = field(default_factory=list)

    @property
    def busy_s(self) -> float:
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    def sample(self) -> tuple[float, float, int]:
        """Seconds, MB of memory, descriptors."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        descriptors = sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())
        self.samples.append((time.monotonic(), int(found[1]) * 1024 / MB, descriptors))
        return self.samples[-1]

    def load(self, minutes: float) -> None:
        """Ask for tiles of every kind, as many as keep the server busy for its share."""
        start, busy = time.monotonic(), self.busy_s
        paths = asked(self.images, self.side)
        next_sample = start
        while (now := time.monotonic()) < start + 60 * minutes:
            answer = self.client.get(next(paths))
            assert answer.status_code == 200, answer.text
            if now >= next_sample:
                self.sample()
                next_sample = now + max(0.5, minutes / 6)
            ahead = (self.busy_s - busy) / (SHARE * (os.cpu_count() or 1)) - (now - start)
            time.sleep(min(max(ahead, 0), 1))


def asked(images: dict[str, int], side: int) -> Iterator[str]:
    """Paths without end: drawn, raw and stored tiles, regions, thumbnails, Zarr's chunks."""
    chance = random.Random(1)
    for number in itertools.count():
        name, image = chance.choice(list(images.items()))
        tile = f"0/0/0/{chance.randrange(side // 256)}/{chance.randrange(side // 256)}"
        window = float(chance.randrange(1, 60_000))
        count = 3 if name == "rgb" else 2
        channel = ChannelSettings(start=0, end=window, color="00FF00")
        settings = Settings(channels=(channel,) * count).model_dump_json()
        y, x = chance.randrange(side - 700), chance.randrange(side - 700)
        yield from (
            f"images/{image}/tiles/{tile}",
            f"images/{image}/tiles/{tile}?settings={quote(settings)}",
            f"images/{image}/raw/{tile}?channels=0,1",
            f"images/{image}/region?y={y}&x={x}&height=700&width=700",
        )
        if number % 10 == 0:
            yield f"images/{image}/thumbnail?size={chance.choice((96, 128, 256))}"
            yield f"zarr/0.5/images/{image}.zarr/zarr.json"
        if number % 50 == 0:
            yield "images?limit=50"
            yield f"images/{image}/histogram?c=0"


@pytest.fixture
def server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Server]:
    for name in ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    root = tmp_path / "repository"
    images = filled(root, tmp_path, request.param)
    command = [sys.executable, "-m", "omero_jlab.cli", "serve", "--repository", str(root)]
    process = subprocess.Popen([*command, "--port", "0"], stdout=-3, stderr=-3)
    try:
        lock = RepositoryLock(Layout(root).lock)
        until = time.monotonic() + 60
        while (owner := lock.read_owner()) is None or not owner.url:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        secret = Path(owner.token_file).read_text().strip()
        headers = {"Authorization": f"Bearer {secret}"}
        base = f"{owner.url}omero-jlab/api/v1/"
        with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
            yield Server(process, client, images, request.param)
    finally:
        process.terminate()
        process.wait(60)


def filled(root: Path, folder: Path, side: int) -> dict[str, int]:
    """A repository with images of several kinds; their ids by name."""
    random = np.random.default_rng(1)
    planes = random.poisson(300, (2, side, side)).astype(np.uint16)
    picture = random.integers(0, 255, (side // 64, side // 64, 3), np.uint8)
    picture = picture.repeat(64, 0).repeat(64, 1)
    kinds = {
        "zstd": (planes, {"compression": "zstd"}),
        "plain": (planes, {}),
        "float": (planes.astype(np.float32), {"compression": "deflate"}),
        "rgb": (picture, {"compression": "jpeg", "photometric": "ycbcr"}),
    }
    paths = []
    for name, (pixels, options) in kinds.items():
        axes = {"axes": "CYX" if pixels is not picture else "YXS"}
        given = {"photometric": "minisblack", "metadata": axes} | options
        paths.append(folder / f"{name}.ome.tif")
        tifffile.imwrite(paths[-1], pixels, tile=(256, 256), **given)
    store = Store.open(root, create=True)
    try:
        images = Repository(store.session()).import_files(*paths, quiet=True)
        return {image.name.removesuffix(".ome.tif"): image.id for image in images}
    finally:
        store.close()


def slope(samples: list[tuple[float, float, int]]) -> float:
    """How much memory grows, MB a minute, by least squares."""
    seconds, memory, _ = np.array(samples).T
    return float(np.polyfit(seconds / 60, memory, 1)[0])


@pytest.mark.long
@pytest.mark.parametrize("server", [1024], indirect=True)
def test_descriptors_do_not_grow(server: Server) -> None:
    server.load(0.03)
    before = server.sample()[2]
    server.load(0.05)
    assert server.sample()[2] <= before + 4


@pytest.mark.long
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("server", [4096], indirect=True)
def test_an_hour_of_tiles_leaves_memory_flat(server: Server) -> None:
    server.load(10)
    start = server.sample()
    server.samples.clear()
    server.load(50)
    found = slope(server.samples)
    print(f"{found:.3f} MB a minute; descriptors {start[2]} and {server.sample()[2]}")
    assert found < 1
    assert server.samples[-1][2] <= start[2] + 4
