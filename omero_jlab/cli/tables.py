"""`tables`: result tables out to files, and in from them."""

from __future__ import annotations

import argparse
from typing import get_args

from ..model import TargetKind
from .options import object_argument, repository_option

__all__ = ["tables_options"]


def tables_options(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", required=True)
    _export_options(commands.add_parser("export", help="write a table to a file"))
    _import_options(commands.add_parser("import", help="attach the table in a file"))
    _populate_options(
        commands.add_parser("populate", help="attach a CSV of annotations, as OMERO's populate")
    )


def _export_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("table", type=int, metavar="TABLE", help="the table's number")
    parser.add_argument(
        "file", metavar="FILE", help=".h5 (OMERO.tables), .csv, .parquet, .feather or .arrow"
    )
    parser.add_argument("--column", action="append", help="only this one; repeatable")
    parser.add_argument("--where", metavar="CONDITION", help="only rows that meet it")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects import Repository

    table = Repository(connect(options.repository)).table(options.table)
    place = table.export(options.file, options.column, options.where, options.overwrite)
    print(f"table {table.id} was written to {place}")
    return 0


def _target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="KIND:ID",
        type=object_argument(*get_args(TargetKind)),
        help="the object that gets the table, such as plate:3",
    )


def _import_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    _target(parser)
    parser.add_argument("file", metavar="FILE", help="OMERO.tables' .h5, CSV, Parquet or Feather")
    parser.add_argument("--name", help="the table's name, instead of the file's")
    parser.add_argument(
        "--no-links", action="store_true", help="keep ids of OMERO's objects as plain numbers"
    )
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects.exchange import import_file

    kind, number = options.target
    links = not options.no_links
    session = connect(options.repository)
    info = import_file(session, kind, number, options.file, options.name, links=links)
    print(f"table {info.id}: {info.rows:,} rows × {len(info.columns)} columns")
    return 0


def _populate_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    _target(parser)
    parser.add_argument("file", metavar="FILE", help="a CSV file, with or without a # header line")
    parser.add_argument("--name", help="the table's name, instead of the file's")
    parser.add_argument("--dry-run", action="store_true", help="show what would become of it")
    parser.add_argument(
        "--allow-nan", action="store_true", help="let numbers be missing; else they become text"
    )
    parser.add_argument(
        "--keep-unresolved", action="store_true", help="attach rows that name no one object too"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_populate)


def _populate(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects.exchange import populate_from

    kind, number = options.target
    report = populate_from(
        connect(options.repository),
        kind,
        number,
        options.file,
        options.name,
        options.allow_nan,
        options.keep_unresolved,
        options.dry_run,
        options.json,
    )
    print(report.model_dump_json(indent=1) if options.json else report.as_text())
    return 1 if options.dry_run and report.unresolved_count else 0
