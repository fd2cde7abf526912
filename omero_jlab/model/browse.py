"""What a tree or a list shows: nodes, pages of them, hits of a search, the server's state."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .access import Group, Rights, User
from .record import Record

__all__ = ["Health", "HealthState", "Hit", "Kind", "Node", "Page", "Status", "TargetKind", "Token"]

Kind = Literal[
    "project",
    "dataset",
    "screen",
    "plate",
    "well",
    "image",
    "orphaned-datasets",
    "orphaned-images",
    "orphaned-plates",
]
TargetKind = Literal["project", "dataset", "screen", "plate", "well", "image"]


class Node(Record):
    """One line of the tree; `id` is 0 for the virtual folders of what lies nowhere."""

    kind: Kind
    id: int
    name: str
    child_count: int = 0
    owner_id: int
    group_id: int
    rights: Rights


class Page(Record):
    """Some nodes; `next` is the cursor for those after them, None at the end."""

    nodes: tuple[Node, ...]
    next: str | None
    total: int


class Hit(Record):
    """An object that a search found; `detail` says where the words stand."""

    kind: TargetKind
    id: int
    name: str
    detail: str = ""
    owner_id: int
    group_id: int


HealthState = Literal["ok", "warning", "no-imports", "full", "read-only", "gone"]


class Health(Record):
    """Whether the repository takes writes, and if not, why not; and what to look after soon.

    A `full` disk takes only what frees room.  A `read-only` repository had an error of its disk
    and takes no writes until it is opened again, or an administrator has the disk tried again; from
    one that is `gone` they are kept away until its disk is back.  It is in this `state` since
    `since`, as far as this process saw.  `damaged` files are not what was written.
    """

    state: HealthState = "ok"
    writable: bool
    reason: str = ""
    warning: str = ""
    since: datetime | None = None
    damaged: int = 0
    bytes_free: int
    bytes_total: int


class Status(Record):
    """Which repository answers, in which version of the interface, and to whom."""

    repository: str
    api_version: int
    version: str
    tier: Literal["personal", "team"]
    user: User
    group: Group
    groups: tuple[Group, ...]
    health: Health


class Token(Record):
    """A secret that stands for a user; it is shown once and stored as a hash."""

    id: int
    secret: str
