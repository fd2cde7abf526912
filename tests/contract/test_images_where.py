"""Images found by their tables, alike in the process and over HTTP, and only what one may see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Invalid
from omero_jlab.model import GroupType
from omero_jlab.objects import Repository

from .conftest import World

GROUP = GroupType.READ_ANNOTATE
WELLS = ["A01", "A01", "B02", "B02", None, "C03"]


class Cells:
    """Six images: 0 to 3 have a table of nuclei each and lie on a plate, 4 has an empty one.

    Image 5 has none, but stands in a table on the dataset of all of them.
    """

    def __init__(self, world: World) -> None:
        self.word = world.word()
        self.world = world
        self.ids = world.images("owner", GROUP, tuple(f"{self.word}{n}" for n in range(6)))
        self.plate = world.plate("owner", GROUP, self.ids[:4])
        session = world.session("owner", GROUP)
        self.repo = Repository(session)
        self.dataset = session.containers.add_dataset(self.word).id
        session.graph.link("dataset", self.dataset, "image", self.ids[0])
        for image in self.ids[1:]:
            session.graph.link("dataset", self.dataset, "image", image)
        self.frames = {}
        for n, image in enumerate(self.ids[:5]):
            random = np.random.default_rng(n)
            rows = 0 if n == 4 else 40 + 10 * n
            area = random.normal(100 + 10 * n, 20, rows)
            area[: rows // 10] = np.nan
            frame = pd.DataFrame(
                {
                    "AreaShape_Area": area,
                    "Mean Intensity": random.random(rows),
                    "kind": pd.array(random.choice(["a", "b"], rows), dtype="str"),
                }
            )
            self.frames[n] = frame
            self.repo.image(image).attach_table(frame, name=self.nuclei)

    @property
    def nuclei(self) -> str:
        return f"{self.word}_Nuclei"

    def found(self, condition: str) -> list[int]:
        """Which images are found, by their places."""
        images = self.repo.images.where_table(condition.replace("Nuclei", self.nuclei))
        return [self.ids.index(image.id) for image in images]


@pytest.fixture(scope="module")
def cells(world: World) -> Cells:
    return Cells(world)


AREA = "AreaShape_Area"


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("count(Nuclei[AreaShape_Area > 120]) >= 15", lambda f: (f[AREA] > 120).sum() >= 15),
        ("count(Nuclei) == 0", lambda f: len(f) == 0),
        ("not count(Nuclei) == 0", lambda f: len(f) > 0),
        ("count(Nuclei.AreaShape_Area) < 50", lambda f: f[AREA].count() < 50),
        ("mean(Nuclei.AreaShape_Area) > 115", lambda f: f[AREA].mean() > 115),
        ("mean(Nuclei[kind == 'a'].AreaShape_Area) > 115",
         lambda f: f[f["kind"] == "a"][AREA].mean() > 115),
        ("fraction(Nuclei[AreaShape_Area > 120]) > 0.2",
         lambda f: len(f) and (f[AREA] > 120).sum() / len(f) > 0.2),
        ("fraction(Nuclei[`Mean Intensity` > 2]) == 0", lambda f: len(f) > 0),
        ("1 < sum(Nuclei.`Mean Intensity`) <= 25", lambda f: 1 < f["Mean Intensity"].sum() <= 25),
        ("min(Nuclei.AreaShape_Area) < 60 or std(Nuclei.AreaShape_Area) > 21",
         lambda f: f[AREA].min() < 60 or f[AREA].std() > 21),
        ("median(Nuclei.AreaShape_Area) > quantile(Nuclei.AreaShape_Area, 0.5) - 1",
         lambda f: f[AREA].count() > 0),
        ("quantile(Nuclei.AreaShape_Area, 0.9) > 140 & max(Nuclei.kind) == 'b'",
         lambda f: len(f) and f[AREA].quantile(0.9) > 140),
        ("count(Nuclei[kind in ['a']]) / count(Nuclei) between 0.4 and 0.55",
         lambda f: len(f) and 0.4 <= (f["kind"] == "a").mean() <= 0.55),
        ("isnull(mean(Nuclei.AreaShape_Area))", lambda f: len(f) == 0),
    ],
)  # fmt: skip
def test_by_the_tables_on_images(cells: Cells, condition: str, wanted: Any) -> None:
    expected = [n for n, frame in cells.frames.items() if wanted(frame)]
    assert cells.found(condition) == expected


def test_what_is_not_known_of_an_image_is_neither_true_nor_false(cells: Cells) -> None:
    # Of no rows there is no mean; their number and their sum is 0.
    assert cells.found("mean(Nuclei.AreaShape_Area) > 0") == [0, 1, 2, 3]
    assert cells.found("not mean(Nuclei.AreaShape_Area) > 0") == []
    assert cells.found("not count(Nuclei) > 0") == [4]
    assert cells.found("not sum(Nuclei.AreaShape_Area) > 0") == [4]


def test_by_a_table_on_the_plate_that_links_to_images(cells: Cells) -> None:
    name = f"{cells.word}_all"
    rows = pd.concat(
        [frame.assign(Image=cells.ids[n]) for n, frame in cells.frames.items()], ignore_index=True
    )
    rows = rows[rows["Image"] != cells.ids[1]]
    cells.repo.plate(cells.plate).attach_table(rows, name=name)
    count = {n: int((f[AREA] > 120).sum()) for n, f in cells.frames.items()}
    # Image 1 is on the plate and has no row; image 4 is not on the plate.
    found = cells.found(f"count({name}[AreaShape_Area > 120]) <= {count[2]}")
    assert found == [n for n in range(4) if n == 1 or count[n] <= count[2]]
    assert cells.found(f"isnull(mean({name}.AreaShape_Area))") == [1]
    both = f"count({name}) > 45 and mean(Nuclei.AreaShape_Area) > 0"
    assert cells.found(both) == [2, 3]


def test_by_a_table_with_one_row_an_image_or_well(cells: Cells) -> None:
    name = f"{cells.word}_Image"
    rows = pd.DataFrame(
        {
            "image_id": cells.ids,
            "Count_Cells": [3, 30, 25, 7, 40, 50],
            "well": pd.array(WELLS, dtype="str"),
        }
    )
    cells.repo.dataset(cells.dataset).attach_table(rows, name=name)
    assert cells.found(f"{name}.Count_Cells > 20") == [1, 2, 4, 5]
    assert cells.found(f"{name}.Count_Cells > 20 and {name}.well == 'B02'") == [2]
    assert cells.found(f"{name}.well.isnull() or {name}.well in ['C03']") == [4, 5]
    assert cells.found(f"{name}.Count_Cells < 10 or count(Nuclei) > 65") == [0, 3]
    assert cells.found(f"not {name}.well.str.startswith('A')") == [2, 3, 5]
    session = cells.world.session("owner", GROUP)
    wells = [well.id for well in session.containers.wells(cells.plate)]
    by_well = f"{cells.word}_Well"
    frame = pd.DataFrame({"Well": wells[1:], "dose": [0.1, 0.2, 0.3]})
    cells.repo.plate(cells.plate).attach_table(frame, name=by_well)
    assert cells.found(f"{by_well}.dose >= 0.2") == [2, 3]
    assert cells.found(f"mean({by_well}.dose) < 0.2") == [1]


def test_a_table_by_its_number_and_the_newest_of_a_name(cells: Cells) -> None:
    image = cells.repo.image(cells.ids[5])
    first = image.attach_table(pd.DataFrame({"x": [1.0, 2.0]}), name=f"{cells.word}_twice")
    image.attach_table(pd.DataFrame({"x": [5.0]}), name=f"{cells.word}_twice")
    assert cells.found(f"mean({cells.word}_twice.x) == 5") == [5]
    assert cells.found(f"mean(`{first.id}`.x) == 1.5") == [5]
    assert cells.found(f"count({first.id}[x > 1]) == 1") == [5]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("Nuclei.AreaShape_Area > 120", "rows: say which, with mean("),
        ("count(Nucleii) > 3", "there is no table"),
        ("count(Nuclei[AreaShape_Aera > 3]) > 2", "did you mean 'AreaShape_Area'"),
        ("mean(Nuclei.AreaShape_Aera) > 2", "did you mean 'AreaShape_Area'"),
        ("mean(Nuclei.kind) > 2", "has no mean"),
        ("max(Nuclei.kind) > 2", "cannot be compared"),
        ("count(Nuclei[kind > 3]) > 2", "cannot be compared"),
        ("mean(Nuclei) > 2", "mean takes a column"),
        ("AreaShape_Area > 2", "names no column of a table"),
        ("count(Nuclei) >", "but found the end"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(cells: Cells, condition: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        cells.found(condition)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_on_a_container_says_which_images(cells: Cells) -> None:
    name = f"{cells.word}_mute"
    cells.repo.dataset(cells.dataset).attach_table(pd.DataFrame({"x": [1.0]}), name=name)
    with pytest.raises(Invalid, match="lies on a dataset and has no column that says which image"):
        cells.found(f"count({name}) > 0")


def test_only_what_one_may_see_counts(world: World) -> None:
    word = world.word()
    hidden = world.image("owner", GroupType.PRIVATE)
    world.session("owner", GroupType.PRIVATE).add_table(
        "image", hidden, word, pd.DataFrame({"x": [1.0]})
    )
    with pytest.raises(Invalid, match="there is no table"):
        Repository(world.session("outsider")).images.where_table(f"count({word}) > 0")
    mine = world.image("outsider", "elsewhere")
    session = world.session("outsider", "elsewhere")
    # A table of one's own that names the image of another finds one's own alone.
    dataset = session.containers.add_dataset(word).id
    session.graph.link("dataset", dataset, "image", mine)
    frame = pd.DataFrame({"Image": [mine, hidden], "x": [1.0, 2.0]})
    session.add_table("dataset", dataset, word, frame)
    found = Repository(session).images.where_table(f"max({word}.x) > 0")
    assert [image.id for image in found] == [mine]


def test_pages_come_in_order(cells: Cells, world: World) -> None:
    session = world.session("owner", GROUP)
    condition = f"count({cells.nuclei}) >= 0"
    first = session.tables.images_where(condition, limit=2)
    second = session.tables.images_where(condition, after=first[-1].id, limit=10)
    assert [image.id for image in (*first, *second)] == list(cells.ids[:5])
