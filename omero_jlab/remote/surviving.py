"""A Session that outlives the process that owns its repository."""

from __future__ import annotations

import functools
import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, get_type_hints

from pydantic import TypeAdapter

from ..errors import Unavailable
from ..operations import FAMILIES, AnySession, Operation, Streams
from .families import family
from .session import RemoteSession

__all__ = ["Attached", "Source", "SurvivingSession"]

log = logging.getLogger(__name__)
T = TypeVar("T")
_PATIENCE_S = 10.0
_PAUSE_S = 0.1


class Source(Protocol):
    """Where Sessions come from: this process or another one."""

    def session(self, group: str | int | None, request_id: str | None) -> Any:
        """A Session for one call."""
        ...

    def remote(self, group: str | int | None) -> RemoteSession:
        """The same for another process."""
        ...

    def repository(self) -> str:
        """The UUID of the repository, asked of it."""
        ...

    def address(self) -> str:
        """Where other processes reach it."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Attached:
    """Sessions of a repository in another process."""

    def __init__(self, remote: RemoteSession) -> None:
        self._remote = remote

    def session(self, group: str | int | None, request_id: str | None) -> RemoteSession:
        """A Session over the connections that are open already."""
        session = RemoteSession(self._remote.transport, group=group, request_id=request_id)
        # Where the owner has gone, the next one is looked for instead.
        session.patience_s = 0.0
        return session

    def remote(self, group: str | int | None) -> RemoteSession:
        """The same."""
        return self.session(group, None)

    def repository(self) -> str:
        """The UUID that the server's handshake names."""
        return self._remote.handshake().repository

    def address(self) -> str:
        """The server's address."""
        return self._remote.transport.url

    def close(self) -> None:
        """Close the connections."""
        self._remote.close()


class SurvivingSession:
    """A Session that finds its repository again when the owner has ended.

    `find` answers where the repository is now.  A call that fails because the owner is gone is
    made once more, under the same request id, so that a write is applied once.  Pickled, it
    becomes a `RemoteSession`.
    """

    def __init__(
        self,
        find: Callable[[], Source],
        group: str | int | None = None,
        source: Source | None = None,
    ) -> None:
        self.group = group
        self._find = find
        self._guard = threading.Lock()
        self._source = source or find()
        self._repository = self._source.repository()
        for name in FAMILIES:
            setattr(self, name, family(self, name))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._source.remote(self.group).__reduce__()

    def __repr__(self) -> str:
        return f"<Session of repository {self._repository}>"

    def in_group(self, group: str | int | None) -> AnySession:
        """The same Session, working in another group."""
        session: Any = SurvivingSession(self._find, group, self._source)
        return session  # type: ignore[no-any-return]

    def remote(self) -> RemoteSession:
        """The same repository and user by address and token, for other processes."""
        return self._source.remote(self.group)

    def address(self) -> str | None:
        """Where other processes reach the repository now."""
        return self._source.address()

    def close(self) -> None:
        """Let go of the repository; a later call looks for it again."""
        self._source.close()

    def call(self, operation: Operation, **arguments: Any) -> Any:
        """Carry out a catalogued operation."""
        return self.attempt(lambda session: session.call(operation, **arguments))

    def attempt(self, do: Callable[[Any], T]) -> T:
        """What `do` makes of a Session; of another one where that has lost its owner.

        Owners may end one after the other, so that it is tried for some seconds.

        Raises
        ------
        Unavailable
            There is no owner, and this process cannot become one; or the owner itself says so.
        """
        request_id = uuid.uuid4().hex
        source = self._source
        deadline = None
        refused = False
        while True:
            try:
                return do(source.session(self.group, request_id))
            except Unavailable as error:
                # A call may have taken long before its owner ended.
                deadline = deadline or time.monotonic() + _PATIENCE_S
                if refused or time.monotonic() > deadline:
                    raise
                log.info("looking for the repository again: %s", error)
            # The answer alone may have been lost; a repository that refuses does so again.
            refused = self._answers(source)
            if not refused:
                source = self._found_again(source, deadline)

    def _answers(self, source: Source) -> bool:
        """Whether a source is there: then it was the repository that refused."""
        try:
            return source.repository() == self._repository
        except Unavailable:
            return False

    def _found_again(self, lost: Source, deadline: float) -> Source:
        while True:
            try:
                return self._again(lost)
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)

    def _again(self, lost: Source) -> Source:
        with self._guard:
            if self._source is lost:
                found = self._find()
                repository = found.repository()
                if repository != self._repository:
                    raise Unavailable(
                        f"The process that served repository {self._repository} has ended; found "
                        f"in its place was another one, {repository}. Connect anew."
                    )
                self._source = found
            return self._source


def _stream(name: str) -> Callable[..., Any]:
    declared = getattr(Streams, name)

    @functools.wraps(declared)
    def method(self: SurvivingSession, *args: Any, **kwargs: Any) -> Any:
        def do(session: Any) -> Any:
            # This process may be the new owner of what the old one had already written.
            before = session.repeated() if hasattr(session, "repeated") else None
            if before is not None:
                return TypeAdapter(get_type_hints(declared)["return"]).validate_json(before)
            return getattr(session, name)(*args, **kwargs)

        return self.attempt(do)

    return method


for _name in vars(Streams):
    if not _name.startswith("_"):
        setattr(SurvivingSession, _name, _stream(_name))
