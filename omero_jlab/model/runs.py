"""Runs of a function over many images, and what their workers may do."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from .record import Record

__all__ = ["DELEGATED", "Delegation", "Run", "RunImage"]

DELEGATED = "delegated-"
"""The secret of a delegation begins with it, so that whoever has one knows what it is."""


class Run(Record):
    """A function with its parameters under a `name`; of a user, runs with one `key` are one.

    `source` is the SHA-256 of the function's text and of what it uses, `text` its own text.
    `done` and `failed` count images.
    """

    id: int
    user_id: int
    name: str
    key: str
    function: str = ""
    version: str = ""
    source: str = ""
    text: str = ""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    done: int = 0
    failed: int = 0


class RunImage(Record):
    """What a run made of one image.

    `value` is JSON: what the function returned besides tables and label images.  `results` are
    the numbers of the tables and label images that it stored for this image alone; `intact` says
    that all of them are still there.
    """

    image_id: int
    name: str = ""
    state: Literal["done", "failed"]
    rows: int = 0
    seconds: float = 0.0
    attempts: int = 1
    error: str = ""
    traceback: str = ""
    value: str | None = None
    results: tuple[int, ...] = ()
    intact: bool = True


class Delegation(Record):
    """Whoever has the `secret` does, until `expires_at`, a part of what user `user_id` may do.

    It reads so many `images` with their label images, tables and regions, and attaches tables
    and label images of the run `run` to them.  Where `table_id` is given it reads that table, and
    the version `table_version` is kept as long as this holds.  The secret is told once.
    """

    id: int
    user_id: int
    images: int
    run: str
    table_id: int | None
    table_version: int | None
    created_at: datetime
    expires_at: datetime
    secret: str | None = None
