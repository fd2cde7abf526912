"""Label images by themselves, as StarDist and scripts of all kinds save them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import Invalid, OmeroError
from .confined import Confined
from .contract import LabelStack, Output, StoredImage
from .folders import entries_at
from .records import ImageSet
from .stacks import StoredArray, arrays_in, read_stack

__all__ = ["LabelImages", "recognise"]

_LOSSY = (".jpg", ".jpeg")
_WHOLE = "omero_jlab.results.arrays:holds_whole_numbers"
_SUFFIXES = (".tif", ".tiff", ".png", ".npy", ".npz", ".h5", ".hdf5", ".zarr")
_WORDS = "labels?|labell?ed|label[-_ ]?image|masks?|seg|segmentation|segmented|stardist|objects"
_BEHIND = re.compile(rf"(.+?)[-_. ]+({_WORDS})([-_. ]+({_WORDS}))*", re.IGNORECASE)
_BEFORE = re.compile(rf"({_WORDS})[-_. ]+(.+)", re.IGNORECASE)
_FOLDER = re.compile(r"(.*[-_. ])?(labels?|masks?|label[-_ ]?images|segmentations?)", re.IGNORECASE)
_OME = re.compile(r"\.ome$", re.IGNORECASE)


class LabelImages(Output):
    """One label image for each image, named after it."""

    def __init__(
        self, found: list[tuple[str, StoredArray]], notes: list[str], confined: Confined
    ) -> None:
        self._found = dict(enumerate(found, 1))
        self._notes = notes
        self._confined = confined
        is_stardist = any("stardist" in str(array.path).casefold() for _, array in found)
        self.program = "StarDist" if is_stardist else "Label images"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(self._notes)

    @property
    def files(self) -> tuple[Path, ...]:
        """The label images."""
        return tuple(array.path for _, array in self._found.values())

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:
        """One for each file."""
        return tuple(
            ImageSet(number=number, names=tuple(dict.fromkeys((name, array.path.stem))))
            for number, (name, array) in self._found.items()
        )

    def labels(self, number: int, image: StoredImage) -> Iterator[LabelStack]:
        """The labels, called as the file."""
        _, array = self._found[number]
        stack = read_stack(array, image, self._confined)
        yield LabelStack(array.path.stem[:255], stack, image.placement)


def recognise(path: Path, confined: Confined) -> LabelImages | None:
    """The label images in the folder `path` whose names say that they are such, or the file."""
    alone = entries_at(path) == [path]
    found: list[tuple[str, StoredArray]] = []
    notes: list[str] = []
    failures: list[OmeroError] = []
    for file in entries_at(path):
        name = _image_name(file)
        if file.suffix.casefold() in _LOSSY and (name is not None or alone):
            failures.append(
                Invalid(
                    f"{file.name} is a JPEG, which changes numbers: save label images as PNG or "
                    "TIFF."
                )
            )
            continue
        if file.suffix.casefold() not in _SUFFIXES or (name is None and not alone):
            continue
        try:
            for array in arrays_in(file, confined):
                # Some programs save the numbers of objects as if they were fractions.
                if array.dtype.kind in "biu" or confined(_WHOLE, file, array.name):
                    found.append((name or file.stem, array))
                else:
                    notes.append(f"{file.name} holds {array.dtype}, not numbers of objects.")
        except OmeroError as error:
            failures.append(error)
            notes.append(f"{file.name} was skipped: {error}")
    if failures and not found:
        raise failures[0]
    if alone and notes and not found:
        raise Invalid(
            f"{notes[0]} What ilastik exports is known by its name (…_Probabilities); any other "
            "picture is stored by save_image()."
        )
    return LabelImages(found, notes, confined) if found else None


def _image_name(file: Path) -> str | None:
    """The name of the image that a label image is of; None where it does not say it is one."""
    stem = _OME.sub("", file.stem)
    behind = _BEHIND.fullmatch(stem)
    if behind:
        return behind[1]
    before = _BEFORE.fullmatch(stem)
    if before:
        return before[2]
    return stem if _FOLDER.fullmatch(file.parent.name) else None
