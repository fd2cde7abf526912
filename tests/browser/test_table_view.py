"""The rows of a table beside the viewer of their image; projections and histograms there."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.model import Provenance, Settings
from omero_jlab.objects import Image, Repository
from omero_jlab.rendering import project, render
from omero_jlab.repository import Store

pytestmark = pytest.mark.browser

_VIEWER = "window.__omeroJlabViewers[0]"
ROWS = 450
LARGE = 2**60 + 1


def _module() -> ModuleType:
    path = Path(__file__).with_name("widget_page.py")
    spec = importlib.util.spec_from_file_location("omero_jlab_browser_widget_page", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    store = Store.open(tmp_path_factory.mktemp("table") / "repository", create=True)
    try:
        yield Repository(store.session())
    finally:
        store.close()


@pytest.fixture(scope="module")
def stack() -> np.ndarray[Any, Any]:
    """Pixels, TCZYX."""
    return np.random.default_rng(3).integers(100, 4000, (1, 2, 3, 90, 120), dtype=np.uint16)


@pytest.fixture(scope="module")
def image(repo: Repository, stack: np.ndarray[Any, Any]) -> Image:
    """Three cells, side by side, whose table has more rows than a page."""
    found = repo.save_image(stack, name="stack", dataset="Stacks", channels=["DNA", "ER"])
    labels = np.zeros((90, 120), np.uint32)
    for number in (1, 2, 3):
        labels[30:60, 40 * number - 35 : 40 * number - 10] = number
    found.attach_labels(labels, name="cells")
    number = np.arange(1, ROWS + 1)
    frame = pd.DataFrame(
        {
            "label": number,
            "area": (number * 37) % 1009 / 4,
            "class": np.where(number % 3, "=resting", "mitotic"),
            "code": number.astype("i8") + LARGE,
        }
    )
    found.attach_table(
        frame, name="cells", units={"area": "µm²"}, descriptions={"area": "What a cell covers."}
    )
    return found


@pytest.fixture
def show(repo: Repository, open_page: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """Shows widgets, by name, side by side on one page."""
    widget_page = _module()
    with widget_page.serving(repo._session) as (url, widgets):
        pages = []

        def shown(**given: Any) -> Any:
            for name, widget in given.items():
                widgets[name] = (name, widget_page.traits_of(widget))
            page = open_page(f"{url}/page?widgets={','.join(given)}")
            pages.append(page)
            page.wait_for_function("window.shown")
            page.evaluate("Promise.all((window.__omeroJlabViewers ?? []).map(v => v.drawn()))")
            return page

        yield shown
        for page in pages:
            page.close()


def texts(page: Any, column: int) -> list[str]:
    """What a column of the page shows; the first is the row's number."""
    found: list[str] = page.evaluate(
        "column => [...document.querySelectorAll('tbody tr')].map("
        "row => row.children[column].textContent)",
        column,
    )
    return found


def wait_for_rows(page: Any, wanted: list[int]) -> None:
    """Wait until the first rows of the page are these."""
    page.wait_for_function(
        "wanted => wanted.join() === [...document.querySelectorAll('tbody tr')]"
        ".slice(0, wanted.length).map(row => row.dataset.row).join()",
        arg=wanted,
    )


def test_rows_are_paged_sorted_filtered_and_downloaded(
    image: Image, show: Callable[..., Any]
) -> None:
    table = image.table("cells")
    frame = table.query()
    page = show(table=table.view())
    wait_for_rows(page, [0, 1, 2])
    assert len(texts(page, 0)) == 200
    assert texts(page, 4)[0] == str(LARGE + 1)
    head = page.locator("thead th").nth(2)
    assert head.get_attribute("title").split("\n") == [
        "area",
        "float, float64",
        "in µm²",
        "What a cell covers.",
    ]
    page.get_by_label("Next page").click()
    wait_for_rows(page, [200, 201])
    page.get_by_label("Last page").click()
    wait_for_rows(page, [400, 401])
    assert "401–450 of 450 rows" in page.locator(".jp-OmeroJlab-table-range").inner_text()

    page.locator("thead button").nth(1).click()
    by_area = frame.sort_values("area", kind="stable")
    wait_for_rows(page, list(by_area.index[:5]))
    page.locator("thead button").nth(1).click()
    down = frame.sort_values("area", ascending=False, kind="stable")
    wait_for_rows(page, list(down.index[:5]))
    assert page.locator("thead th").nth(2).get_attribute("aria-sort") == "descending"

    condition = page.get_by_label("Condition")
    condition.fill("aera > 100")
    condition.press("Enter")
    page.locator(".jp-OmeroJlab-table-error").wait_for()
    assert "did you mean 'area'?" in page.locator(".jp-OmeroJlab-table-error").inner_text()
    assert condition.get_attribute("aria-invalid") == "true"
    wait_for_rows(page, list(down.index[:5]))
    # Chromium logs each 400.
    assert all("400" in each for each in page.errors)
    page.errors.clear()
    condition.fill('area > 100 and `class` == "=resting"')
    condition.press("Enter")
    few = down[(down["area"] > 100) & (down["class"] == "=resting")]
    wait_for_rows(page, list(few.index[:5]))
    assert not page.locator(".jp-OmeroJlab-table-error").is_visible()
    assert f"of {len(few)} rows" in page.locator(".jp-OmeroJlab-table-range").inner_text()
    with page.expect_download() as begun:
        page.get_by_label("Download as CSV").click()
    with Path(begun.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row_id"]) for row in rows] == list(few.index)
    # A spreadsheet does not take it for a formula.
    assert rows[0]["class"] == "'=resting"


def test_a_row_marks_its_cell_and_a_cell_its_row(image: Image, show: Callable[..., Any]) -> None:
    table = image.table("cells")
    (labels,) = image.labels
    view = table.view(order_by="area", labels=labels)
    page = show(table=view, viewer=image.view(height_px=400))
    by_area = list(table.query().sort_values("area", kind="stable").index)
    wait_for_rows(page, by_area[:3])
    place = by_area.index(0)
    assert place < 200
    page.evaluate(f"document.querySelectorAll('tbody tr')[{place}].click()")
    page.wait_for_function("models.viewer.get('selection')?.value === 1")
    assert page.evaluate("models.table.get('row')") == 0

    # The row of the third cell is on another page of this order, to which the view turns.
    assert by_area.index(2) // 200 == 0
    page.evaluate("models.table.set('descending', true)")
    down = list(table.query().sort_values("area", ascending=False, kind="stable").index)
    wait_for_rows(page, down[:3])
    assert down.index(2) >= 200
    box = page.locator(".jp-OmeroJlab-map").bounding_box()
    look = page.evaluate("models.viewer.get('view')")
    x = box["x"] + box["width"] / 2 + (97 - look["x"]) * look["zoom"]
    y = box["y"] + box["height"] / 2 + (45 - look["y"]) * look["zoom"]
    page.mouse.click(x, y)
    page.wait_for_function("document.querySelector('tr[data-row=\"2\"][aria-selected=true]')")
    assert page.evaluate("models.table.get('row')") == 2
    page.locator("tr[data-row='2']").press("ArrowUp")
    page.wait_for_function(f"models.table.get('row') === {down[down.index(2) - 1]}")

    view.row = 1
    assert list(view.selected["label"]) == [2]
    viewer = view.view()
    assert viewer.image_id == image.id and viewer.links == [view.link_id]


def test_the_browser_opens_a_table_below(
    repo: Repository, image: Image, show: Callable[..., Any]
) -> None:
    made = image.attach_table(
        pd.DataFrame({"n": [1]}),
        name="provenance",
        provenance=Provenance(program="Segmenter", version="2.1", parameters={"sigma": 1.5}),
    )
    page = show(browser=repo.browse(height_px=500))
    page.get_by_role("treeitem").filter(has_text="Datasets in no project").wait_for()
    page.locator(".jp-OmeroJlab-twisty").first.click()
    page.locator("[data-kind=dataset] .jp-OmeroJlab-line").click()
    page.locator(".jp-OmeroJlab-card[data-kind=image]").click()
    page.get_by_text("Segmenter 2.1", exact=False).first.click()
    page.get_by_text("sigma = 1.5").wait_for()
    page.get_by_role("button", name="provenance", exact=True).click()
    wait_for_rows(page, [0])
    assert page.evaluate("models.browser.get('opened_table')") == made.id
    page.get_by_title("Close the table").click()
    page.wait_for_function("models.browser.get('opened_table') === null")
    assert not page.locator(".jp-OmeroJlab-opened").is_visible()


def test_projections_are_drawn_and_windows_lie_on_histograms(
    image: Image, stack: np.ndarray[Any, Any], show: Callable[..., Any]
) -> None:
    page = show(viewer=image.view(height_px=640))
    page.get_by_label("cells", exact=True).uncheck()
    settings = image._session.images.settings(image.id)
    page.get_by_label("Projection", exact=True).select_option("max")
    page.get_by_label("First plane of the projection").fill("2")
    page.keyboard.press("Enter")
    wanted = {"method": "max", "axis": "z", "start": 1, "stop": 3}
    page.wait_for_function("models.viewer.get('projection')?.start === 1")
    assert page.evaluate("models.viewer.get('projection')") == wanted
    assert page.get_by_label("Plane (Z)").is_disabled()
    for method in ("max", "mean", "sum"):
        page.get_by_label("Projection", exact=True).select_option(method)
        found = page.evaluate(f"{_VIEWER}.readPixels(10, 20, 100, 60)")
        planes = project([stack[0, :, z, 20:80, 10:110] for z in (1, 2)], method)
        factor = 2 if method == "sum" else 1
        channels = tuple(
            each.model_copy(update={"start": each.start * factor, "end": each.end * factor})
            for each in settings.channels
        )
        drawn = render(planes, settings.model_copy(update={"channels": channels})).astype(int)
        assert drawn.std() > 5
        assert np.abs(np.array(found).reshape(60, 100, 4)[..., :3] - drawn).max() <= 1, method

    page.wait_for_function("document.querySelectorAll('.jp-OmeroJlab-histogram').length === 2")
    path = "document.querySelector('.jp-OmeroJlab-histogram path').getAttribute('d')"
    before = page.evaluate(path)
    page.get_by_label("Log counts").uncheck()
    page.wait_for_function(f"before => {path} !== before", arg=before)
    page.get_by_text("Draw as").click()
    page.get_by_role("button", name="Least to greatest value").click()
    now = Settings.model_validate(page.evaluate("models.viewer.get('settings')"))
    assert [(each.start, each.end) for each in now.channels] == [
        (stack[:, c].min(), stack[:, c].max()) for c in (0, 1)
    ]
    page.get_by_text("Draw as").click()
    page.get_by_role("button", name="As imported").click()
    page.wait_for_function(
        "start => models.viewer.get('settings').channels[0].start === start",
        arg=settings.channels[0].start,
    )
