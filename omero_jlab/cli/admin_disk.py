"""`admin health` and `admin relocate`: the disk under a repository."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import Unavailable
from ..place import default_repository
from ..units import size_text
from .admin_options import asked, show

__all__ = ["health_options", "relocate_options"]


def health_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retry",
        action="store_true",
        help="take writes again after an error of the disk, if it keeps what is written now",
    )
    parser.set_defaults(run=_health)


def _health(options: argparse.Namespace) -> int:
    session = asked(options)
    found = session.admin.retry_disk() if options.retry else session.server.health()
    since = "" if found.since is None else f" since {found.since:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{found.state}{since}", *filter(None, (found.reason, found.warning))]
    lines.append(f"{size_text(found.bytes_free)} of {size_text(found.bytes_total)} are free")
    if options.retry:
        lines.append("Verify what was written before: omero-jlab admin scrub --now")
    show(options, found, lines)
    return 0 if found.state == "ok" else 1


def relocate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--adopt",
        action="store_true",
        required=True,
        help="take database and files as they lie here for the repository",
    )
    parser.set_defaults(run=_relocate)


def _relocate(options: argparse.Namespace) -> int:
    from ..repository.upkeep.relocate import adopt
    from ..storage import Layout, RepositoryLock

    root: Path = (options.repository or default_repository()).expanduser().absolute()
    lock = RepositoryLock(Layout.open(root).lock)
    if not lock.acquire():
        raise Unavailable(
            f"The repository in {root} is open in {lock.read_owner() or 'another process'}: end "
            f"that first."
        )
    try:
        found = adopt(root)
    finally:
        lock.release()
    lines = [
        f"{found.path} is the repository now, in generation {found.generation}.",
        f"Its database was of generation {found.database_generation}, its files of "
        f"{found.files_generation}.",
        f"See what they disagree on: omero-jlab admin check --repository {found.path}",
    ]
    show(options, found, lines)
    return 0
