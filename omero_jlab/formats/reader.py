"""What a format must provide to be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..errors import Unreadable
from ..model import FoundImage
from ..model.chunks import ChunkIndex
from .plan import Plan

__all__ = ["Fileset", "Reader", "Related", "Source"]


@dataclass(frozen=True)
class Related:
    """The fileset that a path belongs to, as a reader sees it."""

    root: Path
    main: str
    files: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Fileset:
    """A plan whose files now lie below `root`; the planned files are all that may be opened."""

    root: Path
    plan: Plan

    def path(self, file: str) -> Path:
        """Where `file` lies; `Unreadable` if the fileset has no such file."""
        if file not in self.plan.files:
            raise Unreadable(f"{file} is no file of {self.plan.name}: nothing else is opened.")
        return self.root / file


class Source(Protocol):
    """One image of a fileset: what it is, and either an index or its rows to transcode."""

    @property
    def image(self) -> FoundImage: ...

    @property
    def reason(self) -> str:
        """Why the pixels must be transcoded; empty if `index` says where they are."""
        ...

    @property
    def samples(self) -> int:
        """Samples a pixel: channel `c` is sample `c % samples` of plane `c // samples`."""
        ...

    def index(self) -> ChunkIndex:
        """Where every chunk lies."""
        ...

    def rows(self, t: int, c: int, z: int) -> Iterator[NDArray[Any]]:
        """The plane of level 0 from top to bottom, in blocks of shape (rows, X, samples)."""
        ...


class Reader(Protocol):
    """A format.  Readers are asked in the order of the registry, the particular ones first."""

    @property
    def name(self) -> str: ...

    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file is of this format; `head` is its beginning, empty for a folder."""
        ...

    def files(self, path: Path) -> Related:
        """The files that belong together with `path`.

        Raises
        ------
        Unreadable
            It is damaged, or refers to files that are missing or lie elsewhere.
        """
        ...

    def read(self, fileset: Fileset) -> list[Source]:
        """The images in `fileset`.

        Raises
        ------
        Unreadable
            It is damaged or of a kind that is not read; says what would work.
        """
        ...
