"""What belongs to a repository and its administrator may change: `config.toml` in its root."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from ..errors import Invalid
from ..model import Record
from ..storage import (
    DEFAULT_RULES,
    DEFAULT_TEMPLATE,
    Layout,
    PathRules,
    Space,
    Template,
    UploadLimits,
    mount_of,
)

__all__ = [
    "CONFIG",
    "Config",
    "DaskConfig",
    "DatabaseConfig",
    "DiskLimits",
    "TrashConfig",
    "database_of",
    "journal_of",
    "read_config",
]

CONFIG = "config.toml"


class DiskLimits(Record):
    """How many bytes must be free; each also at most that part of the disk.

    Below `warn` the repository says so; below `imports` it takes no imports, and the oldest of
    what was deleted goes; below `writes` only what frees space: deleting and emptying the trash.

    `reserve` bytes, or a hundredth of a small disk, are kept for deleting on a full disk.  With
    `expect_mount` a repository on the system's own disk is refused, or, where it is a path, one
    on a disk that is not mounted there.
    """

    warn: int = 10_000_000_000
    imports: int = 1_000_000_000
    writes: int = 100_000_000
    part: float = Field(default=0.02, ge=0, le=1)
    reserve: int = Field(default=64_000_000, ge=0)
    expect_mount: bool | str = False

    def below(self, limit: int, room: Space) -> bool:
        """Whether less is free than `limit`, or than its part of a small disk."""
        return room.free < self.least(limit, room)

    def least(self, limit: int, room: Space) -> int:
        """How many bytes must be free on such a disk."""
        return min(limit, int(room.total * self.part))


class DatabaseConfig(Record):
    """Where the database lies, and how it keeps its journal.

    With `path`, a file on a local disk for instance, it is not in the repository's folder.  An
    `auto` journal is `rollback` on a file system of a server, where `wal` may lose rows, and `wal`
    elsewhere.
    """

    path: str = ""
    journal: Literal["auto", "wal", "rollback"] = "auto"

    @field_validator("path")
    @classmethod
    def _whole_path(cls, path: str) -> str:
        if path and not Path(path).is_absolute():
            raise ValueError(f"{path!r} is no whole path")
        return path


class TrashConfig(Record):
    """For how many days what was deleted is kept; it goes at the next opening after that."""

    days: float = Field(default=30.0, ge=0)


class ScrubConfig(Record):
    """Every file is verified every so many days (0: never by itself), at most so fast."""

    days: float = Field(default=30.0, ge=0)
    mb_per_s: float = Field(default=20.0, gt=0)


class ManagedConfig(Record):
    """Where originals go, and which names they may have there: OMERO's template and rules."""

    path_template: str = DEFAULT_TEMPLATE
    path_rules: str = DEFAULT_RULES


class ImportsConfig(Record):
    """Who may register files where they lie on the repository's disk, and below which folders.

    In a personal repository the account's own files can be anywhere.  Administrators always may.
    """

    in_place_roots: tuple[str, ...] = ()
    in_place_users: tuple[str, ...] = ()
    in_place_groups: tuple[str, ...] = ()

    @field_validator("in_place_roots")
    @classmethod
    def _whole_paths(cls, roots: tuple[str, ...]) -> tuple[str, ...]:
        for root in roots:
            if not Path(root).is_absolute() or Path(root) == Path("/"):
                raise ValueError(f"{root!r} is no whole path of a folder below the root folder")
        return roots


class ZarrConfig(Record):
    """Whose pages may read images as OME-Zarr, with a token or a capability; never by cookie.

    Origins as browsers name them, `https://viewer.example`; `*` stands for all of them.
    """

    origins: tuple[str, ...] = ("*",)


class DaskConfig(Record):
    """A Dask cluster that helps with pyramids: its scheduler's address, `tcp://host:8786`.

    Its workers have this package.  Those that do not see the repository's disk need `url`, the
    address at which they reach the server: they get a capability for one image at a time, which is
    renewed until its levels are made.
    """

    address: str = ""
    url: str = ""


class Config(Record):
    """The sections of `config.toml`."""

    managed: ManagedConfig = ManagedConfig()
    imports: ImportsConfig = ImportsConfig()
    uploads: UploadLimits = UploadLimits()
    disk: DiskLimits = DiskLimits()
    database: DatabaseConfig = DatabaseConfig()
    trash: TrashConfig = TrashConfig()
    scrub: ScrubConfig = ScrubConfig()
    zarr: ZarrConfig = ZarrConfig()
    dask: DaskConfig = DaskConfig()


def read_config(root: Path) -> Config:
    """The configuration of the repository at `root`; the defaults where there is no file.

    Raises
    ------
    Invalid
        It is no TOML, has an unknown name or a wrong value; each is named.
    """
    path = root / CONFIG
    if not path.is_file():
        return Config()
    try:
        config = Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        Template(config.managed.path_template)
        PathRules(config.managed.path_rules)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"{path} cannot be used: {wrong}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, Invalid) as error:
        raise Invalid(f"{path} cannot be used: {error}") from None
    return config


def database_of(layout: Layout, config: DatabaseConfig) -> Layout:
    """The same places, with the database where the configuration has it."""
    return replace(layout, database_elsewhere=Path(config.path) if config.path else None)


def journal_of(layout: Layout, config: DatabaseConfig) -> Literal["wal", "rollback"]:
    """How the database keeps its journal."""
    if config.journal != "auto":
        return config.journal
    mount = mount_of(layout.database)
    return "rollback" if mount is not None and mount.is_network else "wal"
