"""Tags, key-values, comments, files: what is attached to objects."""

from __future__ import annotations

from typing import Protocol

from ..model import Annotation, Attached, Hit, Tag, TargetKind
from . import declare as http
from .declare import UNSET, Unset

__all__ = ["Annotations", "Search"]


class Annotations(Protocol):
    """Annotations and their links to objects; link and annotation each have an owner."""

    @http.get("objects/{kind}/{id}/annotations")
    def list(self, kind: TargetKind, id: int) -> tuple[Attached, ...]:
        """What is attached to an object."""
        ...

    @http.get("tags")
    def tags(self, name: str | None = None) -> tuple[Tag, ...]:
        """The tags, by name."""
        ...

    @http.get("annotations/{annotation_id}")
    def get(self, annotation_id: int) -> Annotation:
        """One annotation."""
        ...

    @http.post("objects/{kind}/{id}/tags")
    def add_tag(self, kind: TargetKind, id: int, name: str, description: str = "") -> Attached:
        """Tag an object, with the tag of that name in its group or a new one."""
        ...

    @http.post("objects/{kind}/{id}/key-values")
    def add_key_values(
        self,
        kind: TargetKind,
        id: int,
        pairs: tuple[tuple[str, str], ...],
        namespace: str = "openmicroscopy.org/omero/client/mapAnnotation",
    ) -> Attached:
        """Attach pairs of key and value; OMERO's namespace for what users may edit."""
        ...

    @http.post("objects/{kind}/{id}/comments")
    def add_comment(self, kind: TargetKind, id: int, text: str) -> Attached:
        """Attach a remark."""
        ...

    @http.put("objects/{kind}/{id}/annotations/{annotation_id}")
    def link(self, kind: TargetKind, id: int, annotation_id: int) -> Attached:
        """Attach an annotation that exists already to one more object."""
        ...

    @http.patch("annotations/{annotation_id}")
    def update(
        self,
        annotation_id: int,
        version: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        text: str | Unset = UNSET,
        pairs: tuple[tuple[str, str], ...] | Unset = UNSET,
    ) -> Annotation:
        """Change an annotation everywhere it is attached."""
        ...

    @http.delete("annotation-links/{link_id}")
    def unlink(self, link_id: int) -> None:
        """Take an annotation off one object; a tag stays, a comment goes with its last link."""
        ...

    @http.delete("annotations/{annotation_id}")
    def remove(self, annotation_id: int) -> None:
        """Delete an annotation with all its links."""
        ...


class Search(Protocol):
    """Finding objects by words."""

    @http.get("search")
    def find(
        self, text: str, kinds: tuple[TargetKind, ...] = (), limit: int = 100
    ) -> tuple[Hit, ...]:
        """The objects with every word in their name, tags, key-values or comments, best first.

        `tag:word`, `name:word`, `key:word` and `comment:word` look in one place; `"two words"`
        are a phrase; `word*` is a beginning.
        """
        ...
