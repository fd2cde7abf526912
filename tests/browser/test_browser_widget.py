"""The repository's browser in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.browser

HEALTH = {
    "state": "ok", "writable": True, "reason": "", "warning": "", "since": "2026-03-01T10:00:00Z",
    "damaged": 0, "bytes_free": 7 * 10**10, "bytes_total": 10**11,
}  # fmt: skip


@pytest.fixture
def page(open_page: Callable[[str], Any], fake_url: str) -> Iterator[Any]:
    found = open_page(f"{fake_url}/page/browser")
    found.get_by_role("treeitem", name="Pilot").wait_for()
    yield found
    # Else a page that closes takes an answer from the one who is about to change it.
    found.unroute_all(behavior="wait")


def open_dataset(page: Any, name: str) -> None:
    page.get_by_role("treeitem", name="Pilot").locator(".jp-OmeroJlab-twisty").first.click()
    page.get_by_role("treeitem", name=name).locator(".jp-OmeroJlab-line").last.click()
    page.locator(".jp-OmeroJlab-card[data-kind=image]").first.wait_for()


def cards(page: Any) -> Any:
    return page.locator(".jp-OmeroJlab-card")


def test_a_dataset_shows_its_thumbnails(page: Any) -> None:
    open_dataset(page, "Cells")
    page.locator(".jp-OmeroJlab-card img").nth(3).wait_for()
    assert cards(page).count() == 4
    # A name is text, whatever it looks like.
    assert "A01 <b>field</b> 1" in cards(page).first.inner_text()
    assert page.locator(".jp-OmeroJlab-card b").count() == 0


def test_an_image_tells_what_is_known_of_it(page: Any) -> None:
    open_dataset(page, "Cells")
    cards(page).first.click()
    metadata = page.locator(".jp-OmeroJlab-metadata")
    metadata.get_by_text("control").wait_for()
    text = metadata.inner_text()
    for each in (
        "1400 × 1030",
        "uint16",
        "0.65 × 0.65 × 2 µm",
        "DNA",
        "gene",
        "TP53",
        "<i>mitosis",
    ):
        assert each in text
    assert page.evaluate("model.get('selected')") == [{"kind": "image", "id": 1}]


def test_several_can_be_marked(page: Any) -> None:
    open_dataset(page, "Cells")
    cards(page).nth(0).click()
    cards(page).nth(2).click(modifiers=["Shift"])
    cards(page).nth(3).click(modifiers=["Control"])
    cards(page).nth(1).click(modifiers=["Control"])
    selected = page.evaluate("model.get('selected')")
    assert [each["id"] for each in selected] == [1, 3, 4]


def test_the_filter_narrows_what_is_shown(page: Any) -> None:
    open_dataset(page, "Cells")
    page.get_by_label("Filter by name").fill("tis")
    page.wait_for_function("document.querySelectorAll('.jp-OmeroJlab-card').length === 1")
    assert "tissue" in cards(page).inner_text()
    assert page.evaluate("model.get('filter')") == "tis"
    page.evaluate("model.set('filter', '')")
    page.wait_for_function("document.querySelectorAll('.jp-OmeroJlab-card').length === 4")


def test_a_long_dataset_comes_page_by_page(page: Any) -> None:
    open_dataset(page, "Many")
    assert page.locator(".jp-OmeroJlab-status").inner_text() == "200 of 450"
    for shown in (400, 450):
        # A page's arrival puts a new line in this one's place: looked up and scrolled in one step.
        page.evaluate("document.querySelector('.jp-OmeroJlab-more').scrollIntoView()")
        page.wait_for_function(f"document.querySelectorAll('.jp-OmeroJlab-card').length >= {shown}")
    assert cards(page).count() == 450
    assert page.locator(".jp-OmeroJlab-more").count() == 0


def test_a_plate_shows_its_images(page: Any) -> None:
    page.get_by_role("treeitem", name="Screen").locator(".jp-OmeroJlab-twisty").first.click()
    page.get_by_role("treeitem", name="plate-1").locator(".jp-OmeroJlab-line").last.click()
    page.locator(".jp-OmeroJlab-card[data-kind=image]").first.wait_for()
    assert cards(page).count() == 4


def test_search_finds_and_lets_go(page: Any) -> None:
    page.get_by_label("Search everything").fill("small")
    page.wait_for_function("document.querySelectorAll('.jp-OmeroJlab-card').length === 1")
    page.get_by_label("Search everything").fill("no such thing")
    page.get_by_text("Nothing was found.").wait_for()
    page.get_by_label("Search everything").fill("")
    page.get_by_text("Choose a project").wait_for()


def test_a_double_click_opens_the_image_below(page: Any) -> None:
    open_dataset(page, "Cells")
    cards(page).nth(3).dblclick()
    page.wait_for_function("window.__omeroJlabViewers?.length === 1")
    page.evaluate("window.__omeroJlabViewers[0].ready")
    assert page.evaluate("model.get('opened')") == 4
    page.get_by_title("Close the image").click()
    assert page.evaluate("window.__omeroJlabViewers.length") == 0


def test_the_tree_answers_to_keys(page: Any) -> None:
    page.get_by_role("tree").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.get_by_role("treeitem", name="Cells").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator(".jp-OmeroJlab-card[data-kind=image]").nth(3).wait_for()
    assert page.locator(".jp-OmeroJlab-place").inner_text() == "Cells"


def answer_with(page: Any, path: str, **changes: Any) -> None:
    """Let the server's answer to `path` differ in some fields."""

    def handle(route: Any) -> None:
        body = route.fetch().json() | changes
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    page.route(f"**/{path}", handle)


FULL = {"state": "full", "writable": False, "reason": "The disk is full."}


def test_an_empty_repository_says_what_to_do(page: Any) -> None:
    answer_with(page, "browse/children?*", nodes=[], total=0, next=None)
    page.get_by_label("Look again").click()
    page.get_by_text('dataset="My images"').wait_for()
    answer_with(page, "status", health=HEALTH | FULL)
    page.get_by_label("Look again").click()
    page.get_by_text("nothing can be added now").wait_for()


def test_a_repository_without_writes_says_why(page: Any) -> None:
    line = page.locator(".jp-OmeroJlab-health")
    assert not line.is_visible()
    answer_with(page, "status", health=HEALTH | FULL)
    page.get_by_label("Look again").click()
    line.get_by_text("The disk is full.").wait_for()
    assert "Since" in line.inner_text()
    page.unroute("**/status")
    soon = {"state": "warning", "warning": "Only 9 bytes are free."}
    answer_with(page, "status", health=HEALTH | soon)
    page.get_by_label("Look again").click()
    line.get_by_text("Only 9 bytes are free.").wait_for()
    assert "jp-mod-quiet" in (line.get_attribute("class") or "")
    page.unroute("**/status")
    page.get_by_label("Look again").click()
    line.wait_for(state="hidden")


def test_a_repository_that_is_gone_is_missed(page: Any) -> None:
    page.route("**/omero-jlab/**", lambda route: route.abort())
    page.get_by_label("Look again").click()
    page.get_by_text("The repository cannot be reached.").wait_for()
    page.unroute("**/omero-jlab/**")
    page.get_by_label("Look again").click()
    page.get_by_role("treeitem", name="Pilot").wait_for()
    assert not page.locator(".jp-OmeroJlab-health").is_visible()
    # Chromium itself logs the requests that failed.
    assert all("ERR_FAILED" in each for each in page.errors)
    page.errors.clear()


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        ("personal", "permissions do not bind your own kernel"),
        ("team", "permissions hold for every user"),
    ],
)
def test_the_tier_says_whom_permissions_bind(page: Any, tier: str, said: str) -> None:
    answer_with(page, "status", tier=tier)
    page.get_by_label("Look again").click()
    about = page.get_by_label("About this repository")
    page.wait_for_function(
        "said => document.querySelector('[aria-controls]').title.includes(said)", arg=said
    )
    about.focus()
    page.keyboard.press("Enter")
    page.locator(".jp-OmeroJlab-about").get_by_text(said).wait_for()


def test_the_tree_closes_and_climbs_by_keys(page: Any) -> None:
    page.get_by_role("tree").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.get_by_role("treeitem", name="Cells").wait_for()
    page.keyboard.press("ArrowRight")
    chosen = page.locator("[role=treeitem][aria-selected=true] > .jp-OmeroJlab-line")
    first = chosen.inner_text()
    assert page.get_by_role("tree").get_attribute("aria-activedescendant")
    page.keyboard.press("ArrowLeft")
    assert "Pilot" in chosen.inner_text() and "Pilot" not in first
    page.keyboard.press("ArrowLeft")
    page.get_by_role("treeitem", name="Cells").wait_for(state="hidden")


def test_thumbnails_answer_to_keys(page: Any) -> None:
    open_dataset(page, "Many")
    page.get_by_role("listbox").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    in_row = page.evaluate(
        """() => {
          const tops = [...document.querySelectorAll('.jp-OmeroJlab-card')].map(c => c.offsetTop);
          return tops.filter(top => top === tops[0]).length;
        }"""
    )
    page.keyboard.press("ArrowDown")
    ids = cards(page).evaluate_all("all => all.map(each => +each.dataset.id)")
    assert page.evaluate("model.get('selected')") == [{"kind": "image", "id": ids[1 + in_row]}]
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_function(f"model.get('opened') === {ids[0]}")
