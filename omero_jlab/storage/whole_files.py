"""Small files of an upload, many of which come in one request."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import Invalid, Unreadable
from ..model import FileToUpload
from .disk import writing
from .durable import Copied
from .hashing import Digests
from .incoming import parse_checksum
from .platform import fsync_file

__all__ = ["write_whole"]

_BLOCK = 1 << 20
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_whole(source: BinaryIO, part: Path, file: FileToUpload) -> Copied:
    """Write the next bytes of `source` to `part`, which must not exist, durably.

    Raises
    ------
    Invalid
        There are too few of them.
    Unreadable
        They are not what the file's checksum says.
    """
    told = parse_checksum(file.checksum) if file.checksum else None
    with writing(part, file.size):
        descriptor = os.open(part, _CREATE, 0o600)
        try:
            with Digests(threads=False, more=[told[0]] if told else ()) as digests:
                left = file.size
                while left:
                    block = source.read(min(left, _BLOCK))
                    if not block:
                        raise Invalid(f"{file.path} ends after {file.size - left:,} bytes.")
                    digests.update(block)
                    rest = memoryview(block)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]
                    left -= len(block)
                found = digests.finish()
            if told is not None and found[told[0]] != told[1]:
                raise Unreadable(
                    f"{file.path} arrived as something else: its {told[0]} is {found[told[0]]}, "
                    f"and must be {told[1]}. Send it again."
                )
            if file.mtime_ns is not None:
                with suppress(OverflowError, OSError):
                    os.utime(descriptor, ns=(file.mtime_ns, file.mtime_ns))
            fsync_file(descriptor)
            mtime_ns = os.fstat(descriptor).st_mtime_ns
        except BaseException:
            part.unlink()
            raise
        finally:
            os.close(descriptor)
    return Copied(file.size, found["SHA-256"], found["MD5-128"], mtime_ns, found)
