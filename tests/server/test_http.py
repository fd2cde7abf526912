"""Who is let in, what an error looks like, what a cache may keep, and what happens under load."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from jupyter_server.serverapp import ServerWebApplication, _has_tornado_web_authenticated
from tornado.web import RequestHandler

from omero_jlab.errors import Unavailable
from omero_jlab.operations import CATALOGUE
from omero_jlab.remote import Transport
from omero_jlab.server import Holder, Listener
from omero_jlab.server.pool import Pool
from omero_jlab.server.relay import RelayHandler
from omero_jlab.server.routes import routes

from .fakes import FakeStore

PUBLIC = {
    ("post", "LoginHandler"),
    ("get", "CapabilityHandler"),
    ("head", "CapabilityHandler"),
}
VERBS = ("get", "head", "post", "put", "patch", "delete")


def every_method(holder: Holder) -> list[tuple[str, str, type[RequestHandler], Any]]:
    """Verb, a path that matches, handler and method of all that may be asked."""
    found = []
    for pattern, handler, _ in routes(holder):
        path = re.sub(r"\(.*?\)", "1", pattern).replace("\\", "")
        for verb in VERBS:
            method = getattr(handler, verb)
            if method is not RequestHandler._unimplemented_method:
                found.append((verb, path, handler, method))
    return found


def test_every_operation_and_every_stream_has_a_route(store: FakeStore) -> None:
    found = {(verb, path) for verb, path, *_ in every_method(Holder.of(store))}
    for operation in CATALOGUE.values():
        path = "/omero-jlab/api/v1/" + re.sub(r"{\w+}", "1", operation.path)
        assert (operation.verb.lower(), path) in found
    for verb, path in [("post", "images"), ("get", "tables/1/rows"), ("post", "tables/1/rows")]:
        assert (verb, f"/omero-jlab/api/v1/{path}") in found


def test_every_method_is_marked_as_authenticated(store: FakeStore) -> None:
    for verb, path, handler, method in every_method(Holder.of(store)):
        if (verb, handler.__name__) in PUBLIC:
            continue
        assert _has_tornado_web_authenticated(method), f"{verb} {path} lets everybody in"
        assert not hasattr(method, "__allow_unauthenticated")
    check: Callable[..., list[str]] = ServerWebApplication._check_handler_auth
    assert check(None, "relay", RelayHandler) == []


@pytest.mark.parametrize("token", [None, "wrong", "…"])
def test_nobody_gets_anything(listener: Listener, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    with httpx.Client(base_url=listener.start().url, headers=headers, trust_env=False) as client:
        for verb, path, handler, _ in every_method(listener.holder):
            if (verb, handler.__name__) in PUBLIC:
                continue
            answer = client.request(verb, path, content=b"x" if verb != "get" else None)
            assert answer.status_code == 401, f"{verb} {path}"
            if verb != "head":
                assert answer.json()["error"] == "Unauthenticated"


def test_a_token_in_the_address_is_no_token(listener: Listener) -> None:
    url = f"{listener.start().url}omero-jlab/api/v1/status?token={listener.holder.secret}"
    assert httpx.get(url, trust_env=False).status_code == 401


def test_a_foreign_name_for_this_machine_is_refused(http: httpx.Client) -> None:
    assert http.get("status", headers={"Host": "evil.example"}).status_code == 403
    assert http.get("status", headers={"Host": "localhost:80"}).status_code == 200


def test_a_user_sees_what_the_user_may(listener: Listener) -> None:
    url = listener.start().url
    with httpx.Client(
        base_url=url, headers={"Authorization": "Bearer token-of-ada"}, trust_env=False
    ) as ada:
        root = "omero-jlab/api/v1/"
        assert ada.get(root + "status").json()["user"]["name"] == "ada"
        # Only the owner's token may act for others.
        as_root = {"X-Omero-Jlab-User": "root"}
        assert ada.get(root + "status", headers=as_root).json()["user"]["name"] == "ada"
        assert ada.get(root + "images/2").status_code == 404
        assert ada.get(root + "images/2/thumbnail").status_code == 404
        same = ada.get(root + "same-disk", params={"path": "/", "device": 1, "inode": 2})
        assert same.json() is False


def test_the_owner_acts_for_others(http: httpx.Client) -> None:
    answer = http.get("status", headers={"X-Omero-Jlab-User": "ada"})
    assert answer.json()["user"]["name"] == "ada"
    assert http.get("status", headers={"X-Omero-Jlab-User": "eve"}).status_code == 403


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("images/x", 400, "image_id"),
        ("images?limit=many", 400, "limit"),
        ("images?colour=red", 400, "colour"),
        ("images/9", 404, "no image 9"),
        ("nowhere", 404, "openapi.json"),
        ("images/1/tiles/0/0/0/0/0?format=gif", 400, "format"),
        ("images/1/tiles/0/0/0/-1/0", 400, "row"),
        ("images/1/raw/0/0/0/0/0?channels=1;2", 400, "channels"),
        ("images/1/tiles/0/0/0/0/0?size=100000", 400, "size"),
        ("images/1/tiles/0/0/0/0/0?settings={", 400, "settings"),
        ("images/1/region?height=1", 400, "width"),
        ("objects/cell/1/tables", 400, "kind"),
        ("files/one", 400, "id"),
    ],
)
def test_wrong_questions_are_told_why(
    http: httpx.Client, path: str, status: int, word: str
) -> None:
    answer = http.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "message"}
    assert word in answer.json()["message"]


def test_other_verbs_and_bodies(http: httpx.Client) -> None:
    assert http.post("projects", content=b"{not json").status_code == 400
    assert http.post("projects", content=b"[]").status_code == 400
    assert http.post("projects", json={"name": "p", "x": 1}).status_code == 400
    assert http.delete("status").status_code == 405
    assert (
        http.post("projects", json={"name": "p"}, headers={"X-Request-Id": "!"}).status_code == 400
    )


def test_an_accident_says_nothing_of_the_inside(
    http: httpx.Client, store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    del store.made
    answer = http.get("tables/3/rows")
    assert answer.status_code == 500
    assert "made" not in answer.text
    assert any("AttributeError" in str(record.exc_info) for record in caplog.records)


def test_a_repeated_write_is_applied_once(http: httpx.Client, store: FakeStore) -> None:
    for _ in range(2):
        answer = http.post("projects", json={"name": "p"}, headers={"X-Request-Id": "a" * 32})
        assert answer.json()["id"] == 1
    assert len(store.projects) == 1


def test_head_has_the_headers_and_no_body(http: httpx.Client) -> None:
    for path in ("images/1", "images/1/thumbnail", "images/1/raw/0/0/0/0/0", "files/1/content"):
        head, get = http.head(path), http.get(path)
        assert head.status_code == 200 and head.content == b""
        assert head.headers["content-length"] == str(len(get.content))
        assert head.headers["content-type"] == get.headers["content-type"]


def test_records_are_never_kept_by_a_cache(http: httpx.Client) -> None:
    assert http.get("images/1").headers["cache-control"] == "no-store"


def test_a_picture_is_drawn_again_only_when_it_changed(
    http: httpx.Client, store: FakeStore
) -> None:
    first = http.get("images/1/thumbnail")
    tag = {"If-None-Match": first.headers["etag"]}
    assert first.headers["cache-control"] == "private, max-age=0"
    again = http.get("images/1/thumbnail", headers=tag)
    assert again.status_code == 304 and again.content == b""
    assert store.calls.count("thumbnail") == 1
    store.version = 2
    assert http.get("images/1/thumbnail", headers=tag).status_code == 200


def test_who_may_not_see_gets_no_304(http: httpx.Client) -> None:
    tag = {"If-None-Match": http.get("images/2/thumbnail").headers["etag"]}
    as_ada = {**tag, "X-Omero-Jlab-User": "ada"}
    assert http.get("images/2/thumbnail", headers=as_ada).status_code == 404


def test_settings_change_the_tag(http: httpx.Client) -> None:
    settings = {"channels": [{"start": 0, "end": 9}]}
    path = "images/1/tiles/0/0/0/0/0"
    plain = http.get(path)
    drawn = http.get(path, params={"settings": json.dumps(settings)})
    assert plain.headers["etag"] != drawn.headers["etag"]


def test_the_description_names_every_operation(http: httpx.Client) -> None:
    found = http.get("openapi.json").json()
    named = {o.get("operationId") for path in found["paths"].values() for o in path.values()}
    assert set(CATALOGUE) <= named
    assert "/images/{id}/thumbnail" in found["paths"]
    text = json.dumps(found)
    for reference in set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', text)):
        assert reference in found["components"]["schemas"]


def test_who_waits_for_nothing_is_not_served(
    listener: Listener, store: FakeStore, http: httpx.Client
) -> None:
    store.may_go_on.clear()
    cores = listener.holder.reading._limit
    url = f"{listener.start().url}omero-jlab/api/v1/images/1/thumbnail"
    headers = {"Authorization": f"Bearer {listener.holder.secret}"}
    impatient = [
        threading.Thread(target=_give_up, args=(url, headers)) for _ in range(min(cores, 40))
    ]
    for thread in impatient:
        thread.start()
    for thread in impatient:
        thread.join()
    store.may_go_on.set()
    http.get("status")
    # Those that had begun may have drawn; the others were dropped before their turn.
    assert store.calls.count("image") < len(impatient)


def _give_up(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(httpx.TimeoutException):
        httpx.get(url, headers=headers, timeout=1.0, trust_env=False)


def test_a_full_queue_says_so() -> None:
    pool, go_on = Pool("test", 1, 1), threading.Event()

    async def use() -> int:
        first = [asyncio.ensure_future(pool.run(lambda: True, go_on.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="more to do"):
            await pool.run(lambda: True, lambda: None)
        go_on.set()
        await asyncio.gather(*first)
        return await pool.run(lambda: True, lambda: 3)

    assert asyncio.run(use()) == 3
    pool.close()


def test_every_answer_of_a_pool_comes_whatever_came_of_the_others() -> None:
    pool = Pool("test", 3, 1000)

    def work(i: int) -> int:
        if i % 7 == 0:
            raise ValueError(i)
        return i

    async def use() -> list[int | BaseException]:
        calls = [
            asyncio.ensure_future(pool.run(lambda: True, partial(work, i))) for i in range(900)
        ]
        await asyncio.sleep(0)
        calls[-1].cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    for _ in range(2):
        *found, cancelled = asyncio.run(use())
        assert [i for i in found if isinstance(i, int)] == [i for i in range(899) if i % 7]
        assert [each.args for each in found if isinstance(each, ValueError)] == [
            (i,) for i in range(0, 899, 7)
        ]
        assert isinstance(cancelled, asyncio.CancelledError)
    pool.close()


def test_work_does_not_keep_the_loop_from_answering(
    http: httpx.Client, store: FakeStore, listener: Listener
) -> None:
    store.may_go_on.clear()
    slow = threading.Thread(target=http.get, args=("images/1",))
    slow.start()
    try:
        while "image" not in store.calls:
            time.sleep(0.01)
        unknown = httpx.get(f"{listener.start().url}omero-jlab/api/v1/status", trust_env=False)
        assert unknown.status_code == 401
    finally:
        store.may_go_on.set()
        slow.join()


def test_a_lost_connection_is_tried_once_more(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = Transport(listener.start().url, listener.holder.secret)
    sent = []
    send = Transport._send

    def lossy(self: Transport, *args: Any) -> Any:
        sent.append(args[4].get("X-Request-Id"))
        if len(sent) == 1:
            raise httpx.RemoteProtocolError("gone")
        return send(self, *args)

    monkeypatch.setattr(Transport, "_send", lossy)
    transport.fetch("POST", "projects", body=lambda: (b'{"name": "p"}',))
    assert len(sent) == 2 and sent[0] == sent[1] is not None
    transport.close()
