"""Tags, key-values and comments, and the links by which they hang on objects."""

from __future__ import annotations

from typing import Any

import pytest

from omero_jlab.errors import Conflict, Denied, Invalid, NotFound
from omero_jlab.model import GroupType

RA, RW, RO = GroupType.READ_ANNOTATE, GroupType.READ_WRITE, GroupType.READ_ONLY


def texts(attached: Any) -> list[str]:
    return [a.annotation.text for a in attached if a.annotation.kind == "comment"]


def test_what_is_attached_is_listed_in_order(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    tag = session.annotations.add_tag("image", image, " control ", "untreated cells")
    pairs = session.annotations.add_key_values("image", image, (("dose", "1"), ("dose", "2")))
    remark = session.annotations.add_comment("image", image, "out of focus?")

    attached = session.annotations.list("image", image)

    assert attached == (tag, pairs, remark)
    assert (tag.annotation.name, tag.annotation.description) == ("control", "untreated cells")
    assert pairs.annotation.pairs == (("dose", "1"), ("dose", "2"))
    assert pairs.annotation.namespace == "openmicroscopy.org/omero/client/mapAnnotation"
    assert remark.annotation.text == "out of focus?"
    assert all(a.linked_by == world.users["owner"] and a.can_remove for a in attached)
    assert session.annotations.get(tag.annotation.id) == tag.annotation


@pytest.mark.parametrize("kind", ["project", "dataset", "screen", "plate", "well", "image"])
def test_every_kind_of_object_is_annotated(world: Any, session_of: Any, kind: str) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    plate = world.plate("owner", RA, (image,))
    ids = {
        "project": lambda: session.containers.add_project("p").id,
        "dataset": lambda: session.containers.add_dataset("d").id,
        "screen": lambda: session.containers.add_screen("s").id,
        "plate": lambda: plate,
        "well": lambda: session.containers.wells(plate)[0].id,
        "image": lambda: image,
    }
    id = ids[kind]()
    added = session.annotations.add_tag(kind, id, world.word())
    assert session.annotations.list(kind, id) == (added,)


def test_a_tag_is_shared_within_its_group(world: Any, session_of: Any) -> None:
    word = world.word()
    owner, member = session_of("owner", RA), session_of("member", RA)
    first = owner.annotations.add_tag("image", world.image("owner", RA), word).annotation
    again = member.annotations.add_tag("image", world.image("owner", RA), word)
    elsewhere = owner.annotations.add_tag("image", world.image("owner", RW), word).annotation

    assert again.annotation.id == first.id
    assert again.linked_by == world.users["member"]
    assert elsewhere.id != first.id
    assert {tag.id for tag in owner.annotations.tags(word)} == {first.id, elsewhere.id}
    assert owner.annotations.tags(word.upper()) == ()


def test_tagging_twice_is_tagging_once(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    first = session.annotations.add_tag("image", image, "twice")
    assert session.annotations.add_tag("image", image, "twice") == first
    assert session.annotations.link("image", image, first.annotation.id) == first
    assert len(session.annotations.list("image", image)) == 1


def test_in_a_private_group_each_has_tags_of_their_own(world: Any, session_of: Any) -> None:
    word, kind = world.word(), GroupType.PRIVATE
    owner, member = session_of("owner", kind), session_of("member", kind)
    one = owner.annotations.add_tag("image", world.image("owner", kind), word).annotation
    other = member.annotations.add_tag("image", world.image("member", kind), word).annotation
    assert one.id != other.id
    assert [tag.id for tag in owner.annotations.tags(word)] == [one.id]


def test_annotations_of_another_group_cannot_be_linked(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    tag = session.annotations.add_tag("image", world.image("owner", RA), world.word()).annotation
    with pytest.raises(Invalid, match="one group"):
        session.annotations.link("image", world.image("owner", RW), tag.id)


def test_an_annotation_takes_the_group_of_its_object(world: Any, session_of: Any) -> None:
    image = world.image("owner", RA)
    tag = session_of("owner", RW).annotations.add_tag("image", image, world.word()).annotation
    assert tag.group_id == world.groups["read-annotate"]


def test_unlinking(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    here, there = world.image("owner", RA), world.image("owner", RA)
    tag = session.annotations.add_tag("image", here, world.word())
    remark = session.annotations.add_comment("image", here, "a remark")
    second = session.annotations.link("image", there, remark.annotation.id)

    session.annotations.unlink(tag.link_id)
    assert session.annotations.get(tag.annotation.id).name == tag.annotation.name

    session.annotations.unlink(remark.link_id)
    assert texts(session.annotations.list("image", here)) == []
    assert texts(session.annotations.list("image", there)) == ["a remark"]

    session.annotations.unlink(second.link_id)
    with pytest.raises(NotFound):
        session.annotations.get(remark.annotation.id)
    with pytest.raises(NotFound):
        session.annotations.unlink(second.link_id)

    relinked = session.annotations.link("image", here, tag.annotation.id)
    assert session.annotations.list("image", here) == (relinked,)


def test_others_links_stay_unless_their_maker_agrees(world: Any, session_of: Any) -> None:
    image = world.image("owner", RA)
    link = session_of("leader", RA).annotations.add_tag("image", image, world.word())
    seen = session_of("member", RA).annotations.list("image", image)[0]
    assert not seen.can_remove
    with pytest.raises(Denied):
        session_of("member", RA).annotations.unlink(link.link_id)
    assert session_of("leader", RA).annotations.list("image", image)[0].can_remove


def test_updates_carry_versions(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    tag = session.annotations.add_tag("image", image, world.word()).annotation
    renamed = session.annotations.update(tag.id, tag.version, name="treated")
    assert (renamed.name, renamed.description) == ("treated", "")
    assert renamed.version == tag.version + 1
    with pytest.raises(Conflict, match="read it again"):
        session.annotations.update(tag.id, tag.version, name="lost")
    assert session.annotations.get(tag.id).name == "treated"

    pairs = session.annotations.add_key_values("image", image, (("a", "1"),)).annotation
    changed = session.annotations.update(pairs.id, pairs.version, pairs=(("b", "2"), ("a", "")))
    assert session.annotations.get(pairs.id).pairs == changed.pairs == (("b", "2"), ("a", ""))


def test_a_comment_is_its_authors(world: Any, session_of: Any) -> None:
    image = world.image("owner", RW)
    remark = session_of("owner", RW).annotations.add_comment("image", image, "mine").annotation
    for user in ("member", "leader", "admin"):
        session = session_of(user, RW)
        assert not session.annotations.get(remark.id).rights.can_edit
        with pytest.raises(Denied, match="author"):
            session.annotations.update(remark.id, remark.version, text="yours")
    changed = session_of("owner", RW).annotations.update(remark.id, remark.version, text="still")
    assert changed.text == "still"


def test_only_fields_that_a_kind_has_are_changed(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    tag = session.annotations.add_tag("image", image, world.word()).annotation
    with pytest.raises(Invalid, match="name and description"):
        session.annotations.update(tag.id, tag.version, text="no")
    with pytest.raises(Invalid, match="some text"):
        session.annotations.update(tag.id, tag.version, name="  ")


def test_empty_annotations_are_refused_and_leave_nothing(world: Any, session_of: Any) -> None:
    session, image = session_of("owner", RA), world.image("owner", RA)
    for add in (
        lambda: session.annotations.add_tag("image", image, " "),
        lambda: session.annotations.add_comment("image", image, "\n"),
        lambda: session.annotations.add_key_values("image", image, ()),
        lambda: session.annotations.add_key_values("image", image, (("", "value"),)),
    ):
        with pytest.raises(Invalid):
            add()
    assert session.annotations.list("image", image) == ()


def test_a_refused_annotation_leaves_nothing(world: Any, session_of: Any) -> None:
    word = world.word()
    with pytest.raises(Denied):
        session_of("member", RO).annotations.add_tag("image", world.image("owner", RO), word)
    assert session_of("member", RO).annotations.tags(word) == ()


def test_removing_takes_every_link(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    images = [world.image("owner", RA) for _ in range(2)]
    tag = session.annotations.add_tag("image", images[0], world.word()).annotation
    session.annotations.link("image", images[1], tag.id)
    session.annotations.remove(tag.id)
    assert [session.annotations.list("image", i) for i in images] == [(), ()]
    assert session.annotations.tags(tag.name) == ()
    with pytest.raises(NotFound):
        session.annotations.remove(tag.id)


def test_a_used_tag_says_who_uses_it(world: Any, session_of: Any) -> None:
    image = world.image("owner", RW)
    tag = session_of("member", RW).annotations.add_tag("image", image, world.word()).annotation
    session_of("owner", RW).annotations.link("image", world.image("owner", RW), tag.id)
    with pytest.raises(Denied, match=f"user {world.users['owner']}"):
        session_of("member", RW).annotations.remove(tag.id)
    session_of("leader", RW).annotations.remove(tag.id)


def test_unknown_kinds_are_named(session_of: Any) -> None:
    with pytest.raises(Invalid):
        session_of("owner", RA).annotations.list("roi", 1)
