"""JupyterLab, its server and its kernels over a real repository, seen through a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import omero_jlab
from omero_jlab.connection import disconnect
from omero_jlab.demo import fill
from omero_jlab.remote import RemoteSession
from omero_jlab.rendering import render

pytestmark = pytest.mark.browser

_EXTENSIONS = {"omero_jlab": True}
_SIDE = 2048
_PLATE_IMAGE = "A01_s1"
_HOOK = "window.__omeroJlabViewers[0]"
_CONNECT = "import omero_jlab\nrepo = omero_jlab.connect()\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the demo's contents, but for the large image's size."""
    found = tmp_path_factory.mktemp("repository") / "demo"
    fill(omero_jlab.connect(found), side=_SIDE, quiet=True)
    disconnect()
    return found


@pytest.fixture(scope="module")
def url(
    root: Path, tmp_path_factory: pytest.TempPathFactory, lab_module: ModuleType
) -> Iterator[str]:
    """The address of a JupyterLab whose server opens the repository."""
    folder = tmp_path_factory.mktemp("real-lab")
    with lab_module.jupyterlab(folder, _EXTENSIONS, {"OMERO_JLAB_REPOSITORY": str(root)}) as found:
        yield found


@pytest.fixture(scope="module")
def session(url: str) -> Iterator[RemoteSession]:
    """What the same server answers to a program."""
    found = RemoteSession(url, "secret")
    yield found
    found.close()


@pytest.fixture(scope="module")
def ids(session: RemoteSession) -> dict[str, int]:
    """The images by name."""
    return {image.name: image.id for image in session.images.find()}


@pytest.fixture(scope="module")
def page(open_shared_page: Callable[[str], Any], url: str) -> Iterator[Any]:
    """JupyterLab in its first start for this browser; one kernel serves all tests."""
    found = _opened(open_shared_page, url)
    yield found
    # A page that outlives its server logs that.
    found.close()


@pytest.fixture
def lab(page: Any) -> Iterator[Any]:
    """The page, of which a test must have caused no error."""
    page.errors.clear()
    yield page
    assert page.errors == []


def _opened(open_page: Callable[[str], Any], url: str) -> Any:
    page = open_page(f"{url}/lab?token=secret&reset")
    # Nobody asked for the panel: it shows itself, with the tree.
    page.get_by_role("treeitem", name="Pilot").wait_for()
    return page


def _open_well(page: Any) -> None:
    page.get_by_role("treeitem", name="Pilot").locator(".jp-OmeroJlab-twisty").first.click()
    page.get_by_role("treeitem", name="plate-1").locator(".jp-OmeroJlab-twisty").last.click()
    page.get_by_role("treeitem", name="A01").locator(".jp-OmeroJlab-line").last.click()
    page.locator(".jp-OmeroJlab-card img").nth(1).wait_for()


def _run(page: Any, source: str) -> str:
    """Run `source` in the notebook, a new one if there is none; answers the outputs as JSON."""
    ran: str = page.evaluate(
        """async source => {
          const { commands, shell } = jupyterapp;
          if (!shell.currentWidget?.content?.activeCell) {
            await commands.execute('notebook:create-new', { kernelName: 'python3' });
            await shell.currentWidget.sessionContext.ready;
          }
          const notebook = shell.currentWidget.content;
          const cell = notebook.activeCell;
          cell.model.sharedModel.setSource(source);
          await commands.execute('notebook:run-cell-and-insert-below');
          return JSON.stringify(cell.model.outputs.toJSON());
        }""",
        source,
    )
    assert not [each for each in json.loads(ran) if each["output_type"] == "error"], ran
    return ran


def _view(page: Any, source: str) -> None:
    """Run a cell that ends in a viewer, and wait until it has drawn."""
    if page.evaluate("window.__omeroJlabViewers?.length"):
        page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        page.wait_for_function("window.__omeroJlabViewers.length === 0")
    _run(page, source)
    page.wait_for_function("window.__omeroJlabViewers?.length === 1")
    # Only what is in view has a size.
    page.locator(".jp-OmeroJlab-viewer").last.scroll_into_view_if_needed()
    page.evaluate(f"{_HOOK}.ready")


def _drawn(
    page: Any, y: int, x: int, height: int, width: int, zoom: float = 1
) -> NDArray[np.int64]:
    """The viewer's pixels, shape (height, width, 3), from `y`, `x` of level 0 on."""
    found = page.evaluate(f"{_HOOK}.readPixels({x}, {y}, {width}, {height}, {zoom})")
    pixels = np.array(found).reshape(height, width, 4)
    assert pixels[..., 3].min() == 255
    return pixels[..., :3]


def _assert_same(found: NDArray[np.int64], wanted: NDArray[np.uint8]) -> None:
    """Equal but for rounding; and neither is merely black."""
    assert wanted.std() > 5
    assert np.abs(found - wanted.astype(np.int64)).max() <= 1


def test_the_panel_leads_to_an_image_in_a_cell(
    lab: Any, session: RemoteSession, ids: dict[str, int]
) -> None:
    _open_well(lab)
    wide = "[...document.querySelectorAll('.jp-OmeroJlab-card img')].map(each => each.naturalWidth)"
    lab.wait_for_function(f"{wide}.every(each => each > 90)")
    card = lab.locator(".jp-OmeroJlab-card").first
    card.click()
    tables = lab.locator(".jp-OmeroJlab-metadata")
    tables.get_by_text("16 rows, 6 columns").wait_for()
    assert "otsu nuclei" in tables.inner_text() and "Cells" in tables.inner_text()
    card.dblclick()
    lab.wait_for_function("window.__omeroJlabViewers?.length === 1")
    lab.evaluate(f"{_HOOK}.ready")
    source = lab.evaluate(
        "jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.source"
    )
    id = ids[_PLATE_IMAGE]
    assert source == f"{_CONNECT}repo.image({id}).view()"
    newest = session.images.labels(id)[-1].name
    lab.locator(".jp-OmeroJlab-label-row").get_by_label(newest, exact=True).uncheck()
    y, x, height, width = 130, 60, 200, 300
    wanted = session.render(id, 0, 0, 0, y, x, height, width)
    _assert_same(_drawn(lab, y, x, height, width), wanted)
    # The same pixels, put together without the server's renderer.
    planes = np.stack([session.region(id, 0, 0, c, 0, y, x, height, width) for c in range(2)])
    _assert_same(_drawn(lab, y, x, height, width), render(planes, session.images.settings(id)))


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        pytest.param("Large field of cells", (0, 1), id="a large image, at two of its levels"),
        pytest.param("ihc.png", (0,), id="RGB tissue"),
    ],
)
def test_the_viewer_draws_what_the_server_renders(
    lab: Any, session: RemoteSession, ids: dict[str, int], name: str, levels: tuple[int, ...]
) -> None:
    id = ids[name]
    _view(lab, f"{_CONNECT}repo.image({id}).view()")
    y, x, height, width = 100, 120, 200, 280
    for level in levels:
        wanted = session.render(id, level, 0, 0, y, x, height, width)
        found = _drawn(lab, y * 2**level, x * 2**level, height, width, 1 / 2**level)
        _assert_same(found, wanted)


def test_a_table_answers_in_a_cell(lab: Any, url: str, ids: dict[str, int]) -> None:
    id = ids[_PLATE_IMAGE]
    condition = "area > 120 & eccentricity < 0.5"
    _run(
        lab,
        f"{_CONNECT}repo.image({id}).table('otsu nuclei')"
        f".query('{condition}', columns=['label', 'area'])",
    )
    repo = omero_jlab.connect(url, token="secret")
    table = repo.image(id).table("otsu nuclei")
    frame = table.query(condition, columns=["label", "area"])
    assert 0 < len(frame) < len(table)
    repo.close()
    shown = lab.locator(".jp-OutputArea-output table").last
    shown.wait_for()
    rows = shown.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => +cell.innerText))"
    )
    assert rows == frame[["label", "area"]].to_numpy().tolist()


def test_a_click_on_a_nucleus_is_known_to_python(
    lab: Any, session: RemoteSession, ids: dict[str, int]
) -> None:
    id = ids[_PLATE_IMAGE]
    labels = next(each for each in session.images.labels(id) if each.name == "otsu nuclei")
    sizes = session.images.get(id).sizes
    plane = session.labels_region(labels.id, 0, 0, 0, 0, sizes.y, sizes.x)
    value = int(np.bincount(plane[plane > 0]).argmax())
    ys, xs = np.nonzero(plane == value)
    middle = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
    look = {"x": int(xs[middle]) + 0.5, "y": int(ys[middle]) + 0.5, "zoom": 2}
    overlay = {"id": labels.id, "name": labels.name, "visible": True, "opacity": 0.5}
    _view(
        lab,
        f"{_CONNECT}viewer = repo.image({id}).view(height_px=360)\n"
        f"viewer.view = {look}\nviewer.labels = [{overlay}]\nviewer",
    )
    lab.evaluate(f"{_HOOK}.drawn()")
    box = lab.locator(".jp-OmeroJlab-map").bounding_box()
    lab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(20):
        lab.wait_for_timeout(100)
        said = _run(lab, "print(viewer.selection)")
        if "None" not in said:
            break
    assert repr({"labels_id": labels.id, "value": value}) in said


def test_a_window_costs_no_pixels_and_is_saved(
    lab: Any, session: RemoteSession, ids: dict[str, int]
) -> None:
    id = ids[_PLATE_IMAGE]
    _view(lab, f"{_CONNECT}viewer = repo.image({id}).view()\nviewer.labels = []\nviewer")
    y, x, height, width = 130, 60, 200, 300
    before = _drawn(lab, y, x, height, width)
    old = session.images.settings(id)
    asked: list[str] = []
    lab.on("request", lambda request: asked.append(request.url))
    end = lab.get_by_label("Full colour of DNA").nth(1)
    end.fill("9000")
    end.press("Enter")
    lab.get_by_label("Show ER").uncheck()
    after = _drawn(lab, y, x, height, width)
    assert np.abs(after - before).max() > 20
    assert not [each for each in asked if f"/images/{id}" in each or "/raw/" in each]
    assert session.images.settings(id) == old
    try:
        with lab.expect_response(f"**/images/{id}/settings") as answer:
            lab.get_by_role("button", name="Save", exact=True).last.click()
        assert answer.value.ok
        kept = session.images.settings(id)
        assert kept.channels[0].end == 9000 and not kept.channels[1].active
        _assert_same(after, session.render(id, 0, 0, 0, y, x, height, width))
    finally:
        session.images.put_settings(id, old)


def test_a_second_lab_shows_the_same_repository(
    open_page: Callable[[str], Any],
    url: str,
    root: Path,
    session: RemoteSession,
    ids: dict[str, int],
    lab_module: ModuleType,
    tmp_path: Path,
) -> None:
    more = {"OMERO_JLAB_REPOSITORY": str(root)}
    with lab_module.jupyterlab(tmp_path, _EXTENSIONS, more) as second:
        page = _opened(open_page, second)
        assert "the repository is in" in (tmp_path / "log").read_text()
        _open_well(page)
        id = ids[_PLATE_IMAGE]
        _view(page, f"{_CONNECT}viewer = repo.image({id}).view()\nviewer.labels = []\nviewer")
        wanted = session.render(id, 0, 0, 0, 130, 60, 200, 300)
        _assert_same(_drawn(page, 130, 60, 200, 300), wanted)
        page.get_by_label("About this repository").click()
        page.get_by_text("Personal repository").wait_for()
        page.close()
