"""From the paths that a user names to filesets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ..errors import OmeroError, Unreadable
from ..model import ImportFailure
from .joining import Named, join
from .pattern import Pattern
from .plan import Plan, Planned
from .registry import NotAnImage, reader_for

__all__ = ["plan", "plan_in_worker"]

_MAX_DEPTH = 64


def plan(paths: Sequence[Path], channels: str | None = None) -> Planned:
    """Group the files at `paths` into filesets, by what they contain.

    Folders are walked without following links.  With `channels`, a pattern such as
    `{well}_{field}_{channel}.tif`, files of one channel are joined into images.

    Raises
    ------
    Invalid
        The pattern is malformed.  Everything else that is wrong is in `failed`.
    """
    work = _Planning(Pattern(channels) if channels else None)
    for path in paths:
        work.take(Path(path))
    return work.result()


def plan_in_worker(paths: Sequence[str], channels: str | None = None) -> bytes:
    """`plan` for a process of its own: a `Planned` as JSON."""
    return plan([Path(path) for path in paths], channels).model_dump_json().encode()


class _Planning:
    def __init__(self, pattern: Pattern | None) -> None:
        self._pattern = pattern
        self._plans: list[Plan] = []
        self._failed: list[ImportFailure] = []
        self._ignored: list[ImportFailure] = []
        self._named: list[Named] = []
        self._claimed: set[Path] = set()

    def take(self, path: Path) -> None:
        """Plan what lies at `path`, which the user named."""
        if not path.exists():
            self._fail(path, "There is no such file or folder here.")
        elif path.is_dir() and not self._is_store(path):
            for file in self._walk(path, 0):
                self._file(file, plate=_plate(path, file), named=False)
        else:
            self._file(path, plate=path.absolute().parent.name, named=True)

    def result(self) -> Planned:
        plans, failed = list(self._plans), list(self._failed)
        if self._pattern is not None:
            joined, unjoined = join(self._named, self._pattern)
            plans += joined
            failed += unjoined
        return Planned(plans=tuple(plans), failed=tuple(failed), ignored=tuple(self._ignored))

    def _is_store(self, folder: Path) -> bool:
        try:
            reader_for(folder)
        except OmeroError:
            return False
        return True

    def _walk(self, folder: Path, depth: int) -> Iterator[Path]:
        """Files and Zarr stores below `folder`, in natural order of their names."""
        try:
            children = sorted(folder.iterdir(), key=lambda p: p.name)
        except OSError as error:
            self._fail(folder, f"The folder cannot be read: {error.strerror}.")
            return
        for child in children:
            if child.name.startswith("."):
                self._ignore(child, "hidden")
            elif child.is_symlink():
                self._ignore(child, "a link, which is not followed inside of a folder")
            elif not child.is_dir() or self._is_store(child):
                yield child
            elif depth >= _MAX_DEPTH:
                self._fail(child, f"It lies deeper than {_MAX_DEPTH} folders.")
            elif (child / ".zarray").exists():
                self._ignore(child, "a Zarr array without the metadata of OME-Zarr")
            else:
                yield from self._walk(child, depth + 1)

    def _file(self, path: Path, *, plate: str, named: bool) -> None:
        path = path.absolute()
        if path in self._claimed:
            return
        try:
            _check_name(path)
            reader = reader_for(path)
            if self._pattern is not None:
                self._by_name(path, plate, self._pattern)
                return
            related = reader.files(path)
            for file in related.files:
                _check_name(Path(file))
        except NotAnImage as error:
            (self._fail if named else self._ignore)(path, str(error))
        except OmeroError as error:
            self._fail(path, str(error))
        except OSError as error:
            self._fail(path, f"The file cannot be read: {error.strerror or error}.")
        else:
            self._add(
                Plan(
                    format=reader.name,
                    name=related.name,
                    root=related.root,
                    main=related.main,
                    files=related.files,
                )
            )

    def _by_name(self, path: Path, plate: str, pattern: Pattern) -> None:
        found = pattern.match(PurePosixPath(path))
        if found is None:
            raise Unreadable(f"{path.name} does not fit the pattern {pattern.text}.")
        self._claimed.add(path)
        if pattern.joins:
            self._named.append(Named(path, found, plate))
            return
        reader = reader_for(path)
        related = reader.files(path)
        self._add(
            Plan(
                format=reader.name,
                name=related.name,
                root=related.root,
                main=related.main,
                files=related.files,
                position=found.position(plate),
                metadata=found.values,
            )
        )

    def _add(self, made: Plan) -> None:
        self._claimed.update(made.paths)
        self._plans.append(made)

    def _fail(self, path: Path, reason: str) -> None:
        self._failed.append(ImportFailure(path=_shown(path), reason=reason))

    def _ignore(self, path: Path, reason: str) -> None:
        self._ignored.append(ImportFailure(path=_shown(path), reason=reason))


def _plate(folder: Path, file: Path) -> str:
    """The plate a file belongs to: the folder that was named, by which users mean a plate."""
    return folder.resolve().name or file.parent.name


def _check_name(path: Path) -> None:
    """Refuse a name whose bytes are no UTF-8: no database and no other system could hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise Unreadable("Its name is no Unicode: rename it.") from None


def _shown(path: Path) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")
