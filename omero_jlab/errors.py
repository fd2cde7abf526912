"""One tree of errors; each is also the builtin that a Python user would catch."""

from __future__ import annotations

__all__ = [
    "Conflict",
    "Damaged",
    "Denied",
    "Full",
    "Invalid",
    "Newer",
    "NotFound",
    "OmeroError",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unreadable",
    "error_for",
    "status_of",
]


class OmeroError(Exception):
    """What a user can mend: says what was asked, what was found and what would work."""


class NotFound(OmeroError, LookupError):
    """No such object, or none that this user may see: the two are never told apart."""


class Denied(OmeroError, PermissionError):
    """The object is visible, but this user may not do that to it."""


class Unauthenticated(OmeroError, PermissionError):
    """Nobody is logged in, or the token is no longer valid."""


class Invalid(OmeroError, ValueError):
    """An argument has the wrong form or value."""


class TooLarge(Invalid):
    """More was asked for than one answer may hold."""


class Conflict(OmeroError, RuntimeError):
    """The object was changed by somebody else since it was read."""


class Unreadable(OmeroError, OSError):
    """A file is damaged, truncated, changed or of a kind that cannot be read."""


class Damaged(Unreadable):
    """A file of the repository is not what was written; `path` is where it lies, if known."""

    path = ""


class Newer(Unreadable):
    """Written by a newer program than this one."""


class Unavailable(OmeroError, ConnectionError):
    """The repository or its disk cannot be reached just now."""


class Full(OmeroError, OSError):
    """No room is left on the disk for this operation."""


_STATUS: dict[type[OmeroError], int] = {
    NotFound: 404,
    Denied: 403,
    Unauthenticated: 401,
    TooLarge: 413,
    Invalid: 400,
    Conflict: 409,
    Newer: 501,
    Damaged: 422,
    Unreadable: 422,
    Unavailable: 503,
    Full: 507,
}
_NAMES = {kind.__name__: kind for kind in _STATUS}


def status_of(error: OmeroError) -> int:
    """The HTTP status that stands for `error`."""
    return _STATUS.get(type(error), 500)


def error_for(name: str, message: str) -> OmeroError:
    """The error that a server named `name`, or the root of the tree for an unknown name."""
    return _NAMES.get(name, OmeroError)(message)
