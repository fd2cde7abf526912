"""With which pipeline an output was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import OmeroError
from .folder import Folder
from .pipeline import Pipeline, parse, read_pipeline
from .route import Route

__all__ = ["Making", "made_by"]


@dataclass(frozen=True)
class Making:
    """The pipeline, its file in the folder, or else the text that the run recorded."""

    pipeline: Pipeline | None = None
    path: Path | None = None
    text: str = ""
    notes: tuple[str, ...] = ()


def made_by(folder: Folder, route: Route, projects: Sequence[tuple[Path, str]] = ()) -> Making:
    """The pipeline that made what `route` reads.

    What the run itself recorded holds; a file in the folder stands for it where its modules are
    the same.  Without a record it is the one file, or the one that makes all the objects.
    """
    notes = []
    read: list[tuple[Path, Pipeline]] = []
    for path in folder.pipelines:
        try:
            read.append((path, read_pipeline(path)))
        except OmeroError as error:
            notes.append(f"{path.name} was skipped: {error}")
    for path, project_text in projects if not read else ():
        try:
            read.append((path, parse(project_text, path.name)))
        except OmeroError as error:
            notes.append(f"{path.name} was skipped: {error}")
    text = route.experiment.get("Pipeline_Pipeline", "")
    if text:
        try:
            recorded = parse(text, "The pipeline that the run recorded")
        except OmeroError as error:
            notes.append(str(error))
        else:
            same = [path for path, one in read if one.modules == recorded.modules]
            other = [path.name for path, _ in read if path.parent == folder.root]
            if other and not same:
                notes.append(
                    f"{other[0]} is another pipeline than the run recorded; the recorded "
                    "one is kept."
                )
            return Making(recorded, same[0] if same else None, text, tuple(notes))
    names = route.object_names
    making = [one for one in read if names and all(one[1].maker(name) for name in names)]
    if len(read) == 1 or len(making) == 1:
        path, pipeline = making[0] if making else read[0]
        return Making(pipeline, path, notes=tuple(notes))
    if read:
        notes.append(
            f"{len(read)} pipelines lie in the folder and it is unclear which made the results; "
            "none was used."
        )
    return Making(notes=tuple(notes))
