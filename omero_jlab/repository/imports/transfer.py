"""How files come: copied, linked or moved, by whom and from where, with which checksums."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ...database import IntentRow
from ...errors import Denied, Invalid, Unreadable
from ...formats import Plan
from ...model import CHECKSUMS, ImportOptions, ImportRequest
from ...storage import (
    Copied,
    copy_hashed,
    hard_link,
    is_own_file,
    is_upload_of,
    lies_in_repository,
    soft_link,
    take_upload,
    uploads_folder,
)
from ..guarded import GuardedSession
from ..intents import fulfil
from ..sources import SOURCES, Source
from ..work import Work
from .foreign import check_nameable
from .stored_names import StoredNames

__all__ = ["Transfer", "check_paths"]

_Progress = Callable[[int], object]
_OWNER_ONLY = 0o600


def check_paths(session: Work, request: ImportRequest) -> None:
    """Refuse paths that the user has no business with, or that no import takes that way.

    Whose programs share the disk with this process could read the files anyway; everybody else
    names files that they uploaded themselves, or, if `config.toml` lets them, files in place.

    Raises
    ------
    Denied
        A path is neither.
    Invalid
        No file could have that name, it is no whole path, lies in the repository, or was
        uploaded and cannot be linked to.
    """
    if not request.all_paths:
        raise Invalid("No paths were given to import.")
    named = [(name, request.transfer) for name in request.paths]
    named += [(row.path, row.transfer) for row in request.rows]
    for name, mode in named:
        path = Path(name)
        if not path.is_absolute():
            raise Invalid(f"Paths to import are absolute, not {name!r}: give the whole path.")
        check_nameable(path)
        _check_whose(session, path, mode)
        if is_own_file(session.store.layout, path):
            raise Invalid(
                f"{path} lies in the repository itself: its images are there already. Import the "
                f"files from where they were before."
            )


def _check_whose(session: Work, path: Path, mode: str) -> None:
    layout = session.store.layout
    if is_upload_of(layout, session.user, path):
        if mode != "copy":
            raise Invalid(
                f'{path} was uploaded, and transfer="{mode}" is for files on the disk of the '
                f'repository: use transfer="copy".'
            )
        return
    if session.shares_disk or (mode in ("copy", "symlink") and _in_place(session, path)):
        return
    raise Denied(
        f"{path} is a path on the server, where you may import only what you uploaded: "
        f"use import_files() with a path of your own machine, which uploads it."
    )


def _in_place(session: Work, path: Path) -> bool:
    """Whether the user may register files where `path` lies, all links resolved."""
    config = session.store.config.imports
    access = session.access
    actor = access.actor
    groups = {access.group_names[group] for group in actor.member_of}
    if not (
        actor.is_admin
        or actor.user_name in config.in_place_users
        or groups & set(config.in_place_groups)
    ):
        return False
    place = path.resolve()
    return any(place.is_relative_to(Path(root).resolve()) for root in config.in_place_roots)


class Transfer:
    """How the files of one fileset come.

    Within the block files are brought and their rows written; where it raises, everything outside
    of the stage is as it was.  `settle` belongs into the transaction that writes the rows,
    `finish` after the block.

    Parameters
    ----------
    plan
        The fileset, where it lies now.
    options
        The mode and the checksum that are wanted for it.
    checksums
        What the client computed, as `algorithm:hex` by whole path.
    """

    def __init__(
        self, session: Work, plan: Plan, options: ImportOptions, checksums: Mapping[str, str]
    ) -> None:
        self._session = session
        self._state = session.store
        self._plan = plan
        self._checksum = options.checksum
        self._checksums = checksums
        self._modes: dict[Path, int] = {}
        self._sources: list[tuple[str, os.stat_result]] = []
        self._intent_id: int | None = None
        uploads = uploads_folder(self._state.layout).resolve()
        uploaded = plan.root.resolve().is_relative_to(uploads)
        self.mode = options.transfer
        self.name = "upload" if uploaded else options.transfer
        """What the fileset's row says of how its files came."""

    def __enter__(self) -> Transfer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            return
        for path, mode in self._modes.items():
            # Linking took the right to write away from the only bytes that there are.
            with suppress(OSError):
                path.chmod(mode)

    @property
    def copies(self) -> bool:
        """Whether the files take room in the repository."""
        return self.mode in ("copy", "move")

    def reads_from(self, staged: Path) -> Path:
        """The folder in which a confined process finds the files: links lead out of the stage."""
        return self._plan.root if self.mode == "symlink" else staged

    def bring(self, file: str, target: Path, progress: _Progress | None = None) -> Copied:
        """Bring one file of the fileset, named as in the plan, to `target`, which must not exist.

        Raises
        ------
        Denied, Invalid
            The file cannot come in this mode; the message says which one would do.
        Unreadable
            It is not what the client says it is, or was changed meanwhile.
        Full, Unavailable
            The repository's disk is full, or failed.
        """
        source = self._plan.root / file
        told = self._checksums.get(str(source))
        algorithms = {self._checksum} | ({_parse(told, source)[0]} if told else set())
        if self.mode in ("hardlink", "symlink", "move"):
            self._check_outside(source)
        copied = self._brought(source, target, progress, algorithms)
        if told:
            _verify(copied, told, source)
        if self.mode == "move":
            self._sources.append((file, source.stat(follow_symlinks=False)))
        return copied

    def hash_columns(self, copied: Copied) -> dict[str, str]:
        """`hasher` and `hash` of a file's row; SHA-256 has a column of its own."""
        digest = "" if self._checksum == "SHA-256" else copied.digests[self._checksum]
        return {"hasher": self._checksum, "hash": digest}

    def settle(self, db: GuardedSession, folder: str, names: StoredNames) -> None:
        """Note what is to go, in the transaction that writes its rows; it lies in `folder`."""
        if self._sources:
            root = self._plan.root
            keep = root.parent if self._plan.main == "." else root
            managed = self._state.layout.managed.name
            sources = [
                Source(
                    path=str(root / file),
                    keep=str(keep),
                    target=f"{managed}/{folder}/{names[file]}",
                    size=found.st_size,
                    mtime_ns=found.st_mtime_ns,
                    inode=found.st_ino,
                ).model_dump()
                for file, found in self._sources
            ]
            intent = IntentRow(kind=SOURCES, paths=sources)
            db.add(intent)
            db.flush()
            self._intent_id = intent.id

    def finish(self) -> None:
        """Let the sources go: called when the rows are committed and the files in their place.

        What a crash leaves of this, the next opening does.
        """
        if self._intent_id is not None:
            fulfil(self._state, self._intent_id)

    def _brought(
        self, source: Path, target: Path, progress: _Progress | None, algorithms: set[str]
    ) -> Copied:
        if self.name == "copy":
            return copy_hashed(source, target, progress, algorithms)
        if self.mode == "symlink":
            self._check_in_place(source)
            return soft_link(source, target, progress, algorithms)
        known = self._state.uploads.content(source) if self.name == "upload" else None
        has_all = known is not None and algorithms <= known.digests.keys()
        # Verified when it was complete, and out of everybody's reach since.
        if known is not None and has_all and take_upload(source, target, known):
            if progress is not None:
                progress(known.size)
            return known
        before = source.stat(follow_symlinks=False).st_mode & 0o7777
        if self.mode == "hardlink":
            linked = hard_link(source, target, progress, algorithms)
        else:
            # What is about to go from there needs no bytes of its own here.
            try:
                linked = hard_link(source, target, progress, algorithms, _OWNER_ONLY)
            except (Denied, Invalid):
                return copy_hashed(source, target, progress, algorithms)
        self._modes[source] = before
        return linked

    def _check_outside(self, source: Path) -> None:
        if source.is_symlink():
            raise Unreadable(f"{source} is a symbolic link: give the file that it leads to.")
        if lies_in_repository(source):
            raise Invalid(
                f"{source} lies in a repository of images, which may change or remove it: "
                f'use transfer="copy".'
            )

    def _check_in_place(self, source: Path) -> None:
        if _in_place(self._session, source):
            return
        own = self._session.shares_disk and source.stat().st_uid == os.geteuid()
        if not own:
            roots = self._state.config.imports.in_place_roots
            where = f"below {', '.join(roots)}, " if roots else ""
            raise Denied(
                f"{source} cannot be imported in place: only files of the account that runs the "
                f"repository can, and those {where}where [imports] of config.toml lets you. "
                f'Use transfer="copy".'
            )


def _parse(told: str, source: Path) -> tuple[str, str]:
    algorithm, _, digest = told.partition(":")
    if algorithm not in CHECKSUMS or not digest:
        raise Invalid(
            f"{told!r} is no checksum of {source}: give algorithm:hex, with one of the algorithms "
            f"{', '.join(CHECKSUMS)}."
        )
    return algorithm, digest.lower()


def _verify(copied: Copied, told: str, source: Path) -> None:
    algorithm, expected = _parse(told, source)
    found = copied.digests[algorithm]
    if found != expected:
        raise Unreadable(
            f"{source} is not what was sent: its {algorithm} is {found}, and must be {expected}. "
            f"Send it again."
        )
