"""What the remote Session is without a server: light, complete, and exact on the wire."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

import dask.array as da
import httpx
import numpy as np
import pytest

from omero_jlab.errors import (
    Denied,
    Invalid,
    Newer,
    NotFound,
    OmeroError,
    Unauthenticated,
    Unavailable,
)
from omero_jlab.operations import API_VERSION, CATALOGUE, AnySession, Streams
from omero_jlab.remote import RemoteSession, SurvivingSession, Transport, is_loopback
from omero_jlab.remote.wire import NewTable, array_from, array_headers, blocks, form_of, framed


@pytest.mark.parametrize("module", ["omero_jlab.remote", "omero_jlab.connection"])
def test_importing_it_is_light(module: str) -> None:
    heavy = ["sqlalchemy", "tables", "h5py", "pandas", "pyarrow", "dask", "numba", "tornado"]
    heavy += ["jupyter_server", "skimage", "omero_jlab.repository", "omero_jlab.database"]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_operation_is_there_with_its_signature_and_its_words() -> None:
    session: AnySession = RemoteSession("http://127.0.0.1:9", "x")
    for operation in CATALOGUE.values():
        method = getattr(getattr(session, operation.family), operation.name)
        assert list(inspect.signature(method).parameters) == list(operation.signature.parameters)
        assert inspect.getdoc(method) == inspect.getdoc(operation.function)


def test_every_stream_survives() -> None:
    for name in vars(Streams):
        if not name.startswith("_"):
            theirs = inspect.signature(getattr(Streams, name))
            assert inspect.signature(getattr(SurvivingSession, name)) == theirs
            assert inspect.signature(getattr(RemoteSession, name)) == theirs


def test_a_wrong_call_is_refused_before_it_is_sent() -> None:
    session = RemoteSession("http://127.0.0.1:9", "x")
    with pytest.raises(Invalid, match="image_id"):
        session.images.get("three")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        session.images.get()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8888/", True),
        ("http://127.1.2.3/", True),
        ("http://[::1]:80/", True),
        ("http://localhost/", True),
        ("http://localhost.evil.org/", False),
        ("https://omero.example.org/", False),
        ("http://10.0.0.1/", False),
    ],
)
def test_what_is_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) is here


@pytest.mark.parametrize("dtype", [">u2", "<f8", "?", "u1"])
def test_arrays_come_back_equal_and_can_be_written_to(dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    little = array.astype(array.dtype.newbyteorder("<"))
    found = array_from(array_headers(array), little.tobytes())
    np.testing.assert_array_equal(found, array)
    found[0] = 0


def test_a_cut_array_is_noticed() -> None:
    array = np.arange(24)
    with pytest.raises(Unavailable, match="no whole array"):
        array_from(array_headers(array), array.tobytes()[:-1])
    with pytest.raises(Unavailable, match="no whole array"):
        array_from({}, b"")


def test_dask_blocks_are_sent_in_the_order_of_their_grid() -> None:
    array = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7)
    lazy = da.from_array(array, chunks=(3, 4))
    form = form_of(lazy)
    assert form.shape == (5, 7) and form.nbytes == 35
    expected = b"".join(array[y, x].tobytes() for y in (slice(0, 3), slice(3, 5))
                        for x in (slice(0, 4), slice(4, 7)))  # fmt: skip
    assert b"".join(blocks(lazy)) == expected


def test_an_unknown_shape_is_refused() -> None:
    lazy = da.from_array(np.arange(9), chunks=3)
    with pytest.raises(Invalid, match="compute_chunk_sizes"):
        form_of(lazy[lazy > 3])


def test_a_frame_is_length_header_payload() -> None:
    body = b"".join(framed(NewTable(name="é"), [b"payload"]))
    size = int.from_bytes(body[:8], "little")
    assert json.loads(body[8 : 8 + size])["name"] == "é"
    assert body[8 + size :] == b"payload"


def answering(status: int, body: bytes, token: str | None = "t") -> RemoteSession:
    """A session whose server always answers so."""
    transport = Transport("http://server.example/", token)
    transport._client = httpx.Client(
        base_url=transport.url,
        transport=httpx.MockTransport(lambda _: httpx.Response(status, content=body)),
    )
    transport._process = os.getpid()
    return RemoteSession(transport)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (409, b'{"error": "NotFound", "message": "m"}', NotFound),
        (500, b'{"error": "Strange", "message": "m"}', OmeroError),
        (302, b"", Unauthenticated),
        (401, b"<html>", Unauthenticated),
        (403, b'{"message": "Forbidden", "reason": null}', Denied),
        (404, b"<html>", NotFound),
        (502, b"Bad Gateway", Unavailable),
        (500, b"[1]", Unavailable),
    ],
)
def test_every_answer_becomes_an_error_of_ours(
    status: int, body: bytes, kind: type[OmeroError]
) -> None:
    with pytest.raises(OmeroError) as caught:
        answering(status, body).server.status()
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("version", "who"), [(API_VERSION + 1, "this environment"), (API_VERSION - 1, "the server")]
)
def test_another_version_is_told_who_must_update(version: int, who: str) -> None:
    body = json.dumps({"api_version": version, "new_field": 1}).encode()
    with pytest.raises(Newer, match=f"update omero-jlab in {who}"):
        answering(200, body).handshake()
