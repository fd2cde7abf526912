"""The kernel's side of the widgets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from omero_jlab.errors import NotFound
from omero_jlab.widgets import ImageViewer, RepositoryBrowser


class Page:
    """What a widget sends to its page."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[Any, list[bytes]]] = []
        self._widget = widget
        monkeypatch.setattr(
            widget, "send", lambda content, buffers=None: self.sent.append((content, buffers))
        )

    def says(self, content: Any) -> None:
        self._widget._handle_custom_msg(content, [])


def test_the_kernel_answers_with_the_body_as_a_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(path: str) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {"X-Dtype": "<u2"}, b"\x01\x00"

    page = Page(ImageViewer(image_id=7, repository="r", fetch=fetch), monkeypatch)
    page.says({"kind": "get", "id": 5, "path": "images/7/raw/0/0/0/0/0?channels=0"})
    assert asked == ["images/7/raw/0/0/0/0/0?channels=0"]
    reply = {"kind": "reply", "id": 5, "status": 200, "headers": {"X-Dtype": "<u2"}}
    assert page.sent == [(reply, [b"\x01\x00"])]


def test_an_error_travels_as_the_server_would_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(path: str) -> tuple[int, dict[str, str], bytes]:
        raise NotFound("There is no image 7.")

    page = Page(RepositoryBrowser(fetch=fetch), monkeypatch)
    page.says({"kind": "get", "id": 1, "path": "images/7"})
    ((content, (body,)),) = page.sent
    assert content["status"] == 404
    assert json.loads(body) == {"error": "NotFound", "message": "There is no image 7."}


def test_without_a_repository_the_page_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(ImageViewer(image_id=7), monkeypatch)
    page.says({"kind": "get", "id": 1, "path": "images/7"})
    assert page.sent[0][0]["status"] == 503


@pytest.mark.parametrize("content", [None, "get", {}, {"kind": "set"}, [1]])
def test_other_messages_are_none_of_its_business(
    content: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(ImageViewer(image_id=7), monkeypatch)
    page.says(content)
    assert page.sent == []


def test_what_nobody_chose_is_unset() -> None:
    viewer = ImageViewer(image_id=7)
    unset = ("settings", "z", "t", "labels", "selection", "view")
    assert {name: getattr(viewer, name) for name in unset} == dict.fromkeys(unset)
    assert RepositoryBrowser().opened is None


def test_widgets_carry_their_javascript_and_styles() -> None:
    for widget in (ImageViewer(image_id=7), RepositoryBrowser()):
        assert "export{" in widget._esm
        assert ".jp-OmeroJlab-widget" in widget._css


def test_importing_the_widgets_loads_nothing_heavy() -> None:
    heavy = "'sqlalchemy', 'tables', 'pandas', 'dask', 'numpy', 'skimage', 'h5py'"
    code = f"import sys, omero_jlab.widgets; print([m for m in ({heavy}) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
