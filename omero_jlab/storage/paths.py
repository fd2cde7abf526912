"""Names that came from elsewhere, made safe to be files below a folder of ours."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ..errors import Invalid

__all__ = ["DEFAULT_RULES", "PathRules", "below", "safe_name", "safe_paths"]

DEFAULT_RULES = "Windows required, UNIX required"

# POSIX NAME_MAX of every common file system, and half of Linux's PATH_MAX, which leaves room
# for the repository's own folder.
_NAME_BYTES = 255
_PATH_BYTES = 2048
_UNNAMED = "unnamed"
# Marks that turn the direction of text: `gpj.exe` can be made to look like `exe.jpg`.
_DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_RESERVED = re.compile(r"(aux|clock\$|con|nul|prn|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"(\.[A-Za-z0-9]{1,8}){1,2}$")


class PathRules:
    """Which names files may have, by OMERO's names of such rules (omero.fs.repo.path_rules).

    ``Windows required``
        none of ``" * / : < > ? \\ |``, no reserved name such as ``CON`` or ``aux.txt``, no
        ``$`` at the beginning.
    ``Windows optional``
        no dot or space at the end, which Windows drops, and none of ``; , = [ ]``.
    ``UNIX required``
        no ``/``.
    ``UNIX optional``
        no dot or hyphen at the beginning: such files are hidden, or taken for options.
    ``local required``, ``local optional``
        what the system of the server needs: UNIX's.

    Control characters, marks that turn the direction of text and halves of surrogate pairs are
    never allowed; neither are ``.``, ``..`` and more than 255 bytes.

    Parameters
    ----------
    text
        Rules separated by commas.

    Raises
    ------
    Invalid
        A rule is not known; those that are, are named.
    """

    KNOWN = (
        "Windows required", "Windows optional", "UNIX required", "UNIX optional",
        "local required", "local optional",
    )  # fmt: skip

    def __init__(self, text: str = DEFAULT_RULES) -> None:
        asked = [" ".join(rule.split()) for rule in text.split(",") if rule.strip()]
        known = {rule.casefold(): rule for rule in self.KNOWN}
        for rule in asked:
            if rule.casefold() not in known:
                raise Invalid(f"There is no path rule {rule!r}; there are {', '.join(self.KNOWN)}.")
        self.names = frozenset(known[rule.casefold()] for rule in asked)
        self._windows = "Windows required" in self.names
        ends = "Windows optional" in self.names
        self._characters = frozenset(
            "/" + ('"*:<>?\\|' if self._windows else "") + (";,=[]" if ends else "")
        )
        self._last = ". " if ends else ""
        hidden = self.names & {"UNIX optional", "local optional"}
        self._first = ("$" if self._windows else "") + (".-" if hidden else "")

    def safe(self, name: str) -> str:
        """One file name that obeys the rules, as near to `name` as may be.

        What is forbidden becomes ``_``; a reserved name gets a ``_`` before it; a name of more
        than 255 bytes is shortened and gets a piece of its hash.
        """
        safe = "".join("_" if self._forbids(letter) else letter for letter in name)
        if self._first and safe.startswith(tuple(self._first)) and safe not in (".", ".."):
            safe = "_" + safe[1:]
        if self._windows and _RESERVED.fullmatch(safe):
            safe = "_" + safe
        if safe in ("", ".", ".."):
            safe = _UNNAMED
        safe = _shortened(safe, name)
        return safe[:-1] + "_" if self._last and safe.endswith(tuple(self._last)) else safe

    def broken_by(self, name: str) -> str:
        """The rule that a name breaks, in words; empty where it breaks none."""
        if self.safe(name) == name:
            return ""
        for rule in self.KNOWN:
            if rule in self.names and PathRules(rule).safe(name) != name:
                return rule
        return "no control characters, and at most 255 bytes"

    def _forbids(self, letter: str) -> bool:
        # Cc: control; Cs: half a surrogate, from bytes that were no UTF-8; Zl, Zp: line breaks.
        return (
            letter in self._characters
            or letter in _DIRECTION
            or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        )


def safe_name(name: str) -> str:
    """One file name that every system accepts: by OMERO's default rules."""
    return _DEFAULT.safe(name)


def safe_paths(paths: Iterable[str], rules: PathRules | None = None) -> tuple[PurePosixPath, ...]:
    """For each path, with `/`, a relative one below any folder; no two are the same.

    Folders are kept.  Roots, ``.`` and ``..`` are dropped.  Names that differ only in case, in
    Unicode's way of writing them or in dots and spaces at the end would be one file on another
    system: the later one gets ``~2``, ``~3``, … before its extension.

    Raises
    ------
    Invalid
        A path is longer than 2048 bytes.
    """
    placed = _Placed(rules or _DEFAULT)
    return tuple(placed.place(path) for path in paths)


def below(folder: Path, relative: str | PurePosixPath) -> Path:
    """The path of `relative` in `folder`.

    Raises
    ------
    Invalid
        It is absolute, or leads out of `folder`, by ``..`` or by a symbolic link.
    """
    base = folder.resolve()
    found = (base / relative).resolve()
    if "\0" in str(relative) or not found.is_relative_to(base) or found == base:
        raise Invalid(f"{str(relative)!r} is no path inside {folder}.")
    return folder / relative


class _Placed:
    """The names given so far, folder by folder."""

    def __init__(self, rules: PathRules) -> None:
        self._rules = rules
        self._taken: dict[PurePosixPath, set[str]] = {}
        self._folders: dict[tuple[PurePosixPath, str], PurePosixPath] = {}

    def place(self, path: str) -> PurePosixPath:
        *folders, name = [p for p in path.split("/") if p not in ("", ".", "..")] or [_UNNAMED]
        parent = PurePosixPath()
        for folder in folders:
            key = (parent, folder)
            if key not in self._folders:
                self._folders[key] = self._take(parent, folder)
            parent = self._folders[key]
        found = self._take(parent, name)
        if len(str(found).encode()) > _PATH_BYTES:
            raise Invalid(
                f"The path {path[:80]!r}… has more than {_PATH_BYTES} bytes: import its folder "
                "from further down, or shorten its names."
            )
        return found

    def _take(self, parent: PurePosixPath, name: str) -> PurePosixPath:
        taken = self._taken.setdefault(parent, set())
        safe = self._rules.safe(name)
        number, candidate = 1, safe
        while _same_elsewhere(candidate) in taken:
            number += 1
            candidate = _numbered(safe, number)
        taken.add(_same_elsewhere(candidate))
        return parent / candidate


def _same_elsewhere(name: str) -> str:
    """A key that is equal for names that some file system takes for one."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded).rstrip(". ")


def _numbered(name: str, number: int) -> str:
    stem, extension = _split(name)
    return _cut(stem, _NAME_BYTES - len(f"~{number}{extension}".encode())) + (
        f"~{number}{extension}"
    )


def _shortened(name: str, original: str) -> str:
    if len(name.encode()) <= _NAME_BYTES:
        return name
    stem, extension = _split(name)
    digest = hashlib.sha256(original.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    end = f"~{digest}{extension}"
    return _cut(stem, _NAME_BYTES - len(end.encode())) + end


def _split(name: str) -> tuple[str, str]:
    """Stem and extension; `.ome.tif` is one, as readers look at both parts."""
    found = _EXTENSION.search(name, 1)
    return (name[: found.start()], found.group()) if found else (name, "")


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")


_DEFAULT = PathRules()
