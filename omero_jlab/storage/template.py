"""Where a fileset goes below the managed folder: OMERO's path template."""

from __future__ import annotations

import os
import re
import threading
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from ..errors import Invalid
from .disk import writing
from .durable import make_folders
from .paths import safe_name
from .platform import fsync_folder

__all__ = ["DEFAULT_TEMPLATE", "ImportOccasion", "Template"]

DEFAULT_TEMPLATE = "%user%_%userId%//%year%-%month%/%day%/%time%"
_TERM = re.compile(r"%([A-Za-z]+)(?::([^%/]*))?%")
_ANYWHERE = {
    "userId", "user", "institution", "groupId", "group", "perms", "year", "month", "monthname",
    "day", "sessionId", "session", "thread",
}  # fmt: skip
_ONE_A_COMPONENT = {"time", "increment", "subdirs"}
_USER_OWNED = _ONE_A_COMPONENT | {"hash"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class ImportOccasion:
    """Who imports what, and when: what the terms of a template stand for.

    `permissions` is the group's string such as ``rw----``; `files` are the names of the files as
    the user has them.
    """

    user: str
    user_id: int
    group: str
    group_id: int
    permissions: str
    when: datetime
    files: tuple[str, ...] = ()
    institution: str = ""
    session: str = ""
    session_id: int = 0

    def value(self, term: str, default: str | None) -> str | None:
        """What a term without a look at the disk stands for; None leaves its folder out."""
        when = self.when
        if term == "institution":
            return self.institution or default
        values = {
            "userId": str(self.user_id),
            "user": self.user,
            "groupId": str(self.group_id),
            "group": self.group,
            "perms": self.permissions,
            "year": f"{when.year:04d}",
            "month": f"{when.month:02d}",
            "monthname": _MONTHS[when.month - 1],
            "day": f"{when.day:02d}",
            "time": f"{when:%H-%M-%S}.{when.microsecond // 1000:03d}",
            "sessionId": str(self.session_id),
            "session": self.session,
            "thread": threading.current_thread().name,
        }
        return values[term]

    def hash(self) -> str:
        """Eight hexadecimal digits that are the same for the same set of files."""
        return f"{zlib.crc32(chr(0).join(sorted(self.files)).encode(errors='replace')):08X}"


class Template:
    """A path template as OMERO documents it (omero.fs.repo.path).

    ``//`` separates folders of the repository from those of the user; ``%time%``, ``%hash%``,
    ``%increment%`` and ``%subdirs%`` stand only after it, and at most one of ``%time%``,
    ``%increment%`` and ``%subdirs%`` in one folder's name.

    Raises
    ------
    Invalid
        The template breaks one of these rules; the message names it.
    """

    def __init__(self, text: str = DEFAULT_TEMPLATE) -> None:
        self.text = text
        first, separator, second = text.partition("//")
        if "//" in second or (separator and not second.strip("/")):
            raise self._wrong("'//' may stand once, with a folder after it")
        self._components = tuple(part for part in f"{first}/{second}".split("/") if part)
        if not self._components:
            raise self._wrong("it names no folder")
        owned_by_root = [part for part in first.split("/") if part] if separator else []
        for component in self._components:
            self._check(component)
        for component in owned_by_root:
            if early := sorted(_terms(component) & _USER_OWNED):
                raise self._wrong(f"%{early[0]}% may not stand before '//'")

    def free(self, root: Path, occasion: ImportOccasion) -> PurePosixPath:
        """The relative path that `claim` would make, where nothing is yet; nothing is made."""
        path = self._path(root, occasion)
        number, free = 1, path
        while os.path.lexists(root / free):
            number += 1
            free = path.with_name(f"{path.name}~{number}")
        return free

    def claim(self, root: Path, occasion: ImportOccasion) -> PurePosixPath:
        """Make a new, empty folder below `root` for one import; returns its relative path.

        Making the folder is what reserves it: no two imports get the same one.  Where the
        template gives a folder that exists, ``~2``, ``~3``, … is added to its name.

        Raises
        ------
        Denied, Full, Unavailable
            The folder cannot be made.
        """
        path, before = self._path(root, occasion), None
        while path != before:
            make_folders((root / path).parent)
            if _made(root / path):
                return path
            # Counted terms move on; the others stay and need a number.
            path, before = self._path(root, occasion), path
        number, claimed = 2, path.with_name(f"{path.name}~2")
        while not _made(root / claimed):
            number += 1
            claimed = path.with_name(f"{path.name}~{number}")
        return claimed

    def _path(self, root: Path, occasion: ImportOccasion) -> PurePosixPath:
        path = PurePosixPath()
        for component in self._components:
            path /= self._expand(component, root / path, occasion)
        # Every folder of it may be left out, such as %institution% alone.
        return path if path.parts else PurePosixPath("import")

    def _expand(self, component: str, parent: Path, occasion: ImportOccasion) -> PurePosixPath:
        counted: re.Match[str] | None = None
        text = ""
        position = 0
        for found in _TERM.finditer(component):
            text += component[position : found.start()]
            position = found.end()
            term, option = found.group(1), found.group(2)
            if term in ("increment", "subdirs"):
                # Counted once the rest of the name is known; no name may hold this character.
                counted, text = found, text + "\0"
            elif term == "hash":
                text += _cut_hash(occasion.hash(), option)
            else:
                value = occasion.value(term, option)
                if value is None:
                    return PurePosixPath()
                text += value.replace("/", "_").replace("\0", "_")
        text += component[position:]
        if counted is None:
            return _safe(text)
        before, _, after = text.partition("\0")
        if counted.group(1) == "increment":
            return _safe(_increment(parent, before, after, int(counted.group(2) or 0)))
        return _subdirs(parent, before, after, int(counted.group(2) or 3))

    def _check(self, component: str) -> None:
        if "%" in _TERM.sub("", component):
            raise self._wrong(f"the '%' in {component!r} begins no term, or ends none")
        counting = 0
        for term, option in _TERM.findall(component):
            if term not in _ANYWHERE | _USER_OWNED:
                known = ", ".join(sorted(_ANYWHERE | _USER_OWNED))
                raise self._wrong(f"%{term}% is not known; there are {known}")
            counting += term in _ONE_A_COMPONENT
            if option and not _option_fits(term, option):
                raise self._wrong(f"%{term}% cannot take {option!r}")
        if counting > 1:
            raise self._wrong(
                f"only one of %time%, %increment% and %subdirs% may stand in {component!r}"
            )

    def _wrong(self, reason: str) -> Invalid:
        return Invalid(f"The path template {self.text!r} cannot be used: {reason}.")


def _terms(component: str) -> set[str]:
    return {term for term, _ in _TERM.findall(component)}


def _option_fits(term: str, option: str) -> bool:
    if term == "hash":
        sizes = option.split(",")
        return all(s.isdecimal() and int(s) > 0 for s in sizes) and sum(map(int, sizes)) <= 8
    if term in ("increment", "subdirs"):
        return option.isdecimal() and 1 <= int(option) <= 9
    return term == "institution"


def _cut_hash(digits: str, sizes: str | None) -> str:
    parts, position = [], 0
    for size in map(int, (sizes or "8").split(",")):
        parts.append(digits[position : position + size])
        position += size
    return "/".join(parts)


def _safe(text: str) -> PurePosixPath:
    """`text` as folders whose names are safe and not hidden: `.staging` is the repository's."""
    names = [safe_name(part) for part in text.split("/") if part]
    return PurePosixPath(*("_" + name[1:] if name.startswith(".") else name for name in names))


def _numbers(parent: Path, before: str, after: str) -> list[int]:
    name = re.compile(f"{re.escape(before)}([0-9]+){re.escape(after)}")
    if not parent.is_dir():
        return []
    return [int(m.group(1)) for each in parent.iterdir() if (m := name.fullmatch(each.name))]


def _increment(parent: Path, before: str, after: str, digits: int) -> str:
    return f"{before}{max(_numbers(parent, before, after), default=0) + 1:0{digits}d}{after}"


def _subdirs(parent: Path, before: str, after: str, digits: int) -> PurePosixPath:
    """Folders that are not full yet; a folder is full at 10**`digits` entries."""
    limit = 10**digits
    if not before and not after and not _is_full(parent, limit):
        return PurePosixPath()
    full = [PurePosixPath()]
    while True:
        for above in full:
            head, tail = (before, after) if above == PurePosixPath() else ("", "")
            number = max(_numbers(parent / above, head, tail), default=0)
            last = number + 1 >= limit
            for candidate in range(limit) if last else (number, number + 1):
                path = above / _safe(f"{head}{candidate:0{digits}d}{tail}")
                if not _is_full(parent / path, limit):
                    return path
        full = [
            path
            for above in full
            for path in sorted(above / each.name for each in (parent / above).iterdir())
            if _is_full(parent / path, limit)
        ]


def _is_full(folder: Path, limit: int) -> bool:
    return folder.is_dir() and sum(1 for _ in folder.iterdir()) >= limit


def _made(folder: Path) -> bool:
    with writing(folder):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return False
        fsync_folder(folder.parent)
    return True
