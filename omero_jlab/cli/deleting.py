"""`delete` and `undelete`: into the trash, and out of it."""

from __future__ import annotations

import argparse
from typing import get_args

from ..model import TargetKind
from .options import object_argument, repository_option

__all__ = ["delete_options", "undelete_options"]


def delete_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument(
        "objects",
        nargs="+",
        metavar="KIND:ID",
        type=object_argument(*get_args(TargetKind)),
        help="such as image:17",
    )
    parser.add_argument("--contents", action="store_true", help="with what lies in it alone")
    parser.add_argument("--now", action="store_true", help="for good, which frees the space")
    parser.set_defaults(run=_delete)


def _delete(options: argparse.Namespace) -> int:
    from ..connection import connect

    graph = connect(options.repository).graph
    for kind, number in options.objects:
        images = graph.delete(kind, number, options.contents, options.now)
        gone = "is gone for good" if options.now else "is in the trash"
        print(f"{kind} {number} {gone}, {images} images with it")
    return 0


def undelete_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument(
        "deletions",
        nargs="*",
        type=int,
        metavar="DELETION",
        help="numbers of deletions; without any, they are listed",
    )
    parser.set_defaults(run=_undelete)


def _undelete(options: argparse.Namespace) -> int:
    from ..connection import connect

    graph = connect(options.repository).graph
    if not options.deletions:
        for each in graph.deletions():
            when = f"{each.deleted_at:%Y-%m-%d %H:%M}"
            print(f"{each.id}\t{when}\t{each.user}\t{each.kind} {each.object_id}\t{each.name}")
    for number in options.deletions:
        back = graph.undelete(number)
        print(f"deletion {number} is undone: {back.images} images, {back.rows} rows")
        for left in back.left:
            print(f"left: {left}")
    return 0
