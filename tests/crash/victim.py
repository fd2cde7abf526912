"""A process that writes until it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PATIENCE_S = 300


class Victim:
    """A script beside this module; what it acknowledges goes, line by line, to a file."""

    def __init__(self, acknowledged: Path, script: str, *arguments: object) -> None:
        self._acknowledged = acknowledged
        self._before = len(self.lines())
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> list[str]:
        """What was acknowledged so far, by earlier victims too."""
        if not self._acknowledged.exists():
            return []
        return self._acknowledged.read_text().splitlines()

    def kill_after(self, first: int, pause_s: float) -> None:
        """Wait for so many new lines, then a moment, then SIGKILL it in whatever it does."""
        deadline = time.monotonic() + _PATIENCE_S
        while len(self.lines()) < self._before + first:
            self._check_alive()
            assert time.monotonic() < deadline, "it acknowledges nothing"
            time.sleep(0.002)
        time.sleep(pause_s)
        self._check_alive()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        assert self._process.returncode == -signal.SIGKILL

    def _check_alive(self) -> None:
        if self._process.poll() is not None:
            raise AssertionError(f"it ended by itself: {self._process.communicate()[1]}")
