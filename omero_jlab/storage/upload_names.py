"""The names that files of an upload may have: the client's own, as far as they stay inside."""

from __future__ import annotations

from pathlib import PurePosixPath

from ..errors import Conflict, Invalid
from ..model import FileToUpload

__all__ = ["check_same", "checked_path", "folders_above"]

_NAME_BYTES = 255
_PATH_BYTES = 2048


def checked_path(path: str) -> str:
    """`path` without empty parts and dots, as it may lie below an upload's folder.

    Raises
    ------
    Invalid
        It leads out of the folder, or no file could have that name.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path or not parts or path.endswith("/"):
        raise Invalid(f"{path[:200]!r} leads out of the upload: send a path below its folder.")
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise Invalid(f"{path[:200]!r} is no Unicode: half of a pair stands alone.") from None
    if max(sizes) > _NAME_BYTES or sum(sizes) + len(sizes) > _PATH_BYTES:
        raise Invalid(
            f"{path[:200]!r}… is too long: names have at most {_NAME_BYTES} bytes, paths "
            f"{_PATH_BYTES}."
        )
    return "/".join(parts)


def check_same(known: FileToUpload, file: FileToUpload) -> None:
    same = (known.size, known.mtime_ns) == (file.size, file.mtime_ns)
    if not same or file.checksum not in (None, known.checksum):
        raise Conflict(
            f"{known.path} was declared with {known.size:,} bytes and is another file now: drop "
            f"it first."
        )


def folders_above(path: str) -> list[str]:
    """The folders of the upload that a path lies in."""
    return [str(folder) for folder in PurePosixPath(path).parents if str(folder) != "."]
