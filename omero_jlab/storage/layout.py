"""Where things lie: OMERO's six folders, the database beside them, and what marks them ours."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID, uuid4

from ..errors import Conflict, Invalid, Newer, NotFound, Unavailable, Unreadable
from .disk import reading, writing
from .durable import make_folders, write_file
from .mounts import unmounted

__all__ = ["LAYOUT_VERSION", "Identity", "Layout", "shard"]

LAYOUT_VERSION = 1
_STAGING = ".staging"
_TRASH = ".trash"
_QUARANTINE = ".quarantine"
_LOCK = ".lock"
_SENTINEL = "omero-jlab.json"
_RESERVE = ".reserve"
# What a fresh disk, or a creation that was cut short, may already hold.
_HARMLESS = {"lost+found", ".DS_Store", _LOCK, f"{_LOCK}-owner.json", _RESERVE}


@dataclass(frozen=True)
class Identity:
    """Which repository this is; `generation` grows each time it is opened for writing.

    `run` is another word at each opening: a copy that went on alone may reach any generation.
    """

    uuid: str
    generation: int
    layout: int
    run: str = ""


@dataclass(frozen=True)
class Layout:
    """The places of a repository below `root`; its database may lie elsewhere."""

    root: Path
    database_elsewhere: Path | None = None

    @property
    def managed(self) -> Path:
        """Original files, in the folders that the path template gives."""
        return self.root / "ManagedRepository"

    @property
    def pixels(self) -> Path:
        """Pyramids, label images and chunk indexes, by sharded id."""
        return self.root / "Pixels"

    @property
    def files(self) -> Path:
        """Attached files and tables, by sharded id."""
        return self.root / "Files"

    @property
    def thumbnails(self) -> Path:
        """Thumbnails, by sharded id."""
        return self.root / "Thumbnails"

    @property
    def fulltext(self) -> Path:
        """The search index; it can be made again."""
        return self.root / "FullText"

    @property
    def memo(self) -> Path:
        """What readers remember of files; it can be made again."""
        return self.root / "BioFormatsCache"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The six top-level folders."""
        return (
            self.managed, self.pixels, self.files, self.thumbnails, self.fulltext, self.memo,
        )  # fmt: skip

    @property
    def database(self) -> Path:
        own = self.root / "omero-jlab.db"
        # A backup holds its database, wherever that of the repository lies.
        return own if self.database_elsewhere is None or own.exists() else self.database_elsewhere

    @property
    def lock(self) -> Path:
        return self.root / _LOCK

    @property
    def sentinel(self) -> Path:
        return self.root / _SENTINEL

    @property
    def reserve(self) -> Path:
        """What is given up when the disk is full."""
        return self.root / _RESERVE

    def staging(self, folder: Path) -> Path:
        """Where files of one top-level folder are made before they are renamed into place."""
        return folder / _STAGING

    def trash(self, folder: Path) -> Path:
        """Where files of one top-level folder wait for their removal."""
        return folder / _TRASH

    def quarantine(self, folder: Path) -> Path:
        """Where files of one top-level folder lie that no row names, by the time of their move."""
        return folder / _QUARANTINE

    def identity(self) -> Identity:
        """What the sentinel says.

        Raises
        ------
        NotFound
            There is no sentinel: no repository, or its disk is not mounted.
        Newer
            A newer program made the repository.
        Unreadable
            The sentinel is damaged.
        """
        try:
            with reading(self.sentinel):
                text = self.sentinel.read_text(encoding="utf-8")
        except NotFound:
            raise NotFound(
                f"There is no repository in {self.root}: {_SENTINEL} is missing. Mount its disk, "
                "give another folder, or make a repository there."
            ) from None
        return _parse(text, self.sentinel)

    def set_generation(self, generation: int) -> Identity:
        """Write the sentinel anew with another generation, durably; returns what it says."""
        found, run = self.identity(), secrets.token_hex(8)
        return _write(self.sentinel, Identity(found.uuid, generation, found.layout, run))

    def holds_files(self) -> bool:
        """Whether there is anything that came from a user."""
        return any(map(self._files_below, (self.managed, self.pixels, self.files)))

    @classmethod
    def create(cls, root: Path) -> Layout:
        """A new, empty repository in `root`, which must be missing or empty.

        Raises
        ------
        Conflict
            There is a repository already.
        Invalid
            `root` holds something else.
        Denied, Full, Unavailable
            The folder cannot be written, or a disk should be mounted there and is not.
        """
        layout = cls(root.absolute())
        if layout.sentinel.exists():
            raise Conflict(f"There is a repository in {layout.root} already: open it.")
        missing = unmounted(layout.root)
        if missing is not None:
            raise Unavailable(
                f"No repository is made in {layout.root}: the system's table of disks names "
                f"{missing}, and nothing is mounted there. Mount the disk, or give another folder."
            )
        layout._refuse_foreign()
        make_folders(layout.root)
        with writing(layout.root):
            layout.root.chmod(0o700)
        layout._make_folders(layout.folders)
        # Last of all: the sentinel says that everything else is there.
        _write(layout.sentinel, Identity(str(uuid4()), 1, LAYOUT_VERSION))
        return layout

    @classmethod
    def open(cls, root: Path) -> Layout:
        """The repository in `root`.

        Raises
        ------
        NotFound
            There is none, and the folder is empty or missing.
        Invalid
            The folder holds something else.
        Newer
            A newer program made it.
        Unavailable
            One of its folders is missing, perhaps a disk that is not mounted.
        """
        layout = cls(root.absolute())
        try:
            layout.identity()
        except NotFound:
            layout._refuse_foreign()
            raise
        missing = [
            each.name
            for each in (layout.managed, layout.pixels, layout.files, layout.thumbnails)
            if not each.is_dir()
        ]
        if missing:
            raise Unavailable(
                f"The repository in {layout.root} has no folder {', '.join(missing)}: mount the "
                "disk that holds it, or restore it from the backup."
            )
        return layout

    def ensure_folders(self) -> None:
        """Make again the folders that may be lost without harm (index, memo, hidden ones)."""
        self._make_folders(self.folders)

    def _make_folders(self, folders: tuple[Path, ...]) -> None:
        for folder in folders:
            make_folders(self.staging(folder))
            make_folders(self.trash(folder))

    def _refuse_foreign(self) -> None:
        """Raise `Invalid` where the root holds anything but an unfinished, empty repository."""
        if not self.root.is_dir():
            if self.root.exists():
                raise Invalid(f"{self.root} is a file; a repository needs a folder.")
            return
        with reading(self.root):
            names = sorted(each.name for each in self.root.iterdir())
        ours = {each.name for each in self.folders}
        for name in names:
            if name in _HARMLESS or name.endswith(".tmp"):
                continue
            if name not in ours or any(self._files_below(self.root / name)):
                raise Invalid(
                    f"{self.root} is not empty and holds no repository (it has {name}, but no "
                    f"{_SENTINEL}): give an empty or new folder, or mount the repository's disk."
                )

    @staticmethod
    def _files_below(folder: Path) -> list[str]:
        return [name for _, _, files in os.walk(folder) for name in files]


def shard(number: int) -> str:
    """The path of object `number` as OMERO has it: 1234567 is `Dir-001/Dir-234/1234567`.

    A folder holds at most 1000 objects.  Integer division: with OMERO.py's floating point, 999500
    would get a `Dir-000` too many.

    Raises
    ------
    Invalid
        `number` is negative.
    """
    if number < 0:
        raise Invalid(f"An id is 0 or more, not {number}.")
    parts = [str(number)]
    rest = number // 1000
    while rest > 0:
        parts.append(f"Dir-{rest % 1000:03d}")
        rest //= 1000
    return "/".join(reversed(parts))


def _write(path: Path, identity: Identity) -> Identity:
    text = json.dumps(asdict(identity))
    write_file(path, text.encode() + b"\n")
    return identity


def _parse(text: str, path: Path) -> Identity:
    try:
        found = json.loads(text)
        identity = Identity(
            uuid=str(UUID(found["uuid"])),
            generation=int(found["generation"]),
            layout=int(found["layout"]),
            run=str(found.get("run", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(
            f"{path} is damaged ({error!r}): restore this file from the backup."
        ) from None
    if identity.layout > LAYOUT_VERSION:
        raise Newer(
            f"The repository in {path.parent} has layout {identity.layout}; this program knows up "
            f"to {LAYOUT_VERSION}. Update omero-jlab to open it."
        )
    return identity
