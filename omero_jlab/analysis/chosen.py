"""Which images a function is called with: given one by one, by number, by place or condition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import Any

from ..errors import Invalid, NotFound
from ..objects import (
    Dataset,
    Image,
    ImageList,
    Plate,
    Project,
    Repository,
    Screen,
    Well,
)
from ..operations import AnySession

__all__ = ["Images", "chosen"]

Images = Iterable[Any] | str | int | Image | Project | Dataset | Screen | Plate | Well
"""Images, their numbers, what holds them, or a condition on their tables."""

_PAGE = 1000
_HOLDERS = (Project, Dataset, Screen, Plate, Well)


def chosen(images: Images, sessions: Iterable[Any]) -> tuple[AnySession | None, list[Image]]:
    """The images, each once, and the Session that they came from; None where there are none.

    Parameters
    ----------
    images
        An image, its number, a project, dataset, screen, plate or well for all that lie in it, a
        condition as `repo.images.where_table` takes it, or several of these.
    sessions
        Objects of the repository: who is asked for numbers and conditions, the first that is one.

    Raises
    ------
    Invalid
        It is none of these, or nobody can be asked.
    NotFound
        No image has one of the numbers.
    """
    single = isinstance(images, (str, Integral, Image, *_HOLDERS))
    given: list[Any] = [images] if single else list(images)  # type: ignore[arg-type]
    session = _session(given, sessions)
    numbers = [int(each) for each in given if _is_number(each)]
    if session is None and (numbers or any(isinstance(each, str) for each in given)):
        raise Invalid(
            "Images were named by number or by a condition: say where they are with "
            "repository=repo, or give the images themselves."
        )
    by_number = {} if session is None else _numbered(session, numbers)
    found: dict[int, Image] = {}
    for each in given:
        for image in _of(each, session, by_number):
            found.setdefault(image.id, image)
    return session, list(found.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _session(given: Iterable[Any], others: Iterable[Any]) -> AnySession | None:
    for each in (*others, *given):
        if isinstance(each, (Repository, Image, *_HOLDERS)):
            return each._session
    return None


def _numbered(session: AnySession, numbers: list[int]) -> dict[int, Image]:
    found = {}
    for start in range(0, len(numbers), _PAGE):
        some = tuple(numbers[start : start + _PAGE])
        for record in session.images.find(ids=some, limit=_PAGE):
            found[record.id] = Image(session, record)
    missing = [number for number in numbers if number not in found]
    if missing:
        named = ", ".join(map(str, missing[:5]))
        raise NotFound(f"There is no image {named}{' …' if len(missing) > 5 else ''}.")
    return found


def _of(each: Any, session: AnySession | None, by_number: dict[int, Image]) -> Iterator[Image]:
    if isinstance(each, Image):
        yield each
    elif _is_number(each):
        yield by_number[int(each)]
    elif isinstance(each, str):
        assert session is not None
        yield from ImageList.where_table(session, each)
    elif isinstance(each, Project):
        for dataset in each.datasets:
            yield from dataset.images
    elif isinstance(each, Screen):
        for plate in each.plates:
            yield from plate.images
    elif isinstance(each, Dataset | Plate | Well):
        yield from each.images
    else:
        raise Invalid(
            f"{each!r} is no image: give images, their numbers, a project, dataset, screen, plate "
            f'or well, or a condition such as "count(Nuclei) > 50".'
        )
