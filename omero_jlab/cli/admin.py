"""`admin`: looking after a repository, one command for each thing to do."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ..model import CheckReport, ScrubReport
from .admin_copies import backup_options, restore_options, upgrade_options
from .admin_disk import health_options, relocate_options
from .admin_erase import erase_options
from .admin_options import asked, finished, said, show
from .admin_space import cleanse_options, trash_options, usage_options
from .options import repository_option

__all__ = ["admin_options"]


def admin_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (help, options) in _COMMANDS.items():
        command = commands.add_parser(name, help=help, description=help.capitalize() + ".")
        # Given before the action or after it, it is the same option.
        repository_option(command, default=argparse.SUPPRESS)
        command.add_argument("--json", action="store_true", help="print the report as JSON")
        options(command)


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verify", action="store_true", help="compute every checksum anew")
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    session = asked(options)
    report = finished(options, session, session.admin.check(options.verify))
    assert isinstance(report, CheckReport)
    lines = [*map(said, report.problems)]
    lines.append(f"{report.files:,} files, {report.size:,} bytes, {len(report.problems)} problems")
    show(options, report, lines)
    return 1 if report.problems else 0


def _scrub_options(parser: argparse.ArgumentParser) -> None:
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--rate",
        type=float,
        metavar="MB/S",
        help="read at most so many megabytes a second; without it, what config.toml says",
    )
    pace.add_argument("--now", action="store_true", help="read as fast as the disk can")
    parser.set_defaults(run=_scrub)


def _scrub(options: argparse.Namespace) -> int:
    session = asked(options)
    rate = 0.0 if options.now else options.rate
    report = finished(options, session, session.admin.scrub(rate))
    assert isinstance(report, ScrubReport)
    lines = [*map(said, report.problems)]
    lines.append(f"{report.files:,} files, {report.size:,} bytes, {len(report.problems)} problems")
    show(options, report, lines)
    return 1 if report.problems else 0


def _diagnostics_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_diagnostics)


def _diagnostics(options: argparse.Namespace) -> int:
    found = asked(options).admin.diagnostics()
    show(options, found, [found.model_dump_json(indent=1)])
    return 1 if found.findings else 0


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "check": ("compare rows and files, changing nothing", _check_options),
    "scrub": ("read every file again and mark what is damaged", _scrub_options),
    "usage": ("say who keeps how much", usage_options),
    "trash": ("list what was deleted, or free its space", trash_options),
    "cleanse": ("find files that no row names, and set them aside", cleanse_options),
    "backup": ("copy the repository while it is in use", backup_options),
    "restore": ("put files back from a backup", restore_options),
    "upgrade": ("bring the database to this program's schema", upgrade_options),
    "erase": ("remove an object everywhere that it left bytes", erase_options),
    "health": ("say whether it takes writes, and if not, why not", health_options),
    "relocate": ("take a copied or moved repository as it lies here", relocate_options),
    "diagnostics": ("tell what somebody who helps must know first", _diagnostics_options),
}
"""What can be done, with its line of help and the function that adds its options."""
