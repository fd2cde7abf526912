"""What running jobs say of themselves between one heartbeat and the next."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

__all__ = ["LiveJob"]


@dataclass
class LiveJob:
    """A job that is running in this process; its row follows at each heartbeat."""

    done: int = 0
    total: int = 0
    message: str = ""
    stage: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
