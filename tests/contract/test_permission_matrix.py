"""OMERO's table of who may do what, row by row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.database import AnnotationLinkRow
from omero_jlab.errors import Denied, Invalid, NotFound
from omero_jlab.model import ChannelSettings, GroupType, Point, Settings

ACTORS = {
    "data_owner": "owner",
    "group_member": "member",
    "group_owner": "leader",
    "full_admin": "admin",
    "non_member": "outsider",
    "link_owner": "member",
    "tag_owner": "member",
    "tag_owner_who_is_group_owner": "leader",
}
SHAPES = (Point(x=1, y=2),)
Attempts = Iterator[Callable[[], Any]]


def rows() -> Iterator[Any]:
    with (Path(__file__).parent / "permission_matrix.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            yield pytest.param(
                row["group_permissions"],
                row["actor"],
                row["action"],
                row["allowed"] == "yes",
                id="-".join(row.values()),
            )


class Case:
    """An actor before what the owner has in one group; each method yields ways to do one thing.

    Whoever may do the thing may do it in each of these ways, and whoever may not, in none.
    """

    def __init__(self, world: Any, group: str, actor: str) -> None:
        self.world = world
        self.user = ACTORS[actor]
        self.kind = None if group == "any" else GroupType(group)
        self.actor = None
        if self.kind is not None:
            own = "elsewhere" if self.user == "outsider" else self.kind
            self.actor = world.session(self.user, own)
            self.owner = world.session("owner", self.kind)

    def image(self) -> int:
        return self.world.image("owner", self.kind)

    def dataset(self, session: Any = None) -> int:
        return (session or self.owner).containers.add_dataset("dataset").id

    def view(self) -> Attempts:
        word = self.world.word()
        image, dataset = self.world.image("owner", self.kind, word), self.dataset()
        comment = self.owner.annotations.add_comment("image", image, "a remark").annotation
        roi = self.owner.shapes.add(image, SHAPES)
        yield lambda: self.actor.images.get(image)
        yield lambda: self.actor.containers.dataset(dataset)
        yield lambda: self.actor.annotations.list("image", image)
        yield lambda: self.actor.annotations.get(comment.id)
        yield lambda: _one(self.actor.search.find(word))
        yield lambda: _one(self.actor.images.find(name=word))
        yield lambda: _one([r for r in self.actor.shapes.list(image) if r.id == roi.id])

    def annotate(self) -> Attempts:
        image = self.image()
        annotations = self.actor.annotations
        for add in (
            lambda: annotations.add_tag("image", image, "good"),
            lambda: annotations.add_comment("image", image, "very good"),
            lambda: annotations.add_key_values("image", image, (("gene", "ACTB"),)),
        ):
            before = len(self.owner.annotations.list("image", image))
            yield add
            yield lambda n=before: self._grown(image, n)

    def _grown(self, image: int, before: int) -> None:
        if len(self.owner.annotations.list("image", image)) <= before:
            raise NotFound("what was added is not there")

    def edit_metadata(self) -> Attempts:
        for kind, id in (("image", self.image()), ("dataset", self.dataset())):
            for field in ("name", "description"):
                yield lambda k=kind, i=id, f=field: self.actor.graph.update(k, i, **{f: "new"})

    def delete(self) -> Attempts:
        for kind, id in (("image", self.image()), ("dataset", self.dataset())):
            yield lambda k=kind, i=id: self.actor.graph.delete(k, i)

    def mix_data(self) -> Attempts:
        theirs, others = self.dataset(), self.image()
        mine = self.dataset(self.actor)
        own = self.world.image(self.user, self.kind)
        self.owner.graph.link("dataset", theirs, "image", others)
        yield lambda: self.actor.graph.link("dataset", mine, "image", others)
        yield lambda: self.actor.graph.link("dataset", theirs, "image", own)
        yield lambda: self.actor.graph.unlink("dataset", theirs, "image", others)

    def remove_others_annotations(self) -> Attempts:
        image = self.image()
        tag = self.owner.annotations.add_tag("image", image, "theirs")
        comment = self.owner.annotations.add_comment("image", image, "theirs")
        yield lambda: self.actor.annotations.unlink(tag.link_id)
        yield lambda: self.actor.annotations.unlink(comment.link_id)

    def save_roi(self) -> Attempts:
        image = self.image()
        yield lambda: self.actor.shapes.add(image, SHAPES)

    def edit_others_roi_text_or_position(self) -> Attempts:
        roi = self.owner.shapes.add(self.image(), SHAPES)
        for shape in (Point(x=5, y=5), Point(x=1, y=2, text="moved")):
            yield lambda s=shape: self.actor.shapes.update(roi.id, roi.version, shapes=(s,))

    def unlink_own_annotation_link(self) -> Attempts:
        image = self.image()
        tag = self.owner.annotations.add_tag("image", self.image(), self.world.word()).annotation
        with self.world.here(self.user, self.kind).writing() as unit:
            # As it was made while the group still allowed it.
            with unit.db.flushing_unchecked("graph"):
                link = unit.new(AnnotationLinkRow(annotation_id=tag.id, image_id=image))
            link_id = link.id
        yield lambda: self.actor.annotations.unlink(link_id)
        yield lambda: self.actor.annotations.get(tag.id)

    def delete_own_tag_used_by_another_user(self) -> Attempts:
        own = self.world.image(self.user, self.kind)
        tag = self.actor.annotations.add_tag("image", own, self.world.word()).annotation
        self.owner.annotations.link("image", self.image(), tag.id)
        yield lambda: self.actor.annotations.remove(tag.id)

    def create_project_or_dataset(self) -> Attempts:
        yield lambda: self.actor.containers.add_project("new")
        yield lambda: self.actor.containers.add_dataset("new")

    def remove_own_annotations(self) -> Attempts:
        image = self.image()
        tag = self.owner.annotations.add_tag("image", image, self.world.word())
        comment = self.owner.annotations.add_comment("image", image, "mine")
        yield lambda: self.actor.annotations.unlink(tag.link_id)
        yield lambda: self.actor.annotations.remove(tag.annotation.id)
        yield lambda: self.actor.annotations.remove(comment.annotation.id)

    def create_edit_delete_roi(self) -> Attempts:
        image = self.image()
        yield lambda: self.actor.shapes.add(image, SHAPES)
        roi = self.actor.shapes.add(image, SHAPES)
        yield lambda: self.actor.shapes.update(roi.id, roi.version, shapes=(Point(x=0, y=0),))
        yield lambda: self.actor.shapes.remove(roi.id)

    def edit_rendering_settings(self) -> Attempts:
        settings = Settings(channels=(ChannelSettings(start=0, end=9),))
        yield lambda: self.actor.images.put_settings(self.image(), settings)

    def delete_part_of_fileset(self) -> Attempts:
        part, _ = self.world.images("owner", self.kind, ("one", "two"))
        yield lambda: self.actor.graph.delete("image", part)

    def create_user(self) -> Attempts:
        yield lambda: self._accounts().add_user(self.world.word())

    def create_group(self) -> Attempts:
        yield lambda: self._accounts().add_group(self.world.word())

    def add_existing_user_to_own_group(self) -> Attempts:
        group, user = self._group(), self.world.users["outsider"]
        yield lambda: self._accounts().put_member(group, user)

    def remove_user_from_own_group(self) -> Attempts:
        group, user = self._group(), self.world.users["member"]
        yield lambda: self._accounts().remove_member(group, user)

    def make_member_a_group_owner(self) -> Attempts:
        group, user = self._group(), self.world.users["member"]
        yield lambda: self._accounts().put_member(group, user, is_owner=True)

    def change_group_permissions(self) -> Attempts:
        group = self._group()
        for kind in (GroupType.READ_ONLY, GroupType.READ_ANNOTATE, GroupType.PRIVATE):
            yield lambda k=kind: self._accounts().update_group(group, type=k)

    change_permissions_of_own_group = change_group_permissions

    def promote_group_to_read_write(self) -> Attempts:
        group = self._group()
        yield lambda: self._accounts().update_group(group, type=GroupType.READ_WRITE)

    def _accounts(self) -> Any:
        return self.world.session(self.user, self._own_group()).accounts

    def _own_group(self) -> str:
        return "elsewhere" if self.user == "admin" else "private"

    def _group(self) -> int:
        members = {"leader": True, "member": False}
        return self.world.add_group(self.world.word(), GroupType.PRIVATE, **members)


def _one(found: Any) -> None:
    if len(found) != 1:
        raise NotFound(f"{len(found)} found")


@pytest.mark.parametrize(("group", "actor", "action", "allowed"), [*rows()])
def test_who_may_do_what(world: Any, group: str, actor: str, action: str, allowed: bool) -> None:
    case = Case(world, group, actor)
    name = action.partition(":")[2] or action
    refusals = (Denied, NotFound, Invalid) if "fileset" in name else (Denied, NotFound)
    attempts = 0
    for attempt in getattr(case, name.replace("-", "_"))():
        attempts += 1
        if allowed:
            attempt()
        else:
            with pytest.raises(refusals):
                attempt()
    assert attempts
