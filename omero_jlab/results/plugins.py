"""Recognisers of other packages: entry points of the group `omero_jlab.results`."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from .confined import Confined
from .contract import Output

__all__ = ["GROUP", "recognised_by_plugins"]

GROUP = "omero_jlab.results"


def recognised_by_plugins(path: Path, confined: Confined) -> tuple[Output | None, list[str]]:
    """The output at `path` as the first plug-in that knows it reads it, and what went wrong.

    A plug-in that fails, or answers something else than an output, is named in a line and passed
    over.
    """
    notes: list[str] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            output = point.load()(path, confined)
            if output is None:
                continue
            if isinstance(output, Output):
                # What it says of itself is asked for once, where a failure does no harm.
                _ = (output.program, output.version, output.notes, output.image_sets, output.files)
                return output, notes
            fault = f"it answered {type(output).__name__}, and no Output"
        # The border to code that is not ours: whatever it raises is an answer about the plug-in.
        except Exception as error:  # noqa: BLE001
            fault = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        notes.append(f"The plug-in {point.name} ({point.value}) was passed over: {fault}.")
    return None, notes
