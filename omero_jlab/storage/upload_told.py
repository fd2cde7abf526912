"""What the journal of an upload tells: its files as they were when the server ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..errors import Unreadable
from ..model import FileToUpload
from .durable import Copied
from .ranges import Ranges
from .upload_journal import Line, read_journal

__all__ = ["Told", "ToldFile", "read_told"]


@dataclass
class ToldFile:
    """A file that was declared: which of its bytes are on the disk, or what all of them are."""

    declared: FileToUpload
    is_reserved: bool
    received: Ranges = field(default_factory=Ranges)
    content: Copied | None = None


@dataclass
class Told:
    """An upload; `last` is the largest number that a file ever had."""

    key: str = ""
    expected: int = 0
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_used: bool = False
    files: dict[int, ToldFile] = field(default_factory=dict)
    last: int = 0


def read_told(path: Path) -> Told:
    """What the journal at `path` tells.

    Raises
    ------
    Unreadable
        It is no journal of an upload.
    """
    try:
        return _told(read_journal(path))
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"{path} is damaged: {error!r}") from error


def _told(lines: Iterable[Line]) -> Told:
    told = Told()
    for line in lines:
        ((what, said),) = line.items()
        if what == "began":
            told.key, told.expected = said["key"], said["expected"]
            told.began_at = datetime.fromisoformat(said["at"])
        elif what == "expected":
            told.expected = said
        elif what == "used":
            told.is_used = said
        elif what == "file":
            number, declared, is_reserved = said
            told.files[number] = ToldFile(FileToUpload.model_validate(declared), is_reserved)
            told.last = max(told.last, number)
        elif what == "dropped":
            told.files.pop(said, None)
        elif (file := told.files.get(said[0])) is not None:
            _apply(file, what, said[1:])
    return told


def _apply(file: ToldFile, what: str, said: list[object]) -> None:
    match what, said:
        case "got", [list(spans)]:
            for start, end in spans:
                file.received.add(start, end)
        case "lost", [int(start), int(end)]:
            file.received.remove(start, end)
            # It was verified and could not be published: other bytes came instead.
            file.content = None
        case "done", [int(size), int(mtime_ns), dict(digests)]:
            file.content = Copied(size, digests["SHA-256"], digests["MD5-128"], mtime_ns, digests)
        case _:
            raise ValueError(f"{what!r} is told of no file")
