"""What functions made of images, run by run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import NotFound
from ..model import Run as RunRecord
from ..model import RunImage
from ..operations import AnySession

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Run"]

_PAGE = 10_000


class Run:
    """A function that was called for many images under a name; `record` says which and when."""

    def __init__(self, session: AnySession, record: RunRecord) -> None:
        self._session = session
        self.record = record

    @property
    def id(self) -> int:
        """Its number."""
        return self.record.id

    @property
    def name(self) -> str:
        """What it is called."""
        return self.record.name

    @property
    def images(self) -> tuple[RunImage, ...]:
        """What became of each image, by number of image."""
        return tuple(self._pages())

    @property
    def failed(self) -> tuple[RunImage, ...]:
        """The images that failed, each with its error and its traceback."""
        return tuple(each for each in self._pages() if each.state == "failed")

    @property
    def values(self) -> dict[int, Any]:
        """What the function returned besides tables and label images, by number of image."""
        return {e.image_id: json.loads(e.value) for e in self._pages() if e.value is not None}

    def to_pandas(self) -> DataFrame:
        """One row an image."""
        from pandas import DataFrame

        columns = [name for name in RunImage.model_fields if name != "intact"]
        return DataFrame([each.model_dump() for each in self._pages()], columns=columns)

    def delete(self, results: bool = True) -> None:
        """Forget the run, so that it begins anew; also its images' own tables and label images.

        Tables that images shared stay: delete them where they are attached.
        """
        for each in self.images if results else ():
            for number in each.results:
                try:
                    self._session.annotations.remove(number)
                except NotFound:
                    continue
        self._session.runs.remove(self.id)

    def __repr__(self) -> str:
        r = self.record
        failed = f", {r.failed:,} failed" if r.failed else ""
        return f"<Run {r.id} {r.name!r}: {r.function}, {r.done:,} images done{failed}>"

    def _pages(self) -> Iterator[RunImage]:
        after = 0
        while page := self._session.runs.images(self.id, after=after, limit=_PAGE):
            yield from page
            after = page[-1].image_id
            if len(page) < _PAGE:
                return
