"""What a worker may do with a delegation: read its images, store its run, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Denied, Invalid, NotFound, OmeroError, Unauthenticated
from omero_jlab.model import GroupType, Provenance
from omero_jlab.objects import Image, Repository
from omero_jlab.operations import CATALOGUE, Streams
from omero_jlab.remote import RemoteSession

from .conftest import World
from .test_hidden_objects import MISSING, STREAMS, Hidden, calls, required, told

RW = GroupType.READ_WRITE
MADE = Provenance(program="count", run="the run")

READING = {
    "images.get", "images.metadata", "images.settings", "images.statistics", "images.histogram",
    "images.values", "images.line_profile", "images.labels", "images.lut", "shapes.list",
    "shapes.count", "shapes.view", "shapes.measure", "zarr.parts", "tables.get", "tables.list",
    "tables.count", "tables.aggregate", "tables.versions", "annotations.get",
}  # fmt: skip
STREAMING = {
    "region", "raw_tile", "sent_tile", "render", "project", "zarr_file", "read_rows",
    "read_batches", "labels_region", "labels_tile",
}  # fmt: skip


@pytest.fixture(scope="module")
def hidden(world: World, tmp_path_factory: pytest.TempPathFactory) -> Hidden:
    """One object of every kind, of the user who makes the delegations."""
    return Hidden(world, tmp_path_factory.mktemp("objects"))


@pytest.fixture
def delegated(world: World) -> Callable[..., Any]:
    """`delegated(…)`: the Session of a worker with such a delegation of the owner."""

    def made(**asked: Any) -> Any:
        owner = world.session("owner", GroupType.PRIVATE)
        return session_of(world, owner.delegations.add(**asked).secret)

    return made


def session_of(world: World, secret: str) -> Any:
    if world.over_http:
        return RemoteSession(world.url, secret)
    return world.store.delegated_session(secret)


def outcome(call: Callable[[], Any]) -> type | None:
    """The error's class; None where there is none."""
    try:
        consumed(call())
    except OmeroError as error:
        return type(error)
    return None


def known(name: str) -> bool:
    parameters = required(CATALOGUE[name].signature) if name in CATALOGUE else STREAMS[name]
    try:
        list(calls(name, parameters, None))
    except AssertionError:
        return False
    return True


def test_all_that_is_not_reading_its_images_is_refused(
    world: World, hidden: Hidden, delegated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import test_hidden_objects as given

    good = {
        "ids": (hidden.ids["image"],), "image_ids": (hidden.ids["image"],), "key": "x",
        "request": None, "condition": "a > 1", "secret": "x", "deletion_ids": (),
    }  # fmt: skip
    monkeypatch.setattr(given, "GIVEN", given.GIVEN | good)
    session = delegated(image_ids=(hidden.ids["image"],), run="the run")
    unasked = []
    for name in (*CATALOGUE, *STREAMS):
        if name in READING | STREAMING or name in ("upload", "sees", "file", "add_many"):
            continue
        if not known(name):
            unasked.append(name)
            continue
        operation = CATALOGUE.get(name)
        parameters = required(operation.signature) if operation else STREAMS[name]
        for asked in calls(name, parameters, hidden):
            holder = getattr(session, operation.family) if operation else session
            method = getattr(holder, operation.name if operation else name)
            kind = outcome(lambda method=method, asked=asked: method(**asked))
            assert kind in (Denied, Invalid), (name, asked, kind)
            if kind is Invalid:
                # The client itself found an argument wrong: the route says no all the same.
                assert world.over_http and (operation is not None or name == "add_file")
    # What these take is no id: the session refuses them by name.
    for name in unasked:
        family, _, method = name.partition(".")
        inner = world.store.delegated_session(
            world.here("owner", GroupType.PRIVATE)
            .delegations.add((hidden.ids["image"],), "the run")
            .secret
        )
        declared = CATALOGUE[name].signature if name in CATALOGUE else None
        assert declared is not None, name
        arguments = dict.fromkeys(required(declared))
        with pytest.raises(Denied):
            getattr(getattr(inner, family), method)(**arguments)


def test_its_images_are_read_and_no_others(
    world: World, hidden: Hidden, delegated: Callable[..., Any]
) -> None:
    own = delegated(image_ids=(hidden.ids["image"],), run="the run")
    owner = world.here("owner", GroupType.PRIVATE)
    other = owner.add_image(np.zeros((1, 1, 1, 64, 64), np.uint8), "other").id
    foreign = delegated(image_ids=(other,), run="the run")
    for name in sorted(READING | STREAMING):
        parameters = required(CATALOGUE[name].signature) if name in CATALOGUE else STREAMS[name]
        for there, missing in zip(
            calls(name, parameters, hidden), calls(name, parameters, None), strict=True
        ):
            if there.get("kind", "image") != "image" or name == "images.lut":
                continue
            if name == "annotations.get":
                there["annotation_id"] = hidden.ids["table"]

            def ask(session: Any, asked: dict[str, Any], name: str = name) -> Any:
                family, _, method = name.rpartition(".")
                return getattr(getattr(session, family) if family else session, method)(**asked)

            assert outcome(lambda a=there: ask(own, a)) in (None, Invalid, NotFound), name
            kind, text = told(lambda a=there: consumed(ask(foreign, a)), there)
            assert kind is Denied, name
            assert (kind, text) == told(lambda a=missing: consumed(ask(foreign, a)), missing)


def consumed(value: Any) -> Any:
    return list(value) if isinstance(value, Iterator) else value


def test_results_of_its_run_are_stored_and_no_others(
    world: World, hidden: Hidden, delegated: Callable[..., Any]
) -> None:
    number = hidden.ids["image"]
    session = delegated(image_ids=(number,), run="the run")
    frame, labels = pd.DataFrame({"a": [1]}), np.eye(64, dtype=np.uint8)
    table = session.add_table("image", number, "counts", frame, provenance=MADE)
    assert session.add_labels(number, "found", labels, provenance=MADE).image_id == number
    assert session.read_rows(table.id)["a"].tolist() == [1]
    other = MADE.model_copy(update={"run": "another run"})
    for provenance in (None, Provenance(), other):
        with pytest.raises(Denied, match="one run only"):
            session.add_table("image", number, "counts", frame, provenance=provenance)
        with pytest.raises(Denied, match="one run only"):
            session.add_labels(number, "found", labels, provenance=provenance)
    for kind in ("dataset", "project"):
        with pytest.raises(Denied):
            session.add_table(kind, hidden.ids[kind], "counts", frame, provenance=MADE)
    reading = delegated(image_ids=(number,))
    with pytest.raises(Denied, match="one run only"):
        reading.add_table("image", number, "x", frame, provenance=MADE.model_copy(
            update={"run": ""}))  # fmt: skip


def test_it_is_judged_as_its_maker_at_each_request(world: World) -> None:
    image = Repository(world.session("owner", RW)).save_image(np.ones((8, 8), np.uint8), "seen")
    member = world.session("member", RW)
    session = session_of(world, member.delegations.add((image.id,)).secret)
    assert session.images.get(image.id).name == "seen"
    image.delete()
    with pytest.raises(NotFound):
        session.images.get(image.id)


def test_it_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.session("owner", RW)
    image = Repository(owner).save_image(np.ones((8, 8), np.uint8), "seen")
    made = owner.delegations.add((image.id,), seconds=60)
    assert [each.id for each in owner.delegations.list()][-1] == made.id
    assert all(each.secret is None for each in owner.delegations.list())
    later = owner.delegations.renew(made.id)
    assert (later.expires_at - made.expires_at).total_seconds() > 3000
    for asked in (0, 3601):
        with pytest.raises(Invalid, match="1 to 3600"):
            owner.delegations.renew(made.id, asked)
        with pytest.raises(Invalid, match="1 to 3600"):
            owner.delegations.add((image.id,), seconds=asked)
    for wrong in ({}, {"image_ids": (image.id,), "table_version": 1}):
        with pytest.raises(Invalid):
            owner.delegations.add(**wrong)
    with pytest.raises(NotFound):
        owner.delegations.add((image.id, MISSING))
    for who in ("member", "admin"):
        with pytest.raises(NotFound):
            world.session(who).delegations.renew(made.id)
    with pytest.raises(NotFound):
        world.session("member", RW).delegations.remove(made.id)
    session = session_of(world, made.secret)
    session.images.get(image.id)
    from omero_jlab.repository.people import delegations

    now = delegations.now
    with monkeypatch.context() as patch:
        patch.setattr(delegations, "now", lambda: later.expires_at)
        with pytest.raises(Unauthenticated, match="expired or was revoked"):
            session_of(world, made.secret).images.get(image.id)
        with pytest.raises(NotFound, match="expired"):
            owner.delegations.renew(made.id)
    assert delegations.now is now
    owner.delegations.remove(made.id)
    with pytest.raises(Unauthenticated):
        world.store.delegated_session(made.secret)


def test_no_route_takes_it_for_its_makers_token(world: World) -> None:
    if not world.over_http:
        pytest.skip("nobody listens")
    owner = world.session("owner", RW)
    image = Repository(owner).save_image(np.ones((8, 8), np.uint8), "seen")
    secret = owner.delegations.add((image.id,), run="the run").secret
    with httpx.Client(
        base_url=f"{world.url}omero-jlab/api/v1/",
        headers={"Authorization": f"Bearer {secret}"},
        trust_env=False,
    ) as client:
        for verb, path in (
            ("POST", "uploads"), ("PUT", "uploads/1/files/0/content"), ("POST", "images"),
            ("POST", f"objects/image/{image.id}/files"), ("GET", "files/1/content"),
            ("GET", f"images/{image.id}/thumbnail"), ("GET", "status"), ("GET", "users"),
            ("GET", "zarr/0.5/plates/1.zarr/zarr.json"), ("DELETE", f"objects/image/{image.id}"),
            ("POST", f"images/{image.id}/capabilities"), ("GET", "runs"), ("GET", "delegations"),
        ):  # fmt: skip
            answer = client.request(verb, path, content=b"{}" if verb != "GET" else None)
            assert answer.status_code in (400, 403, 404), (verb, path, answer.text)
            assert verb != "GET" or answer.status_code in (403, 404)
        assert client.get(f"images/{image.id}").status_code == 200
        assert client.get(f"zarr/0.5/images/{image.id}.zarr/0/zarr.json").status_code == 200
    read = Image(RemoteSession(world.url, secret), image.record)
    assert read.dask().sum().compute() == 64


def test_a_pickled_array_of_a_worker_has_its_right_and_no_other(world: World) -> None:
    if not world.over_http:
        pytest.skip("nobody listens")
    import pickle

    owner = world.session("owner", RW)
    image = Repository(owner).save_image(np.ones((8, 8), np.uint8), "seen")
    secret = owner.delegations.add((image.id,)).secret
    read = Image(RemoteSession(world.url, secret), image.record)
    before = len(owner.zarr.capabilities())
    again = pickle.loads(pickle.dumps(read.dask()))
    assert again.sum().compute() == 64
    assert len(owner.zarr.capabilities()) == before


def test_streams_are_declared() -> None:
    assert {*STREAMING, "add_table", "add_labels"} <= set(vars(Streams))
