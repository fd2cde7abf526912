"""The command `omero-jlab`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .errors import NotFound, OmeroError
from .model import Group, GroupType, Usage, User
from .place import default_repository
from .version import __version__

__all__ = ["main"]

T = TypeVar("T", User, Group)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit status: 0 done, 1 refused or failed, 2 called wrongly."""
    options, more = _parser().parse_known_args(arguments)
    if more and options.command != "demo":
        _parser().error(f"unknown arguments: {' '.join(more)}")
    options.more = more
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
    _demo_options(commands.add_parser("demo", help="make a repository to try things on"))
    _import_options(commands.add_parser("import", help="import files and folders"))
    _results_options(commands.add_parser("results", help="attach what CellProfiler wrote"))
    _serve_options(commands.add_parser("serve", help="serve a repository to a team"))
    _user_options(commands.add_parser("user", help="add users, give them passwords and tokens"))
    _group_options(commands.add_parser("group", help="add groups and members"))
    _admin_options(commands.add_parser("admin", help="check a repository, empty its trash"))
    return parser


def _repository_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repository", type=Path, help="the repository's folder, where it is not the user's own"
    )


def _demo_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("--check", action="store_true", help="no browser: count, run, report")
    parser.add_argument("--prepare", action="store_true", help="make it, and open nothing")
    parser.add_argument("--notebooks", type=Path, help="where the notebooks are copied to")
    parser.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    root = options.repository or default_repository().with_name("demo")
    root = root.expanduser().absolute()
    if options.check:
        from .demo.check import check

        print(check(root))
        return 0
    from .connection import connect, disconnect
    from .demo import fill
    from .demo.launch import launch
    from .objects import Repository

    print(f"The demo repository is {root}")
    fill(Repository(connect(root)))
    disconnect()
    if options.prepare:
        return 0
    launch(root, options.notebooks or root.with_name("demo-notebooks"), options.more)
    return 0


def _import_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    for name in ("dataset", "project", "screen", "plate", "group"):
        parser.add_argument(f"--{name}", help=f"the {name}'s name")
    parser.add_argument("--channels", help="joins one-channel files: {well}_{field}_{channel}.tif")
    parser.add_argument("--dry-run", action="store_true", help="show what would become an image")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    from .connection import connect
    from .objects import Repository

    repo = Repository(connect(options.repository, group=options.group))
    if options.dry_run:
        planned = repo.plan_import(*options.paths, channels=options.channels)
        print(planned.model_dump_json(indent=1))
        return 0
    images = repo.import_files(
        *options.paths,
        dataset=options.dataset,
        project=options.project,
        screen=options.screen,
        plate=options.plate,
        channels=options.channels,
        quiet=options.json,
    )
    if options.json:
        failed = [failure.model_dump() for failure in images.failed]
        print(json.dumps({"images": [image.id for image in images], "failed": failed}))
    else:
        print(f"{len(images)} images imported, {len(images.failed)} files not")
    return 1 if images.failed and not images else 0


def _results_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("path", help="the folder that the program wrote")
    parser.add_argument("--dry-run", action="store_true", help="show which image each set is")
    parser.set_defaults(run=_results)


def _results(options: argparse.Namespace) -> int:
    from .connection import connect
    from .objects import Repository

    repo = Repository(connect(options.repository))
    report = repo.attach_results(options.path, dry_run=options.dry_run)
    print(report.model_dump_json(indent=1))
    return 0


def _serve_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8890)
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from .server import serve

    root = (options.repository or default_repository()).expanduser().absolute()
    owner = serve(root, options.host, options.port)
    if owner is not None:
        print(f"omero-jlab: {root} is open already, at {owner.url}", file=sys.stderr)
        return 3
    return 0


def _user_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("action", choices=("list", "add", "password", "token"))
    parser.add_argument("name", nargs="?")
    parser.add_argument("--full-name", default="")
    parser.add_argument("--admin", action="store_true")
    parser.set_defaults(run=_user)


def _user(options: argparse.Namespace) -> int:
    import getpass

    from .connection import connect

    if options.name is None and options.action != "list":
        _parser().error(f"user {options.action} needs a name")
    accounts = connect(options.repository).accounts
    if options.action == "list":
        for user in accounts.users():
            print(f"{user.id}\t{user.name}\t{user.full_name}\t{'admin' if user.is_admin else ''}")
        return 0
    if options.action == "add":
        user = accounts.add_user(options.name, options.full_name, is_admin=options.admin)
        print(f"user {user.name} has id {user.id}")
        return 0
    user = _named(accounts.users(), options.name, "user")
    if options.action == "password":
        accounts.set_password(user.id, getpass.getpass(f"New password of {user.name}: "))
    else:
        print(accounts.add_token(user.id, "command line").secret)
    return 0


def _group_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("action", choices=("list", "add", "join", "leave"))
    parser.add_argument("name", nargs="?")
    parser.add_argument("user", nargs="?")
    parser.add_argument(
        "--type",
        default=GroupType.PRIVATE.value,
        choices=[each.value for each in GroupType],
        help="private, read-only, read-annotate or read-write",
    )
    parser.add_argument("--owner", action="store_true", help="join as an owner of the group")
    parser.set_defaults(run=_group)


def _group(options: argparse.Namespace) -> int:
    from .connection import connect

    if options.name is None and options.action != "list":
        _parser().error(f"group {options.action} needs a name")
    if options.user is None and options.action in ("join", "leave"):
        _parser().error(f"group {options.action} needs a group and a user")
    accounts = connect(options.repository).accounts
    if options.action == "list":
        for group in accounts.groups():
            members = ", ".join(member.user_name for member in group.members)
            print(f"{group.id}\t{group.name}\t{group.type.value}\t{members}")
        return 0
    if options.action == "add":
        group = accounts.add_group(options.name, GroupType(options.type))
        print(f"group {group.name} has id {group.id}")
        return 0
    group = _named(accounts.groups(), options.name, "group")
    user = _named(accounts.users(), options.user, "user")
    if options.action == "join":
        accounts.put_member(group.id, user.id, options.owner)
    else:
        accounts.remove_member(group.id, user.id)
    return 0


def _admin_options(parser: argparse.ArgumentParser) -> None:
    _repository_option(parser)
    parser.add_argument("action", choices=("check", "trash", "usage", "backup", "diagnostics"))
    parser.add_argument("path", nargs="?", help="the folder of the backup")
    parser.add_argument("--verify", action="store_true", help="compute every checksum anew")
    parser.add_argument("--empty", action="store_true", help="remove what was deleted, for good")
    parser.add_argument("--older-than-days", type=float, default=0.0, metavar="DAYS")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_admin)


def _admin(options: argparse.Namespace) -> int:
    from .connection import connect
    from .model import CheckReport
    from .objects import wait

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
            _parser().error("admin backup needs the folder to copy to")
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


def _named(things: Sequence[T], name: str, kind: str) -> T:
    for thing in things:
        if thing.name == name:
            return thing
    raise NotFound(f"There is no {kind} {name!r} here.")


if __name__ == "__main__":
    sys.exit(main())
