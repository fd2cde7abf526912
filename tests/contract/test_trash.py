"""What was deleted: told, brought back as it was, or gone at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omero_jlab.database import DeletionRow, ImageRow
from omero_jlab.errors import Conflict, Denied, NotFound, Unavailable
from omero_jlab.model import GroupType, Point, PurgeReport
from omero_jlab.objects import Image, Repository, wait
from omero_jlab.repository.guarded import GuardedSession
from omero_jlab.repository.upkeep.purge import purge_oldest

from .conftest import World

RW, PRIVATE = GroupType.READ_WRITE, GroupType.PRIVATE


@pytest.fixture(scope="module", params=["in-process", "http"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("trash"), request.param == "http")
    try:
        yield world
    finally:
        world.close()


@pytest.fixture(autouse=True)
def empty(world: World) -> Iterator[None]:
    """Nothing is in the trash before or after a test."""
    yield
    purge(world)


@pytest.fixture
def repo(world: World) -> Repository:
    return Repository(world.session("owner", RW))


@pytest.fixture
def image(repo: Repository, world: World) -> Image:
    """An image in a dataset in a project, with all that can hang on one."""
    pixels = np.arange(32 * 32, dtype=np.uint16).reshape(1, 1, 1, 32, 32)
    word = world.word()
    image = repo.save_image(pixels, name=word, dataset=word, project=word)
    image.tag("kept")
    image.add_comment("goes along")
    image.attach_table(pd.DataFrame({"a": [1, 2, 3]}), name="rows")
    image.attach_labels(np.ones((32, 32), np.uint8))
    repo._session.shapes.add(image.id, (Point(x=1, y=2),), name="spot")
    image.thumbnail()
    return image


def purge(world: World) -> PurgeReport:
    session = world.session("admin", RW)
    report = wait(session, session.admin.purge(), "purge", quiet=True)
    assert isinstance(report, PurgeReport)
    return report


def facts(image: Image) -> Any:
    """What there is to see of an image, but for numbers that grow with each change."""
    return (
        image.name,
        image.tags,
        image.comments,
        [table.query("a > 1")["a"].tolist() for table in image.tables],
        [labels.name for labels in image.labels],
        [roi.name for roi in image._session.shapes.list(image.id)],
        [node.name for node in image._session.browse.parents("image", image.id)],
        int(image.plane().sum()),
        [hit.id for hit in image._session.search.find(image.name) if hit.kind == "image"],
    )


def test_what_was_deleted_comes_back_as_it_was(repo: Repository, image: Image) -> None:
    before = facts(image)
    image.delete()
    with pytest.raises(NotFound):
        image.refresh()
    (deletion,) = repo.deletions
    assert (deletion.kind, deletion.object_id, deletion.name) == ("image", image.id, image.name)
    assert (deletion.user, deletion.owner, deletion.images) == ("owner", "owner", 1)
    back = image.undelete()
    assert (back.images, back.left) == (1, ())
    assert back.rows == deletion.rows
    assert facts(image) == before
    assert repo.deletions == ()
    with pytest.raises(NotFound):
        image.undelete()


def test_one_deletion_brings_back_nothing_of_another(repo: Repository, image: Image) -> None:
    (table,) = image.tables
    (comment,) = (a for a in image.annotations() if a.annotation.kind == "comment")
    repo._session.annotations.remove(table.id)
    repo._session.annotations.unlink(comment.link_id)
    image.delete()
    assert image.undelete().images == 1
    assert (image.tables, image.comments) == ([], [])
    assert [deletion.kind for deletion in repo.deletions] == ["comment", "table"]
    for deletion in repo.deletions:
        repo.undelete(deletion)
    assert (len(image.tables), image.comments) == (1, ["goes along"])


def test_a_link_waits_for_what_it_points_to(repo: Repository, image: Image) -> None:
    (dataset,) = (d for d in repo.datasets if d.name == image.name)
    (node,) = repo._session.browse.parents("image", image.id)
    dataset.delete()
    image.delete()
    first, second = repo.deletions[1], repo.deletions[0]
    (told,) = repo.undelete(first).left
    assert f"Image {image.id}" in told
    assert list(dataset.images) == []
    assert repo.undelete(second).left == ()
    assert [each.id for each in dataset.images] == [image.id]
    assert repo._session.browse.parents("image", image.id) == (node,)


def test_a_part_of_something_deleted_is_refused(repo: Repository, image: Image) -> None:
    (roi,) = repo._session.shapes.list(image.id)
    repo._session.shapes.remove(roi.id)
    (lonely,) = repo.deletions
    image.delete()
    with pytest.raises(Conflict, match=f"undo deletion {repo.deletions[0].id} first"):
        repo.undelete(lonely)


def test_who_may_not_delete_may_not_bring_back(world: World) -> None:
    number = world.image("owner", GroupType.READ_ONLY)
    owner = world.session("owner", GroupType.READ_ONLY)
    owner.graph.delete("image", number)
    (deletion,) = owner.graph.deletions()
    member = world.session("member", GroupType.READ_ONLY)
    assert member.graph.deletions() == (deletion,), "they might see the image"
    with pytest.raises(Denied):
        member.graph.undelete(deletion.id)
    with pytest.raises(NotFound):
        owner.images.get(number)
    world.session("leader", GroupType.READ_ONLY).graph.undelete(deletion.id)
    assert owner.images.get(number).id == number


def test_a_hidden_deletion_is_missing(world: World) -> None:
    number = world.image("owner", PRIVATE)
    world.session("owner", PRIVATE).graph.delete("image", number)
    (deletion,) = world.session("leader", PRIVATE).graph.deletions()
    for user, group in (("member", PRIVATE), ("outsider", "elsewhere")):
        session = world.session(user, group)
        assert session.graph.deletions() == ()
        with pytest.raises(NotFound):
            session.graph.undelete(deletion.id)


def test_now_frees_the_space_at_once(world: World, repo: Repository, image: Image) -> None:
    other = repo.save_image(np.ones((1, 1, 1, 8, 8), np.uint8), name="other")
    folder = world.store.layout.root / "Pixels" / "images" / str(image.id)
    (roi,) = repo._session.shapes.list(image.id)
    repo._session.shapes.remove(roi.id)
    other.delete()
    assert folder.exists()
    image.delete(now=True)
    assert not folder.exists()
    assert [deletion.object_id for deletion in repo.deletions] == [other.id], "only that goes"
    assert other.undelete().images == 1
    with GuardedSession(world.store.engines.reader, None) as db:
        assert db.get(ImageRow, image.id, execution_options={"unguarded": "purge"}) is None


def test_nothing_is_deleted_for_good_while_a_backup_needs_it(world: World, image: Image) -> None:
    with world.store.keeping_trash():
        with pytest.raises(Unavailable):
            image.delete(now=True)
        image.refresh()
        image.delete()
        with pytest.raises(Unavailable):
            purge_oldest(world.store, 1)
    image.undelete()


def test_the_oldest_trash_goes_first_and_only_as_much_as_needed(
    world: World, repo: Repository
) -> None:
    pixels = np.random.default_rng(1).integers(0, 9999, (1, 1, 1, 64, 64), np.uint16)
    images = [repo.save_image(pixels, name=f"n{n}") for n in range(3)]
    for image in images:
        image.delete()
    report = purge_oldest(world.store, 1)
    assert report.size > 1000
    assert [d.object_id for d in repo.deletions] == [images[2].id, images[1].id]
    assert purge_oldest(world.store, 1 << 40).files >= 2
    assert repo.deletions == ()
    with GuardedSession(world.store.engines.reader, None) as db:
        assert db.get(DeletionRow, 1, execution_options={"unguarded": "purge"}) is None


def test_an_administrator_sees_what_the_trash_keeps(world: World, image: Image) -> None:
    admin = world.session("admin", RW)
    image.delete()
    (kept,) = admin.admin.trash()
    assert kept.deletion.name == image.name
    assert kept.files >= 4
    assert kept.size > 2048
    report = purge(world)
    assert (report.files, report.size) == (kept.files, kept.size)
    assert admin.admin.trash() == ()
