"""Units of work: one actor reads, or writes in one transaction and answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic_core import to_json
from sqlalchemy import event, select
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError

from ..database import AppliedRow, Guarded
from ..errors import Conflict, Invalid
from .access import Access, noun
from .guarded import GuardedSession
from .index import write_index
from .state import State

__all__ = ["Work", "Writing", "fresh", "storable"]

T = TypeVar("T")
R = TypeVar("R", bound=Guarded)


class Writing:
    """A transaction that is under way; `answer` is what its request will get, now or repeated."""

    def __init__(self, db: GuardedSession, access: Access) -> None:
        self.db = db
        self.access = access
        self.answered: tuple[Any] | None = None

    def answer(self, value: T) -> T:
        """Make `value` the request's answer: it is stored together with what was written."""
        self.answered = (value,)
        return value

    def new(self, row: R, group_id: int | None = None) -> R:
        """Add a row of the actor's, in its current group unless another is named."""
        row.owner_id = self.access.actor.user_id
        row.group_id = self.access.actor.group_id if group_id is None else group_id
        self.db.add(row)
        self.db.flush()
        return row


class Work:
    """One user's request to a store: what every Session is made of.

    `shares_disk` says whether the user's own programs see the same disk as this process does: a
    request from elsewhere names no files here but those that it uploaded.
    """

    def __init__(
        self,
        store: State,
        user: str,
        group: str | int | None = None,
        request_id: str | None = None,
        shares_disk: bool = True,
    ) -> None:
        self.shares_disk = shares_disk
        self.store = store
        self.user = user
        self.group = group
        self.request_id = request_id

    @property
    def access(self) -> Access:
        """What the user may see and do now."""
        return self.store.access_of(self.user, self.group)

    @contextmanager
    def reading(self) -> Iterator[tuple[GuardedSession, Access]]:
        """A database session that cannot write, and the access it obeys."""
        with self._readable():
            access = self.access
            with storable(), GuardedSession(self.store.engines.reader, access) as db:
                yield db, access

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise self.store.database_error(error) from error

    @contextmanager
    def writing(self, freeing: bool = False) -> Iterator[Writing]:
        """A transaction, committed when the block ends and undone when it raises.

        No file is read or written inside: other writers wait meanwhile.  What frees space is
        allowed on a disk that is nearly full.

        Raises
        ------
        Unavailable
            The repository's disk is gone or broken, or the repository is read-only.
        Conflict
            Another change came first.
        """
        self.store.check_writable("freeing" if freeing else "rows")
        with self.store.engines.turnstile.turn():
            # Its turn may come much later.
            self.store.disk.check_place()
            access = self.access
            with storable(), GuardedSession(self.store.engines.writer, access) as db:
                touched: set[Guarded] = set()
                event.listen(db, "after_flush", lambda s, _: touched.update(_guarded(s)))
                unit = Writing(db, access)
                try:
                    yield unit
                    db.flush()
                    write_index(db, touched)
                    self._keep_answer(unit)
                    db.commit()
                except IntegrityError as error:
                    raise Conflict(f"Somebody else was faster: {error.orig}. Try again.") from error
                except DataError:
                    raise
                except DatabaseError as error:
                    raise self.store.database_error(error) from error

    def repeated(self) -> str | None:
        """The JSON that answered this very request before, or None."""
        if self.request_id is None:
            return None
        with GuardedSession(self.store.engines.reader, None) as db:
            applied = db.scalar(
                select(AppliedRow)
                .where(AppliedRow.request_id == self.request_id)
                .execution_options(unguarded="jobs")
            )
            if applied is None or applied.user_id != self.access.actor.user_id:
                return None
            return applied.answer

    def _keep_answer(self, unit: Writing) -> None:
        if self.request_id is None or unit.answered is None:
            return
        answer = to_json(unit.answered[0], inf_nan_mode="strings").decode()
        user_id = unit.access.actor.user_id
        unit.db.add(AppliedRow(request_id=self.request_id, user_id=user_id, answer=answer))


def fresh(row: Guarded, version: int | None) -> None:
    """Raise `Conflict` where `row` is no longer at the version that an update was based on."""
    if version is not None and row.version != version:
        raise Conflict(
            f"{noun(row)} was changed since you read it (version {version}, now {row.version}): "
            f"read it again and repeat the change."
        )


@contextmanager
def storable() -> Iterator[None]:
    """Say what is wrong with values that no database takes, wherever they came from."""
    try:
        yield
    except (OverflowError, DataError) as error:
        raise Invalid("A number was given that is too large for any id or count here.") from error
    except UnicodeEncodeError as error:
        raise Invalid(
            "A text was given that is no Unicode: half of a pair stands alone."
        ) from error


def _guarded(db: Any) -> set[Guarded]:
    return {row for row in (*db.new, *db.dirty, *db.deleted) if isinstance(row, Guarded)}
