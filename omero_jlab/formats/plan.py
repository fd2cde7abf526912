"""What an import would read: files grouped into filesets, and those left out with the reason."""

from __future__ import annotations

from pathlib import Path

from ..model import ImportFailure, Position
from ..model.record import Record

__all__ = ["Plan", "Plane", "Planned"]


class Plane(Record):
    """Where the one plane of `file` belongs in a joined image; all count from 0."""

    file: str
    t: int
    c: int
    z: int


class Plan(Record):
    """One fileset: files that belong together, named relative to `root` with `/`.

    `main` is where reading starts: the file, the companion file, or "." for a Zarr folder.
    `planes` and `channels` are set where one-channel files are joined into one image;
    `position` and `metadata` are what the file name says.
    """

    format: str
    name: str
    root: Path
    main: str
    files: tuple[str, ...]
    planes: tuple[Plane, ...] = ()
    channels: tuple[str, ...] = ()
    position: Position | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files where they lie now."""
        return tuple(self.root / file for file in self.files)


class Planned(Record):
    """Filesets in the order of their paths; `ignored` holds what is no image and was not named."""

    plans: tuple[Plan, ...] = ()
    failed: tuple[ImportFailure, ...] = ()
    ignored: tuple[ImportFailure, ...] = ()
