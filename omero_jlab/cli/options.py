"""What several commands ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

__all__ = ["object_argument", "repository_option"]


def repository_option(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    parser.add_argument(
        "--repository",
        type=Path,
        default=default,
        help="the repository's folder, where it is not the user's own",
    )


def object_argument(*kinds: str) -> Callable[[str], tuple[str, int]]:
    """Reads an object as `image:17`: its kind and its id."""

    def read(given: str) -> tuple[str, int]:
        kind, _, number = given.lower().partition(":")
        if kind not in kinds or not (number.isascii() and number.isdecimal()):
            raise argparse.ArgumentTypeError(
                f"{given!r} names no object: write {kinds[-1]}:17, of {', '.join(kinds)}"
            )
        return kind, int(number)

    return read
