"""The same Session over HTTP."""

from __future__ import annotations

from .session import RemoteSession, log_in
from .surviving import Attached, Source, SurvivingSession
from .transport import Transport, is_loopback

__all__ = [
    "Attached",
    "RemoteSession",
    "Source",
    "SurvivingSession",
    "Transport",
    "is_loopback",
    "log_in",
]
