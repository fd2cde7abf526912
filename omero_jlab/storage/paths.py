"""Names that came from elsewhere, made safe to be files below a folder of ours."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ..errors import Invalid

__all__ = ["below", "safe_name", "safe_paths"]

# POSIX NAME_MAX of every common file system, and half of Linux's PATH_MAX, which leaves room
# for the repository's own folder.
_NAME_BYTES = 255
_PATH_BYTES = 2048
_UNNAMED = "unnamed"
_FORBIDDEN = frozenset('"*/:<>?\\|')
# Marks that turn the direction of text: `gpj.exe` can be made to look like `exe.jpg`.
_DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_RESERVED = re.compile(r"(aux|clock\$|con|nul|prn|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"(\.[A-Za-z0-9]{1,8}){1,2}$")


def safe_name(name: str) -> str:
    """One file name that every system accepts, as near to `name` as may be.

    Follows OMERO's rules "Windows required" and "UNIX required" (omero.fs.repo.path_rules): the
    characters ``" * / : < > ? \\ |``, control characters and a leading ``$`` become ``_``;
    reserved names such as ``CON`` or ``aux.txt`` get a ``_`` before them; a name of more than
    255 bytes is shortened and gets a piece of its hash; ``.`` and ``..`` are no names.
    """
    safe = "".join("_" if _is_forbidden(letter) else letter for letter in name)
    if safe.startswith("$"):
        safe = "_" + safe[1:]
    if _RESERVED.fullmatch(safe):
        safe = "_" + safe
    if safe in ("", ".", ".."):
        safe = _UNNAMED
    return _shortened(safe, name)


def safe_paths(paths: Iterable[str]) -> tuple[PurePosixPath, ...]:
    """For each path, with `/`, a relative one below any folder; no two are the same.

    Folders are kept.  Roots, ``.`` and ``..`` are dropped.  Names that differ only in case, in
    Unicode's way of writing them or in dots and spaces at the end would be one file on another
    system: the later one gets ``~2``, ``~3``, … before its extension.

    Raises
    ------
    Invalid
        A path is longer than 2048 bytes.
    """
    placed = _Placed()
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

    def __init__(self) -> None:
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
        safe = safe_name(name)
        number, candidate = 1, safe
        while _same_elsewhere(candidate) in taken:
            number += 1
            candidate = _numbered(safe, number)
        taken.add(_same_elsewhere(candidate))
        return parent / candidate


def _is_forbidden(letter: str) -> bool:
    # Cc: control; Cs: half a surrogate, from bytes that were no UTF-8; Zl, Zp: line breaks.
    return (
        letter in _FORBIDDEN
        or letter in _DIRECTION
        or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
    )


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
