"""How a result was made."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, JsonValue

from .record import Record

__all__ = ["Provenance"]


class Provenance(Record):
    """How a result was made: by which program, with what, from what, when and by whom.

    Every field may be left out.  `pipeline` is a name or path, `pipeline_file_id` the file of the
    repository that holds it; `parameters` are JSON values by name; `image_ids` and `files` are
    what went in; `cell` is the text of the notebook cell, `source` the SHA-256 of it and of what
    it uses, `run` the key of the run over many images that made it.  `made_at` and `made_by` are
    the time and the account that stored the result, unless they are given.
    """

    program: str = ""
    version: str = ""
    pipeline: str = ""
    pipeline_file_id: int | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    image_ids: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    cell: str = ""
    source: str = ""
    run: str = ""
    made_at: datetime | None = None
    made_by: str = ""
