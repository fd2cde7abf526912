"""Files over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import OriginalFile
from ..operations import AnySession
from .base import RepositoryHandler, reads
from .uploads import number

__all__ = ["DOWNLOADS"]


class FileHandler(RepositoryHandler):
    """A file's record."""

    @reads
    async def get(self, file_id: str) -> None:
        """Answer with the record."""
        id = number(file_id)

        def record(session: AnySession) -> bytes:
            return session.file(id)[0].model_dump_json().encode()

        await self.send_json(await self.with_session(record))

    head = get


class ContentHandler(RepositoryHandler):
    """A file's bytes, which no browser will show or run in the server's name."""

    @property
    def content_security_policy(self) -> str:
        """Nothing may run, whatever the file is."""
        return "sandbox; default-src 'none'"

    @reads
    async def get(self, file_id: str) -> None:
        """Answer with the file, or with the one range that is asked for."""
        id = number(file_id)
        record, content = await self.with_session(lambda session: session.file(id))
        tag = f'"{record.sha256}"'
        self.set_header("Etag", tag)
        self.set_header("Cache-Control", "private, max-age=0")
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Content-Type", "application/octet-stream")
        self.set_attachment_header(record.name)
        if tag in self.request.headers.get("If-None-Match", ""):
            self.set_status(304)
            await self.finish()
            return
        start, end = 0, record.size
        asked = self.request.headers.get("Range")
        if asked and self.request.headers.get("If-Range", tag) == tag:
            span = _range(asked, record)
            if span is not None:
                start, end = span
                if start >= end:
                    self.set_header("Content-Range", f"bytes */{record.size}")
                    self.set_status(416)
                    await self.finish()
                    return
                self.set_header("Content-Range", f"bytes {start}-{end - 1}/{record.size}")
                self.set_status(206)
        self.set_header("Content-Length", str(end - start))
        await self.send_all(_cut(content, start, end))

    head = get


DOWNLOADS: dict[str, type[RepositoryHandler]] = {
    "files/{id}": FileHandler,
    "files/{id}/content": ContentHandler,
}
"""The handlers by their paths below the API's root."""


def _range(asked: str, record: OriginalFile) -> tuple[int, int] | None:
    """First byte and the one after the last; None for what may be ignored, as RFC 9110 says."""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", asked.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(0, record.size - int(last)), record.size
    end = record.size if not last else min(int(last) + 1, record.size)
    return int(first), end


def _cut(content: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    position = 0
    for piece in content:
        kept = piece[max(0, start - position) : max(0, end - position)]
        position += len(piece)
        if kept:
            yield kept
        if position >= end:
            break
