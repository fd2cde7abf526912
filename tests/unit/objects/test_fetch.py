"""What a page without a server gets from its kernel."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from omero_jlab.model import Projection
from omero_jlab.objects import Image, Repository
from omero_jlab.objects.fetch import Fetch
from omero_jlab.repository import Store


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    store = Store.open(tmp_path_factory.mktemp("fetch") / "repository", create=True)
    try:
        repo = Repository(store.session())
        pixels = np.arange(2 * 3 * 20 * 30, dtype=np.uint16).reshape(1, 2, 3, 20, 30)
        found = repo.save_image(pixels, name="ramp", dataset="Ramps")
        frame = pd.DataFrame(
            {"n": [3, 1, 2], "text": ["=a", None, "c"], "x": [0.5, np.nan, np.inf]}
        )
        found.attach_table(frame, name="few")
        yield found
    finally:
        store.close()


def test_rows_come_as_pages_and_files(image: Image) -> None:
    fetch = Fetch(image._session)
    path = f"tables/{image.table('few').id}/rows"
    status, headers, body = fetch(f"{path}?format=json&order_by=n&limit=2&offset=1")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == {
        "columns": ["n", "text", "x"],
        "row_ids": [2, 0],
        "rows": [[2, "c", "Infinity"], [3, "=a", 0.5]],
    }
    _, _, body = fetch(f'{path}?format=json&after=0&columns=["n"]')
    assert json.loads(body)["row_ids"] == [1, 2]
    _, _, body = fetch(f"{path}?format=json&order_by=n&descending=true&limit=1")
    assert json.loads(body)["row_ids"] == [0]
    _, _, body = fetch(f"{path}?format=csv&condition=n%20%3E%202")
    assert list(pd.read_csv(io.BytesIO(body))["text"]) == ["'=a"]
    _, _, body = fetch(f"{path}?format=parquet")
    assert list(pd.read_parquet(io.BytesIO(body))["n"]) == [3, 1, 2]
    status, _, body = fetch(f"{path}?format=json&condition=m%20%3E%202")
    assert status == 400
    assert "no column 'm'" in json.loads(body)["message"]
    status, _, _ = fetch(f"{path}?format=xml")
    assert status == 400


def test_projections_come_as_pixels_and_as_pictures(image: Image) -> None:
    fetch = Fetch(image._session)
    many = Projection(method="sum", start=1)
    asked = f"projection={many.model_dump_json()}"
    status, headers, body = fetch(
        f"images/{image.id}/projection?{asked}&channels=1,0&y=2&x=3&height=4&width=5"
    )
    assert status == 200
    shape = [int(side) for side in headers["X-Shape"].split(",")]
    found = np.frombuffer(body, headers["X-Dtype"]).reshape(shape)
    wanted = image.dask()[0, [1, 0], 1:, 2:6, 3:8].astype("u8").sum(axis=1).compute()
    assert np.array_equal(found, wanted)
    tile = f"images/{image.id}/tiles/0/0/0/0/0?format=png"
    plain, projected = fetch(tile), fetch(f"{tile}&{asked}")
    assert plain[0] == projected[0] == 200
    assert plain[2] != projected[2]
    status, _, body = fetch(f'images/{image.id}/projection?projection={{"start": 7}}&channels=0')
    assert status == 400
    assert "Z 0 to 2" in json.loads(body)["message"]
