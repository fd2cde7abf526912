"""`demo` and `serve`: a repository to try things on, one for a team."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..place import default_repository
from .options import repository_option

__all__ = ["demo_options", "serve_options"]


def demo_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("--check", action="store_true", help="no browser: count, run, report")
    parser.add_argument("--prepare", action="store_true", help="make it, and open nothing")
    parser.add_argument("--notebooks", type=Path, help="where the notebooks are copied to")
    parser.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    root = options.repository or default_repository().with_name("demo")
    root = root.expanduser().absolute()
    if options.check:
        from ..demo.check import check

        print(check(root))
        return 0
    from ..connection import connect, disconnect
    from ..demo import fill
    from ..demo.launch import launch
    from ..objects import Repository

    print(f"The demo repository is {root}")
    fill(Repository(connect(root)))
    disconnect()
    if options.prepare:
        return 0
    launch(root, options.notebooks or root.with_name("demo-notebooks"), options.more)
    return 0


def serve_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8890)
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from ..server import serve

    root = (options.repository or default_repository()).expanduser().absolute()
    owner = serve(root, options.host, options.port)
    if owner is not None:
        print(f"omero-jlab: {owner}", file=sys.stderr)
        return 3
    return 0
