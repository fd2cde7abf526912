"""What the rows say of an image and how it is drawn, kept until something is written.

A viewer asks for hundreds of tiles of the same few images; each time access is checked and the
version compared, which must not cost a query each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ..database import FilesetRow, ImageRow, SettingsRow
from ..model import Image, Settings
from ..rendering import default_settings
from .access import Access
from .containers import found
from .guarded import GuardedSession
from .places import image_place
from .records import image_record
from .state import State
from .work import Work

__all__ = [
    "SeenImage",
    "fileset_folder",
    "imported_settings",
    "kept_settings",
    "see_image",
    "settings_of",
]


@dataclass(frozen=True)
class SeenImage:
    """An image that its user may see, and its settings for that user.

    `place` is the folder of its index, `folder` that of the files it was read from.
    """

    record: Image
    place: Path
    folder: Path | None
    settings: Settings


def see_image(session: Work, image_id: int) -> SeenImage:
    """The image as the last write left it, or `NotFound`.

    This process alone writes, one transaction at a time, so that what was read since the last of
    them ended still holds.  A change of users or groups makes another `Access`.
    """
    store = session.store
    # Counted before it is read: a write that ends in between leaves this behind.
    key = (image_id, session.access, store.engines.turnstile.turns)
    known: SeenImage | None = store.seen.get(key)
    if known is not None:
        return known
    with session.reading() as (db, access):
        row = found(db, ImageRow, image_id)
        record = image_record(row, access)
        folder = fileset_folder(store, db, row)
        place = store.layout.root / image_place(row.id)
        seen = SeenImage(record, place, folder, settings_of(db, access, record))
    if access is key[1]:
        store.seen.put(key, seen)
    return seen


def fileset_folder(state: State, db: GuardedSession, row: ImageRow) -> Path | None:
    """Where the files lie that an image was read from, if any."""
    if row.fileset_id is None:
        return None
    name = db.scalar(select(FilesetRow.folder).where(FilesetRow.id == row.fileset_id))
    return None if name is None else state.layout.managed / name


def settings_of(db: GuardedSession, access: Access, image: Image) -> Settings:
    """The actor's settings of an image, else its owner's, else the default."""
    kept = kept_settings(db, image.id, (access.actor.user_id, image.owner_id))
    own = kept.get(access.actor.user_id) or kept.get(image.owner_id)
    return imported_settings(image) if own is None else Settings.model_validate(own)


def imported_settings(image: Image) -> Settings:
    """How an image is drawn before anybody chose: as its file says, at its middle plane."""
    middle = {"z": image.sizes.z // 2}
    return default_settings(image.channels, image.is_rgb).model_copy(update=middle)


def kept_settings(
    db: GuardedSession, image_id: int, users: tuple[int, ...]
) -> dict[int, dict[str, Any]]:
    """What users chose for an image, by their ids."""
    statement = select(SettingsRow).where(
        SettingsRow.image_id == image_id, SettingsRow.owner_id.in_(users)
    )
    return {row.owner_id: row.settings for row in db.scalars(statement)}
