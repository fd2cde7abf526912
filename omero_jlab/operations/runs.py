"""Runs of a function over many images, and secrets for their workers."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import JsonValue

from ..model import Delegation, Run, RunImage
from . import declare as http

__all__ = ["Delegations", "Runs"]


class Runs(Protocol):
    """What functions made of images; each user's own."""

    @http.post("runs")
    def begin(
        self,
        name: str,
        key: str,
        function: str = "",
        version: str = "",
        source: str = "",
        text: str = "",
        parameters: dict[str, JsonValue] | None = None,
    ) -> Run:
        """The asking user's run of this key, made where there is none."""
        ...

    @http.get("runs")
    def list(self, name: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """The asking user's runs, the last used first; an administrator sees everybody's."""
        ...

    @http.get("runs/{run_id}")
    def get(self, run_id: int) -> Run:
        """A run."""
        ...

    @http.post("runs/{run_id}/images")
    def note(self, run_id: int, outcomes: tuple[RunImage, ...]) -> int:
        """Keep what became of images, in place of what was known of them; answers how many."""
        ...

    @http.get("runs/{run_id}/images")
    def images(
        self,
        run_id: int,
        state: Literal["done", "failed"] | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> tuple[RunImage, ...]:
        """What became of images, by id of image."""
        ...

    @http.delete("runs/{run_id}")
    def remove(self, run_id: int) -> None:
        """Forget a run; tables and label images that it made stay."""
        ...


class Delegations(Protocol):
    """Secrets for programs that do a part of what a user may do, for a while."""

    @http.post("delegations")
    def add(
        self,
        image_ids: tuple[int, ...] = (),
        run: str = "",
        table_id: int | None = None,
        table_version: int | None = None,
        seconds: int = 3600,
    ) -> Delegation:
        """Make a secret that reads these images and this table, for an hour at most.

        With the key of a `run` it also attaches tables and label images of that run to them.  The
        version of the table is kept as long as the secret holds.
        """
        ...

    @http.get("delegations")
    def list(self) -> tuple[Delegation, ...]:
        """The asking user's that have not expired; an administrator sees all."""
        ...

    @http.post("delegations/{delegation_id}/renewal")
    def renew(self, delegation_id: int, seconds: int = 3600) -> Delegation:
        """Let the same secret hold for so long from now; one that has expired is gone."""
        ...

    @http.delete("delegations/{delegation_id}")
    def remove(self, delegation_id: int) -> None:
        """Make a secret worthless at once."""
        ...
