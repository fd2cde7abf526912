"""`metadata`: what `omero metadata` does: tables and key-values of annotations, in number."""

from __future__ import annotations

import argparse
import json
from typing import Any, get_args

from ..errors import Invalid
from ..model import BULK_ANNOTATIONS, TargetKind
from .options import object_argument, repository_option

__all__ = ["metadata_options"]


def metadata_options(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="what", required=True)
    _populate_options(
        commands.add_parser("populate", help="a table from a CSV, or key-values from a table")
    )
    for name, run, told in (
        ("summary", _summary, "count what is attached"),
        ("bulkanns", _bulkanns, "list the tables of bulk annotations"),
        ("mapanns", _mapanns, "list the key-values"),
        ("deletebulkanns", _deletebulkanns, "delete the tables of bulk annotations"),
    ):
        command = commands.add_parser(name, help=told)
        _object(command)
        if name == "deletebulkanns":
            _dry_run(command)
        if name == "mapanns":
            command.add_argument("--ns", metavar="NAMESPACE", help="only those of this namespace")
        command.set_defaults(run=run)


def _object(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument(
        "target",
        metavar="KIND:ID",
        type=object_argument(*get_args(TargetKind)),
        help="an object, such as screen:3",
    )


def _dry_run(parser: argparse.ArgumentParser) -> None:
    either = parser.add_mutually_exclusive_group()
    either.add_argument("-n", "--dry-run", action="store_true", help="show what would be done")
    either.add_argument(
        "-f", "--force", action="store_false", dest="dry_run", help="do it, which is the default"
    )


def _populate_options(parser: argparse.ArgumentParser) -> None:
    _object(parser)
    parser.add_argument(
        "--context",
        choices=("csv", "bulkmap", "deletemap"),
        default="csv",
        help="csv: a table of a file; bulkmap: key-values of a table; deletemap: take these off",
    )
    parser.add_argument("--file", metavar="FILE", help="the CSV file, with or without # header")
    parser.add_argument("--cfg", metavar="FILE", help="the YAML configuration of bulkmap")
    parser.add_argument(
        "--localcfg",
        metavar="JSON",
        help="""chosen namespaces of key-values, as '{"ns": ["a", "b"]}'""",
    )
    parser.add_argument(
        "--table", type=int, help="make key-values of this table, instead of the newest"
    )
    parser.add_argument(
        "--table-name", "--table_name", default="bulk_annotations", help="the new table's name"
    )
    parser.add_argument(
        "--allow-nan",
        "--allow_nan",
        action="store_true",
        help="let numbers be missing; else they become text",
    )
    parser.add_argument(
        "--keep-unresolved", action="store_true", help="attach rows that name no one object too"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    _dry_run(parser)
    parser.set_defaults(run=_populate)


def _populate(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects.exchange import bulkmap_from, deletemap_from, populate_from

    context = options.context
    _check(options)
    kind, number = options.target
    session = connect(options.repository)
    quiet, dry_run = options.json, options.dry_run
    report: Any
    if context == "csv":
        report = populate_from(
            session, kind, number, options.file, options.table_name, options.allow_nan,
            options.keep_unresolved, dry_run, quiet,
        )  # fmt: skip
    elif context == "bulkmap":
        report = bulkmap_from(
            session, kind, number, options.cfg, options.table, _namespaces(options), dry_run, quiet
        )
    else:
        report = deletemap_from(
            session, kind, number, options.cfg, _namespaces(options), dry_run, quiet
        )
    print(report.model_dump_json(indent=1) if options.json else report.as_text())
    return 1 if context == "csv" and dry_run and report.unresolved_count else 0


def _check(options: argparse.Namespace) -> None:
    """Refuse what the context does nothing with."""
    needed = {"csv": "file", "bulkmap": "cfg", "deletemap": None}[options.context]
    if needed and getattr(options, needed) is None:
        raise Invalid(f"--context {options.context} needs --{needed}.")
    used = {
        "csv": ("file", "table_name", "allow_nan", "keep_unresolved"),
        "bulkmap": ("cfg", "localcfg", "table"),
        "deletemap": ("cfg", "localcfg"),
    }[options.context]
    for name, unset in (
        ("file", None), ("cfg", None), ("localcfg", None), ("table", None), ("allow_nan", False),
        ("keep_unresolved", False), ("table_name", "bulk_annotations"),
    ):  # fmt: skip
        if name not in used and getattr(options, name) != unset:
            flag = name.replace("_", "-")
            raise Invalid(f"--context {options.context} does nothing with --{flag}: leave it out.")


def _namespaces(options: argparse.Namespace) -> tuple[str, ...] | None:
    if options.localcfg is None:
        return None
    try:
        told = json.loads(options.localcfg)
    except ValueError as error:
        raise Invalid(f"--localcfg is no JSON: {error}.") from error
    names = told.get("ns") if isinstance(told, dict) else None
    names = [names] if isinstance(names, str) else names
    if not (
        isinstance(names, list) and set(told) == {"ns"} and all(isinstance(n, str) for n in names)
    ):
        raise Invalid("""--localcfg names namespaces, as '{"ns": ["a", "b"]}', and nothing else.""")
    return tuple(names)


def _summary(options: argparse.Namespace) -> int:
    from ..connection import connect

    kind, number = options.target
    session = connect(options.repository)
    counts: dict[str, int] = {}
    for attached in session.annotations.list(kind, number):
        of = attached.annotation.kind
        counts[of] = counts.get(of, 0) + 1
    print(f"{kind} {number}: " + (", ".join(f"{n} {of}" for of, n in sorted(counts.items()))))
    print(f"tables of bulk annotations: {len(_bulk_tables(session, kind, number))}")
    for use in session.exchange.namespaces(kind, number):
        print(f"key-values of {use.namespace}: {use.annotations:,} at {use.links:,} places")
    return 0


def _bulk_tables(session: Any, kind: TargetKind, number: int) -> list[Any]:
    listed = session.tables.list(kind, number)
    return [info for info in listed if info.namespace == BULK_ANNOTATIONS]


def _bulkanns(options: argparse.Namespace) -> int:
    from ..connection import connect

    for info in _bulk_tables(connect(options.repository), *options.target):
        print(f"table {info.id}: {info.name}, {info.rows:,} rows × {len(info.columns)} columns")
    return 0


def _mapanns(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..model import KeyValues

    for attached in connect(options.repository).annotations.list(*options.target):
        found = attached.annotation
        if isinstance(found, KeyValues) and options.ns in (None, found.namespace):
            print(f"key-values {found.id} ({found.namespace})")
            for key, value in found.pairs:
                print(f"    {key}: {value}")
    return 0


def _deletebulkanns(options: argparse.Namespace) -> int:
    from ..connection import connect

    session = connect(options.repository)
    for info in _bulk_tables(session, *options.target):
        if not options.dry_run:
            session.annotations.remove(info.id)
        done = "would be deleted" if options.dry_run else "was deleted"
        print(f"table {info.id} ({info.name}, {info.rows:,} rows) {done}")
    return 0
