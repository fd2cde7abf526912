"""What a moving import leaves behind: sources that go once their bytes are safe elsewhere."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..model import Record

__all__ = ["SOURCES", "Source", "drop_sources"]

log = logging.getLogger(__name__)

SOURCES = "sources"
"""The kind of an intent that names sources instead of files of the repository."""


class Source(Record):
    """A file that was moved to `target`, relative to the repository's root, and what it was.

    Folders that become empty go too, up to but not including `keep`.
    """

    path: str
    keep: str
    target: str
    size: int
    mtime_ns: int
    inode: int


def drop_sources(root: Path, sources: Iterable[Source]) -> None:
    """Remove each source that still is what was imported, and whose bytes lie at its target.

    Whatever is not as it was stays where it is, and the log says so: an import is complete
    without this.
    """
    for source in sources:
        path = Path(source.path)
        try:
            reason = _why_kept(root / source.target, path, source)
            if reason:
                log.warning("%s was moved, and its source stays: %s", path, reason)
                continue
            path.unlink()
        except FileNotFoundError:
            # An earlier run removed it.
            pass
        except OSError as error:
            log.warning("%s was moved, and its source stays: %s", path, error.strerror)
            continue
        _drop_folders(path.parent, Path(source.keep))


def _why_kept(target: Path, path: Path, source: Source) -> str:
    there = path.stat(follow_symlinks=False)
    same = (source.size, source.mtime_ns, source.inode)
    if not stat.S_ISREG(there.st_mode) or (there.st_size, there.st_mtime_ns, there.st_ino) != same:
        return "it was changed or replaced meanwhile"
    try:
        here = target.stat(follow_symlinks=False)
    except OSError as error:
        return f"{target} cannot be looked at: {error.strerror}"
    if not stat.S_ISREG(here.st_mode) or here.st_size != source.size:
        return f"{target} is not what was moved"
    return ""


def _drop_folders(folder: Path, keep: Path) -> None:
    # Only empty ones go; the first that is not ends it.
    with suppress(OSError):
        while folder != keep and folder.is_relative_to(keep):
            folder.rmdir()
            folder = folder.parent
