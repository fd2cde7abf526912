"""Which file system a path lies on, and whether it is the one that should be there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import Unavailable

__all__ = ["Mount", "check_mounted", "mount_of", "unmounted"]

_TABLE = Path("/proc/self/mountinfo")
_FSTAB = Path("/etc/fstab")
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs",
}  # fmt: skip
_FUSE_NETWORK = {
    "ceph", "cephfs", "curlftpfs", "davfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs",
    "mount.davfs", "rclone", "s3fs", "smbnetfs", "sshfs", "vmhgfs-fuse",
}  # fmt: skip


@dataclass(frozen=True)
class Mount:
    """A mounted file system: where, of which kind, and what of which device it shows."""

    point: Path
    kind: str
    source: str
    shown: str

    @property
    def is_network(self) -> bool:
        """Whether other machines may have the same file system mounted."""
        kind, _, program = self.kind.partition(".")
        return kind in _NETWORK or (kind == "fuse" and program in _FUSE_NETWORK)


def mount_of(path: Path) -> Mount | None:
    """The mount that `path` lies on, links followed; None where the system does not tell."""
    try:
        lines = _TABLE.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = path.resolve()
    found = None
    for line in lines:
        # proc(5): id, parent, device, root, mount point, options, optional fields, -, type, source
        fields, _, rest = line.partition(" - ")
        parts, kinds = fields.split(), rest.split()
        if len(parts) < 5 or len(kinds) < 2:
            continue
        point = Path(_plain(parts[4]))
        # A later line of the same place was mounted over the earlier one.
        if place.is_relative_to(point) and (
            found is None or len(point.parts) >= len(found.point.parts)
        ):
            found = Mount(point, kinds[0], _plain(kinds[1]), _plain(parts[3]))
    return found


def check_mounted(root: Path, expected: bool | str) -> None:
    """Return where the file system that is expected under `root` is mounted.

    Parameters
    ----------
    expected
        A mount point at or above `root`; or True: any, but that of the system itself.

    Raises
    ------
    Unavailable
        It is not.
    """
    if not expected:
        return
    found = mount_of(root)
    if found is None:
        raise Unavailable(
            f"A mounted disk is expected under {root}, and this system does not tell what is "
            f"mounted: take `expect_mount` out of the configuration."
        )
    if expected is True:
        if found.point == Path("/"):
            raise Unavailable(
                f"A mounted disk is expected under {root}, which lies on the system's own disk: "
                f"mount the repository's disk, or take `expect_mount` out of the configuration."
            )
        return
    wanted = Path(expected).resolve()
    if not root.resolve().is_relative_to(wanted):
        raise Unavailable(
            f"`expect_mount` names {expected}, and {root} does not lie below it: correct the "
            f"configuration."
        )
    if not wanted.is_mount():
        raise Unavailable(
            f"Nothing is mounted at {expected}, where the disk of {root} is expected: mount it."
        )


def unmounted(path: Path) -> Path | None:
    """The mount point at or above `path` that the system's table names and where nothing is."""
    try:
        lines = _FSTAB.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = path.resolve()
    for line in lines:
        parts = line.split("#", 1)[0].split()
        if len(parts) < 2 or not parts[1].startswith("/"):
            continue
        point = Path(_plain(parts[1]))
        if place.is_relative_to(point) and not point.is_mount():
            return point
    return None


def _plain(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
