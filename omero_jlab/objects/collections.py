"""All objects of one kind: iterated, found by name, made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar, overload

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

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        """The object at a place of the list, or those of a slice."""
        return _at(list(self), place, self._kind.__name__.lower())

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
        return ImageList.each(self._session)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, place: int) -> Image: ...
    @overload
    def __getitem__(self, place: slice) -> ImageList: ...
    def __getitem__(self, place: int | slice) -> Image | ImageList:
        """The image at a place of the list, or those of a slice."""
        if isinstance(place, int) and place >= 0:
            for image in islice(self, place, None):
                return image
        found = _at(list(self), place, "image")
        return ImageList(found) if isinstance(found, list) else found

    def __repr__(self) -> str:
        return f"<{len(self)} images>"

    def _repr_html_(self) -> str:
        return self.list()._repr_html_()

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


def _at(things: list[T], place: int | slice, kind: str) -> T | list[T]:
    if not isinstance(place, int | slice):
        raise Invalid(
            f"{kind}s[{place!r}] was asked: give a place, as in {kind}s[0], or find(name=…)."
        )
    try:
        return things[place]
    except IndexError:
        raise IndexError(
            f"{kind}s[{place}] was asked, but there are {len(things)}, counted from 0."
        ) from None


def _only(found: list[T], kind: str, name: str) -> T:
    if not found:
        raise NotFound(f"There is no {kind} {name!r} here, or none that you may see.")
    if len(found) > 1:
        ids = ", ".join(str(thing.id) for thing in found[:10])
        raise Invalid(f"{len(found)} {kind}s fit {name!r}: ask for one by its id ({ids}).")
    return found[0]
