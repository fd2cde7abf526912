"""The kernel's side of the widgets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from omero_jlab.errors import Invalid, NotFound
from omero_jlab.widgets import ImageViewer, RepositoryBrowser, TablePlot


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


def test_what_a_page_writes_goes_to_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def fetch(*what: str) -> tuple[int, dict[str, str], bytes]:
        asked.append(what)
        return 200, {}, b"null"

    page = Page(TablePlot(table_id=5, repository="r", fetch=fetch), monkeypatch)
    page.says({"kind": "put", "id": 1, "path": "tables/5/gates", "body": '{"name": "big"}'})
    page.says({"kind": "delete", "id": 2, "path": "gates/3"})
    assert asked == [("tables/5/gates", "PUT", '{"name": "big"}'), ("gates/3", "DELETE", "")]


def test_a_plot_asks_its_table_for_what_is_selected() -> None:
    plot = TablePlot(table_id=5, condition="area > 3", query=lambda condition: condition)
    assert plot.selection == ([], "")
    assert plot.selected == "row_id == -1"
    plot.gate = 'the "big" ones'
    assert plot.selected == '(area > 3) and gate("the \\"big\\" ones")'
    plot.shape = {"kind": "range", "x": "a b", "low": 1.5, "high": None}
    assert plot.selected == "(area > 3) and `a b` >= 1.5"
    viewer = ImageViewer(image_id=7)
    plot.link_id = "p"
    assert plot.link(viewer).links == ["p"]
    with pytest.raises(Invalid, match="which image"):
        plot.view()


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
