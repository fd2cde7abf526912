"""Rights are renewed while somebody holds on to them, and no longer."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import pytest

from omero_jlab.errors import NotFound, Unavailable
from omero_jlab.remote import renewing
from omero_jlab.remote.renewing import Renewing


class Right:
    """Counts its renewals; the next ones raise what `errors` holds."""

    def __init__(self, *errors: Exception) -> None:
        self.count = 0
        self.errors = list(errors)
        self.renewed = threading.Event()

    def renew(self) -> None:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        self.renewed.set()


def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def nothing_is_due() -> bool:
    with renewing._changed:
        return not any(each() is not None for _, _, each in renewing._due)


def test_it_is_renewed_until_nobody_has_it() -> None:
    one, other = Right(), Right()
    held, stopped = Renewing(one.renew, 0.01), Renewing(other.renew, 0.01)
    until(lambda: one.count > 2 and other.count > 2)
    stopped.stop()
    del held
    gc.collect()
    until(nothing_is_due)
    counts = one.count, other.count
    time.sleep(0.05)
    assert (one.count, other.count) == counts


def test_a_server_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewing, "_AGAIN_S", 0.01)
    right = Right(Unavailable("away"), Unavailable("away"))
    held = Renewing(right.renew, 0.02)
    assert right.renewed.wait(60)
    held.stop()


def test_what_is_gone_is_not_asked_for_again() -> None:
    right = Right(NotFound("expired"))
    held = Renewing(right.renew, 0.01)
    until(lambda: right.count == 1)
    until(nothing_is_due)
    time.sleep(0.05)
    assert right.count == 1 and not held.stopped
