"""`import` and `results`: bringing images and measurements in."""

from __future__ import annotations

import argparse
import math
from typing import get_args

from ..model import CHECKSUMS, Placement, TransferMode
from .options import repository_option

__all__ = ["import_options", "results_options"]


def import_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("paths", nargs="*", metavar="PATH")
    for name in ("dataset", "project", "screen", "plate", "group"):
        parser.add_argument(f"--{name}", help=f"the {name}'s name")
    parser.add_argument("--channels", help="joins one-channel files: {well}_{field}_{channel}.tif")
    parser.add_argument("--name", help="the image's name, instead of its file's")
    parser.add_argument("--tag", action="append", default=[], help="tag every image; repeatable")
    parser.add_argument(
        "--key-value",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="attach a pair to every image; repeatable",
    )
    parser.add_argument(
        "--transfer",
        choices=get_args(TransferMode),
        default="copy",
        help="how files come; symlink leaves them in place",
    )
    parser.add_argument(
        "--checksum", choices=CHECKSUMS, default="SHA-256", help="one of OMERO's, besides SHA-256"
    )
    parser.add_argument("--bulk", metavar="FILE", help="CSV, TSV or YAML with a row for each path")
    parser.add_argument(
        "--parallel", type=_count, metavar="N", help="so many filesets at once (1 to 32)"
    )
    parser.add_argument(
        "--skip-existing", action="store_true", help="leave out what is in the repository already"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would become an image")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_import, refuse=parser.error)


def _import(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects import Repository
    from ..objects.importing import How

    if not options.paths and not options.bulk:
        options.refuse("the following arguments are required: PATH, or --bulk FILE")
    repo = Repository(connect(options.repository, group=options.group))
    how: How = {
        "dataset": options.dataset,
        "project": options.project,
        "screen": options.screen,
        "plate": options.plate,
        "channels": options.channels,
        "name": options.name,
        "tags": options.tag,
        "key_values": options.key_value,
        "transfer": options.transfer,
        "checksum": options.checksum,
        "skip_existing": options.skip_existing,
    }
    if options.parallel is not None:
        how["parallel"] = options.parallel
    if options.dry_run:
        planned = repo.plan_import(*options.paths, bulk=options.bulk, **how)
        print(planned.model_dump_json(indent=1) if options.json else planned.as_text())
        return 0
    images = repo.import_files(*options.paths, bulk=options.bulk, quiet=options.json, **how)
    if options.json:
        print(images.as_json())
    else:
        skipped = f", {len(images.skipped)} here already" if images.skipped else ""
        print(f"{len(images)} images imported, {len(images.failed)} files not{skipped}")
    return 1 if images.failed and not images else 0


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    return key.strip(), value.strip()


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 32")
    return int(text)


def results_options(parser: argparse.ArgumentParser) -> None:
    repository_option(parser)
    parser.add_argument("path", help="the folder or file that the program wrote")
    parser.add_argument(
        "--image", action="append", type=int, metavar="ID", help="only this image; repeatable"
    )
    parser.add_argument(
        "--axes", default="", help="the order of axes where files do not say it: zyx, tyxc"
    )
    parser.add_argument(
        "--placement",
        type=_placement,
        metavar="Y,X[,SCALE]",
        help="where label images of another size lie: the pixel of the image at their corner, and "
        "how many of its pixels one of theirs covers (SCALE, or SCALE_Y,SCALE_X)",
    )
    parser.add_argument(
        "--overlay",
        action="store_true",
        help="make labels over the image of probabilities, instead of a new image",
    )
    parser.add_argument("--dry-run", action="store_true", help="show which image each set is")
    parser.add_argument(
        "--again", action="store_true", help="attach once more what is attached already"
    )
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.set_defaults(run=_results)


def _placement(text: str) -> Placement:
    try:
        y, x, *scales = (float(word) for word in text.split(","))
        scale_y, scale_x = (*scales, *scales)[:2] if scales else (1.0, 1.0)
        if len(scales) > 2 or not all(map(math.isfinite, (y, x, scale_y, scale_x))):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no Y,X or Y,X,SCALE") from None
    if min(scale_y, scale_x) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} has a scale that is not above 0")
    return Placement(y=y, x=x, scale_y=scale_y, scale_x=scale_x)


def _results(options: argparse.Namespace) -> int:
    from ..connection import connect
    from ..objects import Repository

    repo = Repository(connect(options.repository))
    images = None if options.image is None else [repo.image(one) for one in options.image]
    report = repo.attach_results(
        options.path,
        images=images,
        dry_run=options.dry_run,
        placement=options.placement,
        axes=options.axes,
        again=options.again,
        overlay=options.overlay,
    )
    print(report.model_dump_json(indent=1) if options.json else report)
    return 0
