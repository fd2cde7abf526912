"""Runs: what became of images is remembered for their user, and for nobody else."""

from __future__ import annotations

import numpy as np
import pytest

from omero_jlab.errors import Invalid, NotFound, TooLarge
from omero_jlab.model import GroupType, RunImage
from omero_jlab.objects import Repository

from .conftest import World

RW = GroupType.READ_WRITE


def test_a_run_is_one_however_often_it_is_begun(world: World) -> None:
    session = world.session("owner", RW)
    first = session.runs.begin("nuclei", "key", source="abc", parameters={"limit": 3})
    assert first.created_at == first.updated_at, "a new run is known by that"
    again = session.runs.begin("nuclei", "key")
    assert again.id == first.id and again.updated_at > again.created_at
    assert (again.source, again.parameters) == ("abc", {"limit": 3})
    other = world.session("member", RW).runs.begin("nuclei", "key")
    assert other.id != first.id, "a run is its user's"
    assert [run.id for run in session.runs.list("nuclei")] == [first.id]
    everybodys = {run.id for run in world.session("admin").runs.list("nuclei")}
    assert {first.id, other.id} <= everybodys
    with pytest.raises(NotFound):
        world.session("member", RW).runs.get(first.id)


def test_what_became_of_images_is_kept_in_pages(world: World) -> None:
    session = world.session("owner", RW)
    run = session.runs.begin("pages", world.word())
    outcomes = tuple(
        RunImage(image_id=i, state="failed" if i % 3 == 0 else "done", value=str(i), attempts=2)
        for i in range(1, 1202)
    )
    assert session.runs.note(run.id, outcomes) == 1201
    again = RunImage(image_id=3, state="done", error="none")
    session.runs.note(run.id, (again, again))
    known = session.runs.get(run.id)
    assert (known.done, known.failed) == (802, 399)
    page = session.runs.images(run.id)
    assert len(page) == 1000 and page[2] == again and page[0] == outcomes[0]
    rest = session.runs.images(run.id, after=page[-1].image_id)
    assert [each.image_id for each in rest] == list(range(1001, 1202))
    failed = session.runs.images(run.id, state="failed", limit=10)
    assert [each.image_id for each in failed] == list(range(6, 34, 3))
    session.runs.remove(run.id)
    with pytest.raises(NotFound):
        session.runs.images(run.id)


def test_results_that_are_gone_are_told(world: World) -> None:
    session = world.session("owner", RW)
    image = Repository(session).save_image(np.ones((8, 8), np.uint8), "measured")
    labels = image.attach_labels(np.ones((8, 8), np.uint8), "found")
    run = session.runs.begin("gone", world.word())
    session.runs.note(run.id, (RunImage(image_id=image.id, state="done", results=(labels.id,)),))
    assert session.runs.images(run.id)[0].intact
    labels.delete()
    assert not session.runs.images(run.id)[0].intact


def test_what_is_too_large_or_has_no_name_is_refused(world: World) -> None:
    session = world.session("owner", RW)
    with pytest.raises(Invalid):
        session.runs.begin("", "key")
    with pytest.raises(Invalid, match="1 to 128"):
        session.runs.begin("name", "k" * 129)
    with pytest.raises(TooLarge):
        session.runs.begin("name", "large", text="x" * (1 << 21))
    run = session.runs.begin("name", world.word())
    with pytest.raises(TooLarge, match="image 5"):
        session.runs.note(run.id, (RunImage(image_id=5, state="done", value="x" * (1 << 21)),))
    for limit in (0, 10_001):
        with pytest.raises(Invalid):
            session.runs.images(run.id, limit=limit)
