"""The binary repository on disk: where files lie, how they get there, and who may write."""

from .compiled import compiled
from .disk import Space, disk_error, no_room_left, reading, space, writing
from .durable import Copied, copy_hashed, hash_file, make_folders, make_many_folders, write_file
from .guard import Guard
from .incoming import CHUNK_LIMIT, Piece
from .layout import LAYOUT_VERSION, Identity, Layout, shard
from .links import (
    hard_link,
    hash_original,
    lies_in_repository,
    open_link,
    opened_original,
    soft_link,
)
from .lock import Owner, RepositoryLock
from .mounts import Mount, check_mounted, mount_of
from .parallel import CORES, for_each
from .paths import DEFAULT_RULES, PathRules, below, safe_name, safe_paths
from .platform import drop_cached, fsync_file, fsync_folder
from .probe import probe_disk
from .reserve import Reserve
from .staging import Stage, aside, remove, replace_file, sweep, sweep_unfinished
from .template import DEFAULT_TEMPLATE, ImportOccasion, Template
from .upload_store import UploadLimits, Uploads
from .uploads import (
    is_own_file,
    is_upload_of,
    take_upload,
    upload_mark,
    uploads_folder,
    within_uploads,
)
from .watch import NOBODY, Stamp, Watch, damaged, stamp_of

__all__ = [
    "CHUNK_LIMIT",
    "CORES",
    "DEFAULT_RULES",
    "DEFAULT_TEMPLATE",
    "LAYOUT_VERSION",
    "NOBODY",
    "Copied",
    "Guard",
    "Identity",
    "ImportOccasion",
    "Layout",
    "Mount",
    "Owner",
    "PathRules",
    "Piece",
    "RepositoryLock",
    "Reserve",
    "Space",
    "Stage",
    "Stamp",
    "Template",
    "UploadLimits",
    "Uploads",
    "Watch",
    "aside",
    "below",
    "check_mounted",
    "compiled",
    "copy_hashed",
    "damaged",
    "disk_error",
    "drop_cached",
    "for_each",
    "fsync_file",
    "fsync_folder",
    "hard_link",
    "hash_file",
    "hash_original",
    "is_own_file",
    "is_upload_of",
    "lies_in_repository",
    "make_folders",
    "make_many_folders",
    "mount_of",
    "no_room_left",
    "open_link",
    "opened_original",
    "probe_disk",
    "reading",
    "remove",
    "replace_file",
    "safe_name",
    "safe_paths",
    "shard",
    "soft_link",
    "space",
    "stamp_of",
    "sweep",
    "sweep_unfinished",
    "take_upload",
    "upload_mark",
    "uploads_folder",
    "within_uploads",
    "write_file",
    "writing",
]
