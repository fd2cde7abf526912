"""Tracks and lineages, from the rows of tracked objects."""

from __future__ import annotations

import pandas as pd

__all__ = ["tracks"]

_TIME = ("timestep", "frame", "time")
_TRACK = ("track_id", "trackId")
_PARENT = ("parent_track_id", "parentTrackId")
_LINEAGE = ("lineage_id", "lineageId")


def tracks(objects: pd.DataFrame) -> pd.DataFrame | None:
    """A row for each track: its lineage and parent, first and last time, how many objects.

    None where the objects were not tracked.  A track of 0 or below is ilastik's word for none,
    and so is a parent; such objects are left out, such parents are missing.
    """
    time, track = _named(objects, _TIME), _named(objects, _TRACK)
    if time is None or track is None:
        return None
    tracked = objects[pd.to_numeric(objects[track], errors="coerce") > 0]
    grouped = tracked.groupby(track, sort=True)
    found = pd.DataFrame(
        {
            "first_timestep": grouped[time].min(),
            "last_timestep": grouped[time].max(),
            "objects": grouped.size(),
        }
    )
    lineage, parent = _named(objects, _LINEAGE), _named(objects, _PARENT)
    if parent is not None:
        parents = grouped[parent].first()
        found.insert(0, "parent_track_id", parents.where(parents > 0).astype("Int64"))
    if lineage is not None:
        found.insert(0, "lineage_id", grouped[lineage].first())
    return found.rename_axis("track_id").reset_index()


def _named(objects: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in objects), None)
