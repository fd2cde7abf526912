"""Who there is, and what they may do."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

__all__ = ["Actor", "Group", "GroupType", "Member", "Rights", "User"]


class GroupType(StrEnum):
    """OMERO's permission strings: the letters of owner, group and world."""

    PRIVATE = "rw----"
    READ_ONLY = "rwr---"
    READ_ANNOTATE = "rwra--"
    READ_WRITE = "rwrw--"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rights(_Frozen):
    """What the asking user may do to one object; interfaces grey out buttons from these."""

    can_annotate: bool = False
    can_edit: bool = False
    can_delete: bool = False
    can_link: bool = False
    can_move: bool = False
    can_chown: bool = False


class User(_Frozen):
    """An account.  `is_admin` means every privilege; `active` means that it may log in."""

    id: int
    name: str
    full_name: str = ""
    email: str = ""
    is_admin: bool = False
    active: bool = True


class Member(_Frozen):
    """A user's place in a group."""

    user_id: int
    user_name: str
    is_owner: bool


class Group(_Frozen):
    """A group; its `type` decides what members may do with each other's objects."""

    id: int
    name: str
    description: str = ""
    type: GroupType
    members: tuple[Member, ...] = ()


class Actor(_Frozen):
    """On whose behalf a Session acts, and the group in which it creates.

    `member_of` and `owner_of` hold group ids; `epoch` counts changes to users and groups.
    """

    user_id: int
    user_name: str
    is_admin: bool
    member_of: frozenset[int]
    owner_of: frozenset[int]
    group_id: int
    group_name: str
