"""The command `omero-jlab`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from ..errors import OmeroError
from ..version import __version__
from .admin import admin_options
from .bringing import import_options, results_options
from .deleting import delete_options, undelete_options
from .metadata import metadata_options
from .people import group_options, user_options
from .starting import demo_options, serve_options
from .tables import tables_options

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit status: 0 done, 1 refused or failed, 2 called wrongly."""
    parser = _parser()
    options, more = parser.parse_known_args(arguments)
    if more and options.command != "demo":
        parser.error(f"unknown arguments: {' '.join(more)}")
    options.more = more
    options.error = parser.error
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except OmeroError as error:
        print(f"omero-jlab: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="omero-jlab", description="A microscopy image repository in a Jupyter server."
    )
    parser.add_argument("--version", action="version", version=f"omero-jlab {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo_options(commands.add_parser("demo", help="make a repository to try things on"))
    import_options(commands.add_parser("import", help="import files and folders"))
    results_options(commands.add_parser("results", help="attach what an analysis program wrote"))
    tables_options(commands.add_parser("tables", help="tables from files, and to files"))
    metadata_options(
        commands.add_parser("metadata", help="annotations in number, as `omero metadata` has them")
    )
    delete_options(commands.add_parser("delete", help="delete objects"))
    undelete_options(commands.add_parser("undelete", help="bring back what was deleted"))
    serve_options(commands.add_parser("serve", help="serve a repository to a team"))
    user_options(commands.add_parser("user", help="add users, give them passwords and tokens"))
    group_options(commands.add_parser("group", help="add groups and members"))
    admin_options(commands.add_parser("admin", help="look after a repository"))
    return parser
