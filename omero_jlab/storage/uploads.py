"""Files on their way to an import: where they wait, and whose they are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from .layout import Layout

__all__ = ["forget_uploads", "is_own_file", "is_upload_of", "upload_place", "uploads_folder"]


def uploads_folder(layout: Layout) -> Path:
    """The folder of all uploads."""
    return layout.staging(layout.files) / "uploads"


def upload_place(layout: Layout, account: str, upload: str) -> Path:
    """The folder of one upload: nobody adds files to the upload of somebody else."""
    return uploads_folder(layout) / f"{upload}-{_whose(account)}"


def is_upload_of(layout: Layout, account: str, path: Path) -> bool:
    """Whether `path` lies in an upload of this account, links followed."""
    folder = uploads_folder(layout).resolve()
    place = path.resolve()
    if not place.is_relative_to(folder) or place == folder:
        return False
    return place.relative_to(folder).parts[0].endswith(f"-{_whose(account)}")


def is_own_file(layout: Layout, path: Path) -> bool:
    """Whether `path` lies in the repository, and not among its uploads, links followed."""
    place = path.resolve()
    uploads = uploads_folder(layout).resolve()
    return place.is_relative_to(layout.root.resolve()) and not place.is_relative_to(uploads)


def forget_uploads(layout: Layout, paths: Iterable[Path]) -> None:
    """Remove the uploads among `paths`: what was in them has become something, or nothing."""
    folder = uploads_folder(layout).resolve()
    for path in paths:
        place = path.resolve()
        if place.is_relative_to(folder) and place != folder:
            shutil.rmtree(folder / place.relative_to(folder).parts[0], ignore_errors=True)


def _whose(account: str) -> str:
    return hashlib.sha256(account.encode()).hexdigest()[:32]
