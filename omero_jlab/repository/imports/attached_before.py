"""Whether an output was attached before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from ...database import AnnotationLinkRow, AnnotationRow
from ...errors import Conflict
from ...storage import hash_file
from ..work import Work

__all__ = ["OUTPUT", "Before", "attached_before", "digest_of"]

OUTPUT = "Output SHA-256"
"""The parameter, in the provenance of a table, that tells of which files it was made."""

_AT_ONCE = 500


@dataclass(frozen=True)
class Before:
    """How many of the images have results of the program, and how many of these very files."""

    program: str
    of_program: int
    same: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report says of it."""
        if self.same:
            return (self._said(),)
        if self.of_program:
            return (
                f"{self.of_program} of these images have other results of {self.program} already; "
                "those stay, and are not replaced.",
            )
        return ()

    def check(self, again: bool) -> None:
        """Refuse to attach the same files twice unless it is meant.

        Raises
        ------
        Conflict
            They are attached already.
        """
        if self.same and not again:
            raise Conflict(
                f"{self._said()} Pass again=True (omero-jlab results --again) to attach them once "
                "more, or delete the earlier tables and labels first."
            )

    def _said(self) -> str:
        return f"{self.same} of these images have exactly these results already."


def digest_of(files: Sequence[Path]) -> str:
    """A digest of the contents of files, wherever they lie; empty for none."""
    if not files:
        return ""
    digests = sorted(hash_file(path).sha256 for path in files)
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def attached_before(
    session: Work, program: str, namespace: str, image_ids: Sequence[int], digest: str
) -> Before:
    """Look for tables of the program, and of the files with this digest, at the images."""
    images = func.count(AnnotationLinkRow.image_id.distinct())
    made_of = AnnotationRow.details["provenance"]["parameters"][OUTPUT].as_string()
    known = same = 0
    with session.reading() as (db, _):
        for start in range(0, len(image_ids), _AT_ONCE):
            statement = (
                select(images)
                .join(AnnotationRow, AnnotationRow.id == AnnotationLinkRow.annotation_id)
                .where(
                    AnnotationRow.namespace == namespace,
                    AnnotationRow.kind == "table",
                    AnnotationLinkRow.image_id.in_(image_ids[start : start + _AT_ONCE]),
                )
            )
            found = db.scalar(statement) or 0
            known += found
            if found and digest:
                same += db.scalar(statement.where(made_of == digest)) or 0
    return Before(program, known, same)
