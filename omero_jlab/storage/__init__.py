"""The binary repository on disk: where files lie, how they get there, and who may write."""

from .disk import Space, disk_error, reading, space, writing
from .durable import Copied, copy_hashed, hash_file, make_folders, write_file
from .guard import Guard
from .layout import LAYOUT_VERSION, Identity, Layout, shard
from .lock import Owner, RepositoryLock
from .paths import below, safe_name, safe_paths
from .platform import fsync_file, fsync_folder
from .staging import Stage, remove, sweep
from .template import DEFAULT_TEMPLATE, ImportOccasion, Template
from .uploads import forget_uploads, is_own_file, is_upload_of, upload_place, uploads_folder

__all__ = [
    "DEFAULT_TEMPLATE",
    "LAYOUT_VERSION",
    "Copied",
    "Guard",
    "Identity",
    "ImportOccasion",
    "Layout",
    "Owner",
    "RepositoryLock",
    "Space",
    "Stage",
    "Template",
    "below",
    "copy_hashed",
    "disk_error",
    "forget_uploads",
    "fsync_file",
    "fsync_folder",
    "hash_file",
    "is_own_file",
    "is_upload_of",
    "make_folders",
    "reading",
    "remove",
    "safe_name",
    "safe_paths",
    "shard",
    "space",
    "sweep",
    "upload_place",
    "uploads_folder",
    "write_file",
    "writing",
]
