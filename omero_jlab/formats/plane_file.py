"""Files that hold one plane of one channel, which may be joined with others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Unreadable
from .plan import Plan
from .reader import Fileset, Source
from .registry import reader_for

__all__ = ["PlaneFacts", "plane_facts", "plane_source"]


@dataclass(frozen=True)
class PlaneFacts:
    """Size and type; files of one image agree in them."""

    height: int
    width: int
    dtype: str

    def __str__(self) -> str:
        return f"{self.width} × {self.height} {self.dtype}"


def plane_facts(path: Path) -> PlaneFacts:
    """The facts about the one plane in the file; `Unreadable` if it has not exactly one."""
    image = plane_source(path).image
    return PlaneFacts(image.sizes.y, image.sizes.x, image.dtype)


def plane_source(path: Path) -> Source:
    """The plane as an image of its own, whatever other images its metadata name.

    Raises
    ------
    Unreadable
        The file has more than one plane or channel, or is damaged.
    """
    reader = reader_for(path)
    plan = Plan(
        format=reader.name, name=path.name, root=path.parent, main=path.name, files=(path.name,)
    )
    sources = reader.read(Fileset(path.parent, plan))
    planes = sum(s.image.sizes.t * s.image.sizes.c * s.image.sizes.z for s in sources)
    if len(sources) != 1 or planes != 1:
        raise Unreadable(
            f"{path.name} has {planes} planes, where a pattern with channels needs files of one: "
            f"import it without the pattern."
        )
    return sources[0]
