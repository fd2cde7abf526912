"""`import` and `results`: bringing images and measurements in."""

from __future__ import annotations

import argparse
import json

from .options import repository_option

__all__ = ["import_options", "results_options"]


def import_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    for name in ("dataset", "project", "screen", "plate", "group"):
        parser.add_argument(f"--{name}", help=f"the {name}'s name")
    parser.add_argument("--channels", help="joins one-channel files: {well}_{field}_{channel}.tif")
    parser.add_argument("--dry-run", action="store_true", help="show what would become an image")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects import Repository

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


def results_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("path", help="the folder that the program wrote")
    parser.add_argument("--dry-run", action="store_true", help="show which image each set is")
    parser.set_defaults(run=_results)


def _results(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects import Repository

    repo = Repository(connect(options.repository))
    report = repo.attach_results(options.path, dry_run=options.dry_run)
    print(report.model_dump_json(indent=1))
    return 0
