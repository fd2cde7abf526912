"""Users, groups, memberships and tokens."""

from __future__ import annotations

from typing import Protocol

from ..model import Group, GroupType, Token, User
from . import declare as http
from .declare import UNSET, Unset

__all__ = ["Accounts"]


class Accounts(Protocol):
    """Who there is.  Users see the users of their own groups, administrators see all."""

    @http.get("users")
    def users(self) -> tuple[User, ...]:
        """The users, by name."""
        ...

    @http.post("users")
    def add_user(
        self,
        name: str,
        full_name: str = "",
        email: str = "",
        password: str | None = None,
        is_admin: bool = False,
    ) -> User:
        """Make an account (administrators)."""
        ...

    @http.patch("users/{user_id}")
    def update_user(
        self,
        user_id: int,
        full_name: str | Unset = UNSET,
        email: str | Unset = UNSET,
        is_admin: bool | Unset = UNSET,
        active: bool | Unset = UNSET,
    ) -> User:
        """Change an account (administrators; users their own name and address)."""
        ...

    @http.put("users/{user_id}/password")
    def set_password(self, user_id: int, password: str) -> None:
        """Give an account a password (administrators; users their own)."""
        ...

    @http.get("groups")
    def groups(self) -> tuple[Group, ...]:
        """The groups that the asking user may work in, with their members."""
        ...

    @http.post("groups")
    def add_group(
        self, name: str, type: GroupType = GroupType.PRIVATE, description: str = ""
    ) -> Group:
        """Make a group (administrators)."""
        ...

    @http.patch("groups/{group_id}")
    def update_group(
        self,
        group_id: int,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        type: GroupType | Unset = UNSET,
    ) -> Group:
        """Change a group (administrators, and its owners up to read-annotate)."""
        ...

    @http.put("groups/{group_id}/members/{user_id}")
    def put_member(self, group_id: int, user_id: int, is_owner: bool = False) -> Group:
        """Make a user a member or an owner of a group (administrators and its owners)."""
        ...

    @http.delete("groups/{group_id}/members/{user_id}")
    def remove_member(self, group_id: int, user_id: int) -> Group:
        """Take a user out of a group; what is theirs stays in it (administrators, owners)."""
        ...

    @http.post("users/{user_id}/tokens")
    def add_token(self, user_id: int, name: str = "") -> Token:
        """Make a secret with which scripts log in as that user (oneself, administrators)."""
        ...

    @http.delete("tokens/{token_id}")
    def remove_token(self, token_id: int) -> None:
        """Make a secret worthless at once."""
        ...
