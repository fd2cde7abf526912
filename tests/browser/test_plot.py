"""The plot of a table beside the viewer: gates light up cells, a click on a cell finds its row."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.model import RangeGate
from omero_jlab.objects import Image, Repository
from omero_jlab.repository import Store

pytestmark = pytest.mark.browser

_PLOT = "window.__omeroJlabPlots[0]"
_VIEWER = "window.__omeroJlabViewers[0]"
X, Y = "AreaShape_Area", "Intensity_MeanIntensity_DNA"


def _module() -> ModuleType:
    path = Path(__file__).with_name("widget_page.py")
    spec = importlib.util.spec_from_file_location("omero_jlab_browser_widget_page", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def widget_page() -> ModuleType:
    return _module()


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory, demo_plate: Path) -> Iterator[Repository]:
    """A repository with the demo plate and what CellProfiler measured on it."""
    store = Store.open(tmp_path_factory.mktemp("plot") / "repository", create=True)
    try:
        found = Repository(store.session())
        found.import_files(
            demo_plate / "images",
            plate="plate-1",
            channels="{well}_{field}_{channel}.tif",
            quiet=True,
        )
        found.attach_results(demo_plate / "cellprofiler", quiet=True)
        yield found
    finally:
        store.close()


@pytest.fixture
def show(
    widget_page: ModuleType, repo: Repository, open_page: Callable[[str], Any]
) -> Iterator[Callable[..., Any]]:
    """Shows widgets, by name, side by side on one page, when all are drawn."""
    with widget_page.serving(repo._session) as (url, widgets):
        pages = []

        def shown(**given: Any) -> Any:
            for name, widget in given.items():
                kind = "plot" if hasattr(widget, "table_id") else "viewer"
                widgets[name] = (kind, widget_page.traits_of(widget))
            page = open_page(f"{url}/page?widgets={','.join(given)}")
            pages.append(page)
            page.wait_for_function("window.shown")
            page.evaluate("Promise.all((window.__omeroJlabPlots ?? []).map(p => p.ready()))")
            page.evaluate("Promise.all((window.__omeroJlabViewers ?? []).map(v => v.drawn()))")
            return page

        yield shown
        for page in pages:
            page.close()


def lasso(page: Any, rows: list[int]) -> None:
    """Draw a line around the points of rows, a little outside of their hull."""
    points = np.array([page.evaluate(f"{_PLOT}.pixelOf({row})") for row in rows])
    middle = points.mean(axis=0)
    order = np.argsort(np.arctan2(*(points - middle).T))
    around = middle + (points - middle)[order] * 1.15
    page.get_by_label("Draw around points").click()
    page.mouse.move(*around[0])
    page.mouse.down()
    for corner in (*around[1:], around[0]):
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def triangle(frame: pd.DataFrame) -> list[int]:
    """Three rows, at the corners of a plot."""
    x, y = (frame[name].rank().to_numpy() for name in (X, Y))
    return [int(frame.index[i]) for i in (np.argmin(x + y), np.argmax(x - y), np.argmax(x + y))]


def colors_of(page: Any, labels: np.ndarray[Any, Any]) -> dict[int, Any]:
    """The mean colour of what is drawn on each object, at a quarter of its size."""
    height, width = (side // 4 for side in labels.shape)
    found = page.evaluate(f"{_VIEWER}.readPixels(0, 0, {width}, {height}, 0.25)")
    drawn = np.array(found).reshape(height, width, 4)
    small = labels[: 4 * height : 4, : 4 * width : 4]
    return {int(n): drawn[small == n].mean(axis=0) for n in np.unique(small) if n}


def cell_at(page: Any, image: Image, value: int) -> tuple[float, float]:
    """The middle of an object of the label image Nuclei, in pixels of the window."""
    (labels,) = (each for each in image.labels if each.name == "Nuclei")
    y, x = np.argwhere(labels.array() == value).mean(axis=0)
    box = page.locator(".jp-OmeroJlab-map").bounding_box()
    look = page.evaluate("window.models.viewer.get('view')")
    left = box["x"] + box["width"] / 2 + (x + 0.5 - look["x"]) * look["zoom"]
    return left, box["y"] + box["height"] / 2 + (y + 0.5 - look["y"]) * look["zoom"]


def test_a_lasso_lights_up_the_cells_and_is_kept_as_a_gate(
    repo: Repository, show: Callable[..., Any]
) -> None:
    image = repo.plates.find("plate-1").well("A01").images[0]
    table = image.table("Nuclei")
    plot = table.plot(X, Y)
    page = show(plot=plot, viewer=image.view())
    wanted = triangle(table.query())
    lasso(page, wanted)
    page.wait_for_function(f"{_PLOT}.selected().length > 0")
    plot.shape = page.evaluate("window.models.plot.get('shape')")
    assert plot.shape["kind"] == "polygon"
    selection = plot.selection
    # What the page draws is what the table answers.
    assert page.evaluate(f"{_PLOT}.selected()") == selection.row_ids
    assert set(wanted) <= set(selection.row_ids)
    assert list(table.query(selection.condition).index) == selection.row_ids
    assert list(plot.selected.index) == selection.row_ids
    numbers = set(plot.selected["ObjectNumber"])
    (labels,) = (each for each in image.labels if each.name == "Nuclei")
    objects = labels.array()
    page.evaluate(f"{_VIEWER}.drawn()")
    for value, (red, _, blue, _) in colors_of(page, objects).items():
        assert (red > blue + 20) == (value in numbers), value
    page.get_by_label("Name of the gate").fill("round & large")
    page.get_by_text("Keep", exact=True).click()
    page.wait_for_function("window.models.plot.get('gate')")
    assert list(table.gates) == ["round & large"]
    assert list(table.query(gate="round & large").index) == selection.row_ids
    entry = page.locator(".jp-OmeroJlab-plot-gate")
    assert entry.inner_text().split("\n")[:2] == ["round & large", str(len(numbers))]
    page.get_by_label("Remove the gate round & large").click()
    page.wait_for_function("!document.querySelector('.jp-OmeroJlab-plot-gate')")
    assert list(table.gates) == []


def click_point(page: Any, row: int) -> None:
    """Click on the point of a row; while a page is laid out, points move under the pointer."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    for _ in range(10):
        page.mouse.click(*page.evaluate(f"{_PLOT}.pixelOf({row})"))
        try:
            page.wait_for_function(f"window.models.plot.get('row') === {row}", timeout=5_000)
        except PlaywrightTimeout:
            continue
        return
    pytest.fail(f"no click on the point of row {row} was taken")


def test_a_click_on_a_cell_selects_its_row_and_a_click_on_a_point_its_cell(
    repo: Repository, show: Callable[..., Any]
) -> None:
    image = repo.plates.find("plate-1").well("A01").images[1]
    table = image.table("Nuclei")
    rows = table.query()
    page = show(plot=table.plot(X, Y, color="AreaShape_Eccentricity"), viewer=image.view())
    page.wait_for_function("window.models.viewer.get('view')")
    row = int(rows.index[3])
    value = int(rows["ObjectNumber"].loc[row])
    page.mouse.click(*cell_at(page, image, value))
    page.wait_for_function(f"window.models.plot.get('row') === {row}")
    facts = page.locator(".jp-OmeroJlab-plot-facts").inner_text()
    assert f"ObjectNumber\n{value}" in facts or f"ObjectNumber{value}" in facts.replace(" ", "")
    other = int(rows.index[5])
    click_point(page, other)
    page.wait_for_function(
        f"window.models.viewer.get('selection')?.value === {rows['ObjectNumber'].loc[other]}"
    )


def test_a_click_on_a_point_leads_a_linked_viewer_to_its_image(
    repo: Repository, show: Callable[..., Any]
) -> None:
    plate = repo.plates.find("plate-1")
    images = [image for well in plate.wells for image in well.images]
    rows = pd.concat(
        [image.table("Nuclei").query().assign(image_id=image.id) for image in images],
        ignore_index=True,
    )
    table = plate.attach_table(rows[["image_id", "ObjectNumber", X, Y]], "Nuclei")
    plot = table.plot(X, Y)
    assert (plot.image_id, plot.image_column, plot.labels_name) == (None, "image_id", "Nuclei")
    viewer = plot.view()
    assert viewer.image_id == images[0].id
    page = show(plot=plot, viewer=viewer)
    row = int(rows.index[rows["image_id"] == images[2].id][0])
    click_point(page, row)
    page.wait_for_function(f"window.models.viewer.get('image_id') === {images[2].id}")
    value = int(rows["ObjectNumber"].iloc[row])
    page.wait_for_function(f"window.models.viewer.get('selection')?.value === {value}")
    shown = page.evaluate("window.models.viewer.get('labels')")
    assert [each["name"] for each in shown if each["visible"]][-1] == "Nuclei"


def test_what_cannot_be_drawn_is_said(repo: Repository, show: Callable[..., Any]) -> None:
    image = repo.plates.find("plate-1").well("A02").images[0]
    frame = pd.DataFrame(
        {
            "label": np.arange(1, 7),
            "a": [1.0, 2, -3, np.nan, 5, 0],
            "b": [np.nan] * 6,
            "word": pd.array(["x", "y", "x", None, "x", "y"], dtype="string"),
        }
    )
    table = image.attach_table(frame, "odd")
    table.gates["above 1"] = RangeGate(x="a", low=1.5)
    page = show(plot=table.plot("label", "a", color="word", log="y"))
    side = page.locator(".jp-OmeroJlab-side")
    text = side.inner_text()
    assert "3 of 6 rows" in text
    assert "1 without a value left out" in text
    assert "2 at 0 or below" in text
    legend = page.locator(".jp-OmeroJlab-plot-legend .jp-OmeroJlab-plot-entry").all_inner_texts()
    assert [line.split("\n") for line in legend] == [["x", "2"], ["y", "1"]]
    page.get_by_text("above 1").click()
    page.wait_for_function(f"{_PLOT}.selected().length === 2")
    page.keyboard.press("Escape")
    page.get_by_label("Column up").select_option("b")
    page.get_by_text("No row has a value of both label and b").wait_for()
    page.get_by_label("Column up").select_option("a")
    page.get_by_label("Logarithmic y").uncheck()
    page.get_by_text("5 of 6 rows").wait_for()
    page.mouse.move(*page.evaluate(f"{_PLOT}.pixelOf(2)"))
    page.get_by_text("word  x").wait_for()
    page.evaluate("window.undo.plot()")
    assert page.evaluate("window.__omeroJlabPlots.length") == 0
    assert page.evaluate("document.querySelectorAll('canvas').length") == 0


@pytest.mark.real_data
def test_a_click_in_a_cropped_example_finds_the_row(
    repo: Repository, show: Callable[..., Any], real_data: Path
) -> None:
    folder = real_data / "cellprofiler" / "ExampleFly" / "images"
    images = repo.import_files(
        folder, plate="fly", channels="{plate}_{field}_{channel}.TIF", quiet=True
    )
    repo.attach_results(real_data / "cellprofiler-out" / "ExampleFly", images=images, quiet=True)
    image = images[0]
    table = image.table("Nuclei")
    rows = table.query()
    page = show(plot=table.plot("AreaShape_Area", "AreaShape_Eccentricity"), viewer=image.view())
    page.wait_for_function("window.models.viewer.get('view')")
    (labels,) = (each for each in image.labels if each.name == "Nuclei")
    numbers, counts = np.unique(labels.array(), return_counts=True)
    value = int(numbers[1:][np.argmax(counts[1:])])
    y, x = np.argwhere(labels.array() == value).mean(axis=0)
    y, x = y + labels.placement.y, x + labels.placement.x
    page.evaluate(f"window.models.viewer.set('view', {{x: {x + 0.5}, y: {y + 0.5}, zoom: 2}})")
    page.evaluate(f"{_VIEWER}.drawn()")
    box = page.locator(".jp-OmeroJlab-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    (row,) = rows.index[rows["ObjectNumber"] == value]
    page.wait_for_function(f"window.models.plot.get('row') === {int(row)}")
