"""Which files of the output are the label images of an image set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ..records import ImageSet, LabelFile
from .folder import Folder
from .pipeline import Pipeline

__all__ = ["label_files"]

_SUFFIXES = (".tif", ".tiff", ".png")
_WORDS = re.compile(r"[\s_.-]*(labels?|labelled|objects?|masks?|segmentation|seg)?", re.IGNORECASE)


def label_files(
    folder: Folder,
    pipeline: Pipeline | None,
    image_set: ImageSet,
    row: dict[Any, Any],
    objects: Sequence[str],
    near: Path | None,
) -> tuple[LabelFile, ...]:
    """The label images of `image_set`, whose row in the image table is `row`.

    The image table's own record of saved files comes first, then what the pipeline's SaveImages
    writes, then names made of an input file's stem, an object and a word like `labels`.
    """
    found: dict[str, Path] = {}

    def take(name: object, target: str | None) -> None:
        if not isinstance(name, str) or target not in objects or target in found:
            return
        path = folder.file(name, near)
        if path is not None and path.suffix.casefold() in _SUFFIXES:
            found[str(target)] = path

    converted = pipeline.converted() if pipeline else {}
    inputs = {file.channel for file in image_set.files}
    for column, value in row.items():
        kind, _, name = str(column).partition("_")
        if kind == "ObjectsFileName":
            take(value, name)
        elif kind == "FileName" and name not in inputs:
            take(value, converted.get(name) or _object_in(name, objects))
    stems = {file.channel: PurePosixPath(file.name).stem for file in image_set.files}
    if pipeline is not None:
        for saved in pipeline.saved():
            target = converted.get(saved.image, saved.image)
            stem = stems.get(saved.prefix_channel)
            for suffix in _SUFFIXES if stem else ():
                take(f"{stem}{saved.suffix}{suffix}", target)
    for target in objects:
        for stem in dict.fromkeys(stems.values()):
            for word in ("labels", "label", "mask", "masks", "objects", "seg"):
                for suffix in _SUFFIXES:
                    take(f"{stem}_{target}_{word}{suffix}", target)
                    take(f"{stem}_{target}{word.capitalize()}{suffix}", target)
    return tuple(LabelFile(object_name=o, path=found[o]) for o in objects if o in found)


def _object_in(image_name: str, objects: Sequence[str]) -> str | None:
    """The object that an image called `NucleiLabels` or `Nuclei_mask` shows."""
    for name in sorted(objects, key=len, reverse=True):
        rest = image_name[len(name) :]
        if image_name.casefold().startswith(name.casefold()) and _WORDS.fullmatch(rest):
            return name
    return None
