"""Which object belongs to which: parents that objects name, and pairs that modules recorded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

__all__ = ["NAME", "of_image_set", "orphans"]

NAME = "Relationships"
"""The name of the table with the pairs."""

_PARENT = "Parent_"


def orphans(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """One line for each kind of object that names parents which have no row.

    Object n of image set i is the child of row `ObjectNumber == Parent_X` of the objects X in the
    same image set; 0 and nothing mean that it has none.
    """
    lines = []
    for name, frame in frames.items():
        for column in frame.columns:
            owner = str(column).removeprefix(_PARENT)
            parents = frames.get(owner)
            if not str(column).startswith(_PARENT) or parents is None:
                continue
            values = pd.to_numeric(frame[column], errors="coerce").to_numpy("float64", na_value=0)
            has = np.isfinite(values) & (values > 0)
            wanted = pd.MultiIndex.from_arrays(
                [frame["ImageNumber"][has], values[has].astype("int64")]
            )
            known = pd.MultiIndex.from_frame(parents[["ImageNumber", "ObjectNumber"]])
            lost = ~wanted.isin(known)
            if lost.any():
                number, parent = wanted[lost][0]
                lines.append(
                    f"{name}: {int(lost.sum())} rows name a parent in {owner} that "
                    f"has no row there (the first: image set {number}, parent {parent})."
                )
    return lines


def of_image_set(pairs: pd.DataFrame, number: int) -> pd.DataFrame:
    """The pairs that have an object in the image set; those between frames stand with both."""
    here = (pairs["First Image Number"] == number) | (pairs["Second Image Number"] == number)
    return pairs[here].reset_index(drop=True)
