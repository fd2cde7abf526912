"""The viewer in a real browser, beside what `omero_jlab.rendering` makes of the same pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from numpy.typing import NDArray

from omero_jlab.model import Settings
from omero_jlab.rendering import colorize_labels, render

pytestmark = pytest.mark.browser

Region = tuple[int, int, int, int]
_HOOK = "window.__omeroJlabViewers[0]"


def show(
    open_page: Callable[[str], Any], url: str, image_id: int, http: bool = True, **traits: Any
) -> Any:
    """A page with a viewer of an image, when its first view is drawn."""
    asked = quote(json.dumps({"image_id": image_id, **traits}))
    page = open_page(f"{url}/page/viewer?http={int(http)}&traits={asked}")
    page.wait_for_function("window.__omeroJlabViewers?.length")
    page.evaluate(f"{_HOOK}.ready")
    return page


def drawn(page: Any, region: Region) -> NDArray[np.int64]:
    """What the viewer draws over `region` (y, x, height, width) of level 0."""
    y, x, height, width = region
    found = page.evaluate(f"{_HOOK}.readPixels({x}, {y}, {width}, {height})")
    pixels = np.array(found).reshape(height, width, 4)
    assert pixels[..., 3].min() == 255
    return pixels[..., :3]


def rendered(
    image: Any, region: Region, settings: Settings | None = None, z: int = 0, t: int = 0
) -> NDArray[np.int64]:
    y, x, height, width = region
    planes = image.levels[0][t, :, z, y : y + height, x : x + width]
    return render(planes, settings or image.settings).astype(np.int64)


def assert_same(found: NDArray[np.int64], wanted: NDArray[np.int64]) -> None:
    """Equal but for rounding; and neither is merely black."""
    assert wanted.std() > 5
    assert np.abs(found - wanted).max() <= 1


@pytest.fixture
def images(fake: ModuleType) -> dict[int, Any]:
    found: dict[int, Any] = fake.images()
    return found


@pytest.mark.parametrize(
    ("image_id", "region"),
    [
        pytest.param(1, (500, 200, 300, 400), id="uint16, across tiles"),
        pytest.param(1, (830, 1100, 200, 300), id="uint16, cut tiles at the corner"),
        pytest.param(2, (0, 0, 200, 300), id="RGB as it is"),
        pytest.param(3, (0, 0, 300, 520), id="float32, eight channels, every family, NaN"),
        pytest.param(4, (0, 0, 90, 70), id="uint8"),
    ],
)
def test_the_gpu_draws_what_rendering_draws(
    open_page: Callable[[str], Any],
    fake_url: str,
    images: dict[int, Any],
    image_id: int,
    region: Region,
) -> None:
    page = show(open_page, fake_url, image_id)
    if image_id == 1:
        page.get_by_label("Regions").uncheck()
    assert_same(drawn(page, region), rendered(images[image_id], region))


def test_a_window_costs_no_request(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    region = (100, 400, 200, 300)
    page = show(open_page, fake_url, 1)
    page.get_by_label("Regions").uncheck()
    drawn(page, region)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Full colour of DNA").nth(1).fill("9000")
    page.get_by_label("Full colour of DNA").nth(1).press("Enter")
    page.get_by_label("Show ER").uncheck()
    page.get_by_label("Colour of Mito", exact=True).fill("#ffcc00")
    settings = Settings.model_validate(page.evaluate("model.get('settings')"))
    assert settings.channels[0].end == 9000
    assert not settings.channels[1].active
    assert settings.channels[2].color == "FFCC00"
    assert_same(drawn(page, region), rendered(images[1], region, settings))
    assert asked == []


def test_settings_from_python_are_drawn(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    region = (100, 400, 200, 300)
    page = show(open_page, fake_url, 1)
    page.get_by_label("Regions").uncheck()
    changed = images[1].settings.model_dump(mode="json")
    changed["greyscale"] = True
    changed["channels"][0] |= {"gamma": 0.5, "reverse": True}
    page.evaluate("settings => model.set('settings', settings)", changed)
    wanted = rendered(images[1], region, Settings.model_validate(changed))
    assert_same(drawn(page, region), wanted)


def test_a_lookup_table_is_drawn_by_the_server(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    region = (100, 400, 200, 300)
    page = show(open_page, fake_url, 1)
    page.get_by_label("Regions").uncheck()
    page.locator("details.jp-OmeroJlab-curve summary").first.click()
    page.get_by_label("Lookup table of DNA").select_option("fire")
    settings = Settings.model_validate(page.evaluate("model.get('settings')"))
    assert settings.channels[0].lut == "fire"
    assert_same(drawn(page, region), rendered(images[1], region, settings))
    page.get_by_label("Lookup table of DNA").select_option("")
    plain = Settings.model_validate(page.evaluate("model.get('settings')"))
    assert_same(drawn(page, region), rendered(images[1], region, plain))


def test_sliders_and_keys_move_through_z_and_t(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    region = (300, 300, 200, 300)
    page = show(open_page, fake_url, 1)
    page.get_by_label("Regions").uncheck()
    page.get_by_label("Plane (Z)").fill("2")
    page.locator(".jp-OmeroJlab-map").focus()
    page.keyboard.press(">")
    assert page.evaluate("[model.get('z'), model.get('t')]") == [2, 1]
    assert_same(drawn(page, region), rendered(images[1], region, z=2, t=1))
    page.evaluate("model.set('z', 0)")
    assert_same(drawn(page, region), rendered(images[1], region, z=0, t=1))


def test_labels_have_their_colours_and_can_be_clicked(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    labels = [{"id": 11, "name": "nuclei", "visible": True, "opacity": 1.0}]
    page = show(open_page, fake_url, 1, labels=labels)
    page.get_by_label("Regions").uncheck()
    region = (400, 200, 300, 400)
    plane = images[1].labels[11][0]
    colors = colorize_labels(plane[400:700, 200:600]).astype(np.int64)
    is_object = colors[..., 3] > 0
    found = drawn(page, region)
    assert is_object.sum() > 1000
    assert np.abs(found - colors[..., :3])[is_object].max() <= 1
    assert_same(found[~is_object][None], rendered(images[1], region)[~is_object][None])

    page.evaluate("model.set('view', {x: 320, y: 520, zoom: 1})")
    page.evaluate(f"{_HOOK}.drawn()")
    box = page.locator(".jp-OmeroJlab-map").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    value = 2**24 + 5
    read = page.locator(".jp-OmeroJlab-readout").inner_text()
    assert f"nuclei {value}" in read
    y, x = 520, 320
    dna, er, mito = images[1].levels[0][0, :, 0, y, x]
    assert f"DNA {dna}" in read and f"ER {er}" in read and f"Mito {mito}" in read
    page.mouse.click(*middle)
    assert page.evaluate("model.get('selection')") == {"labels_id": 11, "value": value}
    chosen = drawn(page, (505, 305, 30, 30))
    assert chosen.min() == 255


def test_a_label_image_that_was_deleted_leaves_the_list(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    hidden = [{"id": 11, "name": "nuclei", "visible": False, "opacity": 0.5}]
    page = show(open_page, fake_url, 1, labels=hidden)
    page.get_by_label("Regions").uncheck()
    gone = {"error": "NotFound", "message": "There is no label image 11."}
    page.route("**/labels/11/raw/**", lambda route: route.fulfill(status=404, json=gone))
    page.get_by_label("nuclei", exact=True).check()
    page.wait_for_function("model.get('labels').length === 0")
    assert page.get_by_label("nuclei", exact=True).count() == 0
    assert not page.get_by_role("alert").is_visible()
    region = (400, 200, 200, 300)
    assert_same(drawn(page, region), rendered(images[1], region))
    assert all("404" in each for each in page.errors)
    page.errors.clear()


def test_regions_are_drawn_where_they_lie(open_page: Callable[[str], Any], fake_url: str) -> None:
    page = show(open_page, fake_url, 1)
    found = drawn(page, (70, 90, 140, 220))
    is_yellow = (found[..., 0] > 240) & (found[..., 1] > 240) & (found[..., 2] < 60)
    # The rectangle has its corner at x 100, y 80 and is 200 × 120.
    assert is_yellow[9:11].mean(1).max() > 0.8
    assert is_yellow[:, 9:11].mean(0).max() > 0.8
    assert not is_yellow[20:120, 20:200].any()


@pytest.mark.parametrize(
    "traits", [{}, {"repository": "another"}], ids=["no server on the page", "another repository"]
)
def test_the_kernel_stands_in_for_http(
    open_page: Callable[[str], Any],
    fake_url: str,
    images: dict[int, Any],
    traits: dict[str, str],
) -> None:
    page = show(open_page, fake_url, 4, http=bool(traits), **traits)
    region = (0, 0, 90, 70)
    assert_same(drawn(page, region), rendered(images[4], region))
    assert page.evaluate("window.messages") > 4
    page.get_by_text("Save", exact=True).click()
    page.get_by_text("Saved", exact=True).wait_for()


def test_what_is_missing_is_said(open_page: Callable[[str], Any], fake_url: str) -> None:
    asked = quote(json.dumps({"image_id": 99}))
    page = open_page(f"{fake_url}/page/viewer?http=1&traits={asked}")
    page.get_by_role("alert").wait_for()
    assert "There is no image 99" in page.get_by_role("alert").inner_text()
    assert page.get_by_text("Try again").is_visible()
    # Chromium itself logs the four 404s.
    assert all("404" in each for each in page.errors)
    page.errors.clear()


def test_a_tile_that_fails_can_be_fetched_again(
    open_page: Callable[[str], Any], fake_url: str, images: dict[int, Any]
) -> None:
    page = show(open_page, fake_url, 1)
    page.get_by_label("Regions").uncheck()
    refused = {"error": "Unavailable", "message": "The disk is gone."}
    page.route("**/raw/**", lambda route: route.fulfill(status=503, body=json.dumps(refused)))
    page.get_by_label("Plane (Z)").fill("1")
    page.get_by_text("The disk is gone.").wait_for()
    page.unroute("**/raw/**")
    page.get_by_text("Try again").click()
    region = (300, 300, 100, 100)
    assert_same(drawn(page, region), rendered(images[1], region, z=1))
    assert all("503" in each for each in page.errors)
    page.errors.clear()


def test_a_viewer_that_is_gone_leaves_nothing(
    open_page: Callable[[str], Any], fake_url: str
) -> None:
    page = show(open_page, fake_url, 4)
    warnings: list[str] = []
    page.on("console", lambda message: warnings.append(message.text))
    page.evaluate(
        """async () => {
          const { default: widget } = await import("/static/viewer.js");
          for (let i = 0; i < 20; i++) {
            window.undo();
            window.undo = await widget.render({ model, el: document.getElementById("host") });
            await window.__omeroJlabViewers[0].ready;
          }
          window.undo();
        }"""
    )
    assert page.evaluate("window.__omeroJlabViewers.length") == 0
    assert page.locator("canvas").count() == 0
    assert not [each for each in warnings if "Too many active WebGL contexts" in each]
