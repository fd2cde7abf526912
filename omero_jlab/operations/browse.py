"""The tree, the containers in it, and what hangs where."""

from __future__ import annotations

from typing import Protocol

from ..model import (
    Dataset,
    Deletion,
    Kind,
    Node,
    Page,
    Plate,
    Project,
    Screen,
    TargetKind,
    Undeleted,
    Well,
)
from . import declare as http
from .declare import UNSET, Unset

__all__ = ["Browse", "Containers", "Graph"]


class Browse(Protocol):
    """The repository as a tree."""

    @http.get("browse/children")
    def children(
        self,
        kind: Kind | None = None,
        id: int = 0,
        group: int = -1,
        filter: str = "",
        after: str | None = None,
        limit: int = 200,
    ) -> Page:
        """What lies in an object; without a kind, what lies at the root of the tree.

        `group` -1 is every group that the asking user may see; `filter` is part of a name.
        """
        ...

    @http.get("browse/parents")
    def parents(self, kind: TargetKind, id: int) -> tuple[Node, ...]:
        """What an object lies in."""
        ...


class Containers(Protocol):
    """Projects, datasets, screens, plates and wells."""

    @http.get("projects")
    def projects(self, name: str | None = None) -> tuple[Project, ...]:
        """The projects, by name."""
        ...

    @http.post("projects")
    def add_project(self, name: str, description: str = "") -> Project:
        """Make a project."""
        ...

    @http.get("projects/{id}")
    def project(self, id: int) -> Project:
        """One project."""
        ...

    @http.get("datasets")
    def datasets(
        self, name: str | None = None, project_id: int | None = None
    ) -> tuple[Dataset, ...]:
        """The datasets, by name."""
        ...

    @http.post("datasets")
    def add_dataset(
        self, name: str, description: str = "", project_id: int | None = None
    ) -> Dataset:
        """Make a dataset, in a project where one is named."""
        ...

    @http.get("datasets/{id}")
    def dataset(self, id: int) -> Dataset:
        """One dataset."""
        ...

    @http.get("screens")
    def screens(self, name: str | None = None) -> tuple[Screen, ...]:
        """The screens, by name."""
        ...

    @http.post("screens")
    def add_screen(self, name: str, description: str = "") -> Screen:
        """Make a screen."""
        ...

    @http.get("screens/{id}")
    def screen(self, id: int) -> Screen:
        """One screen."""
        ...

    @http.get("plates")
    def plates(self, name: str | None = None, screen_id: int | None = None) -> tuple[Plate, ...]:
        """The plates, by name."""
        ...

    @http.get("plates/{id}")
    def plate(self, id: int) -> Plate:
        """One plate."""
        ...

    @http.get("plates/{id}/wells")
    def wells(self, id: int) -> tuple[Well, ...]:
        """The wells of a plate that have images, row by row."""
        ...

    @http.get("wells/{id}")
    def well(self, id: int) -> Well:
        """One well."""
        ...


class Graph(Protocol):
    """Changing names, links and existence, alike for every kind of object."""

    @http.patch("objects/{kind}/{id}")
    def update(
        self,
        kind: TargetKind,
        id: int,
        version: int | None = None,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
    ) -> int:
        """Change name or description; answers the new version.

        With `version`, `Conflict` where the object has been changed since.
        """
        ...

    @http.put("objects/{kind}/{id}/children/{child_kind}/{child_id}")
    def link(self, kind: TargetKind, id: int, child_kind: TargetKind, child_id: int) -> None:
        """Put a dataset into a project, an image into a dataset, a plate into a screen."""
        ...

    @http.delete("objects/{kind}/{id}/children/{child_kind}/{child_id}")
    def unlink(self, kind: TargetKind, id: int, child_kind: TargetKind, child_id: int) -> None:
        """Take a child out of its parent; the child itself stays."""
        ...

    @http.delete("objects/{kind}/{id}")
    def delete(self, kind: TargetKind, id: int, contents: bool = False, now: bool = False) -> int:
        """Delete an object with all that belongs to it; answers how many images went.

        `contents` deletes what lies in it and nowhere else, too.  A fileset of several images
        is deleted as a whole or not at all.  What was deleted can be brought back until the
        trash is emptied; with `now` it is gone at once, and its space is free.
        """
        ...

    @http.get("deletions")
    def deletions(self, limit: int = 200) -> tuple[Deletion, ...]:
        """What was deleted and can be brought back, the newest first."""
        ...

    @http.post("deletions/{deletion_id}/undo")
    def undelete(self, deletion_id: int) -> Undeleted:
        """Undo a deletion: exactly what it took is there again.

        `Conflict` where what the object belongs to was deleted by itself.
        """
        ...
