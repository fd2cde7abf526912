"""All objects of one kind: iterated, found by name, made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from ..errors import Invalid, NotFound
from ..operations import AnySession
from .image import Image, ImageList
from .thing import Thing

__all__ = ["Collection", "Containers", "Images"]

T = TypeVar("T", bound=Thing[Any])


class Collection(Generic[T]):
    """The objects of one kind that you may see, by name."""

    def __init__(
        self, session: AnySession, kind: type[T], listed: Callable[..., tuple[Any, ...]]
    ) -> None:
        self._session = session
        self._kind = kind
        self._listed = listed

    def __iter__(self) -> Iterator[T]:
        return (self._kind(self._session, record) for record in self._listed())

    def __len__(self) -> int:
        return len(self._listed())

    def find(self, name: str) -> T:
        """The one object of that name.

        Raises
        ------
        NotFound
            There is none.
        Invalid
            Several have that name; their ids are given.
        """
        found = [self._kind(self._session, record) for record in self._listed(name=name)]
        return _only(found, self._kind.__name__.lower(), name)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._kind.__name__.lower()}s>"

    def _repr_html_(self) -> str:
        return "".join(thing._repr_html_() for thing in self)


class Containers(Collection[T]):
    """Objects that can be made by name alone."""

    def __init__(
        self,
        session: AnySession,
        kind: type[T],
        listed: Callable[..., tuple[Any, ...]],
        made: Callable[..., Any],
    ) -> None:
        super().__init__(session, kind, listed)
        self._made = made

    def add(self, name: str, description: str = "") -> T:
        """Make one."""
        return self._kind(self._session, self._made(name, description))


class Images:
    """The images that you may see, by id."""

    def __init__(self, session: AnySession) -> None:
        self._session = session

    def __iter__(self) -> Iterator[Image]:
        return iter(ImageList.found(self._session))

    def find(self, name: str | None = None, tag: str | None = None) -> Image:
        """The one image of that name or tag; raises where there is none, or several."""
        return _only(self.list(name=name, tag=tag), "image", name or tag or "")

    def list(self, name: str | None = None, tag: str | None = None) -> ImageList:
        """All images of that name or tag."""
        return ImageList.found(self._session, name=name, tag=tag)

    def where_table(self, condition: str) -> ImageList:
        """The images whose tables fulfil a condition: `count(Nuclei[AreaShape_Area > 120]) >= 50`.

        Besides count there are fraction(Nuclei[area > 120]), and sum, mean, std, min, max, median
        and quantile(Nuclei.area, 0.9) of a column; `and`, `or`, `not`, arithmetic and `in` are as
        in `Table.query`.  A table is named, or numbered in back-ticks.  Tables lie on the images,
        or on what holds them, with ids of images or wells in a column; a bare `Image.Count > 20`
        is for tables with one row an image or well.  Of several tables of one name, the newest
        counts; an image without any is never found.
        """
        return ImageList.where_table(self._session, condition)


def _only(found: list[T], kind: str, name: str) -> T:
    if not found:
        raise NotFound(f"There is no {kind} {name!r} here, or none that you may see.")
    if len(found) > 1:
        ids = ", ".join(str(thing.id) for thing in found[:10])
        raise Invalid(f"{len(found)} {kind}s fit {name!r}: ask for one by its id ({ids}).")
    return found[0]
