"""What the workers of a run ask the repository with: a right of their own, which ends with it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from ..errors import Invalid, OmeroError
from ..model import Delegation
from ..operations import AnySession
from ..remote.renewing import Renewing

__all__ = ["LASTS_S", "WorkersToken"]

log = logging.getLogger(__name__)

LASTS_S = 3600
"""How long the workers' right holds, unless it is renewed: what is left of it after a crash."""


class WorkersToken:
    """A secret that reads some images and stores one run's results, renewed until it is closed.

    Parameters
    ----------
    url
        The address under which workers reach the server; the one used here without it.

    Raises
    ------
    Invalid
        Nobody listens for other processes.
    """

    def __init__(
        self, session: AnySession, run: str, image_ids: Sequence[int], url: str | None
    ) -> None:
        self._session = session
        self._run = run
        self._image_ids = tuple(image_ids)
        self._url = url
        self._guard = threading.Lock()
        if self.url is None:
            raise Invalid(
                "This repository is open in this process only, where no worker reaches it: open "
                'it with omero_jlab.connect(), or use on="threads".'
            )
        self._begin()

    @property
    def url(self) -> str | None:
        """Where workers reach the server now."""
        return self._url or self._session.address()

    @property
    def secret(self) -> str:
        """What they say who they are with."""
        return self._made.secret or ""

    def replace(self, expired: str) -> None:
        """Make another one, unless that was done since `expired` was handed out."""
        with self._guard:
            if self.secret == expired:
                self._renewing.stop()
                self._begin()

    def close(self) -> None:
        """Make it worthless."""
        self._renewing.stop()
        try:
            self._session.delegations.remove(self._made.id)
        except OmeroError as error:
            log.info("the workers' right ends by itself: %s", error)

    def _begin(self) -> None:
        session = self._session
        made: Delegation = session.delegations.add(self._image_ids, run=self._run, seconds=LASTS_S)
        self._made = made
        self._renewing = Renewing(lambda: session.delegations.renew(made.id, LASTS_S), LASTS_S / 3)
