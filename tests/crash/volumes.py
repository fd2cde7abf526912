"""File systems in a file, to be taken away: only for root, in a mount namespace of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# ext4: stop at once, without writing the journal (2), as if the power had failed.
_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2
_TOOLS = ("unshare", "mount", "umount", "mkfs.ext4")
IN_NAMESPACE = ("unshare", "-m", "--propagation", "private")


def why_not() -> str:
    """Why file systems cannot be mounted here; empty where they can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if os.geteuid() != 0:
        return "needs root"
    with tempfile.TemporaryDirectory() as folder:
        image, point = Path(folder, "image"), Path(folder, "point")
        point.mkdir()
        Volume(image, 8)
        command = f"mount -o loop {image} {point} && umount {point}"
        done = subprocess.run(
            [*IN_NAMESPACE, "sh", "-c", command], check=False, capture_output=True, text=True
        )
    return f"cannot mount: {done.stderr.strip()}" if done.returncode else ""


@contextmanager
def volumes_folder() -> Iterator[Path]:
    """A folder for volumes, in memory where that can be: what is on a real disk waits for it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


class Volume:
    """An ext4 file system of `size_mb` in the file `image`."""

    def __init__(self, image: Path, size_mb: int) -> None:
        self.image = image
        with image.open("wb") as file:
            file.truncate(size_mb << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", image)

    def mount(self, point: Path) -> None:
        """Mount it at `point`."""
        run("mount", "-o", "loop", self.image, point)


def run(*command: object) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(
        [str(each) for each in command], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"


def detach(point: Path) -> None:
    """Unmount though it is in use: what is open stays usable."""
    run("umount", "-l", point)


def cut_power(point: Path) -> None:
    """From now on the file system at `point` answers with errors, and forgets what it had not
    written yet."""
    descriptor = os.open(point, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    finally:
        os.close(descriptor)
