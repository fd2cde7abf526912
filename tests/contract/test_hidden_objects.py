"""What a user may not see does not exist: the same answer as for what was never there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from omero_jlab.errors import Denied, NotFound, OmeroError, Unauthenticated
from omero_jlab.model import (
    ChannelSettings,
    GroupType,
    NewRoi,
    Placement,
    Point,
    Projection,
    RangeGate,
    Settings,
    Tile,
)
from omero_jlab.operations import CATALOGUE, Operation, Streams
from omero_jlab.repository import Session
from omero_jlab.server.routes import _handlers

MISSING = 987_654
KINDS = ("project", "dataset", "screen", "plate", "well", "image")
SETTINGS = Settings(channels=(ChannelSettings(start=0, end=1),))
GIVEN: dict[str, Any] = {
    "version": 1,
    "shape": RangeGate(x="a", low=0),
    "name": "name",
    "text": "text",
    "region": (0.0, 0.0, 8.0, 8.0),
    "rois": (NewRoi(shapes=(Point(x=1, y=2),)),),
    "roi_ids": (),
    "pairs": (("a", "b"),),
    "settings": SETTINGS,
    "placement": Placement(),
    "shapes": (Point(x=1, y=2),),
    "password": "a good password",
    "tile": Tile(level=0, t=0, z=0, row=0, column=0, size=64),
    "channels": (0,),
    "measures": {},
    "format": "csv",
    "size": 64,
    "points": ((1.0, 1.0),),
    "start": (0.0, 0.0),
    "end": (3.0, 3.0),
    "to_ids": (),
    "projection": Projection(),
    "level": 0,
    "t": 0,
    "c": 0,
    "z": 0,
    "y": 0,
    "x": 0,
    "height": 4,
    "width": 4,
    "labels": np.eye(64, dtype=np.uint8),
    "frame": pd.DataFrame({"a": [1.0]}),
    "values": {"a": 1.0},
    "outcomes": (),
    "config": "defaults: {include: yes}",
    "metadata": {"a": 1},
    "path": "/nowhere",
    "key": "zarr.json",
    "array": np.zeros((1, 1, 1, 8, 8), np.uint8),
}
"""Arguments that are good wherever they are needed."""

FILTERS = {
    "images.find": ("dataset_id", "plate_id", "well_id", "ids"),
    "containers.datasets": ("project_id",),
    "containers.plates": ("screen_id",),
}
"""Operations that answer with what fits a condition: nothing lies in what is not seen."""

OPTIONAL = {"browse.children": {"id"}, "containers.add_dataset": {"project_id"}}
OPTIONAL |= {"zarr.capabilities": {"image_id"}, "delegations.add": {"image_ids", "table_id"}}
OPTIONAL |= {"shapes.remove_many": {"roi_ids", "folder_id"}, "exchange.bulkmap": {"table_id"}}
OPTIONAL |= {"shapes.list": {"folder_id"}, "folders.list": {"image_id"}}
OPTIONAL |= {"folders.add": {"parent_id"}, "folders.update": {"parent_id"}}
OPTIONAL |= {f"ingest.{name}": {"image_ids"} for name in ("plan_results", "attach_results")}
"""The ids that may be left out, each asked for in a test of its own."""


class Hidden:
    """One object of every kind in a private group, of a user who is asked by nobody here."""

    def __init__(self, world: Any, folder: Path) -> None:
        owner: Session = world.here("owner", GroupType.PRIVATE)
        pixels = np.arange(64 * 64, dtype=np.uint16).reshape(1, 1, 1, 64, 64)
        self.word = world.word()
        image = owner.add_image(pixels, self.word, dataset=self.word, project=self.word)
        dataset = owner.containers.datasets(self.word)[0]
        placed = world.image("owner", GroupType.PRIVATE)
        plate = world.plate("owner", GroupType.PRIVATE, (placed,))
        screen = owner.containers.add_screen(self.word)
        owner.graph.link("screen", screen.id, "plate", plate)
        tagged = owner.annotations.add_tag("image", image.id, self.word)
        path = folder / f"{self.word}.txt"
        path.write_text(self.word)
        file = owner.add_file("image", image.id, path).annotation
        self.ids = {
            "project": owner.containers.projects(self.word)[0].id,
            "dataset": dataset.id,
            "screen": screen.id,
            "plate": plate,
            "well": owner.containers.wells(plate)[0].id,
            "image": image.id,
            "annotation": tagged.annotation.id,
            "link": tagged.link_id,
            "labels": owner.add_labels(image.id, self.word, np.eye(64, dtype=np.uint8)).id,
            "table": owner.add_table("image", image.id, self.word, GIVEN["frame"]).id,
            "roi": owner.shapes.add(image.id, GIVEN["shapes"]).id,
            "folder": owner.folders.add(self.word).id,
            "file": file.file_id,  # type: ignore[union-attr]
            "capability": owner.zarr.add_capability(image.id).id,
            "delegation": owner.delegations.add((image.id,)).id,
            "run": owner.runs.begin(self.word, self.word).id,
            "token": owner.accounts.add_token(world.users["owner"]).id,
            "group": world.groups["private"],
            "user": world.users["owner"],
            "job": self._job(owner, path),
            "deletion": self._deletion(owner),
        }
        self.ids["gate"] = owner.gates.put(self.ids["table"], self.word, GIVEN["shape"]).id
        self.kinds = KINDS

    def _job(self, owner: Session, path: Path) -> int:
        from omero_jlab.model import ImportRequest

        job = owner.ingest.start(ImportRequest(paths=(str(path),)))
        while owner.jobs.get(job.id).finished_at is None:
            pass
        return job.id

    def _deletion(self, owner: Session) -> int:
        owner.graph.delete("dataset", owner.containers.add_dataset(self.word).id)
        return owner.graph.deletions()[0].id

    def id_of(self, parameter: str, kind: str | None, operation: str) -> int:
        """The id of the hidden object that a parameter speaks of."""
        noun = parameter.removesuffix("_id")
        if parameter == "id":
            noun = kind or {"containers.wells": "plate"}.get(operation, operation.split(".")[1])
        if parameter == "child_id":
            noun = kind or "image"
        if parameter == "like":
            noun = "image"
        assert noun in self.ids, f"say in Hidden what {operation} means by {parameter}"
        return self.ids[noun]


@pytest.fixture(scope="module")
def hidden(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Hidden:
    return Hidden(world, tmp_path_factory.mktemp("hidden"))


def is_id(parameter: str) -> bool:
    return parameter == "id" or parameter.endswith("_id")


def required(signature: inspect.Signature) -> list[str]:
    return [
        p.name for p in signature.parameters.values() if p.default is p.empty and p.name != "self"
    ]


def calls(name: str, parameters: list[str], hidden: Hidden | None) -> Iterator[dict[str, Any]]:
    """Arguments with which something hidden is named, or with None something missing."""
    kinds = KINDS if "kind" in parameters else (None,)
    children = KINDS if "child_kind" in parameters else (None,)
    for kind, child in product(kinds, children):
        asked: dict[str, Any] = {}
        for parameter in parameters:
            if parameter == "kind":
                asked["kind"] = kind
            elif parameter == "child_kind":
                asked["child_kind"] = child
            elif is_id(parameter):
                of = child if parameter == "child_id" else kind
                asked[parameter] = MISSING if hidden is None else hidden.id_of(parameter, of, name)
            else:
                assert parameter in GIVEN, f"give a good {parameter} for {name}"
                asked[parameter] = GIVEN[parameter]
        yield asked


def by_id(operation: Operation) -> bool:
    return any(map(is_id, required(operation.signature)))


def test_every_operation_is_asked_for_what_is_hidden() -> None:
    for name, operation in CATALOGUE.items():
        left_out = set(operation.signature.parameters) - set(required(operation.signature))
        known = OPTIONAL.get(name, set()) | set(FILTERS.get(name, ()))
        unasked = {each for each in left_out if is_id(each) or each.endswith("ids")} - known
        assert not unasked, f"{name} takes {unasked}: is what is hidden missing to it?"


def told(call: Callable[[], Any], numbers: dict[str, Any]) -> tuple[type, str]:
    """The error, its ids replaced."""
    with pytest.raises(OmeroError) as error:
        call()
    text = str(error.value)
    for key, value in numbers.items():
        if is_id(key):
            text = re.sub(rf"(?<!\d){value}(?!\d)", "#", text)
    return type(error.value), text


@pytest.mark.parametrize("user", ["outsider", "member"])
@pytest.mark.parametrize("name", sorted(n for n, each in CATALOGUE.items() if by_id(each)))
def test_what_an_operation_hides_is_missing(
    world: Any, hidden: Hidden, name: str, user: str
) -> None:
    operation = CATALOGUE[name]
    parameters = required(operation.signature)
    if user == "member" and operation.family == "accounts" and "token" not in name:
        pytest.skip("members see the users of their groups")
    if user == "member" and name == "accounts.add_token":
        pytest.skip("members see the users of their groups")
    session = world.session(user, "elsewhere" if user == "outsider" else GroupType.PRIVATE)
    method = getattr(getattr(session, operation.family), operation.name)
    for there, missing in zip(
        calls(name, parameters, hidden), calls(name, parameters, None), strict=True
    ):
        kind, text = told(lambda asked=there: method(**asked), there)
        assert (kind, text) == told(lambda asked=missing: method(**asked), missing)
        if operation.family == "admin":
            assert kind is Denied, "whoever is no administrator is told no more than that"
        elif name not in ("graph.link", "graph.unlink"):
            assert kind is NotFound, text
        assert hidden.word not in text


STREAMS = {
    name: required(inspect.signature(method))
    for name, method in vars(Streams).items()
    if callable(method) and not name.startswith("_")
}
IDENTIFIED = sorted(n for n, parameters in STREAMS.items() if any(map(is_id, parameters)))


def test_every_stream_is_asked_for_what_is_hidden() -> None:
    assert set(STREAMS) - set(IDENTIFIED) == {"add_image", "sees", "upload"}


@pytest.mark.parametrize("user", ["outsider", "member"])
@pytest.mark.parametrize("name", IDENTIFIED)
def test_what_a_stream_hides_is_missing(
    world: Any, hidden: Hidden, name: str, user: str, tmp_path: Path
) -> None:
    session = world.session(user, "elsewhere" if user == "outsider" else GroupType.PRIVATE)
    path = tmp_path / "file.txt"
    path.write_text("text")
    for there, missing in zip(
        calls(name, STREAMS[name], hidden), calls(name, STREAMS[name], None), strict=True
    ):
        for asked in (there, missing):
            if "path" in asked:
                asked["path"] = path

        def use(asked: dict[str, Any]) -> Any:
            return getattr(session, name)(**asked)

        kind, text = told(lambda asked=there: use(asked), there)
        assert (kind, text) == told(lambda asked=missing: use(asked), missing)
        assert kind is NotFound, text
        assert hidden.word not in text


@pytest.mark.parametrize("user", ["outsider", "member"])
def test_conditions_find_nothing_in_what_is_hidden(world: Any, hidden: Hidden, user: str) -> None:
    session = world.session(user, "elsewhere" if user == "outsider" else GroupType.PRIVATE)
    for name, parameters in FILTERS.items():
        family, method = name.split(".")
        for parameter in parameters:
            value: Any = hidden.ids[
                "image" if parameter == "ids" else parameter.removesuffix("_id")
            ]
            value = (value,) if parameter == "ids" else value
            assert getattr(getattr(session, family), method)(**{parameter: value}) == ()
    for find in (session.containers.projects, session.containers.screens, session.annotations.tags):
        assert find(hidden.word) == ()
    assert session.images.find(name=hidden.word) == session.images.find(tag=hidden.word) == ()
    assert session.search.find(hidden.word) == ()
    for kind in (*KINDS[:5],):
        told_of = [
            told(lambda id=id, kind=kind: session.browse.children(kind, id), {"id": id})
            for id in (hidden.ids[kind], MISSING)
        ]
        assert told_of[0] == told_of[1]
        assert told_of[0][0] is NotFound
    for kind in (None, "orphaned-images", "orphaned-datasets", "orphaned-plates"):
        page = session.browse.children(kind, group=hidden.ids["group"])
        assert (page.nodes, page.total) == ((), 0)
    with pytest.raises(NotFound):
        session.zarr.capabilities(hidden.ids["image"])
    for asked in ({"image_ids": (hidden.ids["image"],)}, {"table_id": hidden.ids["table"]}):
        with pytest.raises(NotFound):
            session.delegations.add(**asked)
    assert session.delegations.list() == () == session.runs.list()
    assert not [folder for folder in session.folders.list() if folder.name == hidden.word]
    assert session.folders.list(hidden.ids["image"]) == ()
    with pytest.raises(NotFound):
        session.folders.add("x", parent_id=hidden.ids["folder"])
    own = session.folders.add("own")
    with pytest.raises(NotFound):
        session.folders.update(own.id, own.version, parent_id=hidden.ids["folder"])
    for change in (session.folders.put, session.folders.take):
        with pytest.raises(NotFound):
            change(own.id, (hidden.ids["roi"],))
    assert session.zarr.capabilities() == ()
    with pytest.raises(NotFound):
        session.containers.add_dataset("x", project_id=hidden.ids["project"])
    with pytest.raises(NotFound):
        session.add_image(GIVEN["array"], "x", like=hidden.ids["image"])
    assert not [job for job in session.jobs.list(1000) if job.id == hidden.ids["job"]]


def test_what_is_hidden_cannot_be_tied_to_what_is_seen(world: Any, hidden: Hidden) -> None:
    session = world.session("outsider", "elsewhere")
    image = world.image("outsider", "elsewhere")
    dataset = session.containers.add_dataset("own")
    for call in (
        lambda: session.graph.link("dataset", dataset.id, "image", hidden.ids["image"]),
        lambda: session.graph.link("dataset", hidden.ids["dataset"], "image", image),
        lambda: session.graph.unlink("dataset", dataset.id, "image", hidden.ids["image"]),
        lambda: session.annotations.link("image", image, hidden.ids["annotation"]),
        lambda: session.annotations.link("image", image, hidden.ids["table"]),
        lambda: session.annotations.link("image", image, hidden.ids["labels"]),
        lambda: session.shapes.remove_many(image, (hidden.ids["roi"],)),
        lambda: session.shapes.remove_many(image, folder_id=hidden.ids["folder"]),
        lambda: session.exchange.bulkmap("image", image, GIVEN["config"], hidden.ids["table"]),
    ):
        with pytest.raises(NotFound):
            call()
    assert session.containers.dataset(dataset.id).image_count == 0


def test_an_id_of_another_kind_is_missing(world: Any) -> None:
    session = world.session("owner", GroupType.READ_WRITE)
    image = world.here("owner", GroupType.READ_WRITE).add_image(GIVEN["array"], "cells").id
    comment = session.annotations.add_comment("image", image, "words").annotation.id
    table = session.add_table("image", image, "t", GIVEN["frame"]).id
    for id in (comment, table):
        for call in (
            lambda id=id: session.labels_tile(id, GIVEN["tile"]),
            lambda id=id: session.labels_region(id, 0, 0, 0, 0, 4, 4),
        ):
            assert told(call, {"id": id})[0] is NotFound
    for call in (
        lambda: session.tables.get(comment),
        lambda: session.tables.count(comment),
        lambda: session.read_rows(comment),
        lambda: session.append_rows(comment, GIVEN["frame"]),
    ):
        assert told(call, {"id": comment})[0] is NotFound


def test_an_image_of_an_array_has_no_files_of_others(
    world: Any, hidden: Hidden, tmp_path: Path
) -> None:
    member = world.here("member", GroupType.PRIVATE)
    image = member.add_image(GIVEN["array"], "made of an array").id
    session = world.session("member", GroupType.PRIVATE)
    path = tmp_path / "own.txt"
    path.write_text("own")
    session.add_file("project", session.containers.add_project("p").id, path)
    assert session.images.files(image) == ()
    # The names of the files of others are no words of it either.
    world.here("member", GroupType.PRIVATE).graph.update(
        "image", image, description="indexed again"
    )
    assert session.search.find(f"file:{hidden.word}") == ()
    assert [hit for hit in session.search.find("file:own") if hit.kind == "image"] == []


def test_counts_tell_nothing_of_what_is_hidden(world: Any) -> None:
    owner = world.here("owner", GroupType.READ_WRITE)
    dataset = owner.containers.add_dataset("shared")
    project = owner.containers.add_project("shared", "")
    owner.graph.link("project", project.id, "dataset", dataset.id)
    for _ in range(3):
        owner.graph.link("dataset", dataset.id, "image", world.image("owner", GroupType.READ_WRITE))
    outsider = world.session("outsider", "elsewhere")
    assert all(node.id != project.id for node in outsider.browse.children().nodes)
    roots = outsider.browse.children().nodes
    orphans = [node.child_count for node in roots if node.kind == "orphaned-images"]
    assert orphans in ([], [len(outsider.browse.children("orphaned-images").nodes)])


def routes_of(world: Any, hidden: Hidden) -> Iterator[tuple[str, str]]:
    """Verb and path of everything that can be asked, with the ids of hidden objects."""
    for pattern, handler in _handlers().items():
        path = pattern
        while "([^/]+)" in path:
            word = path.partition("([^/]+)")[0].replace("\\", "").rstrip("/").rpartition("/")[2]
            fill = {"objects": "image", "children": "image"}.get(word)
            path = path.replace(
                "([^/]+)", fill or str(hidden.ids.get(word.rstrip("s"), hidden.ids["image"])), 1
            )
        for verb in ("get", "post", "put", "patch", "delete"):
            if getattr(handler, verb).__name__ != "_unimplemented_method" and not path.startswith(
                ("login", "zarr/cap/")
            ):
                yield verb, path.replace("\\", "")


def test_whoever_was_let_in_once_is_asked_again(world: Any, hidden: Hidden) -> None:
    if not world.over_http:
        pytest.skip("tokens are of HTTP")
    name = f"gone{world.word()}"
    user = world.add_user(name)
    world.root.accounts.put_member(world.groups["read-write"], user)
    token = world.root.accounts.add_token(user)
    other = world.root.accounts.add_token(user)
    root = f"{world.url}omero-jlab/api/v1/"

    def ask(secret: str, verb: str = "get", path: str = "status") -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        body = b"" if verb in ("get", "delete") else b"{}"
        with httpx.Client(trust_env=False, headers=headers) as client:
            return client.request(verb, root + path, content=body).status_code

    assert ask(token.secret) == ask(other.secret) == 200
    world.root.accounts.remove_token(token.id)
    assert ask(token.secret) == 401
    assert ask(other.secret) == 200
    world.root.accounts.update_user(user, active=False)
    found = list(routes_of(world, hidden))
    assert len(found) > 60
    for verb, path in found:
        assert ask(other.secret, verb, path) == 401, f"{verb} {path}"
    with pytest.raises(Unauthenticated):
        world.here(name).server.status()
    world.root.accounts.update_user(user, active=True)
    world.root.accounts.set_password(user, "a first password")
    kept = world.root.accounts.add_token(user)
    assert ask(kept.secret) == 200
    world.root.accounts.set_password(user, "a second password")
    assert ask(kept.secret) == 401
