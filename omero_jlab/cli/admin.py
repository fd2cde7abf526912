"""`admin`: looking after a repository."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..model import Usage
from .options import repository_option

__all__ = ["admin_options"]


def admin_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("action", choices=("check", "trash", "usage", "backup", "diagnostics"))
    parser.add_argument("path", nargs="?", help="the folder of the backup")
    parser.add_argument("--verify", action="store_true", help="compute every checksum anew")
    parser.add_argument("--empty", action="store_true", help="remove what was deleted, for good")
    parser.add_argument("--older-than-days", type=float, default=0.0, metavar="DAYS")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_admin)


def _admin(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..model import CheckReport
    from ..objects import wait

    session = connect(options.repository)
    if options.action == "diagnostics":
        found = session.admin.diagnostics()
        print(found.model_dump_json(indent=None if options.json else 1))
        return 1 if found.findings else 0
    if options.action == "usage" or (options.action == "trash" and not options.empty):
        for one in session.admin.usage():
            print(one.model_dump_json() if options.json else _usage_line(one))
        return 0
    if options.action == "check":
        job = session.admin.check(options.verify)
    elif options.action == "backup":
        if options.path is None:
            options.error("admin backup needs the folder to copy to")
        job = session.admin.backup(str(Path(options.path).expanduser().absolute()))
    else:
        job = session.admin.purge(options.older_than_days)
    report = wait(session, job, options.action, quiet=options.json)
    if report is None or options.json:
        print("" if report is None else report.model_dump_json())
    elif isinstance(report, CheckReport):
        for problem in report.problems:
            print(f"{problem.kind}: {problem.path} {problem.detail}".rstrip())
        print(f"{report.files:,} files, {report.size:,} bytes, {len(report.problems)} problems")
    else:
        print(report.model_dump_json(exclude={"kind"}))
    return 1 if isinstance(report, CheckReport) and report.problems else 0


def _usage_line(one: Usage) -> str:
    kept = one.original_bytes + one.attached_bytes + one.table_bytes
    return (
        f"{one.user}\t{one.group}\t{one.images} images\t{kept:,} bytes\t"
        f"{one.deleted_bytes:,} bytes in the trash"
    )
