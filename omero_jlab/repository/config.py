"""What belongs to a repository and its administrator may change: `config.toml` in its root."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from ..errors import Invalid
from ..model import Record
from ..storage import DEFAULT_TEMPLATE, Space, Template

__all__ = ["CONFIG", "Config", "DiskLimits", "TrashConfig", "read_config"]

CONFIG = "config.toml"


class DiskLimits(Record):
    """How many bytes must be free; each also at most that part of the disk.

    Below `warn` the repository says so; below `imports` it takes no imports; below `writes` only
    what frees space: deleting and emptying the trash.
    """

    warn: int = 10_000_000_000
    imports: int = 1_000_000_000
    writes: int = 100_000_000
    part: float = Field(default=0.02, ge=0, le=1)

    def below(self, limit: int, room: Space) -> bool:
        """Whether less is free than `limit`, or than its part of a small disk."""
        return room.free < min(limit, int(room.total * self.part))


class TrashConfig(Record):
    """For how many days what was deleted is kept; it goes at the next opening after that."""

    days: float = Field(default=30.0, ge=0)


class ManagedConfig(Record):
    """Where originals go."""

    path_template: str = DEFAULT_TEMPLATE


class Config(Record):
    """The sections of `config.toml`."""

    managed: ManagedConfig = ManagedConfig()
    disk: DiskLimits = DiskLimits()
    trash: TrashConfig = TrashConfig()


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
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"{path} cannot be used: {wrong}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, Invalid) as error:
        raise Invalid(f"{path} cannot be used: {error}") from None
    return config
