"""`admin usage`, `trash` and `cleanse`: who keeps how much, and what frees room."""

from __future__ import annotations

import argparse
from typing import get_args

from ..model import CleanseReport, UsageBy
from .admin_options import asked, finished, show, table

__all__ = ["cleanse_options", "trash_options", "usage_options"]


def usage_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", choices=get_args(UsageBy), default="user", help="whose, or of what")
    parser.set_defaults(run=_usage)


def _usage(options: argparse.Namespace) -> int:
    found = asked(options).admin.usage(options.by)
    kinds = sorted({kept.kind for one in found for kept in one.kept})
    rows = []
    for one in found:
        sizes = {kept.kind: kept.size for kept in one.kept}
        of_kinds = [] if options.by == "kind" else [sizes.get(kind, 0) for kind in kinds]
        rows.append([one.name or "(none)", one.images, one.files, one.size, *of_kinds])
    more = () if options.by == "kind" else kinds
    show(options, found, table((options.by, "images", "files", "bytes", *more), rows))
    return 0


def trash_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--empty", action="store_true", help="remove what was deleted, for good")
    parser.add_argument(
        "--older-than-days",
        type=float,
        default=0.0,
        metavar="DAYS",
        help="with --empty: only what was deleted so many days ago or longer",
    )
    parser.set_defaults(run=_trash)


def _trash(options: argparse.Namespace) -> int:
    session = asked(options)
    if options.empty:
        report = finished(options, session, session.admin.purge(options.older_than_days))
        said = f"{report.rows:,} rows, {report.files:,} files, {report.size:,} bytes are gone"
        show(options, report, [said])
        return 0
    found = session.admin.trash()
    rows = [
        (
            each.deletion.id,
            f"{each.deletion.deleted_at:%Y-%m-%d %H:%M}",
            each.deletion.user or "(unknown)",
            f"{each.deletion.kind} {each.deletion.object_id}",
            each.deletion.name,
            each.deletion.images,
            each.files,
            each.size,
        )
        for each in found
    ]
    head = ("deletion", "when", "who", "what", "name", "images", "files", "bytes")
    show(options, found, [*table(head, rows), f"{sum(e.size for e in found):,} bytes in all"])
    return 0


def cleanse_options(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--apply", "--yes", action="store_true", help="move them to the quarantine")
    what.add_argument("--list", action="store_true", help="list what lies in the quarantine")
    what.add_argument("--restore", metavar="DATE", help="put back what was moved then")
    what.add_argument("--purge", action="store_true", help="remove what was moved, for good")
    parser.add_argument(
        "--older-than-days",
        type=float,
        default=30.0,
        metavar="DAYS",
        help="with --purge: only what was moved so many days ago or longer (30)",
    )
    parser.add_argument(
        "--older-than-minutes",
        type=float,
        default=15.0,
        metavar="MINUTES",
        help="leave files alone that changed later than so many minutes ago (15)",
    )
    parser.set_defaults(run=_cleanse)


def _cleanse(options: argparse.Namespace) -> int:
    session = asked(options)
    admin = session.admin
    if options.list:
        kept = admin.quarantines()
        rows = [(each.name, each.files, each.size) for each in kept]
        show(options, kept, table(("quarantine", "files", "bytes"), rows))
        return 0
    if options.restore is not None:
        job = admin.restore_quarantine(options.restore)
    elif options.purge:
        job = admin.remove_quarantines(options.older_than_days)
    else:
        job = admin.cleanse(options.apply, options.older_than_minutes)
    report = finished(options, session, job)
    assert isinstance(report, CleanseReport)
    lines = [f"{each.size:>15,}  {each.path}" for each in report.strays]
    if len(report.strays) < report.files:
        lines.append(f"and {report.files - len(report.strays):,} more")
    lines += [f"left: {each}" for each in report.left]
    show(options, report, [*lines, _said(report)])
    return 0


def _said(report: CleanseReport) -> str:
    said = f"{report.files:,} files, {report.size:,} bytes"
    if report.done == "found":
        again = ": nothing was moved, --apply does it" if report.files else ""
        return f"{said} that no row names{again}"
    if report.done == "moved":
        return f"{said} moved; `--restore {report.name}` puts them back"
    return f"{said} {report.done}"
