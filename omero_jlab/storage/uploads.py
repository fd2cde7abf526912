"""Where files wait that are on their way to an import, and whose they are."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from ..errors import Unreadable
from .disk import writing
from .durable import Copied
from .layout import Layout
from .platform import fsync_folder
from .upload_folder import PUBLISHED

__all__ = [
    "is_own_file",
    "is_upload_of",
    "take_upload",
    "upload_mark",
    "uploads_folder",
    "within_uploads",
]

# File systems without hard links, and a staging folder on another one than the originals.
_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def uploads_folder(layout: Layout) -> Path:
    """The folder of all uploads; it outlives an opening."""
    return layout.staging(layout.files) / "uploads"


def is_upload_of(layout: Layout, account: str, path: Path) -> bool:
    """Whether `path` lies among the complete files of an upload of this account, links followed."""
    parts = within_uploads(layout, path)
    return bool(parts) and parts[0].endswith(f"-{upload_mark(account)}")


def is_own_file(layout: Layout, path: Path) -> bool:
    """Whether `path` lies in the repository, and not among its uploads, links followed."""
    place = path.resolve()
    uploads = uploads_folder(layout).resolve()
    return place.is_relative_to(layout.root.resolve()) and not place.is_relative_to(uploads)


def within_uploads(layout: Layout, path: Path) -> tuple[str, ...]:
    """The parts of a path below the folder of all uploads, links followed.

    The first is the folder of the upload.  Empty for what is not among the complete files of one.
    """
    folder, place = uploads_folder(layout).resolve(), path.resolve()
    parts = place.relative_to(folder).parts if place.is_relative_to(folder) else ()
    return parts if len(parts) > 1 and parts[1] == PUBLISHED else ()


def take_upload(source: Path, target: Path, known: Copied) -> bool:
    """Whether `target` now is the uploaded file `source` with the content `known`, not read again.

    The upload keeps its own name for it until it is forgotten.

    Raises
    ------
    Unreadable
        `source` is not what was verified.
    Full, Unavailable
        The disk is full, or failed.
    """
    found = source.stat(follow_symlinks=False)
    same = (found.st_size, found.st_mtime_ns) == (known.size, known.mtime_ns)
    if not same or not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"{source} is not what was uploaded: send it again.")
    with writing(target):
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno in _CANNOT_LINK:
                return False
            raise
        fsync_folder(target.parent)
    return True


def upload_mark(account: str) -> str:
    """How the folders of an account's uploads end: nobody adds to those of somebody else."""
    return hashlib.sha256(account.encode()).hexdigest()[:32]
