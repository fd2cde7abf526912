"""What nobody keeps or reaches by another way: pictures, answers, uploads, others' own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Denied, NotFound, OmeroError
from omero_jlab.model import ChannelSettings, GroupType, ImportRequest, Settings, Tile
from omero_jlab.operations import CATALOGUE

SETTINGS = Settings(channels=(ChannelSettings(start=0, end=1),))
TILE = Tile(level=0, t=0, z=0, row=0, column=0, size=64)
FRAME = pd.DataFrame({"a": [1.0]})


def test_a_private_group_keeps_everybodys_own_apart(world: Any) -> None:
    leader = world.session("leader", GroupType.PRIVATE)
    word = world.word()
    image = world.image("owner", GroupType.PRIVATE)
    owner = world.session("owner", GroupType.PRIVATE)
    tag = owner.annotations.add_tag("image", image, word).annotation
    table = owner.add_table("image", image, "rows", FRAME)
    mine = world.image("leader", GroupType.PRIVATE)
    # The leader sees the tag, but a link to it would be one that its owner cannot see.
    made = leader.annotations.add_tag("image", mine, word)
    assert made.annotation.id != tag.id
    with pytest.raises(Denied):
        leader.annotations.link("image", mine, tag.id)
    dataset = owner.containers.add_dataset(word)
    with pytest.raises(Denied):
        leader.graph.link("dataset", dataset.id, "image", mine)
    with pytest.raises(Denied):
        leader.containers.add_dataset("x", project_id=owner.containers.add_project(word).id)
    for actor in (leader, world.session("admin", GroupType.PRIVATE)):
        with pytest.raises(Denied):
            actor.append_rows(table.id, FRAME)
        with pytest.raises(Denied):
            actor.images.put_settings(image, SETTINGS)
    assert len(owner.read_rows(table.id)) == len(FRAME)
    owner.annotations.remove(tag.id)


def test_pictures_are_not_kept_for_who_may_no_longer_see_them(world: Any) -> None:
    name = f"guest{world.word()}"
    user = world.add_user(name)
    world.root.accounts.put_member(world.groups["read-only"], user)
    world.root.accounts.put_member(world.groups["elsewhere"], user)
    owner = world.here("owner", GroupType.READ_ONLY)
    image = owner.add_image(np.ones((1, 1, 1, 64, 64), np.uint8), "seen").id
    labels = owner.add_labels(image, "labels", np.eye(64, dtype=np.uint8)).id
    table = owner.add_table("image", image, "rows", FRAME).id
    guest = world.session(name, "elsewhere")
    calls = [
        lambda: guest.thumbnail(image),
        lambda: guest.tile(image, TILE),
        lambda: guest.raw_tile(image, TILE, [0]),
        lambda: guest.labels_tile(labels, TILE),
        lambda: guest.read_rows(table),
        lambda: guest.tables.count(table),
        lambda: guest.images.get(image),
    ]
    for call in calls:
        call()
    tags = {}
    if world.over_http:
        headers = {"Authorization": f"Bearer {world._tokens[name]}"}
        client = httpx.Client(
            base_url=f"{world.url}omero-jlab/api/v1/", headers=headers, trust_env=False
        )
        for path in (
            f"images/{image}/thumbnail",
            f"images/{image}/tiles/0/0/0/0/0",
            f"labels/{labels}/raw/0/0/0/0/0",
        ):
            tags[path] = client.get(path).headers["Etag"]
            assert client.get(path, headers={"If-None-Match": tags[path]}).status_code == 304
    world.root.accounts.remove_member(world.groups["read-only"], user)
    for call in calls:
        with pytest.raises(NotFound):
            call()
    for path, tag in tags.items():
        answer = client.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 404
        assert "Etag" not in answer.headers
    if world.over_http:
        client.close()


def test_answers_are_repeated_to_nobody_else(world: Any) -> None:
    request = uuid4().hex
    first = world.store.session("owner", "private", request)
    made = first.call(CATALOGUE["containers.add_project"], name="mine", description="")
    other = world.store.session("outsider", "elsewhere", request)
    with pytest.raises(OmeroError):
        other.call(CATALOGUE["containers.add_project"], name="theirs", description="")
    assert other.containers.projects("mine") == ()
    assert made.name == "mine"


def test_uploads_are_imported_by_who_sent_them(world: Any, tmp_path: Path) -> None:
    if not world.over_http:
        pytest.skip("nothing is uploaded in the process")
    path = tmp_path / "a.tif"
    path.write_bytes(b"x")
    place = world.session("owner", GroupType.PRIVATE).upload(path)
    spy = world.session("outsider", "elsewhere")
    for asked in (
        place,
        str(Path(place).parent),
        str(Path(place).parent.parent),
        str(world.store.layout.root),
        f"{place}/../..",
        "/etc/passwd",
    ):
        for call in (
            lambda asked=asked: spy.ingest.plan(ImportRequest(paths=(asked,))),
            lambda asked=asked: spy.ingest.start(ImportRequest(paths=(asked,))),
            lambda asked=asked: spy.ingest.plan_results(asked),
            lambda asked=asked: spy.ingest.attach_results(asked),
        ):
            with pytest.raises(Denied):
                call()


def test_names_and_mails_are_for_who_shares_a_group(world: Any) -> None:
    world.root.accounts.update_user(world.users["owner"], email="owner@example.org")
    outsider = {user.name for user in world.session("outsider", "elsewhere").accounts.users()}
    assert "owner" not in outsider
    seen = {
        user.name: user.email
        for user in world.session("member", GroupType.PRIVATE).accounts.users()
    }
    assert seen["owner"] == ""
    assert "outsider" not in seen


GIVEN = {
    "path": "/nowhere",
    "name": "2026-01-01T00-00-00",
    "kind": "image",
    "id": 1,
    "older_than_days": 1.0,
}


@pytest.mark.parametrize("user", ["owner", "leader", "outsider"])
def test_only_administrators_look_after_the_repository(world: Any, user: str) -> None:
    session = world.session(user)
    for name, operation in CATALOGUE.items():
        if operation.family == "admin":
            parameters = operation.signature.parameters.values()
            given = {p.name: GIVEN[p.name] for p in parameters if p.default is p.empty}
            with pytest.raises(Denied):
                getattr(session.admin, name.partition(".")[2])(**given)


def test_words_of_a_group_that_was_left_find_nothing(world: Any) -> None:
    name = f"left{world.word()}"
    user = world.add_user(name)
    for group in ("read-write", "elsewhere"):
        world.root.accounts.put_member(world.groups[group], user)
    word, said = world.word(), world.word()
    image = world.image(name, GroupType.READ_WRITE, word)
    world.here("member", GroupType.READ_WRITE).annotations.add_comment("image", image, said)
    session = world.session(name, "elsewhere")
    assert [hit.id for hit in session.search.find(said)] == [image]
    world.root.accounts.remove_member(world.groups["read-write"], user)
    assert session.search.find(said) == session.search.find(f"{word} {said}") == ()
    assert [hit.id for hit in session.search.find(word)] == [image]
