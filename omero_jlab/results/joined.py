"""Label images that lie beside another program's output, joined to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pandas import DataFrame

from .contract import LabelStack, NewPixels, Output, Regions, StoredImage
from .masks import LabelImages
from .matching import stem
from .records import ImageSet

__all__ = ["Joined"]


class Joined(Output):
    """An output with the label images beside it; those of one name are of one image."""

    def __init__(self, output: Output, masks: LabelImages) -> None:
        self._output = output
        self._masks = masks
        self.program = masks.program if masks.program == "StarDist" else output.program
        self._sets = {one.number: one for one in output.image_sets}
        self._labels: dict[int, list[int]] = {number: [] for number in self._sets}
        by_name = {stem(name): one.number for one in output.image_sets for name in one.names}
        for one in masks.image_sets:
            number = next((by_name[key] for key in map(stem, one.names) if key in by_name), None)
            if number is None:
                number = max(self._sets, default=0) + 1
                self._sets[number] = one.model_copy(update={"number": number})
            self._labels.setdefault(number, []).append(one.number)
        self._own = {one.number for one in output.image_sets}

    @property
    def version(self) -> str:
        """The other program's version."""
        return self._output.version

    @property
    def notes(self) -> tuple[str, ...]:
        """What both say."""
        return (*self._output.notes, *self._masks.notes)

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """The other output's, then those that have label images only."""
        return tuple(self._sets.values())

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of both."""
        return tuple(dict.fromkeys([*self._output.files, *self._masks.files]))

    @property
    def may_be_one_image(self) -> bool:
        """Whether the other output may be, and there is no more than one label image."""
        return self._output.may_be_one_image and len(self._masks.image_sets) == 1

    def kept_files(self, number: int) -> tuple[Path, ...]:
        """The other output's."""
        return self._output.kept_files(number) if number in self._own else ()

    @property
    def kept_texts(self) -> Mapping[str, str]:
        """The other output's."""
        return self._output.kept_texts

    def parameters(self, number: int) -> Mapping[str, str]:
        """The other output's."""
        return self._output.parameters(number) if number in self._own else {}

    def tables(self, number: int) -> Iterable[tuple[str, DataFrame]]:
        """The other output's."""
        return self._output.tables(number) if number in self._own else ()

    def labels(self, number: int, image: StoredImage) -> Iterator[LabelStack]:
        """Both outputs' label images."""
        if number in self._own:
            yield from self._output.labels(number, image)
        for one in self._labels[number]:
            yield from self._masks.labels(one, image)

    def regions(self, number: int, image: StoredImage) -> Iterable[Regions]:
        """The other output's."""
        return self._output.regions(number, image) if number in self._own else ()

    def pictures(self, number: int, image: StoredImage) -> Iterable[NewPixels]:
        """The other output's."""
        return self._output.pictures(number, image) if number in self._own else ()
