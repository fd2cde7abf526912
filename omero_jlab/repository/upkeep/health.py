"""Whether a repository takes writes, as people are told."""

from __future__ import annotations

from ...model import Health
from ..state import State

__all__ = ["health"]


def health(state: State) -> Health:
    """Whether the repository takes writes, and how much room is left."""
    found = state.disk.condition()
    damaged = len(state.damage.marks)
    said, warning = found.state, found.warning
    if damaged:
        said = "warning" if said == "ok" else said
        many = "1 file is" if damaged == 1 else f"{damaged:,} files are"
        warning = f"{warning} {many} damaged: see `omero-jlab admin check`.".lstrip()
    return Health(
        state=said,
        writable=not found.reason,
        reason=found.reason,
        warning=warning,
        since=state.disk.since(found.state),
        damaged=damaged,
        bytes_free=found.room.free,
        bytes_total=found.room.total,
    )
