"""OME-Zarr through a Jupyter server that passes on, and what its logs say of capabilities."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from omero_jlab.repository import Store
from omero_jlab.server import Holder, Listener, holder

pytestmark = pytest.mark.filterwarnings(r"ignore:[\s\S]*TermSocket")

PIXELS = np.arange(60 * 70, dtype=np.uint16).reshape(1, 1, 1, 60, 70)
ORIGIN = {"Origin": "https://viewer.example"}


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Any]:
    """The other process, with one image and a capability for it."""
    root = tmp_path / "real"
    Store.open(root, create=True).close()
    held = Holder(root)
    listener = Listener(held)
    assert held.settle() is None
    yield held
    listener.stop()
    held.close()


@pytest.fixture
def jp_server_config(
    owner: Any, jp_server_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The extension on the repository of the other process."""
    monkeypatch.setattr(holder, "open_store", lambda _: None)
    jp_server_config["RepositoryApp"]["repository"] = str(owner.root)
    return jp_server_config


async def test_capabilities_go_through_and_stay_out_of_logs(
    owner: Any, started: Any, jp_fetch: Any, jp_base_url: str, jp_http_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    assert started.holder.upstream is not None
    session = owner.session(None, None, None)
    image = session.add_image(PIXELS, "x").id
    secret = session.zarr.add_capability(image).secret
    root = f"http://127.0.0.1:{jp_http_port}{jp_base_url}omero-jlab/api/v1/zarr"
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.INFO)
    key = f"0.5/images/{image}.zarr/0/c/0/0/0/0/0"
    with httpx.Client(trust_env=False) as plain:
        import anyio.to_thread as threads

        async def get(path: str, **headers: str) -> httpx.Response:
            return await threads.run_sync(
                lambda: plain.get(f"{root}/{path}", headers={**ORIGIN, **headers})
            )

        caplog.clear()
        good = await get(f"cap/{secret}/{key}", Referer=f"https://v.example/?s={secret}")
        assert good.status_code == 200 and len(good.content) > 0
        assert good.headers["access-control-allow-origin"] == "*"
        part = await get(f"cap/{secret}/{key}", Range="bytes=0-3")
        assert part.status_code == 206 and part.content == good.content[:4]
        absent = await get(f"cap/{secret}/{key}/1")
        assert absent.status_code == 404
        assert absent.headers["access-control-allow-origin"] == "*"
        wrong = await get(f"cap/wrong/{key}")
        assert wrong.status_code == 401
        up = await get(f"cap/{secret}/%2e%2e/{key}")
        assert up.status_code == 404 and secret not in up.text
        assert (await get(key)).status_code in (401, 403)
        asked = await threads.run_sync(lambda: plain.options(f"{root}/{key}", headers=ORIGIN))
        assert asked.status_code == 204
    said = [r.getMessage() for r in caplog.records if r.name != "httpx" or "8888" not in r.msg]
    ours = [line for line in said if not line.startswith(f"HTTP Request: GET {root}")]
    assert any("/zarr/cap/***" in line for line in ours)
    assert not [line for line in ours if secret in line]


async def test_a_cookie_of_another_origin_counts_for_nothing(
    owner: Any, started: Any, jp_fetch: Any
) -> None:
    session = owner.session(None, None, None)
    image = session.add_image(PIXELS, "x").id
    path = ("omero-jlab", "api", "v1", "zarr", "0.5", "images", f"{image}.zarr", "zarr.json")
    first = await jp_fetch(*path)
    assert first.code == 200
    cookies = "; ".join(c.split(";")[0] for c in first.headers.get_list("Set-Cookie"))
    own = {"Authorization": "", "Cookie": cookies}
    assert (await jp_fetch(*path, headers=own)).code == 200
    foreign = await jp_fetch(*path, headers={**own, **ORIGIN}, raise_error=False)
    assert foreign.code == 401
