"""The door: nobody gets an object, a pixel or a row except from a Session."""

from .session import Session
from .store import Store

__all__ = ["Session", "Store"]
