"""Which files beside a named one are needed with it: label images, a pipeline, its database."""

from __future__ import annotations

from pathlib import Path

from ..errors import OmeroError
from .recognise import recognise
from .texts import suffix_of

__all__ = ["files_with"]

_OF_SEVERAL = (
    ".csv", ".tsv", ".txt", ".db", ".db3", ".sqlite", ".sqlite3", ".h5", ".hdf5", ".properties",
)  # fmt: skip


def files_with(path: Path) -> tuple[Path, ...]:
    """The file `path`, and those below its folder that its output consists of."""
    if not path.is_file() or suffix_of(path) not in _OF_SEVERAL:
        return (path,)
    try:
        output = recognise(path)
        found = [path, *output.files]
        for one in output.image_sets:
            found += output.kept_files(one.number)
            found += [*output.label_paths(one.number), *output.picture_paths(one.number)]
    except OmeroError:
        # The repository will say what is wrong with it.
        return (path,)
    return tuple(dict.fromkeys(one for one in found if one.is_relative_to(path.parent)))
