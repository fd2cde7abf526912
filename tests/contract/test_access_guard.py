"""Nothing slips past the rule: hidden is missing, and unguarded statements are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, literal_column, select, text, union, update
from sqlalchemy.orm import aliased

from omero_jlab.database import (
    AnnotationLinkRow,
    AnnotationRow,
    DatasetImageRow,
    DatasetRow,
    Guarded,
    ImageRow,
    ProjectRow,
    RoiRow,
)
from omero_jlab.errors import Denied, Invalid, NotFound
from omero_jlab.model import GroupType, Point
from omero_jlab.repository.guarded import UNGUARDED, Unguarded

PRIVATE, RA = GroupType.PRIVATE, GroupType.READ_ANNOTATE
MISSING = 987_654_321

READS: dict[str, Callable[[Any, int], Any]] = {
    "image": lambda s, i: s.images.get(i),
    "files": lambda s, i: s.images.files(i),
    "metadata": lambda s, i: s.images.metadata(i),
    "settings": lambda s, i: s.images.settings(i),
    "labels": lambda s, i: s.images.labels(i),
    "regions": lambda s, i: s.shapes.list(i),
    "annotations": lambda s, i: s.annotations.list("image", i),
    "tables": lambda s, i: s.tables.list("image", i),
    "parents": lambda s, i: s.browse.parents("image", i),
    "thumbnail": lambda s, i: s.thumbnail(i),
    "region": lambda s, i: s.region(i, 0, 0, 0, 0, 0, 0, 1, 1),
}
WRITES: dict[str, Callable[[Any, int], Any]] = {
    "rename": lambda s, i: s.graph.update("image", i, name="x"),
    "delete": lambda s, i: s.graph.delete("image", i),
    "tag": lambda s, i: s.annotations.add_tag("image", i, "x"),
    "comment": lambda s, i: s.annotations.add_comment("image", i, "x"),
    "draw": lambda s, i: s.shapes.add(i, (Point(x=0, y=0),)),
    "reset": lambda s, i: s.images.reset_settings(i),
    "link": lambda s, i: s.graph.link("dataset", s.containers.add_dataset("d").id, "image", i),
}


def failure(call: Callable[[Any, int], Any], session: Any, number: int) -> str:
    with pytest.raises(NotFound) as caught:
        call(session, number)
    return str(caught.value).replace(str(number), "#")


@pytest.mark.parametrize("call", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
@pytest.mark.parametrize(("user", "group"), [("member", PRIVATE), ("outsider", "elsewhere")])
def test_what_is_hidden_is_missing(
    world: Any, session_of: Any, call: Callable[[Any, int], Any], user: str, group: Any
) -> None:
    hidden = world.image("owner", PRIVATE)
    session = session_of(user, group)
    assert failure(call, session, hidden) == failure(call, session, MISSING)
    assert session_of("owner", PRIVATE).images.get(hidden).name == "cells"


def test_hidden_containers_annotations_and_regions_are_missing(world: Any, session_of: Any) -> None:
    owner, member = session_of("owner", PRIVATE), session_of("member", PRIVATE)
    image = world.image("owner", PRIVATE)
    plate = world.plate("owner", PRIVATE, (image,))
    tag = owner.annotations.add_tag("image", image, world.word())
    roi = owner.shapes.add(image, (Point(x=0, y=0),))
    for call, number in (
        (lambda s, i: s.containers.dataset(i), owner.containers.add_dataset("d").id),
        (lambda s, i: s.containers.project(i), owner.containers.add_project("p").id),
        (lambda s, i: s.containers.screen(i), owner.containers.add_screen("s").id),
        (lambda s, i: s.containers.plate(i), plate),
        (lambda s, i: s.containers.wells(i), plate),
        (lambda s, i: s.containers.well(i), owner.containers.wells(plate)[0].id),
        (lambda s, i: s.browse.children("plate", i), plate),
        (lambda s, i: s.annotations.get(i), tag.annotation.id),
        (lambda s, i: s.annotations.remove(i), tag.annotation.id),
        (lambda s, i: s.annotations.update(i, 1, name="x"), tag.annotation.id),
        (lambda s, i: s.annotations.unlink(i), tag.link_id),
        (lambda s, i: s.shapes.remove(i), roi.id),
        (lambda s, i: s.shapes.update(i, 1, name="x"), roi.id),
    ):
        assert failure(call, member, number) == failure(call, member, MISSING)
    own = world.image("member", PRIVATE)
    assert failure(
        lambda s, i: s.annotations.link("image", own, i), member, tag.annotation.id
    ) == failure(lambda s, i: s.annotations.link("image", own, i), member, MISSING)


def test_lists_and_counts_hold_what_is_visible_only(world: Any, session_of: Any) -> None:
    word = world.word()
    world.image("owner", PRIVATE, word)
    mine = world.image("member", PRIVATE, word)
    seen = session_of("member", PRIVATE)
    assert [image.id for image in seen.images.find(name=word)] == [mine]
    assert {i.owner_id for i in session_of("leader", PRIVATE).images.find(name=word)} == {
        world.users["owner"],
        world.users["member"],
    }
    assert session_of("outsider").images.find(name=word) == ()


@pytest.fixture
def db(world: Any) -> Any:
    """The database as the member of a private group may use it; the owner has rows there."""
    world.image("owner", PRIVATE)
    world.image("member", PRIVATE)
    with world.here("member", PRIVATE).writing() as unit:
        yield unit.db
        unit.db.rollback()


table = ImageRow.__table__


@pytest.mark.parametrize(
    "statement",
    [
        select(table),
        select(table.c.name),
        select(func.count()).select_from(table),
        select(DatasetRow).where(DatasetRow.id.in_(select(table.c.id))),
        select(table.alias("other")),
        text("SELECT * FROM image"),
        text("SELECT 1"),
        select(ImageRow).from_statement(text("SELECT * FROM image")),
        select(ImageRow).where(text("1 = 1")),
        update(ImageRow).values(name="x"),
        delete(ImageRow),
        insert(ProjectRow).values(name="x"),
        update(table).values(name="x"),
        union(select(table.c.id), select(ImageRow.id)),
        select(literal_column("(SELECT group_concat(name) FROM image)")),
        select(ImageRow.id, literal_column("name")),
    ],
    ids=str,
)
def test_statements_that_no_criterion_covers_are_refused(db: Any, statement: Any) -> None:
    with pytest.raises(Unguarded):
        db.execute(statement)


@pytest.mark.parametrize(
    "use",
    [
        lambda db: db.connection(),
        lambda db: db.bulk_save_objects([ProjectRow(name="x")]),
        lambda db: db.bulk_insert_mappings(ProjectRow, [{"name": "x"}]),
        lambda db: db.bulk_update_mappings(ProjectRow, [{"id": 1, "name": "x"}]),
        lambda db: db.scalars(select(ImageRow).execution_options(unguarded="because")),
        lambda db: db.flushing_unchecked("because").__enter__(),
        lambda db: db.query(ImageRow).update({"name": "x"}),
        lambda db: db.query(ImageRow).delete(),
    ],
)
def test_ways_around_are_refused(db: Any, use: Callable[[Any], Any]) -> None:
    with pytest.raises(Unguarded):
        use(db)


def test_every_form_of_select_is_filtered(world: Any, db: Any) -> None:
    other = aliased(ImageRow)
    member = world.users["member"]
    for statement in (
        select(ImageRow.owner_id),
        select(other.owner_id),
        select(select(ImageRow.owner_id).subquery().c.owner_id),
        select(select(ImageRow.owner_id).cte().c.owner_id),
        union(select(ImageRow.owner_id), select(DatasetRow.owner_id)),
    ):
        assert set(db.execute(statement).scalars()) == {member}
    beside = select(other.owner_id).select_from(ImageRow)
    beside = beside.join(other, other.group_id == ImageRow.group_id)
    assert set(db.scalars(beside)) == {member}
    hidden = select(func.count(ImageRow.id)).where(ImageRow.owner_id != member)
    assert db.scalar(hidden) == 0
    assert db.scalar(select(select(ImageRow).where(ImageRow.owner_id != member).exists())) is False


def test_every_guarded_class_has_its_criterion(world: Any) -> None:
    access = world.here("member", PRIVATE).access
    assert len(access.criteria) == len(Guarded.__subclasses__())
    for row in Guarded.__subclasses__():
        pointing = {c.key for c in row.__table__.columns if _points_to_guarded(c)}
        assert pointing == set(row.link_rights), row.__name__


def _points_to_guarded(column: Any) -> bool:
    guarded = {row.__table__ for row in Guarded.__subclasses__()}
    return any(key.column.table in guarded for key in column.foreign_keys)


def test_links_to_what_is_hidden_are_refused(world: Any) -> None:
    hidden = world.image("owner", PRIVATE)
    session = world.here("member", PRIVATE)
    with session.writing() as unit:
        dataset = unit.new(DatasetRow(name="d")).id
        tag = unit.new(AnnotationRow(kind="tag", name="t")).id
    for row in (
        DatasetImageRow(parent_id=dataset, child_id=hidden),
        AnnotationLinkRow(annotation_id=tag, image_id=hidden),
        RoiRow(image_id=hidden, shapes=[]),
    ):
        with pytest.raises(NotFound), session.writing() as unit:
            unit.new(row)


def test_rows_are_made_in_ones_own_name_and_groups_only(world: Any) -> None:
    session = world.here("member", RA)
    with pytest.raises(Denied), session.writing() as unit:
        unit.new(ProjectRow(name="x"), world.groups["elsewhere"])
    with pytest.raises(Denied), session.writing() as unit:
        owner = world.users["owner"]
        unit.db.add(ProjectRow(name="x", owner_id=owner, group_id=world.groups["read-annotate"]))
    image = world.image("owner", RA)
    with pytest.raises(Denied), session.writing() as unit:
        unit.db.get(ImageRow, image).name = "taken over"
    with pytest.raises(Denied), session.writing() as unit:
        unit.db.delete(unit.db.get(ImageRow, image))


def test_links_stay_within_a_group(world: Any) -> None:
    session = world.here("owner", RA)
    elsewhere = world.image("owner", PRIVATE)
    with pytest.raises(Invalid, match="one group"), session.writing() as unit:
        unit.new(RoiRow(image_id=elsewhere, shapes=[]))


def test_the_reasons_to_go_past_the_criterion_are_few() -> None:
    known = {
        "accounts",
        "ids",
        "search",
        "index",
        "graph",
        "jobs",
        "purge",
        "unique",
        "erase",
        "many",
    }
    assert set(UNGUARDED) == known
