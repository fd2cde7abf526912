"""Rows are written only while the intent for their files stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omero_jlab.database import ImageRow
from omero_jlab.errors import Unavailable
from omero_jlab.repository import Store
from omero_jlab.repository.intents import Intended, intending_one, undo_all
from omero_jlab.repository.places import image_place
from omero_jlab.storage import make_folders


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "repository", create=True)
    yield store
    store.close()


def write(store: Store, intended: Intended) -> Path:
    place = store.layout.root / intended.paths[0]
    make_folders(place)
    (place / "index").write_bytes(b"x")
    return place


def test_what_was_undone_meanwhile_gets_no_rows(store: Store) -> None:
    """A disk that was lost and came back: what was half done is undone while it is being made."""
    with (
        pytest.raises(Unavailable, match="try again"),
        intending_one(store, "image", image_place, ImageRow) as intended,
    ):
        place = write(store, intended)
        assert undo_all(store) == 1
        with store.books() as db:
            intended.end(db)
    assert not place.exists()
    assert undo_all(store) == 0


def test_what_was_ended_is_not_undone(store: Store) -> None:
    with intending_one(store, "image", image_place, ImageRow) as intended:
        place = write(store, intended)
        with store.books() as db:
            intended.end(db)
    assert undo_all(store) == 0
    assert (place / "index").read_bytes() == b"x"
