"""A write that is sent again, because its answer was lost, is applied once."""

from __future__ import annotations

from typing import Any

import pytest

from omero_jlab.errors import Conflict
from omero_jlab.model import GroupType, Point
from omero_jlab.operations import CATALOGUE
from omero_jlab.remote import RemoteSession

RW = GroupType.READ_WRITE


def again(world: Any, user: str, request_id: str, name: str, arguments: dict[str, Any]) -> Any:
    """Call an operation as a request with an id."""
    if world.over_http:
        secret = world.root.accounts.add_token(world.users[user]).secret
        session = RemoteSession(world.url, secret, "read-write", request_id)
        try:
            return session.call(CATALOGUE[name], **arguments)
        finally:
            session.close()
    session = world.store.session(user, "read-write", request_id)
    return session.call(CATALOGUE[name], **arguments)


def test_every_writing_operation_answers_alike(world: Any, session_of: Any) -> None:
    image = world.image("owner", RW)
    dataset = session_of("owner", RW).containers.add_dataset("d").id
    here = {"kind": "image", "id": image}
    inside = {"kind": "dataset", "id": dataset, "child_kind": "image", "child_id": image}
    for number, (name, arguments) in enumerate(
        {
            "annotations.add_comment": here | {"text": "once"},
            "annotations.add_key_values": here | {"pairs": (("a", "1"),)},
            "annotations.add_tag": here | {"name": world.word()},
            "shapes.add": {"image_id": image, "shapes": (Point(x=1, y=2),)},
            "graph.update": here | {"name": "renamed"},
            "graph.link": inside,
            "graph.unlink": inside,
            "graph.delete": here,
        }.items()
    ):
        if name == "graph.delete":
            count = len(session_of("owner", RW).annotations.list("image", image))
            assert count == 3
            assert len(session_of("owner", RW).shapes.list(image)) == 1
        request_id = f"request-{number:04d}"
        first = again(world, "owner", request_id, name, arguments)
        assert again(world, "owner", request_id, name, arguments) == first


def test_a_deletion_is_undone_once(world: Any, session_of: Any) -> None:
    image = world.image("owner", RW)
    owner = session_of("owner", RW)
    owner.graph.delete("image", image)
    asked = {"deletion_id": owner.graph.deletions()[0].id}
    first = again(world, "owner", "request-undelete", "graph.undelete", asked)
    owner.graph.delete("image", image)
    assert again(world, "owner", "request-undelete", "graph.undelete", asked) == first
    assert owner.images.find(ids=(image,)) == (), "the second deletion stands"


def test_an_answer_is_its_askers(world: Any) -> None:
    arguments = {"kind": "image", "id": world.image("owner", RW), "text": "once"}
    request_id = "request-of-the-owner"
    again(world, "owner", request_id, "annotations.add_comment", arguments)
    with pytest.raises(Conflict):
        again(world, "member", request_id, "annotations.add_comment", arguments)


def test_what_was_refused_may_be_tried_again(world: Any, session_of: Any) -> None:
    one, _ = world.images("owner", RW, ("one", "two"))
    request_id = "request-refused"
    arguments = {"kind": "image", "id": one}
    with pytest.raises(ValueError, match="fileset"):
        again(world, "owner", request_id, "graph.delete", arguments)
    assert again(world, "owner", request_id, "graph.delete", arguments | {"contents": True}) == 2
