"""The lookup tables of a repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import Invalid
from ..operations import AnySession

__all__ = ["Luts"]


class Luts:
    """Lookup tables by name: iterate, index, and as an administrator `add` and `remove`."""

    def __init__(self, session: AnySession) -> None:
        self._session = session

    def __iter__(self) -> Iterator[str]:
        return (each.name for each in self._session.images.luts())

    def __getitem__(self, name: str) -> NDArray[np.uint8]:
        """The colours from black to full brightness, shape (256, 3)."""
        colors = self._session.images.lut(name).colors
        return np.frombuffer(bytes.fromhex("".join(colors)), np.uint8).reshape(256, 3)

    def add(self, path: str | Path, name: str | None = None) -> str:
        """Add a `.lut` file (ImageJ's, NIH Image's, or text); answers the name that it has."""
        from ..rendering import parse_lut

        path = Path(path)
        if not path.is_file():
            raise Invalid(f"There is no file at {path}.")
        table = parse_lut(path.read_bytes())
        colors = tuple(bytes(color).hex().upper() for color in table)
        return self._session.images.add_lut(name or path.stem, colors).name

    def remove(self, name: str) -> None:
        """Take an added table away; channels drawn with it get their colours again."""
        self._session.images.remove_lut(name)

    def __repr__(self) -> str:
        return f"<Luts {', '.join(self)}>"
