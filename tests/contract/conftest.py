"""One repository with people in groups of every type, reached in the process and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from omero_jlab.database import FieldRow, FilesetRow, ImageRow, PlateRow, WellRow
from omero_jlab.model import GroupType
from omero_jlab.remote import RemoteSession
from omero_jlab.repository import Session, Store
from omero_jlab.server.holder import Holder
from omero_jlab.server.standalone import Listener

NAMES = {
    GroupType.PRIVATE: "private",
    GroupType.READ_ONLY: "read-only",
    GroupType.READ_ANNOTATE: "read-annotate",
    GroupType.READ_WRITE: "read-write",
}


class World:
    """Owner, member and leader (a group owner) share a group of each type.

    The administrator is in none of them; the outsider is in another one.
    """

    def __init__(self, root: Path, over_http: bool) -> None:
        self.store = Store.open(root, create=True)
        self.over_http = over_http
        self.listener = Listener(Holder.of(self.store)) if over_http else None
        self.url = self.listener.start().url if self.listener else ""
        self._remote: dict[tuple[str, Any], RemoteSession] = {}
        self._tokens: dict[str, str] = {}
        self._number = count(1)
        self.users: dict[str, int] = {}
        self.groups: dict[str, int] = {}
        self.root = self.store.session()
        for name in ("owner", "member", "leader", "outsider"):
            self.add_user(name)
        self.add_user("admin", is_admin=True)
        for kind, name in NAMES.items():
            self.add_group(name, kind, owner=False, member=False, leader=True)
        self.add_group("elsewhere", GroupType.READ_WRITE, outsider=True, admin=False)

    def add_user(self, name: str, is_admin: bool = False) -> int:
        """A new account; answers its id."""
        self.users[name] = self.root.accounts.add_user(name, is_admin=is_admin).id
        return self.users[name]

    def add_group(self, name: str, kind: GroupType, **members: bool) -> int:
        """A new group, with members by name and whether each owns it; answers its id."""
        self.groups[name] = self.root.accounts.add_group(name, kind).id
        for member, is_owner in members.items():
            self.root.accounts.put_member(self.groups[name], self.users[member], is_owner)
        return self.groups[name]

    def session(self, user: str, group: str | GroupType | None = None) -> Any:
        """The repository as `user` sees it, over HTTP with a token of that user."""
        name = NAMES.get(group, group) if group is not None else None
        if not self.over_http:
            return self.store.session(user, name)
        if user not in self._tokens:
            self._tokens[user] = self.root.accounts.add_token(self.users[user]).secret
        key = (user, name)
        if key not in self._remote:
            self._remote[key] = RemoteSession(self.url, self._tokens[user], name)
        return self._remote[key]

    def here(self, user: str, group: str | GroupType | None = None) -> Session:
        """The same in the process, for what the tests put in place."""
        return self.store.session(user, NAMES.get(group, group) if group is not None else None)

    def word(self) -> str:
        """A word that no other test uses."""
        return f"unheard{next(self._number)}of"

    def images(
        self, user: str, group: str | GroupType, names: tuple[str, ...] = ("cells",)
    ) -> tuple[int, ...]:
        """Images of one fileset, as an import leaves them in the database; answers their ids."""
        with self.here(user, group).writing() as unit:
            folder = f"fileset_{next(self._number)}"
            fileset = unit.new(FilesetRow(name=folder, format="TIFF", folder=folder))
            rows = [unit.new(_image(name, i, fileset.id)) for i, name in enumerate(names)]
            return tuple(row.id for row in rows)

    def image(self, user: str, group: str | GroupType, name: str = "cells") -> int:
        """One image, the only one of its fileset; answers its id."""
        return self.images(user, group, (name,))[0]

    def plate(self, user: str, group: str | GroupType, image_ids: tuple[int, ...]) -> int:
        """A plate with a well for each image; answers its id."""
        with self.here(user, group).writing() as unit:
            plate = unit.new(PlateRow(name="plate", rows=1, columns=len(image_ids)))
            for column, image_id in enumerate(image_ids):
                well = unit.new(WellRow(plate_id=plate.id, row=0, column=column))
                unit.new(FieldRow(well_id=well.id, image_id=image_id, site=1))
            return plate.id

    def close(self) -> None:
        """End everything."""
        for session in self._remote.values():
            session.close()
        if self.listener is not None:
            self.listener.stop()
            self.listener.holder.close()
        self.store.close()


def _image(name: str, series: int, fileset_id: int) -> ImageRow:
    return ImageRow(
        name=name,
        fileset_id=fileset_id,
        series=series,
        format="TIFF",
        size_t=1,
        size_c=1,
        size_z=3,
        size_y=8,
        size_x=8,
        dtype="uint16",
        is_rgb=False,
        channels=[
            {"name": "DAPI", "color": "0000FF", "window_start": 0.0, "window_end": 255.0},
        ],
        levels=[{"height": 8, "width": 8}],
    )


@pytest.fixture(scope="module", params=["in-process", "http"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The repository that the tests of a module share."""
    world = World(tmp_path_factory.mktemp("world"), request.param == "http")
    try:
        yield world
    finally:
        world.close()


@pytest.fixture
def session_of(world: World) -> Callable[..., Any]:
    """The repository as a user sees it: `session_of("member", GroupType.READ_ONLY)`."""
    return world.session
