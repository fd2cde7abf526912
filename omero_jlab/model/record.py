"""The form every record has: frozen, exact about its fields, safe to send as JSON."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from .access import Rights

__all__ = ["Owned", "Record"]


class Record(BaseModel):
    """A value that travels between layers.  NaN and infinities travel as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Owned(Record):
    """What every object in the repository has.

    `version` grows with each change; an update sends the version it was based on and is refused
    with `Conflict` where another change came first.  `rights` are those of the asking user.
    """

    id: int
    version: int
    owner_id: int
    group_id: int
    created_at: datetime
    updated_at: datetime
    rights: Rights
