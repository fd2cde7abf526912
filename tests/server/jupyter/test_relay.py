"""A Jupyter server whose repository is in another process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from tornado.httpclient import HTTPClientError

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.remote import RemoteSession, log_in
from omero_jlab.server import Holder, Listener

from ..fakes import CONTENT, FakeStore

pytestmark = pytest.mark.filterwarnings(r"ignore:[\s\S]*TermSocket")

ROOT = ("omero-jlab", "api", "v1")


class Elsewhere:
    """The other process: what owns the repository when the Jupyter server starts."""

    def __init__(self, root: Path) -> None:
        self.store = FakeStore(root)
        self.holder = Holder(root, open_repository=lambda _: self.store)
        self.listener = Listener(self.holder)
        assert self.holder.settle() is None

    def end(self) -> None:
        self.listener.stop()
        self.holder.close()


@pytest.fixture
def owner(store: FakeStore) -> Iterator[Elsewhere]:
    elsewhere = Elsewhere(store.layout.root)
    yield elsewhere
    elsewhere.end()


@pytest.fixture
def relaying(owner: Elsewhere, started: Any) -> Iterator[RemoteSession]:
    """The owner's repository through the relay's own listener."""
    assert started.holder.upstream.url == owner.listener.start().url
    session = RemoteSession(started.listener.start().url, started.holder.secret)
    yield session
    session.close()


async def test_the_second_server_passes_requests_on(
    relaying: RemoteSession, owner: Elsewhere, store: FakeStore, jp_fetch: Any
) -> None:
    made = await jp_fetch(*ROOT, "projects", method="POST", body='{"name": "p"}')
    assert json.loads(made.body)["name"] == "p"
    assert [project.name for project in owner.store.projects] == ["p"]
    assert store.projects == []
    picture = await jp_fetch(*ROOT, "images", "1", "thumbnail")
    assert picture.body == b"\xff\xd8thumbnail"
    assert picture.headers["Content-Type"] == "image/jpeg"


async def test_a_cookie_alone_changes_nothing_there_either(
    relaying: RemoteSession, owner: Elsewhere, jp_fetch: Any
) -> None:
    first = await jp_fetch(*ROOT, "status")
    cookies = [c.split(";")[0] for c in first.headers.get_list("Set-Cookie")]
    assert cookies
    for forged in ({}, {"X-XSRFToken": "guessed"}, {"Content-Type": "text/plain"}):
        headers = {"Authorization": "", "Cookie": "; ".join(cookies), **forged}
        for path in ("projects", "images"):
            with pytest.raises(HTTPClientError) as caught:
                await jp_fetch(*ROOT, path, method="POST", body='{"name": "p"}', headers=headers)
            assert caught.value.code == 403
    assert owner.store.projects == []


async def test_caches_work_through_it(relaying: RemoteSession, jp_fetch: Any) -> None:
    first = await jp_fetch(*ROOT, "images", "1", "thumbnail")
    with pytest.raises(HTTPClientError) as caught:
        tag = {"If-None-Match": first.headers["Etag"]}
        await jp_fetch(*ROOT, "images", "1", "thumbnail", headers=tag)
    assert caught.value.code == 304


async def test_what_is_large_goes_through_in_pieces(
    relaying: RemoteSession, owner: Elsewhere
) -> None:
    array = np.random.default_rng(1).integers(0, 255, (1, 1, 5, 999, 997), dtype=np.uint8)
    await asyncio.to_thread(relaying.add_image, array, "new")
    np.testing.assert_array_equal(owner.store.made["image"][0], array)
    _, content = await asyncio.to_thread(relaying.file, 1)
    assert await asyncio.to_thread(lambda: b"".join(content)) == CONTENT


async def test_errors_go_through(relaying: RemoteSession) -> None:
    with pytest.raises(NotFound, match="no image 9"):
        await asyncio.to_thread(relaying.images.get, 9)
    with pytest.raises(Invalid, match="length of its header"):
        await asyncio.to_thread(relaying.transport.fetch, "POST", "images", None, lambda: (b"abc",))


async def test_users_of_the_owner_keep_their_names(relaying: RemoteSession, jp_fetch: Any) -> None:
    url = relaying.transport.url
    token = await asyncio.to_thread(log_in, url, "ada", "lovelace")
    for secret in (token, "token-of-ada"):
        headers = {"Authorization": f"Bearer {secret}"}
        status = await jp_fetch(*ROOT, "status", headers=headers)
        assert json.loads(status.body)["user"]["name"] == "ada"
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch(*ROOT, "images", "2", headers=headers)
        assert caught.value.code == 404


@pytest.mark.parametrize("secret", ["", "wrong"])
async def test_nobody_gets_through(relaying: RemoteSession, jp_fetch: Any, secret: str) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    for verb, body in (("GET", None), ("POST", '{"name": "p"}')):
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch(*ROOT, "projects", method=verb, body=body, headers=headers)
        assert caught.value.code == 401


async def test_a_cookie_alone_changes_nothing(
    relaying: RemoteSession, owner: Elsewhere, jp_fetch: Any
) -> None:
    first = await jp_fetch(*ROOT, "status")
    cookies = "; ".join(c.split(";")[0] for c in first.headers.get_list("Set-Cookie"))
    with pytest.raises(HTTPClientError) as caught:
        headers = {"Authorization": "", "Cookie": cookies}
        await jp_fetch(*ROOT, "projects", method="POST", body='{"name": "p"}', headers=headers)
    assert caught.value.code == 403
    assert owner.store.projects == []


@pytest.mark.parametrize(
    "path", ["../../../api/status", "%2e%2e/status", "images/%2E", "..%2f..%2fapi"]
)
async def test_no_path_leads_out_of_the_interface(relaying: RemoteSession, path: str) -> None:
    parts = urlsplit(relaying.transport.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = f"GET /omero-jlab/api/v1/{path} HTTP/1.0\r\nHost: 127.0.0.1\r\n"
    token = f"Authorization: Bearer {relaying.transport.token}"
    writer.write(f"{request}{token}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.split()[1] == b"404"


async def test_names_in_paths_arrive_as_they_were_sent(
    relaying: RemoteSession, jp_fetch: Any
) -> None:
    with pytest.raises(NotFound, match="a b/ü%"):
        await asyncio.to_thread(relaying.transport.fetch, "GET", "nowhere/a%20b%2F%C3%BC%25")


async def test_when_the_owner_ends_this_server_takes_over(
    relaying: RemoteSession, owner: Elsewhere, store: FakeStore, jp_fetch: Any, started: Any
) -> None:
    await jp_fetch(*ROOT, "status")
    await asyncio.to_thread(owner.end)
    made = await jp_fetch(*ROOT, "projects", method="POST", body='{"name": "later"}')
    assert json.loads(made.body)["name"] == "later"
    assert [project.name for project in store.projects] == ["later"]
    assert started.holder.upstream is None
    again = await asyncio.to_thread(relaying.containers.projects)
    assert [project.name for project in again] == ["later"]
