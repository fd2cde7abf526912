"""Names, links and existence of objects."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from omero_jlab.database import AnnotationLinkRow, AnnotationRow, FileRow, Guarded, RoiRow
from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import ChannelSettings, GroupType, Point, Settings

RA, RW = GroupType.READ_ANNOTATE, GroupType.READ_WRITE


def is_there(session: Any, kind: str, id: int) -> bool:
    try:
        session.annotations.list(kind, id)
    except NotFound:
        return False
    return True


def put(session: Any, dataset: int, *images: int) -> None:
    for image in images:
        session.graph.link("dataset", dataset, "image", image)


def test_updating(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA, "before")
    version = session.graph.update("image", image, name="after", description="described")
    record = session.images.get(image)
    assert (record.name, record.description, record.version) == ("after", "described", version)
    assert session.graph.update("image", image, version, description="") == version + 1
    assert session.images.get(image).name == "after"
    with pytest.raises(Conflict, match="read it again"):
        session.graph.update("image", image, version, name="too late")
    assert session.graph.update("image", image, name="after") == version + 1


def test_names_that_say_nothing_are_refused(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    for name in ("", "  ", "x" * 256):
        with pytest.raises(Invalid, match="255"):
            session.graph.update("image", image, name=name)
    well = session.containers.wells(world.plate("owner", RA, (image,)))[0].id
    with pytest.raises(Invalid, match="place"):
        session.graph.update("well", well, name="A1")
    session.graph.update("well", well, description="edge")


def test_linking(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    project = session.containers.add_project("p").id
    screen = session.containers.add_screen("s").id
    plate = world.plate("owner", RA, (image,))
    dataset = session.containers.add_dataset("d").id
    for _ in range(2):
        session.graph.link("project", project, "dataset", dataset)
        session.graph.link("dataset", dataset, "image", image)
        session.graph.link("screen", screen, "plate", plate)
    assert session.containers.project(project).dataset_count == 1
    assert session.containers.dataset(dataset).image_count == 1
    assert session.containers.screen(screen).plate_count == 1

    session.graph.unlink("dataset", dataset, "image", image)
    assert session.containers.dataset(dataset).image_count == 0
    assert session.images.get(image).id == image
    with pytest.raises(NotFound, match="does not lie"):
        session.graph.unlink("dataset", dataset, "image", image)
    session.graph.link("dataset", dataset, "image", image)
    assert session.containers.dataset(dataset).image_count == 1


def test_only_what_fits_together_is_linked(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    project = session.containers.add_project("p").id
    with pytest.raises(Invalid, match="a dataset into a project"):
        session.graph.link("project", project, "image", image)
    elsewhere = session_of("owner", RW).containers.add_dataset("d").id
    with pytest.raises(Invalid, match="one group"):
        session.graph.link("dataset", elsewhere, "image", image)


def test_who_put_it_there_may_take_it_away(world: Any, session_of: Any) -> None:
    owner, leader = session_of("owner", RA), session_of("leader", RA)
    dataset, image = owner.containers.add_dataset("d").id, world.image("owner", RA)
    put(leader, dataset, image)
    with pytest.raises(Denied):
        session_of("member", RA).graph.unlink("dataset", dataset, "image", image)
    leader.graph.unlink("dataset", dataset, "image", image)


def test_a_deleted_container_leaves_its_contents(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    project = session.containers.add_project("p").id
    dataset = session.containers.add_dataset("d", project_id=project).id
    put(session, dataset, image)
    assert session.graph.delete("dataset", dataset) == 0
    assert not is_there(session, "dataset", dataset)
    assert is_there(session, "image", image)
    assert session.containers.project(project).dataset_count == 0
    with pytest.raises(NotFound):
        session.graph.delete("dataset", dataset)


def test_contents_go_where_they_lie_nowhere_else(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    only, shared, on_plate, kept = (world.image("owner", RA) for _ in range(4))
    doomed = session.containers.add_project("doomed").id
    other = session.containers.add_project("other").id
    inside = [session.containers.add_dataset("d", project_id=doomed).id for _ in range(2)]
    both = session.containers.add_dataset("both", project_id=doomed).id
    session.graph.link("project", other, "dataset", both)
    outside = session.containers.add_dataset("outside").id
    world.plate("owner", RA, (on_plate,))
    put(session, inside[0], only, shared, on_plate)
    put(session, inside[1], only)
    put(session, outside, shared)
    put(session, both, kept)

    assert session.graph.delete("project", doomed, contents=True) == 1

    assert not is_there(session, "image", only)
    assert not any(is_there(session, "dataset", d) for d in inside)
    assert all(is_there(session, "image", i) for i in (shared, on_plate, kept))
    assert is_there(session, "dataset", both)
    assert session.containers.project(other).dataset_count == 1


def test_a_plate_takes_its_wells_and_on_demand_its_images(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    image = world.image("owner", RA)
    plate = world.plate("owner", RA, (image,))
    well = session.containers.wells(plate)[0].id
    assert session.graph.delete("plate", plate) == 0
    assert not is_there(session, "well", well)
    assert is_there(session, "image", image)

    screen = session.containers.add_screen("s").id
    images = [world.image("owner", RA) for _ in range(2)]
    plate = world.plate("owner", RA, tuple(images))
    session.graph.link("screen", screen, "plate", plate)
    dataset = session.containers.add_dataset("d").id
    put(session, dataset, images[1])
    assert session.graph.delete("screen", screen, contents=True) == 1
    assert [is_there(session, "image", i) for i in images] == [False, True]
    assert not is_there(session, "plate", plate)


def test_a_fileset_goes_whole_or_not_at_all(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    one, two = world.images("owner", RA, ("position 1", "position 2"))
    dataset = session.containers.add_dataset("d").id
    put(session, dataset, one)
    for kind, id in (("image", one), ("dataset", dataset)):
        contents = kind == "dataset"
        with pytest.raises(Invalid, match=rf"image {two} \(position 2\)"):
            session.graph.delete(kind, id, contents=contents)
    assert all(is_there(session, "image", i) for i in (one, two))
    assert is_there(session, "dataset", dataset)

    put(session, dataset, two)
    assert session.graph.delete("dataset", dataset, contents=True) == 2

    three, four = world.images("owner", RA, ("a", "b"))
    assert session.graph.delete("image", three, contents=True) == 2
    assert not is_there(session, "image", four)


def test_what_belongs_to_an_image_goes_with_it(world: Any, session_of: Any) -> None:
    owner, member = session_of("owner", RA), session_of("member", RA)
    image, other = world.image("owner", RA), world.image("owner", RA)
    owner.shapes.add(image, (Point(x=1, y=1),))
    member.shapes.add(image, (Point(x=2, y=2),))
    tag = owner.annotations.add_tag("image", image, world.word()).annotation
    remark = member.annotations.add_comment("image", image, "on this one").annotation
    both = owner.annotations.add_key_values("image", image, (("a", "b"),)).annotation
    owner.annotations.link("image", other, both.id)
    owner.images.put_settings(image, Settings(channels=(ChannelSettings(start=0, end=9),)))
    dataset = owner.containers.add_dataset("d").id
    put(owner, dataset, image, other)

    assert owner.graph.delete("image", image) == 1

    assert owner.annotations.get(tag.id).id == tag.id
    assert [a.annotation.id for a in owner.annotations.list("image", other)] == [both.id]
    with pytest.raises(NotFound):
        member.annotations.get(remark.id)
    assert owner.containers.dataset(dataset).image_count == 1
    assert not list(_alive(world, RoiRow, RoiRow.image_id == image))
    assert not list(_alive(world, AnnotationLinkRow, AnnotationLinkRow.image_id == image))


def test_files_and_tables_that_hang_nowhere_else_go_too(world: Any, session_of: Any) -> None:
    session, image, other = (
        session_of("owner", RA),
        world.image("owner", RA),
        world.image("owner", RA),
    )
    lonely, shared = (_attached_file(world, image) for _ in range(2))
    session.annotations.link("image", other, shared)
    session.graph.delete("image", image)
    with pytest.raises(NotFound):
        session.annotations.get(lonely)
    assert not list(_alive(world, FileRow, FileRow.name == f"file {lonely}"))
    assert session.annotations.get(shared).name == f"file {shared}"


def test_nothing_goes_where_one_object_may_not(world: Any, session_of: Any) -> None:
    owner, leader = session_of("owner", RA), session_of("leader", RA)
    dataset = owner.containers.add_dataset("d").id
    mine, theirs = world.image("owner", RA), world.image("member", RA)
    put(leader, dataset, mine, theirs)
    with pytest.raises(Denied, match=f"Image {theirs}"):
        owner.graph.delete("dataset", dataset, contents=True)
    assert all(is_there(owner, "image", i) for i in (mine, theirs))
    assert is_there(owner, "dataset", dataset)
    assert leader.graph.delete("dataset", dataset, contents=True) == 2


def _alive(world: Any, row: type[Guarded], condition: Any) -> Any:
    with world.here("admin").reading() as (db, _):
        return db.scalars(select(row).where(condition)).all()


def _attached_file(world: Any, image: int) -> int:
    with world.here("owner", RA).writing() as unit:
        word = world.word()
        file = unit.new(FileRow(name=word, path=word, size=1, sha256="", md5="", mtime_ns=0))
        row = unit.new(AnnotationRow(kind="file", name=word, file_id=file.id))
        unit.new(AnnotationLinkRow(annotation_id=row.id, image_id=image))
        file.name = f"file {row.id}"
        return row.id
