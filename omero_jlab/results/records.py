"""What a program's output says about its images, and which stored image each set is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..model import Record

__all__ = [
    "Ambiguous",
    "Candidate",
    "CandidateFile",
    "ImageSet",
    "LabelFile",
    "Match",
    "MatchedBy",
    "Matching",
    "SetFile",
    "Unmatched",
]

MatchedBy = Literal["md5", "file name", "well and site", "name", "given"]


class SetFile(Record):
    """One file that a program read as `channel`; `folder` is where it lay on that computer.

    `frame` and `series` count the planes and images of a file from 0; `scaling` is what
    intensities were divided by.  The folder is a hint for matching and is never opened.
    """

    channel: str
    name: str
    folder: str = ""
    md5: str | None = None
    frame: int = 0
    series: int = 0
    scaling: float | None = None


class ImageSet(Record):
    """The files that were measured together; `number` is the program's own.

    `names` are what the program calls the image, best first: with or without the suffix of a
    file.  Programs that record no files are matched by them.
    """

    number: int
    files: tuple[SetFile, ...] = ()
    names: tuple[str, ...] = ()
    plate: str | None = None
    well: str | None = None
    site: int | None = None


class CandidateFile(Record):
    """A file of a stored image; `folder` is the end of the path it was imported from."""

    name: str
    folder: str = ""
    md5: str | None = None


class Candidate(Record):
    """A stored image that an image set may be; `height` and `width` in pixels of level 0."""

    image_id: int
    name: str
    plate: str | None = None
    well: str | None = None
    site: int | None = None
    files: tuple[CandidateFile, ...] = ()
    height: int
    width: int


class Match(Record):
    """Image set `number` is image `image_id`; `note` says what narrowed the choice, if anything."""

    number: int
    image_id: int
    by: MatchedBy
    note: str = ""


class Unmatched(Record):
    """An image set that is none of the images."""

    number: int
    reason: str


class Ambiguous(Record):
    """An image set that fits several images equally well."""

    number: int
    image_ids: tuple[int, ...]
    reason: str


class Matching(Record):
    """What became of every image set: each is in exactly one of the three."""

    matches: tuple[Match, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()


class LabelFile(Record):
    """A label image in the output: pixel value n is row `ObjectNumber == n` of `object_name`."""

    object_name: str
    path: Path
