"""Processes that read foreign files: forked, confined to a folder, and expendable."""

from .pool import Workers

__all__ = ["Workers"]
