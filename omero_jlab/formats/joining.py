"""Files of one plane each, put together into images by what their names say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import OmeroError
from ..model import ImportFailure
from .pattern import Match, Pattern, natural
from .plan import Plan, Plane
from .plane_file import PlaneFacts, plane_facts
from .registry import reader_for

__all__ = ["Named", "join"]


@dataclass(frozen=True)
class Named:
    """A file, what its name says, and the plate that it belongs to if its name says none."""

    path: Path
    match: Match
    plate: str


def join(files: Sequence[Named], pattern: Pattern) -> tuple[list[Plan], list[ImportFailure]]:
    """One plan per image, in the order of the files; a set that is not whole is a failure.

    Every image of a folder must have the same channels, z and t as the others there.
    """
    sets: dict[tuple[Path, str], list[Named]] = {}
    for named in files:
        sets.setdefault((_folder(named.path, pattern), named.match.image), []).append(named)
    channels: dict[Path, set[str]] = {}
    for (folder, _), members in sets.items():
        channels.setdefault(folder, set()).update(m.match.channel for m in members)
    plans, failed = [], []
    for (folder, image), members in sets.items():
        expected = sorted(channels[folder], key=natural)
        try:
            plans.append(_joined(folder, image, members, expected))
        except _Unjoinable as error:
            failed.append(ImportFailure(path=str(error.path), reason=str(error)))
    return plans, failed


class _Unjoinable(Exception):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def _folder(path: Path, pattern: Pattern) -> Path:
    """The folder whose files are compared: above those that the pattern itself names."""
    return path.parents[min(pattern.text.count("/"), len(path.parents) - 1)]


def _joined(folder: Path, image: str, members: list[Named], channels: list[str]) -> Plan:
    times = _ordered(m.match.t for m in members)
    slices = _ordered(m.match.z for m in members)
    at: dict[tuple[str, str, str], Path] = {}
    for member in members:
        key = (member.match.t, member.match.channel, member.match.z)
        if key in at:
            raise _Unjoinable(
                member.path, f"{image}: {at[key].name} and {member.path.name} are the same plane."
            )
        at[key] = member.path
    for t in times:
        for channel in channels:
            for z in slices:
                if (t, channel, z) not in at:
                    what = ", ".join(
                        f"{name} {value}"
                        for name, value in (("channel", channel), ("z", z), ("t", t))
                        if value
                    )
                    raise _Unjoinable(
                        members[0].path, f"{image} has no file for {what}, which others have."
                    )
    _check_alike(image, at)
    root = Path(os.path.commonpath([path.parent for path in at.values()]))
    planes = [
        Plane(
            file=path.relative_to(root).as_posix(),
            t=times.index(t),
            c=channels.index(channel),
            z=slices.index(z),
        )
        for (t, channel, z), path in at.items()
    ]
    planes.sort(key=lambda plane: (plane.t, plane.c, plane.z))
    return Plan(
        format=reader_for(members[0].path).name,
        name=PurePosixPath(image).name,
        root=root,
        main=planes[0].file,
        files=tuple(plane.file for plane in planes),
        planes=tuple(planes),
        channels=tuple(channels),
        position=members[0].match.position(members[0].plate),
        metadata=members[0].match.values,
    )


def _ordered(values: Iterable[str]) -> list[str]:
    return sorted(set(values), key=natural)


def _check_alike(image: str, at: dict[tuple[str, str, str], Path]) -> None:
    """Every file must hold one plane of the size and type that most of them have."""
    found: dict[PlaneFacts, list[Path]] = {}
    for path in at.values():
        try:
            facts = plane_facts(path)
        except OmeroError as error:
            raise _Unjoinable(path, f"{image}: {error}") from error
        found.setdefault(facts, []).append(path)
    common, *others = sorted(found, key=lambda facts: -len(found[facts]))
    if others:
        path = found[others[0]][0]
        raise _Unjoinable(
            path, f"{image}: {path.name} is {others[0]}, where the other files are {common}."
        )
