"""The panel in JupyterLab, over the fake repository."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from omero_jlab.rendering import render

pytestmark = pytest.mark.browser

_NEW = "import omero_jlab\nrepo = omero_jlab.connect()\nrepo.image({id}).view()"
# A repository as a notebook knows it, of which image 4 is out of the page's reach.
_REPOSITORY = """
import urllib.request
from omero_jlab.widgets import ImageViewer

class Image:
    def __init__(self, id):
        self.id = id

    def view(self):
        def fetch(path):
            with urllib.request.urlopen("{url}/omero-jlab/api/v1/" + path) as answer:
                return answer.status, dict(answer.headers), answer.read()
        uuid = "{uuid}" if self.id != 4 else "elsewhere"
        return ImageViewer(image_id=self.id, repository=uuid, fetch=fetch, height_px=380)

class Repository:
    def image(self, id):
        return Image(id)

repo = Repository()
"""


@pytest.fixture(scope="module")
def lab_url(tmp_path_factory: pytest.TempPathFactory, lab_module: ModuleType) -> Iterator[str]:
    """The address of a JupyterLab with nothing in it but our extension and the fake."""
    extensions = {"fake_lab": True, "omero_jlab": False, "omero_jlab.server": False}
    with lab_module.jupyterlab(tmp_path_factory.mktemp("lab"), extensions) as url:
        yield url


@pytest.fixture
def lab(open_page: Any, lab_url: str) -> Any:
    """JupyterLab in its first start for this browser, the panel's dataset of images open."""
    page = open_page(f"{lab_url}/lab?token=secret&reset")
    page.locator("#omero-jlab-panel .jp-OmeroJlab-item").first.wait_for()
    page.locator("[data-kind=project] .jp-OmeroJlab-twisty").first.click()
    page.locator("[role=treeitem][data-kind=dataset] .jp-OmeroJlab-line").first.click()
    page.locator(".jp-OmeroJlab-card img").nth(3).wait_for()
    return page


def _sources(page: Any) -> list[str]:
    found: list[str] = page.evaluate(
        "jupyterapp.shell.currentWidget.content.widgets.map(w => w.model.sharedModel.source)"
    )
    return found


def _new_notebook(page: Any, source: str) -> None:
    page.evaluate(
        """async source => {
          await jupyterapp.commands.execute('notebook:create-new', { kernelName: 'python3' });
          const notebook = jupyterapp.shell.currentWidget;
          await notebook.sessionContext.ready;
          notebook.content.activeCell.model.sharedModel.setSource(source);
          await jupyterapp.commands.execute('notebook:run-cell-and-insert-below');
        }""",
        source,
    )


def _opened(page: Any, id: int) -> str:
    """Double-click a card, again where the page moved between two clicks; what finds the viewer."""
    hook = f"window.__omeroJlabViewers?.find(viewer => viewer.imageId === {id})"
    for _ in range(3):
        page.locator(f".jp-OmeroJlab-card[data-id='{id}']").dblclick()
        for tick in range(300):
            page.wait_for_timeout(200)
            if page.evaluate(f"{hook} !== undefined"):
                return hook
            if tick > 50 and f"repo.image({id}).view()" not in _sources(page):
                break
    outputs = page.evaluate(
        "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets.map("
        "w => w.model.sharedModel.toJSON().outputs))"
    )
    raise AssertionError(f"image {id} is not shown: {_sources(page)}, {outputs}")


def test_a_double_click_without_a_notebook_makes_one(lab: Any) -> None:
    # The very first start shows the panel by itself: `lab` has waited for it.
    lab.evaluate("jupyterapp.commands.execute('application:close-all')")
    lab.locator(".jp-OmeroJlab-card[data-id='2']").dblclick()
    lab.locator(".jp-Notebook").wait_for()
    lab.wait_for_function(
        "jupyterapp.shell.currentWidget?.content?.widgets?.some("
        "w => w.model.sharedModel.source.includes('repo.image(2)'))"
    )
    assert _NEW.format(id=2) in _sources(lab)


def test_a_double_click_shows_the_image_in_a_cell(lab: Any, lab_url: str, fake: ModuleType) -> None:
    # The first cell is still running when the image is asked for: it makes `repo` all the same.
    slow = "import time\ntime.sleep(4)\n"
    _new_notebook(lab, slow + _REPOSITORY.format(url=lab_url, uuid=fake.UUID))
    for id in (3, 4):
        hook = _opened(lab, id)
        # Only what is in view has a size.
        lab.evaluate("document.querySelector('.jp-Notebook').scrollTo(0, 1e6)")
        lab.evaluate(f"{hook}.ready")
        image = fake.images()[id]
        height, width = 80, 70
        found = np.array(lab.evaluate(f"{hook}.readPixels(0, 0, {width}, {height})"))
        found = found.reshape(height, width, 4)[..., :3]
        wanted = render(image.levels[0][0, :, 0, :height, :width], image.settings)
        assert wanted.std() > 5
        assert np.abs(found - wanted).max() <= 1
    assert _sources(lab)[1:3] == ["repo.image(3).view()", "repo.image(4).view()"]


def test_an_image_is_dragged_into_a_notebook(lab: Any) -> None:
    _new_notebook(lab, "1 + 1")
    card = lab.locator(".jp-OmeroJlab-card[data-id='2']").bounding_box()
    cell = lab.locator(".jp-Notebook .jp-Cell").first.bounding_box()
    lab.mouse.move(card["x"] + 30, card["y"] + 30)
    lab.mouse.down()
    lab.mouse.move(card["x"] + 60, card["y"] + 40, steps=4)
    lab.mouse.move(cell["x"] + 120, cell["y"] + 10, steps=10)
    lab.mouse.up()
    lab.wait_for_function("jupyterapp.shell.currentWidget.content.widgets.length === 3")
    assert _NEW.format(id=2) in _sources(lab)


def test_the_second_start_leaves_the_panel_as_it_was(
    open_page: Any, lab: Any, lab_url: str
) -> None:
    lab.evaluate("jupyterapp.commands.execute('filebrowser:activate')")
    lab.locator("#omero-jlab-panel").wait_for(state="hidden")
    # The layout is saved a moment after it changed.
    lab.wait_for_timeout(1500)
    lab.goto(f"{lab_url}/lab")
    lab.locator(".jp-DirListing").wait_for()
    lab.wait_for_function("jupyterapp.shell.restored.then(() => true)")
    lab.wait_for_timeout(1000)
    assert not lab.locator("#omero-jlab-panel").is_visible()


def test_the_panel_suits_both_themes(lab: Any) -> None:
    def brightness() -> float:
        color = lab.evaluate(
            "getComputedStyle(document.getElementById('omero-jlab-panel')).backgroundColor"
        )
        return float(np.mean([float(each) for each in color[4:-1].split(",")[:3]]))

    light = brightness()
    lab.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    lab.wait_for_function("document.body.dataset.jpThemeName === 'JupyterLab Dark'")
    lab.wait_for_timeout(500)
    dark = brightness()
    lab.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
    )
    lab.wait_for_function("document.body.dataset.jpThemeName === 'JupyterLab Light'")
    assert light > 200 and dark < 60
