"""The extension in a Jupyter server, as the owner of the repository."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tornado.httpclient import HTTPClientError

from omero_jlab.connection import connect, disconnect
from omero_jlab.remote import RemoteSession
from omero_jlab.storage import Layout, RepositoryLock

from ..fakes import FakeStore

# Jupyter's own terminals have a handler that is not marked.
pytestmark = pytest.mark.filterwarnings(r"ignore:[\s\S]*TermSocket")

ROOT = ("omero-jlab", "api", "v1")


async def test_jupyters_token_is_the_owner(started: Any, jp_fetch: Any) -> None:
    answer = await jp_fetch(*ROOT, "status")
    assert json.loads(answer.body)["user"]["name"] == "root"


async def test_our_token_works_in_jupyter(started: Any, jp_fetch: Any) -> None:
    headers = {"Authorization": "Bearer token-of-ada"}
    answer = await jp_fetch(*ROOT, "status", headers=headers)
    assert json.loads(answer.body)["user"]["name"] == "ada"


@pytest.mark.parametrize("path", ["status", "images/1/thumbnail", "nowhere", "openapi.json"])
async def test_without_a_token(started: Any, jp_fetch: Any, path: str) -> None:
    headers = {"Authorization": "Bearer wrong"}
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch(*ROOT, *path.split("/"), headers=headers)
    assert caught.value.code == 401
    assert json.loads(caught.value.response.body)["error"] == "Unauthenticated"


async def test_bytes_stay_bytes_in_jupyter(started: Any, jp_fetch: Any) -> None:
    answer = await jp_fetch(*ROOT, "images", "1", "thumbnail")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.body == b"\xff\xd8thumbnail"


async def test_uploads_in_jupyter(started: Any, store: FakeStore, jp_serverapp: Any) -> None:
    session = RemoteSession(started.listener.start().url, started.holder.secret)
    array = np.arange(16, dtype=np.uint8).reshape(4, 4)
    await asyncio.to_thread(session.add_labels, 1, "n", array)
    np.testing.assert_array_equal(store.made["labels"][0], array)
    session.close()


async def test_a_cookie_alone_changes_nothing(started: Any, jp_fetch: Any) -> None:
    first = await jp_fetch(*ROOT, "status")
    cookies = [c.split(";")[0] for c in first.headers.get_list("Set-Cookie")]
    assert cookies
    headers = {"Authorization": "", "Cookie": "; ".join(cookies)}
    seen = await jp_fetch(*ROOT, "status", headers=headers)
    assert json.loads(seen.body)["user"]["name"] == "root"
    for path in ("projects", "images"):
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch(*ROOT, path, method="POST", body='{"name": "p"}', headers=headers)
        assert caught.value.code == 403
    page = {**headers, "Cookie": "; ".join([*cookies, "_xsrf=abc"]), "X-XSRFToken": "abc"}
    made = await jp_fetch(*ROOT, "projects", method="POST", body='{"name": "p"}', headers=page)
    assert json.loads(made.body)["name"] == "p"


async def test_kernels_are_told_where_it_is(
    started: Any, store: FakeStore, runtime_folder: Path
) -> None:
    file = Path(os.environ["OMERO_JLAB_TOKEN_FILE"])
    assert file.parent == runtime_folder
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.environ["OMERO_JLAB_REPOSITORY"] == str(store.layout.root)
    session = await asyncio.to_thread(connect)
    status = await asyncio.to_thread(session.server.status)
    assert status.user.name == "root"
    lock = RepositoryLock(Layout(store.layout.root).lock)
    assert not lock.acquire()
    owner = lock.read_owner()
    assert owner is not None and owner.url == os.environ["OMERO_JLAB_URL"]


async def test_ending_gives_the_repository_back(started: Any, store: FakeStore) -> None:
    file = Path(os.environ["OMERO_JLAB_TOKEN_FILE"])
    await asyncio.to_thread(started.holder.store)
    await started.stop_extension()
    assert store.closed
    assert not file.exists() and "OMERO_JLAB_URL" not in os.environ
    lock = RepositoryLock(Layout(store.layout.root).lock)
    assert lock.acquire()
    lock.release()


async def test_a_repository_that_is_none_does_not_keep_jupyter_from_starting(
    extension: Any, jp_serverapp: Any, store: FakeStore, jp_fetch: Any
) -> None:
    (store.layout.root / "thesis.docx").write_text("precious")
    await extension._start_jupyter_server_extension(jp_serverapp)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch(*ROOT, "status")
    assert "thesis.docx" in json.loads(caught.value.response.body)["message"]
    assert [path.name for path in store.layout.root.iterdir()] == ["thesis.docx"]


async def test_the_page_is_told_to_show_the_panel(jp_serverapp: Any) -> None:
    page = jp_serverapp.web_app.settings["page_config_data"]
    assert page["omeroJlabShowPanel"] == "true"


def teardown_module() -> None:
    disconnect()
