"""What an open repository knows of its disk: whether it may be written, and since when not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ...database import now
from ...errors import Full, OmeroError, Unavailable
from ...model import HealthState
from ...storage import Guard, Layout, Reserve, Space, probe_disk, space
from ...units import size_text
from ..config import DiskLimits

__all__ = ["Condition", "Disk", "Need"]

log = logging.getLogger(__name__)

Need = Literal["rows", "imports", "freeing"]
EVERY_S = 1.0
_PURGE_EVERY_S = 5.0


@dataclass(frozen=True)
class Condition:
    """How the disk fares: `reason` says why something is refused, `warning` what may follow."""

    state: HealthState
    reason: str
    warning: str
    room: Space


class Disk:
    """The disk of an open repository.

    Parameters
    ----------
    release
        Closes what is open on it: called when its file system is dead.
    take_back
        Opens the repository again, on a file system made anew or after a failure; if it is given
        True, the database is verified first.
    make_room
        Frees so many bytes of what was deleted, if there are any.
    forget
        Closes files that were opened for reading: those of another disk must not be read on.
    tidy
        Removes what was left lying while nothing could be written.
    """

    def __init__(
        self,
        layout: Layout,
        limits: DiskLimits,
        guard: Guard,
        release: Callable[[], None],
        take_back: Callable[[bool], None],
        make_room: Callable[[int], None],
        forget: Callable[[], None],
        tidy: Callable[[], None],
    ) -> None:
        self.guard = guard
        self.notes: tuple[str, ...] = ()
        self._layout = layout
        self._limits = limits
        self._reserve = Reserve(layout.reserve, limits.reserve)
        self._release = release
        self._take_back = take_back
        self._make_room = make_room
        self._forget = forget
        self._tidy = tidy
        self._failure = ""
        self._dead = False
        self._mending = 0
        self._since: tuple[HealthState, datetime] = ("ok", now())
        self._next_purge = 0.0
        self._guard = threading.Lock()
        self._opening = threading.Lock()

    def check(self, what: Need = "rows") -> None:
        """Raise where that may not be written just now.

        Raises
        ------
        Unavailable
            The repository is read-only, or its disk is gone.
        Full
            Too little room is left for it; what frees room is always allowed.
        """
        self.check_place()
        room = space(self._layout.root)
        if what == "freeing":
            self._use_reserve(room)
            return
        usable = self._reserve.spared(room)
        if self._limits.below(self._limits.writes, usable):
            raise Full(_too_full(room))
        if what == "imports" and self._limits.below(self._limits.imports, usable):
            raise Full(_no_imports(room))

    def check_place(self) -> None:
        """Raise `Unavailable` where nothing at all may be written, whatever room there is."""
        if self._mending == threading.get_ident():
            return
        if self._failure:
            raise Unavailable(self._failure)
        self.guard.check()

    def _use_reserve(self, room: Space) -> None:
        """Give up the reserve where there is too little room to delete anything."""
        if self._reserve.is_needed(room):
            self._reserve.give_up()

    def fail(self, reason: str) -> None:
        """Refuse every further write: a disk that failed once is not to be trusted."""
        if not self._failure:
            log.error("the repository becomes read-only: %s", reason)
        self._failure = (
            f"The repository is read-only since its disk failed: {reason} Reading goes on. When "
            f"the disk is mended, `omero-jlab admin health --retry` takes writes again."
        )

    def retry(self) -> None:
        """Take writes again, without a restart, where a disk that failed is sound again.

        Every folder of the repository is written to and read back from the disk, and the database
        is verified; then all is as at an opening.

        Raises
        ------
        Unavailable, Unreadable
            It is not sound: nothing is written.
        """
        with self._opening:
            if not self._failure or self._dead:
                self.check_place()
                return
            self.guard.check()
            with self._mended(dead=False):
                self._probe()
                self._take_back(True)
            log.warning("the repository in %s takes writes again", self._layout.root)

    def _probe(self) -> None:
        layout = self._layout
        for folder in layout.folders:
            probe_disk(layout.staging(folder))
        probe_disk(layout.root)
        if layout.database.parent != layout.root:
            probe_disk(layout.database.parent)

    def condition(self) -> Condition:
        """How it fares now."""
        room = self.guard.space() or Space(0, 0)
        warning = " ".join(self.notes)
        if self._failure and not self._dead:
            return Condition("read-only", self._failure, warning, room)
        try:
            self.check_place()
        except Unavailable as error:
            return Condition("gone", str(error), warning, room)
        usable = self._reserve.spared(room)
        if self._limits.below(self._limits.writes, usable):
            return Condition("full", _too_full(room), warning, room)
        if self._limits.below(self._limits.imports, usable):
            return Condition("no-imports", "", f"{_no_imports(room)} {warning}".rstrip(), room)
        if self._limits.below(self._limits.warn, usable):
            room_left = f"{size_text(room.free)} of {size_text(room.total)}"
            low = f"Only {room_left} are free on the repository's disk."
            return Condition("warning", "", f"{low} {warning}".rstrip(), room)
        return Condition("warning" if warning else "ok", "", warning, room)

    def since(self, state: HealthState) -> datetime:
        """Since when it is in this state."""
        with self._guard:
            if self._since[0] != state:
                self._since = (state, now())
            return self._since[1]

    def watch(self, closing: threading.Event) -> None:
        """Look every second until `closing`."""
        while not closing.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once, and do what is to be done by itself."""
        before = self._since[0]
        condition = self.condition()
        self.since(condition.state)
        if condition.state != before:
            level = logging.INFO if condition.state == "ok" else logging.WARNING
            log.log(
                level,
                "the repository is %s: %s",
                condition.state,
                condition.reason or condition.warning or "it takes writes",
            )
        if condition.state in ("gone", "read-only"):
            self._mend(condition.reason)
            return
        if before == "gone":
            self._forget()
            self._tidy()
        self._reserve.make()
        if condition.state in ("no-imports", "full") and time.monotonic() > self._next_purge:
            self._next_purge = time.monotonic() + _PURGE_EVERY_S
            usable = self._reserve.spared(condition.room)
            limit = self._limits.least(self._limits.imports, usable)
            self._make_room(limit - usable.free + 1)

    def keep_reserve(self) -> None:
        """Make the reserve where it is missing and there is room for it."""
        self._reserve.make()

    def _mend(self, reason: str) -> None:
        if self.guard.is_dead():
            log.warning("the file system of %s is dead: nothing is held open", self._layout.root)
            self._dead = True
            self._failure = (
                f"{reason} Its file system answers nothing but errors: unmount it and mount it "
                f"anew; work goes on when it is back."
            )
            self._release()
            self.guard.let_go()
        elif (self._dead or not self._failure) and self.guard.is_back():
            with suppress(OmeroError), self._opening, self._mended(dead=True):
                self._take_back(False)

    @contextmanager
    def _mended(self, dead: bool) -> Iterator[None]:
        """Let this thread alone write; a file system that was `dead` is let go where it fails."""
        self._mending = threading.get_ident()
        before, self._failure = self._failure, self._failure or "The repository is being opened."
        try:
            yield
        except OmeroError as error:
            log.error("the repository cannot be opened again: %s", error)
            self._failure = before
            if dead:
                self._failure, self._dead = f"{error}", True
                self.guard.let_go()
            raise
        except BaseException:
            self._failure = before
            raise
        else:
            self._failure, self._dead = "", False
        finally:
            self._mending = 0


def _too_full(room: Space) -> str:
    return (
        f"Only {size_text(room.free)} are free on the repository's disk: it takes no writes but "
        f"deletes. Delete something and empty the trash, or make room."
    )


def _no_imports(room: Space) -> str:
    return (
        f"Only {size_text(room.free)} are free on the repository's disk: it takes no imports. "
        f"Empty the trash, or make room."
    )
