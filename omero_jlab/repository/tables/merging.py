"""Which segments of a table are merged: neighbours that are small, and what changes touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from ...model import Segment

__all__ = ["ASKED", "BEHIND", "Horizon", "Run", "Sizes", "runs_of"]

# In the background, patches and deletions are worked in when they are so many, or hold so large
# a part of the rows: all that they touch is written anew.
_FOLDED = 64
_FOLDED_PART = 10


@dataclass(frozen=True)
class Sizes:
    """Segments of at most `small` bytes are merged to some of at most `merged`."""

    small: int
    merged: int


# In the background the same rows should not be written too often; who asks wants few segments.
BEHIND = Sizes(small=32 << 20, merged=128 << 20)
ASKED = Sizes(small=256 << 20, merged=256 << 20)


@dataclass(frozen=True)
class Run:
    """Neighbouring segments that become one, or a few where they are large.

    `overlays` are the patches and deletions that are worked into them; only the rows from
    `start_row` until before `stop_row` are taken.
    """

    segments: tuple[Segment, ...]
    overlays: tuple[Segment, ...]
    start_row: int
    stop_row: int | None


@dataclass(frozen=True)
class Horizon:
    """The oldest version that is kept, and the number that its next row would have had."""

    number: int
    next_row: int


def runs_of(
    segments: Sequence[Segment], horizon: Horizon, fold: bool | None, sizes: Sizes
) -> Iterator[Run]:
    """What is to be merged: neighbours that are small, and what patches and deletions touch.

    Patches and deletions up to the horizon are all worked in, or none: where `fold` is None, as
    soon as that is worth it.
    """
    rows = [segment for segment in segments if segment.kind == "rows"]
    overlays = tuple(
        segment
        for segment in segments
        if segment.kind != "rows" and segment.since <= horizon.number
    )
    limit = horizon.next_row
    if fold is None:
        many = sum(overlay.rows for overlay in overlays)
        fold = len(overlays) >= _FOLDED or many * _FOLDED_PART >= max(limit, 1)
    if not fold:
        overlays = ()
    settled = [s for s in rows if s.stop_row <= limit]
    recent = [s for s in rows if s.stop_row > limit]
    touched = {
        segment.path for segment in rows if any(_overlap(segment, overlay) for overlay in overlays)
    }
    if not touched:
        # Where nothing is worked in, the horizon parts nothing that has no gaps.
        for run in _neighbours(rows, {s.path for s in settled}, sizes):
            if len(run) > 1:
                yield Run(run, overlays, 0, None)
        return
    # What goes on beyond the horizon is cut there: earlier versions must end within it.
    cut = {s.path for s in recent if s.first_row < limit and s.path in touched}
    settled += [s for s in recent if s.path in cut]
    for run in _neighbours(settled, {s.path for s in settled}, sizes):
        if len(run) > 1 or run[0].path in touched:
            yield Run(run, overlays, 0, limit)
    for run in _neighbours(recent, set(), sizes):
        if len(run) > 1 or run[0].path in cut:
            yield Run(run, (), limit if run[0].path in cut else 0, None)


def _overlap(one: Segment, other: Segment) -> bool:
    return one.first_row < other.stop_row and other.first_row < one.stop_row


def _neighbours(
    segments: Sequence[Segment], settled: Set[str], sizes: Sizes
) -> Iterator[tuple[Segment, ...]]:
    """Neighbouring small segments together, large ones alone.

    Together all are settled, or their rows follow each other without a gap: a version that ends
    within them ends at a place that is known.
    """
    run: list[Segment] = []
    for segment in segments:
        if run and not _may_join(run, segment, settled, sizes):
            yield tuple(run)
            run = []
        run.append(segment)
    if run:
        yield tuple(run)


def _may_join(run: list[Segment], segment: Segment, settled: Set[str], sizes: Sizes) -> bool:
    joined = [*run, segment]
    size = sum(each.size for each in joined)
    if size > sizes.merged or max(run[-1].size, segment.size) > sizes.small:
        return False
    if all(each.path in settled for each in joined):
        return True
    return all(_follows(one, other) for one, other in pairwise(joined))


def _follows(one: Segment, other: Segment) -> bool:
    return one.numbers is None and other.numbers is None and one.stop_row == other.first_row
