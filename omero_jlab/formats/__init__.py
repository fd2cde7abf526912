"""What is in a file: images, their metadata, and where every chunk of their pixels lies.

To add a format, write a module with a `Reader` and name it in `registry.READERS`.
"""

from .contents import Contents
from .pattern import Pattern
from .plan import Plan, Plane, Planned
from .planning import plan, plan_in_worker
from .reading import read, read_in_worker, transcode_in_worker
from .registry import READERS

__all__ = [
    "READERS",
    "Contents",
    "Pattern",
    "Plan",
    "Plane",
    "Planned",
    "plan",
    "plan_in_worker",
    "read",
    "read_in_worker",
    "transcode_in_worker",
]
