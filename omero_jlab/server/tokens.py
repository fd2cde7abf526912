"""Files that hold a secret for programs of the same user."""

from __future__ import annotations

import os
import re
import socket
import threading
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

__all__ = ["write_token"]

_count = 0
_guard = threading.Lock()


def write_token(secret: str) -> Path:
    """Write `secret` to a new file in Jupyter's runtime folder that only its owner may read.

    What processes of this machine left there when they were killed is removed.
    """
    global _count
    folder = Path(jupyter_runtime_dir())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    host = re.sub(r"[^\w.-]", "_", socket.gethostname())
    _forget_dead(folder, host)
    with _guard:
        _count += 1
        path = folder / f"omero-jlab-{host}-{os.getpid()}-{_count}.token"
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(secret)
    return path


def _forget_dead(folder: Path, host: str) -> None:
    # Other machines, whose processes cannot be seen, may share this folder.
    for path in folder.glob(f"omero-jlab-{host}-*.token"):
        found = re.fullmatch(r"(\d+)-\d+", path.stem.removeprefix(f"omero-jlab-{host}-"))
        if found is None:
            continue
        try:
            os.kill(int(found[1]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except PermissionError:
            continue
