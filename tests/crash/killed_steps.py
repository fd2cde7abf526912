"""Operations ended by SIGKILL at one step after the other: killed_steps.py FOLDER OPERATION COUNT

A step is a write, fsync, rename, removal or commit.  COUNT of them are chosen, evenly; 0 is all.
Prints, as JSON, for each "" where all was as it must be afterwards, and else what was not.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

sys.path.insert(0, str(Path(__file__).parents[2]))

from omero_jlab.rendering import warm_up
from tests.crash.killed_scenes import SCENES

_CALLS = ("write", "pwrite", "fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "symlink")
_NOT_THEIRS = ("omero-jlab-disk", "omero-jlab-heart")


class Steps:
    """Counts what the process does to the disk, and kills it at number `last`; 0 is never."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.done = 0
        self._guard = threading.Lock()

    def begin(self) -> None:
        """Count from now on."""
        for name in _CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        event.listen(Engine, "commit", lambda _: self.step())

    def step(self) -> None:
        """Count one."""
        if threading.current_thread().name in _NOT_THEIRS:
            return
        with self._guard:
            self.done += 1
            if self.done == self.last:
                os.kill(os.getpid(), signal.SIGKILL)

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            self.step()
            return real(*arguments, **more)

        return call


def alone(function: Callable[[], object], said: Path) -> int:
    """Call a function in a process of its own; its exit code, where it was killed the signal."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = 0
    try:
        answer = function()
        said.write_text("" if answer is None else str(answer))
    except Exception:  # noqa: BLE001  (whatever it is, the other process tells of it)
        code = 3
        said.write_text(traceback.format_exc())
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    folder, name, count = Path(sys.argv[1]).absolute(), sys.argv[2], int(sys.argv[3])
    scene = SCENES[name]
    prepared, said, found = folder / "prepared", folder / "said", {}
    # Each child would do that anew.
    warm_up()
    prepared.mkdir()
    assert alone(lambda: scene.prepare(prepared), said) == 0, said.read_text()

    def act(place: Path, last: int) -> int:
        steps = Steps(last)
        scene.act(place, steps.begin)
        return steps.done

    def copied(number: int) -> Path:
        return Path(shutil.copytree(prepared, folder / str(number), symlinks=True))

    whole = copied(0)
    assert alone(lambda: act(whole, 0), said) == 0, said.read_text()
    total = int(said.read_text())
    chosen = range(1, total + 1)
    if 0 < count < total:
        chosen = sorted({round(1 + i * (total - 1) / (count - 1)) for i in range(count)})
    for number in chosen:
        place = copied(number)
        killed = alone(lambda place=place, number=number: act(place, number), said)
        if killed not in (0, -signal.SIGKILL):
            found[number] = said.read_text()
            continue
        code = alone(lambda place=place: scene.look(place), said)
        found[number] = "" if code == 0 else said.read_text()
        shutil.rmtree(place)
    print(json.dumps({"steps": total, "found": found}), flush=True)


if __name__ == "__main__":
    main()
