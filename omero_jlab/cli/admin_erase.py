"""`admin erase`: removing an object everywhere that it left bytes."""

from __future__ import annotations

import argparse
from typing import get_args

from ..model import Erasure, ErasureKind
from .admin_options import asked, finished, show
from .options import object_argument

__all__ = ["erase_options"]


def erase_options(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "object",
        nargs="?",
        metavar="KIND:ID",
        type=object_argument(*get_args(ErasureKind)),
        help="such as image:17, deleted or not",
    )
    what.add_argument("--list", action="store_true", help="print the protocols of what was erased")
    parser.add_argument("--reason", default="", help="kept in the protocol: write no name there")
    parser.add_argument("--contents", action="store_true", help="with what lies in it alone")
    parser.add_argument(
        "--with-fileset", action="store_true", help="with the other images of the same files"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go")
    parser.set_defaults(run=_erase)


def _erase(options: argparse.Namespace) -> int:
    session = asked(options)
    if options.list:
        found = session.admin.erasures()
        show(options, found, (line for one in found for line in _lines(one)))
        return 0
    kind, number = options.object
    job = session.admin.erase(
        kind,
        number,
        reason=options.reason,
        contents=options.contents,
        with_fileset=options.with_fileset,
        dry_run=options.dry_run,
    )
    report = finished(options, session, job)
    assert isinstance(report, Erasure)
    show(options, report, _lines(report))
    return 0


def _lines(one: Erasure) -> list[str]:
    done = "would be erased" if one.dry_run else "was erased"
    reason = f": {one.reason}" if one.reason else ""
    lines = [
        f"{one.object_kind} {one.object_id} {done} on {one.at:%Y-%m-%d %H:%M} UTC by "
        f"{one.user}{reason}"
    ]
    if one.image_ids:
        lines.append(f"  images: {', '.join(map(str, one.image_ids))}")
    for place in one.places:
        counted = f"{place.rows:,} rows" if place.rows else f"{place.files:,} files"
        lines.append(f"  {place.place}: {counted}" + (f", {place.size:,} bytes" * bool(place.size)))
    return [*lines, *(f"  to do: {duty}" for duty in one.duties)]
