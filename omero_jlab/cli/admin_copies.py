"""`admin backup`, `restore` and `upgrade`: copies of a repository, and newer schemas."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..model import BackupReport, CheckReport, RestoreReport
from ..place import default_repository
from .admin_options import asked, finished, said, show

__all__ = ["backup_options", "restore_options", "upgrade_options"]


def backup_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="FOLDER", help="where to copy to, or an earlier backup")
    parser.add_argument("--verify", action="store_true", help="copy nothing: verify that backup")
    parser.set_defaults(run=_backup)


def _backup(options: argparse.Namespace) -> int:
    session = asked(options)
    path = str(Path(options.path).expanduser().absolute())
    if options.verify:
        checked = finished(options, session, session.admin.verify_backup(path))
        assert isinstance(checked, CheckReport)
        lines = [*map(said, checked.problems)]
        lines.append(f"{checked.files:,} files, {checked.size:,} bytes, {len(lines)} problems")
        show(options, checked, lines)
        return 1 if checked.problems else 0
    report = finished(options, session, session.admin.backup(path))
    assert isinstance(report, BackupReport)
    lines = [*map(said, report.problems)]
    lines.append(
        f"{report.path}: {report.files:,} files, {report.size:,} bytes copied, "
        f"{report.kept:,} files kept, {len(report.problems)} problems"
    )
    show(options, report, lines)
    return 1 if report.problems else 0


def restore_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="the folder of a backup")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", type=Path, metavar="FOLDER", help="all of it, to a new folder")
    what.add_argument(
        "--damaged", action="store_true", help="the files that are damaged or missing here"
    )
    parser.add_argument(
        "--verify", action="store_true", help="with --damaged: compute every checksum to find them"
    )
    parser.set_defaults(run=_restore)


def _restore(options: argparse.Namespace) -> int:
    backup = options.backup.expanduser().absolute()
    if options.to is None:
        session = asked(options)
        job = session.admin.restore_damaged(str(backup), options.verify)
        report = finished(options, session, job)
    else:
        from ..repository.upkeep.restore import restore_to

        report = restore_to(backup, options.to.expanduser().absolute())
    assert isinstance(report, RestoreReport)
    lines = [] if options.to is not None else [f"restored: {path}" for path in report.restored]
    lines += [f"not restored: {said(problem)}" for problem in report.left]
    lines.append(f"{len(report.restored):,} files restored, {len(report.left):,} not")
    show(options, report, lines)
    return 1 if report.left else 0


def upgrade_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.set_defaults(run=_upgrade)


def _upgrade(options: argparse.Namespace) -> int:
    from ..repository.upkeep.upgrade import plan_upgrade, upgrade_repository

    root: Path = (options.repository or default_repository()).expanduser().absolute()
    plan = plan_upgrade(root) if options.dry_run else upgrade_repository(root)
    if plan.schema_version == plan.newest:
        lines = [f"The schema of {root} is {plan.newest}, the newest: there is nothing to do."]
    else:
        lines = [f"{step.revision}: {step.what}" for step in plan.steps]
        doing = "would be" if options.dry_run else "was"
        lines.append(
            f"The schema of {root} {doing} upgraded from {plan.schema_version} to {plan.newest}."
        )
    if options.dry_run and plan.steps:
        lines.append(f"{plan.bytes_needed:,} bytes are needed, {plan.bytes_free:,} are free.")
    lines += plan.problems
    show(options, plan, lines)
    return 1 if plan.problems else 0
