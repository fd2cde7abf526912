"""The functions that a worker runs: they read foreign files, and answer bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from ..errors import Invalid, Unreadable
from ..model import FoundImage
from ..model.chunks import ChunkIndex
from .contents import Contents
from .joined import read_joined
from .plan import Plan
from .reader import Fileset, Source
from .registry import reader_named
from .shards import transcode

__all__ = ["read", "read_in_worker", "transcode_in_worker"]


def read(plan: Plan, root: Path | None = None, out_folder: Path | None = None) -> Contents:
    """What is in the fileset of `plan`, whose files lie below `root` (else where they were).

    With `out_folder`, images whose pixels the server cannot decode are transcoded into it, as
    one Zarr array `image-N` each, and have an index too.

    Raises
    ------
    Unreadable
        A file is damaged, missing or of a kind that is not read; says which and why.
    """
    fileset = Fileset(plan.root if root is None else root, plan)
    missing = [file for file in plan.files if not (fileset.root / file).is_file()]
    if missing:
        raise Unreadable(f"{plan.name}: {missing[0]} is missing from {fileset.root}.")
    sources = read_joined(fileset) if plan.planes else reader_named(plan.format).read(fileset)
    for source in sources:
        if np.dtype(source.image.dtype).kind not in "biufc":
            raise Unreadable(
                f"{source.image.name} has pixels of type {source.image.dtype}, which are no "
                f"numbers: they cannot be shown or measured."
            )
    indexes: list[ChunkIndex | None] = []
    for number, source in enumerate(sources):
        if not source.reason:
            indexes.append(source.index())
        elif out_folder is None:
            indexes.append(None)
        else:
            indexes.append(transcode(source, out_folder, f"image-{number}"))
    return Contents(
        images=tuple(_placed(source, plan) for source in sources),
        indexes=tuple(indexes),
        transcode=tuple(source.reason for source in sources),
    )


def _placed(source: Source, plan: Plan) -> FoundImage:
    image = source.image
    return image.model_copy(
        update={
            "position": plan.position or image.position,
            "metadata": plan.metadata + image.metadata,
        }
    )


def read_in_worker(root: str, plan_json: str) -> bytes:
    """`read` for a process that may read `root`: a `Contents` as bytes."""
    return read(_plan(plan_json), Path(root)).to_bytes()


def transcode_in_worker(root: str, plan_json: str, out_folder: str) -> bytes:
    """`read` for a process that may also write `out_folder`: a `Contents` that is complete."""
    return read(_plan(plan_json), Path(root), Path(out_folder)).to_bytes()


def _plan(text: str) -> Plan:
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        raise Invalid(f"This is no plan of a fileset: {error}") from error
