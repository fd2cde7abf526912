"""What analysis programs wrote, attached to the images that they analysed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import Invalid
from ...model import ResultsReport, ResultsRow
from ...results import (
    Ambiguous,
    Confined,
    ImageSet,
    Match,
    Matching,
    Output,
    Unmatched,
    match,
    recognised,
)
from ..work import Work
from .ahead import Ahead
from .attached_before import Before, attached_before, digest_of
from .candidates import candidates
from .made import Made, namespace_of
from .prepared import Prepared, Told, confined, prepare

__all__ = ["Attaching", "ResultsPlan", "plan_results"]

_KEPT_BYTES = 1 << 30
_SETS_AHEAD = 16


@dataclass(frozen=True)
class ResultsPlan:
    """An output, the image of each of its image sets, whether it was attached `before`, a report.

    `digest` is that of the files which the output consists of.
    """

    output: Output
    matching: Matching
    before: Before
    digest: str
    report: ResultsReport


def plan_results(
    session: Work, path: str, image_ids: Sequence[int] | None, call: Confined | None = None
) -> ResultsPlan:
    """What is at `path`, read by way of `call`, and what would become of it."""
    output, failed = recognised(_existing(path), call or confined(session))
    sets = output.image_sets
    with session.reading() as (db, _):
        possible = candidates(db, sets, image_ids)
    known = [one.image_id for one in possible] if image_ids is not None else []
    matching = _as_given(output, match(sets, possible), known)
    called = {one.number: _called(one) for one in sets}
    rows = [
        ResultsRow(
            number=m.number,
            image_id=m.image_id,
            matched_by=m.by,
            note=m.note,
            name=called[m.number],
        )
        for m in matching.matches
    ]
    lost = _lost(matching)
    rows += [
        ResultsRow(
            number=u.number,
            image_id=None,
            matched_by="",
            note=u.reason,
            name=called[u.number],
            fits=u.image_ids if isinstance(u, Ambiguous) else (),
        )
        for u in lost
    ]
    digest = digest_of(output.files)
    ids = [one.image_id for one in matching.matches]
    before = attached_before(session, output.program, namespace_of(output), ids, digest)
    report = ResultsReport(
        program=output.program,
        version=output.version,
        sets=tuple(sorted(rows, key=lambda row: row.number)),
        notes=(*failed, *output.notes, *before.notes),
    )
    return ResultsPlan(output, matching, before, digest, report)


def _as_given(output: Output, matching: Matching, image_ids: Sequence[int]) -> Matching:
    """Where nothing fits, the one image that the caller named is the image of all sets."""
    if matching.matches or len(image_ids) != 1 or not output.may_be_one_image:
        return matching
    (image_id,) = image_ids
    given = [
        Match(
            number=one.number,
            image_id=image_id,
            by="given",
            note=f"taken because it was named: {one.reason}",
        )
        for one in _lost(matching)
    ]
    return Matching(matches=tuple(given))


def _lost(matching: Matching) -> list[Unmatched | Ambiguous]:
    lost: list[Unmatched | Ambiguous] = [*matching.unmatched, *matching.ambiguous]
    return sorted(lost, key=lambda one: one.number)


def _called(image_set: ImageSet) -> str:
    if image_set.names:
        return image_set.names[0]
    if image_set.files:
        return image_set.files[0].name
    return image_set.well or ""


class Attaching:
    """Attaches an output: all of it is read and checked before the first row is written."""

    def __init__(self, session: Any, path: str, told: Told) -> None:
        self._session = session
        self._path = path
        self._told = told

    def run(
        self, image_ids: Sequence[int] | None, tell: Callable[[int, int, str], None]
    ) -> ResultsReport:
        """Attach; answers what was attached.

        Raises
        ------
        Invalid
            Nothing was recognised or matched, or label images cannot be placed.
        Conflict
            The same files are attached already, and it was not said that they shall be again.
        """
        with Ahead(self._session) as ahead:
            return self._run(image_ids, tell, ahead)

    def _run(
        self,
        image_ids: Sequence[int] | None,
        tell: Callable[[int, int, str], None],
        ahead: Ahead,
    ) -> ResultsReport:
        plan = plan_results(self._session, self._path, image_ids, ahead)
        output, matching, report = plan.output, plan.matching, plan.report
        if not matching.matches:
            reasons = "; ".join(dict.fromkeys(row.note for row in report.sets)) or "no image sets"
            raise Invalid(f"No image set of {self._path} is an image here: {reasons}.")
        plan.before.check(self._told.again)
        kept = self._check(output, matching.matches, tell, ahead)
        made = Made(self._session, output, plan.digest)
        count = len(matching.matches)
        try:
            for i, one in enumerate(matching.matches):
                tell(count + i, 2 * count, f"writing to image {one.image_id}")
                ready = kept.pop(one.number, None)
                made.attach(ready or self._prepare(output, one))
            made.flush()
        except BaseException:
            made.undo()
            raise
        # Reading everything may have found more that is odd.
        notes = tuple(dict.fromkeys((*report.notes, *output.notes)))
        return report.model_copy(update={**made.told(), "notes": notes})

    def _check(
        self,
        output: Output,
        matches: Sequence[Match],
        tell: Callable[[int, int, str], None],
        ahead: Ahead,
    ) -> dict[int, Prepared]:
        """Read everything once; answers as much of it as may stay in memory."""
        kept: dict[int, Prepared] = {}
        room = _KEPT_BYTES
        for i, one in enumerate(matches):
            tell(i, 2 * len(matches), f"reading image set {one.number}")
            if i % _SETS_AHEAD == 0:
                # The first time those that come at once, and always those that come next.
                soon = matches[i + _SETS_AHEAD if i else 0 : i + 2 * _SETS_AHEAD]
                ahead.expect(path for m in soon for path in output.label_paths(m.number))
            ready = self._prepare(output, one)
            room -= ready.nbytes
            if room >= 0:
                kept[one.number] = ready
        return kept

    def _prepare(self, output: Output, one: Match) -> Prepared:
        return prepare(self._session, output, one.number, one.image_id, self._told)


def _existing(path: str) -> Path:
    place = Path(path)
    if not place.exists():
        raise Invalid(
            f"{path} does not exist on the disk of the repository's server: give a path there, "
            f"or upload the folder first."
        )
    return place
