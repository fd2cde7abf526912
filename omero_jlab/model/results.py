"""What became of an analysis program's output: which image each image set is, what was attached."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal

from .record import Record

__all__ = ["ResultsReport", "ResultsRow"]

_MOST_MATCHED = 20
_MOST_LOST = 200


class ResultsRow(Record):
    """What becomes of one image set: its image and how it was found, or why it was not.

    `name` is what the program calls the image; `fits` are images that fit equally well.
    """

    number: int
    image_id: int | None
    matched_by: str
    note: str = ""
    name: str = ""
    fits: tuple[int, ...] = ()


class ResultsReport(Record):
    """What was attached, or would be: ids of what was made, and each set's fate.

    `image_ids` are new images that the program computed, `rois` counts regions of interest.
    Printed or shown in a notebook, it is a table of the matching: first the rows that fit
    several images, then those that fit none, then those that were matched.
    """

    kind: Literal["results"] = "results"
    program: str
    version: str
    sets: tuple[ResultsRow, ...]
    table_ids: tuple[int, ...] = ()
    labels_ids: tuple[int, ...] = ()
    file_ids: tuple[int, ...] = ()
    image_ids: tuple[int, ...] = ()
    rois: int = 0
    rows: int = 0
    notes: tuple[str, ...] = ()

    @property
    def matched(self) -> tuple[ResultsRow, ...]:
        """The image sets whose image is known."""
        return tuple(row for row in self.sets if row.image_id is not None)

    @property
    def ambiguous(self) -> tuple[ResultsRow, ...]:
        """The image sets that fit several images."""
        return tuple(row for row in self.sets if row.fits)

    @property
    def unmatched(self) -> tuple[ResultsRow, ...]:
        """The image sets that are none of the images."""
        return tuple(row for row in self.sets if row.image_id is None and not row.fits)

    def __str__(self) -> str:
        lines = [self._headline()]
        for row in self._shown():
            name = f" ({row.name})" if row.name else ""
            note = f": {row.note}" if row.note else ""
            lines.append(f"  set {row.number}{name} → {_fate(row)}{note}")
        lines += [f"  {line}" for line in self._left_out()]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        cells = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(t)}</td>" for t in text)
            + "</tr>"
            for text in (
                (str(row.number), row.name, _fate(row), row.note) for row in self._shown()
            )
        )  # fmt: skip
        head = "".join(f"<th>{text}</th>" for text in ("Set", "File", "Image", "Remarks"))
        more = "".join(f"<p>{html.escape(line)}</p>" for line in self._left_out())
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return (
            f"<p><strong>{html.escape(self._headline())}</strong></p>"
            f"<table><tr>{head}</tr>{cells}</table>{more}" + (f"<ul>{notes}</ul>" if notes else "")
        )

    def _headline(self) -> str:
        program = f"{self.program} {self.version}".strip()
        made = ", ".join(
            f"{count:,} {_plural(word, count)}"
            for count, word in (
                (len(self.table_ids), "table"),
                (len(self.labels_ids), "label image"),
                (len(self.image_ids), "new image"),
                (self.rois, "region"),
                (len(self.file_ids), "file"),
            )
            if count
        )
        attached = f"; attached: {made}" if made else ""
        return (
            f"{program}: {len(self.matched):,} of {len(self.sets):,} image sets are images here"
            f"{attached}."
        )

    def _shown(self) -> Sequence[ResultsRow]:
        lost = (*self.ambiguous, *self.unmatched)
        return (*lost[:_MOST_LOST], *self.matched[:_MOST_MATCHED])

    def _left_out(self) -> list[str]:
        lost = len(self.sets) - len(self.matched) - _MOST_LOST
        known = len(self.matched) - _MOST_MATCHED
        return [
            f"… and {count:,} more that {word}"
            for count, word in ((lost, "have no image"), (known, "were matched"))
            if count > 0
        ]


def _fate(row: ResultsRow) -> str:
    if row.image_id is not None:
        return f"image {row.image_id}, by {row.matched_by}"
    if row.fits:
        return f"one of images {', '.join(map(str, row.fits[:10]))}{' …' * (len(row.fits) > 10)}"
    return "no image"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
