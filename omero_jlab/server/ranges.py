"""Which part of a body a request wants."""

from __future__ import annotations

import re

__all__ = ["asked_range"]


def asked_range(header: str, size: int) -> range | None:
    """The bytes that `Range: header` asks of `size`; empty where there are none of them.

    None for the whole: without a header, and for forms that a server may ignore (several parts,
    other units).
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(min(int(first), size), min(int(last) + 1, size) if last else size)
