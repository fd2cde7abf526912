"""Which repository this is, and what goes on in it."""

from __future__ import annotations

from typing import Protocol

from ..model import Health, Job, Status
from . import declare as http

__all__ = ["Jobs", "Server"]


class Server(Protocol):
    """The repository as a whole."""

    @http.get("status")
    def status(self) -> Status:
        """Which repository answers, and who is asking."""
        ...

    @http.get("health")
    def health(self) -> Health:
        """Whether the repository takes writes, and how much room is left."""
        ...


class Jobs(Protocol):
    """Work that goes on after the answer."""

    @http.get("jobs")
    def list(self, limit: int = 50) -> tuple[Job, ...]:
        """The newest jobs of the asking user; an administrator sees everybody's."""
        ...

    @http.get("jobs/{job_id}")
    def get(self, job_id: int) -> Job:
        """A job, as it stands now."""
        ...

    @http.post("jobs/{job_id}/cancel")
    def cancel(self, job_id: int) -> Job:
        """Ask a job to stop at its next step; what it finished stays."""
        ...
