"""Landlock: a process gives up every right on the file system but those it names.

System call numbers and structures are those of `linux/landlock.h`, the same on every
architecture.  Nothing here needs root.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import Unavailable

__all__ = ["confine", "version"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1
_SET_NO_NEW_PRIVILEGES = 38

_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_READ = _READ_FILE | _READ_FOLDER
_WRITE_FILE, _REMOVE_FOLDER, _REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
_MAKE_FOLDER, _MAKE_FILE, _TRUNCATE = 1 << 7, 1 << 8, 1 << 14
_WRITE = _WRITE_FILE | _REMOVE_FOLDER | _REMOVE_FILE | _MAKE_FOLDER | _MAKE_FILE | _TRUNCATE
_FILE_ONLY = _READ_FILE | _WRITE_FILE | _TRUNCATE
# The number of rights on files that each version of the interface knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}


def version() -> int:
    """The version of Landlock that the kernel offers, 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    answer = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(0, int(answer))


def confine(readable: Iterable[Path], writable: Iterable[Path] = ()) -> None:
    """Leave this process the right to read below `readable` and to write below `writable`.

    TCP connections, and signals to processes outside, are given up too where the kernel can.

    Raises
    ------
    Unavailable
        The kernel refuses; the process keeps all its rights then and must not go on.
    """
    libc = _libc()
    abi = version()
    handled = (1 << _RIGHTS.get(abi, 16)) - 1
    network = 0b11 if abi >= 4 else 0
    scoped = 0b11 if abi >= 6 else 0
    attributes = struct.pack("=QQQ", handled, network, scoped)[: {1: 8, 2: 8, 3: 8}.get(abi, 24)]
    if abi in (4, 5):
        attributes = attributes[:16]
    ruleset = libc.syscall(
        _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )
    if ruleset < 0:
        raise Unavailable(f"The kernel makes no Landlock rules: {os.strerror(ctypes.get_errno())}.")
    for paths, rights in ((readable, _READ), (writable, _READ | _WRITE)):
        for path in paths:
            _allow(libc, ruleset, path, rights & handled)
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(
        _RESTRICT_SELF, ruleset, ctypes.c_uint32(0)
    ):
        raise Unavailable(f"Landlock cannot be applied: {os.strerror(ctypes.get_errno())}.")
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not path.is_dir():
            rights &= _FILE_ONLY
        rule = struct.pack("=Qi", rights, descriptor)
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, ctypes.c_uint32(0)):
            reason = os.strerror(ctypes.get_errno())
            raise Unavailable(f"Landlock cannot allow reading {path}: {reason}.")
    finally:
        os.close(descriptor)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
