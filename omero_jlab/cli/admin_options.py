"""What the commands of `admin` have in common: asking, waiting, printing."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..model import Job, Problem, Record
    from ..operations import AnySession

__all__ = ["asked", "finished", "said", "show", "table"]


def asked(options: argparse.Namespace) -> AnySession:
    """A Session of the repository that is meant."""
    from ..connection import connect

    return connect(options.repository)


def finished(options: argparse.Namespace, session: AnySession, job: Job) -> Any:
    """What a job reports, once it is done; a bar shows how far it is."""
    from ..objects import wait

    return wait(session, job, options.action, quiet=options.json)


def show(
    options: argparse.Namespace, found: Record | Sequence[Record], lines: Iterable[str]
) -> None:
    """Print records as JSON, one on a line, where that was asked for, and `lines` otherwise."""
    if options.json:
        records = found if isinstance(found, Sequence) else [found]
        lines = [each.model_dump_json() for each in records]
    for line in lines:
        print(line)


def said(problem: Problem) -> str:
    """What is wrong with a file, and what cannot be read in full therefore, in a line."""
    needs = [
        f"{noun} {', '.join(map(str, ids))}"
        for noun, ids in (
            ("image", problem.image_ids),
            ("label image", problem.labels_ids),
            ("table", problem.table_ids),
        )
        if ids
    ]
    if problem.in_trash:
        needs.append("in the trash")
    told = f" ({'; '.join(needs)})" if needs else ""
    return f"{problem.kind}: {problem.path} {problem.detail}".rstrip() + told


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of columns as wide as they must be; numbers stand on the right."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    numeric = [
        all(str(line[i]).replace(",", "").isdigit() for line in cells[1:]) for i in range(len(head))
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    return [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
